"""The sampler cheat sheet (images/sampler_cheat_sheet.svg) as a chooser, with the recorded race behind each answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import ipywidgets as widgets
import plotly.graph_objects as go

from helpers import plots
from helpers.explore.explorable import Drawing, Explorable
from helpers.races.race import load_races

Answers = Mapping[str, str]
QUESTIONS: dict[str, tuple[str, ...]] = {
    "trials": ("all possible", "up to 100", "100 to 500", "500 to 1000", "more than 1000"),
    "parameters": ("1 to 3", "4 to 10", "more than 10"),
    "kinds": ("only numbers", "with categorical", "conditional"),
    "workers": ("one", "several", "one per trial"),
    "goal": ("one objective", "one, with constraints", "several objectives"),
    "cost": ("milliseconds a trial", "seconds a trial", "minutes a trial or more"),
}
FIRST = ("up to 100", "4 to 10", "only numbers", "one", "one objective", "minutes a trial or more")
CLASSES = {"CMA-ES": "CmaEs", "NSGA-II": "NSGAII"}  # the others are called as they are
BLIND = ("Random", "QMC")  # look at no result
TPE_CAVEATS = {  # a part of the name of the race, and what it does not show
    "8 workers": "(In this race no pair differs beyond chance after 96 trials.)",
    "long": "(CMA-ES leads this race, but has no model of your categories, conditions or constraints.)",
}
WIDEST = "Our widest race has 7 parameters: with more, try the runner-up too."


class Choice(NamedTuple):
    """A recommendation."""

    sampler: str
    code: str  # an expression
    reason: str
    runner_up: str
    evidence: str  # the name of a recorded race, or empty


def _take(sampler: str, runner_up: str, **wanted: str | tuple[str, ...]) -> tuple[str, str, Callable[[Answers], bool]]:
    """A sampler and its runner-up, and when they are taken: every named answer is the wanted one, or one of them."""
    allowed = {question: (want,) if isinstance(want, str) else want for question, want in wanted.items()}
    return sampler, runner_up, lambda answers: all(answers[question] in want for question, want in allowed.items())


SHORT, LONG = QUESTIONS["trials"][1:3], QUESTIONS["trials"][3:]
NUMBERS, FIXED = "only numbers", QUESTIONS["kinds"][:2]
SEVERAL, CHEAP = "several objectives", "milliseconds a trial"
# Reason, sampler, runner-up, condition: the first condition that holds decides. Sources: Optuna's table of samplers
# (documentation of optuna.samplers), its team's AutoSampler (OptunaHub), and the recorded races.
RULES = {
    "You can afford all combinations: try each once, then stop. Floats need a step.": _take(
        "BruteForce", "Grid, where no parameter is conditional", trials="all possible"
    ),
    "All trials start before the first result is back, so no sampler can learn: cover the space evenly.": _take(
        "QMC", "Random", workers="one per trial", kinds=NUMBERS
    ),
    "All trials start before the first result is back, so no sampler can learn; QMC is made for numbers.": _take(
        "Random", "", workers="one per trial"
    ),
    "So many trials let its generations spread along the front; take NSGA-III from four objectives on.": _take(
        "NSGA-II", "TPE", goal=SEVERAL, kinds=FIXED, trials=LONG
    ),
    "It learns from few trials, in any kind of space, and is Optuna's default for several objectives.": _take(
        "TPE", "NSGA-II", goal=SEVERAL
    ),
    "It learns which way a valley of numbers runs; in our long races it ends far closer than the others.": _take(
        "CMA-ES", "TPE", goal="one objective", kinds=NUMBERS, trials=LONG
    ),
    "It gets the most out of few trials. A suggestion soon costs tenths of a second, seconds towards 500.": _take(
        "GP", "TPE, whose suggestions cost milliseconds", trials=SHORT, kinds=FIXED, cost=QUESTIONS["cost"][1:]
    ),
    "It learns from few trials, and its suggestions cost milliseconds.": _take(
        "TPE", "Random, for more trials", trials=SHORT, cost=CHEAP
    ),
    "It takes every kind of parameter, conditions and constraints, and learns from all of them.": _take(
        "TPE", "Random"
    ),
}


def choose(answers: Answers) -> Choice:
    """The recommendation for one answer to each of QUESTIONS."""
    reason, (sampler, runner_up, _) = next(rule for rule in RULES.items() if rule[1][-1](answers))
    evidence = _evidence(sampler, answers)
    caveats = [WIDEST] if answers["parameters"] == "more than 10" and evidence else []
    caveats += [caveat for race, caveat in TPE_CAVEATS.items() if sampler == "TPE" and race in evidence]
    # Workers that share a seed repeat each other's draws, except QMC's: they share one sequence.
    options = ["scramble=True"] * (sampler == "QMC") + ["seed=SEED"] * (answers["workers"] == "one" or sampler == "QMC")
    code = f"optuna.samplers.{CLASSES.get(sampler, sampler)}Sampler({', '.join(options)})"
    return Choice(sampler, code, " ".join([reason, *caveats]), runner_up, evidence)


def _evidence(sampler: str, answers: Answers) -> str:
    """The recorded race that comes nearest to the answers; an exhaustive search needs none."""
    if sampler == "BruteForce":
        return ""
    if sampler not in BLIND:
        if answers["goal"] == SEVERAL:
            return "two objectives"
        if answers["trials"] in LONG:
            return "rosenbrock5 long" if answers["parameters"] == "1 to 3" else "hartmann6 long"
        if answers["workers"] == "several" and sampler == "TPE":
            return "digits, 8 workers"
    return {"1 to 3": "branin", "4 to 10": "hartmann6", "more than 10": "digits"}[answers["parameters"]]


def draw(**answers: str) -> Drawing:
    """The race behind the choice, the recommended sampler's line in front; the sampler, the line to write, the reason.

    Beside a sampler that looks at no result stand only those of its kind.
    """
    choice = choose(answers)
    said = f"{choice.sampler}: {choice.code}. {choice.reason}"
    said += f" Runner-up: {choice.runner_up}." if choice.runner_up else ""
    if not choice.evidence:
        title = "No race is needed: every combination is tried, the best one too"
        figure = go.Figure(layout={"title": title, "height": 100})
        return figure.update_xaxes(visible=False).update_yaxes(visible=False), said
    race = load_races()[choice.evidence]
    if choice.sampler in BLIND:
        race = race.only(*BLIND)
    title = f"The evidence: {choice.evidence}, {race.regret.shape[1]} seeds, median and quartiles"
    return plots.regret_race(race, title, emphasised=choice.sampler), said


class SamplerChooser(Explorable):
    """Six rows of buttons; below them the sampler, the line to write, the reason, and the race behind it."""

    def __init__(self) -> None:
        buttons, rows = {}, []
        for (question, options), first in zip(QUESTIONS.items(), FIRST, strict=True):
            hints, width = [f"{question}: {answer}" for answer in options], f"{640 // len(options)}px"
            look = {"tooltip": question, "tooltips": hints, "style": {"button_width": width}}
            buttons[question] = widgets.ToggleButtons(options=options, value=first, **look)
            rows.append(widgets.HBox([widgets.Label(question, layout={"width": "80px"}), buttons[question]]))
        super().__init__(draw, rows, **buttons)
