"""Checks of notebook 08, visualization."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import PurePosixPath

import numpy as np
import optuna
import pandas as pd
from optuna import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from helpers.exercises.kit import choices, function, plain
from helpers.learn.exercises import NotQuite, exercise

FACTOR = 1.5
URLS = ("sqlite:///study.db", "sqlite:////home/ada/study.db", "sqlite:///../study.db", "sqlite:////tmp/study.db")


def numbers(answer: object) -> set[int]:
    """The whole numbers of a list, or one alone; raises NotQuite for anything else."""
    given = plain(answer)
    given = given if isinstance(given, list) else [given]
    if any(isinstance(number, str) for number in given):
        raise NotQuite("the answer is a list of numbers, and there is a text in it: write them without quotes.")
    if any(isinstance(number, bool) or not isinstance(number, int | float) or number % 1 for number in given):
        raise NotQuite("the answer is a list of whole numbers, such as [1, 2].")
    return set(map(int, given))


def compare_numbers(answer: object, right: set[int], known: set[int], why_more: str, why_fewer: str) -> None:
    """NotQuite with the first number too many, or with how many are missing."""
    found = numbers(answer)
    if unknown := sorted(found - known):
        raise NotQuite(f"there is no number {unknown[0]} to choose.")
    if extra := sorted(found - right):
        raise NotQuite(why_more.format(extra[0]))
    if missing := right - found:
        raise NotQuite(f"{why_fewer} ({len(missing)} missing).")


def _completed(study: Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


@exercise("08.1")
def incumbents(answer: object, study: Study) -> str:
    """Each trial that was better than all completed ones before it."""
    right: set[int] = set()
    best = np.inf
    for trial in _completed(study):
        if trial.values[0] < best:
            right.add(trial.number)
            best = trial.values[0]
    known = {trial.number for trial in study.trials}
    compare_numbers(answer, right, known,
                    "trial {} has an earlier trial at least as low as itself, and this study minimises.",
                    "some became the incumbent and are not chosen; the first trial counts too")  # fmt: skip
    return f"{len(right)} of {len(_completed(study))} trials moved the line of plot_optimization_history."


@exercise("08.2")
def alone(answer: object, study: Study) -> str:
    """Each trial whose nearest neighbour in learning rate is more than a factor of 1.5 away."""
    trials = _completed(study)
    rates = np.log([trial.params["learning_rate"] for trial in trials])
    gaps = np.abs(rates[:, None] - rates) + np.diag(np.full(len(rates), np.inf))
    right = {trial.number for trial, gap in zip(trials, gaps.min(axis=1), strict=True) if gap > np.log(FACTOR)}
    known = {trial.number for trial in study.trials}
    compare_numbers(answer, right, known, "trial {} has a neighbour within a factor of 1.5: hover over both, divide.",
                    "more dots stand alone, perhaps at an end")  # fmt: skip
    return f"Around {len(right)} of {len(trials)} dots all that a map paints comes from one measurement."


def timed(hours: dict[str, list[float]]) -> pd.DataFrame:
    """The table of a study whose trials ended in these states after so many hours; one more still runs."""
    study, begin = optuna.create_study(), datetime(2026, 1, 5, 9)
    for state, times in hours.items():
        for time in times:
            value = 0.5 if state == "COMPLETE" else None
            trial = create_trial(state=TrialState[state], value=value, user_attrs={"epochs": 3})
            trial.datetime_start, trial.datetime_complete = begin, begin + timedelta(hours=time)
            study.add_trial(trial)
    study.ask()
    return study.trials_dataframe()


def finished_hours(answer: Callable, hours: dict[str, list[float]]) -> object:
    """What the answer says of the states that end; a trial that still runs may count or not."""
    found = answer(timed(hours))
    if isinstance(found, pd.DataFrame) and found.shape[1] == 1:
        found = found.iloc[:, 0]
    found = plain(found)
    return {name: time for name, time in found.items() if name != "RUNNING"} if isinstance(found, dict) else found


def by_state(sum_up: Callable) -> Callable:
    """A function of the table that sums up the durations of each state."""
    return lambda frame: sum_up(frame.groupby("state")["duration"])


HOUR = pd.Timedelta(hours=1)
HOURS = (
    {"COMPLETE": [1.5, 2.0], "FAIL": [30.0], "PRUNED": [0.25]},
    {"COMPLETE": [0.1, 0.2, 0.4]},
    {"PRUNED": [3.0, 26.0], "FAIL": [0.5, 0.5, 50.0]},
)
function(
    "08.3",
    by_state(lambda times: times.sum() / HOUR),
    {f"trials that took these hours, {hours},": (hours,) for hours in HOURS},
    {
        "these are times: divide the sum by pd.Timedelta(hours=1).": by_state(lambda times: times.sum()),
        "these are minutes: an hour has 60 of them.": by_state(lambda times: times.sum() / HOUR * 60),
        "these are seconds: an hour has 3600 of them.": by_state(lambda times: times.sum() / HOUR * 3600),
        "a day has 24 hours, and dt.seconds forgets the days: take dt.total_seconds().": by_state(
            lambda times: times.sum().dt.seconds / 3600
        ),
        "these are the hours of a single trial in the mean: sum them.": by_state(lambda times: times.mean() / HOUR),
        "that is one number for all trials: group by state.": lambda frame: frame["duration"].sum() / HOUR,
        "these are counts of trials: sum the column duration.": lambda frame: frame["state"].value_counts(),
    },
    "A failed trial can cost more than all the others: look at the hours, not at the counts.",
    watch=finished_hours,
)

SAYS = "says something even where all values are equal: think what the plot would show."
NEEDS = "needs values that differ: think what the plot would show."
choices(
    "08.4",
    {"plot_optimization_history": "figure", "plot_timeline": "figure", "plot_contour": "sentence",
     "plot_edf": "sentence"},
    {"plot_optimization_history": {"sentence": SAYS}, "plot_timeline": {"sentence": SAYS},
     "plot_contour": {"figure": NEEDS}, "plot_edf": {"figure": NEEDS}},
    "Optuna itself draws all four. A flat map and an EDF with one step look as if they meant something.",
)  # fmt: skip


@exercise("08.5")
def everywhere(answer: object) -> str:
    """The URLs with an absolute path."""
    right = {n for n, url in enumerate(URLS, start=1) if PurePosixPath(url.removeprefix("sqlite:///")).is_absolute()}
    compare_numbers(answer, right, {1, 2, 3, 4}, "number {} begins at the folder where the program was started.",
                    "another one does, too: count the slashes")  # fmt: skip
    return "Three slashes and a name: from here. Four slashes: from the root, and the same for everyone."
