"""Checks of notebook 08, visualization."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

import numpy as np
import optuna
import optuna.visualization as vis
import pandas as pd
from optuna import Study
from optuna.trial import TrialState, create_trial

from helpers.errors import BadInput
from helpers.learn.exercises import NotQuite, exercise
from helpers.races.look import look

FACTOR = 1.5
URLS = ("sqlite:///study.db", "sqlite:////home/ada/study.db", "sqlite:///../study.db", "sqlite:////tmp/study.db")


def _completed(study: Study) -> list:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _compare(numbers: object, right: set[int], why_more: str, why_fewer: str) -> None:
    """NotQuite with the first trial too many, or with how many are missing."""
    if not isinstance(numbers, list | tuple | set) or not all(isinstance(n, int) for n in numbers):
        raise NotQuite("the answer is a list of trial numbers: take it from the plot, as in the cell.")
    if extra := sorted(set(numbers) - right):
        raise NotQuite(f"trial {extra[0]} {why_more}")
    if missing := right - set(numbers):
        raise NotQuite(f"{why_fewer} ({len(missing)} missing).")


@exercise("08.1")
def incumbents(numbers: list[int], study: Study) -> str:
    """Each trial that was better than all completed ones before it."""
    right, best = set(), np.inf
    for trial in _completed(study):
        if trial.value < best:
            right.add(trial.number)
            best = trial.value
    _compare(numbers, right, "has an earlier trial at least as low as itself, and this study minimises.",
             "some became the incumbent and are not chosen; the first trial counts too")  # fmt: skip
    return f"{len(right)} of {len(_completed(study))} trials moved the line of plot_optimization_history."


@exercise("08.2")
def alone(numbers: list[int], study: Study) -> str:
    """Each trial whose nearest neighbour in learning rate is more than a factor of 1.5 away."""
    trials = _completed(study)
    rates = np.log([trial.params["learning_rate"] for trial in trials])
    gaps = np.abs(rates[:, None] - rates) + np.diag(np.full(len(rates), np.inf))
    right = {trial.number for trial, gap in zip(trials, gaps.min(axis=1), strict=True) if gap > np.log(FACTOR)}
    _compare(numbers, right, "has a neighbour within a factor of 1.5: hover over both and divide.",
             "more dots stand alone, perhaps at an end")  # fmt: skip
    return f"Around {len(right)} of {len(trials)} dots all that a map paints comes from one measurement."


@exercise("08.3")
def hours_by_state(function: Callable) -> str:
    """The sum of the durations of each state, in hours; trials that still run have none."""
    if not callable(function):
        raise NotQuite("the answer is a function: hand over hours_by_state itself.")
    hours: dict[str, list[float | None]] = {"COMPLETE": [1.5, 2.0], "FAIL": [30.0], "PRUNED": [0.25], "RUNNING": [None]}
    frame = pd.DataFrame([(state, time) for state, times in hours.items() for time in times], columns=["state", "h"])
    frame["duration"] = pd.to_timedelta(frame.pop("h"), unit="h")
    found = function(frame.copy())
    if not isinstance(found, pd.Series):
        raise NotQuite(f"it returns {type(found).__name__}: wanted is a Series, one number for each state.")
    if found.dtype.kind == "m":
        raise NotQuite("these are times: divide the sum by pd.Timedelta(hours=1), or take dt.total_seconds() / 3600.")
    wanted = {"COMPLETE": 3.5, "FAIL": 30.0, "PRUNED": 0.25}
    for state, right in wanted.items():
        if state not in found.index:
            raise NotQuite(f"{state} is missing from the index: group by state.")
        if not np.isclose(found[state], right):
            hint = " A day has 24 hours, and dt.seconds forgets it." if state == "FAIL" else ""
            raise NotQuite(f"for {state} trials that took {hours[state]} hours it gives {found[state]:g}.{hint}")
    return "A failed trial can cost more than all the others: look at the hours, not at the counts."


@exercise("08.4")
def what_happens(answers: dict[str, str]) -> str:
    """What `look` does for each plot of a constant study."""
    if not isinstance(answers, dict) or not answers or not all(hasattr(vis, str(name)) for name in answers):
        raise NotQuite("the answer is a dictionary from the name of a plot to a word: keep the keys of the cell.")
    study = optuna.create_study()
    study.add_trials(
        create_trial(
            value=1.0, params={"x": n / 15, "y": n / 30},
            distributions=dict.fromkeys("xy", optuna.distributions.FloatDistribution(0, 1)),
        )
        for n in range(15)
    )  # fmt: skip
    for name, answer in answers.items():
        if answer not in ("figure", "sentence"):
            raise NotQuite(f'for {name} say "figure" or "sentence", not {answer!r}.')
        try:
            look(getattr(vis, name), study)
            right = "figure"
        except BadInput:
            right = "sentence"
        if answer != right:
            needs = "needs values that differ" if right == "sentence" else "says something even where all are equal"
            raise NotQuite(f"{name} {needs}: think what the plot would show.")
    return "Optuna itself draws all four. A flat map and an EDF with one step look as if they meant something."


@exercise("08.5")
def everywhere(numbers: list[int]) -> str:
    """The URLs with an absolute path."""
    right = {n for n, url in enumerate(URLS, start=1) if PurePosixPath(url.removeprefix("sqlite:///")).is_absolute()}
    if not isinstance(numbers, list | tuple | set):
        raise NotQuite("the answer is a list of numbers, such as [1, 2].")
    if extra := sorted(set(numbers) - right):
        raise NotQuite(f"number {extra[0]} begins at the folder where the program was started, or is none of the four.")
    if right - set(numbers):
        raise NotQuite("one more does: count the slashes.")
    return "Three slashes and a name: from here. Four slashes: from the root, and the same for everyone."
