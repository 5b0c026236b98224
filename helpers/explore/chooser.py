"""The sampler cheat sheet (images/sampler_cheat_sheet.svg) as a chooser, with the recorded race behind each answer.

Questions, rules and evidence stand in chooser.json; the first that holds decides. Sources: Optuna's table of samplers
(documentation of optuna.samplers), its team's AutoSampler (OptunaHub), and the recorded races.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

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
LONG = QUESTIONS["trials"][3:]
BLIND = ("Random", "QMC")  # look at no result
WIDEST = "Our widest race has 7 parameters: with more, try the runner-up too."
RULES, EVIDENCE = CONTENT["rules"], CONTENT["evidence"]  # samplers, and the races that come nearest to the answers


def holds(rule: dict[str, Any], answers: Answers) -> bool:
    """Whether each question that the rule asks has one of the answers that it wants."""
    return all(answers[question] in wanted for question, wanted in rule["wanted"].items())


class Choice(NamedTuple):
    """A recommendation."""

    sampler: str
    code: str  # an expression
    reason: str
    runner_up: str
    evidence: str  # the name of a recorded race, or empty


def choose(answers: Answers) -> Choice:
    """The recommendation for one answer to each of QUESTIONS."""
    rule = next(rule for rule in RULES if holds(rule, answers))
    sampler = rule["sampler"]
    shown = next(shown for shown in EVIDENCE if holds(shown, {**answers, "sampler": sampler}))
    widest = WIDEST if answers["parameters"] == "more than 10" and shown["race"] else ""
    # Workers that share a seed repeat each other's draws, except QMC's: they share one sequence.
    options = ["scramble=True"] * (sampler == "QMC") + ["seed=SEED"] * (answers["workers"] == "one" or sampler == "QMC")
    code = f"optuna.samplers.{CLASSES.get(sampler, sampler)}Sampler({', '.join(options)})"
    reason = " ".join(filter(None, [rule["reason"], widest, shown.get("caveat")]))
    return Choice(sampler, code, reason, rule["runner_up"], shown["race"])


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
