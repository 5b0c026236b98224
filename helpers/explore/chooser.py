"""The sampler cheat sheet (images/sampler_cheat_sheet.svg) as a chooser, with the recorded race behind each answer.

Questions and rules stand in chooser.json; the first rule that holds decides. Sources: Optuna's table of samplers
(documentation of optuna.samplers), its team's AutoSampler (OptunaHub), and the recorded races.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import ipywidgets as widgets
import plotly.graph_objects as go

from helpers import plots
from helpers.explore.explorable import Drawing, Explorable
from helpers.races.race import load_races

Answers = Mapping[str, str]
CONTENT = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
QUESTIONS: dict[str, tuple[str, ...]] = {question: tuple(answers) for question, answers in CONTENT["questions"].items()}
FIRST = ("up to 100", "4 to 10", "only numbers", "one", "one objective", "minutes a trial or more")
CLASSES = {"CMA-ES": "CmaEs", "NSGA-II": "NSGAII"}  # the others are called as they are
SEVERAL, LONG = "several objectives", QUESTIONS["trials"][3:]
BLIND = ("Random", "QMC")  # look at no result
TPE_CAVEATS = {  # a part of the name of the race, and what it does not show
    "8 workers": "(In this race TPE against random search is not decided after 96 trials.)",
    "long": "(CMA-ES leads this race, but has no model of your categories, conditions or constraints.)",
}
WIDEST = "Our widest race has 7 parameters: with more, try the runner-up too."


class Rule(NamedTuple):
    """A sampler, and when it is taken: for each question in `wanted` one of these answers is given."""

    sampler: str
    runner_up: str
    wanted: dict[str, list[str]]
    reason: str

    def holds(self, answers: Answers) -> bool:
        return all(answers[question] in wanted for question, wanted in self.wanted.items())


RULES = [Rule(**rule) for rule in CONTENT["rules"]]


class Choice(NamedTuple):
    """A recommendation."""

    sampler: str
    code: str  # an expression
    reason: str
    runner_up: str
    evidence: str  # the name of a recorded race, or empty


def choose(answers: Answers) -> Choice:
    """The recommendation for one answer to each of QUESTIONS."""
    sampler, runner_up, _, reason = next(rule for rule in RULES if rule.holds(answers))
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
