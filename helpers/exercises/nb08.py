"""Checks of notebook 08, visualization."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import numpy as np
import optuna
import pandas as pd
from optuna import Study
from optuna.trial import TrialState, create_trial

from helpers.exercises.kit import choices, function, plain
from helpers.learn.exercises import NotQuite, exercise


@exercise("08.1")
def incumbents(answer: object, study: Study) -> str:
    """Each trial that was better than all completed ones before it."""
    given = plain(answer)
    chosen = given if isinstance(given, list) else [given]
    if not all(type(number) in (int, float) and number in range(len(study.trials)) for number in chosen):
        raise NotQuite("the answer is a list of numbers of trials, such as [0, 1], without quotes.")
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    lowest = np.minimum.accumulate([np.inf, *(trial.values[0] for trial in trials)])
    right = {trial.number for trial, before in zip(trials, lowest, strict=False) if trial.values[0] < before}
    if wrong := set(chosen) - right:
        number = int(min(wrong))
        raise NotQuite(f"trial {number} has an earlier trial at least as low as itself, and this study minimises.")
    if missing := right.difference(chosen):
        raise NotQuite(f"{len(missing)} more became the incumbent; the first trial counts, too.")
    return f"{len(right)} of {len(trials)} trials moved the line of plot_optimization_history."


def timed(hours: Mapping[str, list[float]]) -> pd.DataFrame:
    """The table of a study whose trials ended in these states after so many hours; one more still runs."""
    study, begin = optuna.create_study(), datetime(2026, 1, 5, 9)
    for state, time in [(state, time) for state, times in hours.items() for time in times]:
        trial = create_trial(state=TrialState[state], value=0.5 if state == "COMPLETE" else None)
        trial.datetime_start, trial.datetime_complete = begin, begin + timedelta(hours=time)
        study.add_trial(trial)
    study.ask()
    return study.trials_dataframe()


def finished_hours(answer: Callable, frame: pd.DataFrame) -> object:
    """What the answer says of the states that end; a trial that still runs may count or not."""
    found = answer(frame)
    found = plain(found.iloc[:, 0] if isinstance(found, pd.DataFrame) and found.shape[1] == 1 else found)
    return {name: time for name, time in found.items() if name != "RUNNING"} if isinstance(found, dict) else found


def summed(frame: pd.DataFrame) -> pd.Series:
    """The durations of each state."""
    return frame.groupby("state")["duration"].sum()


HOURS = {"COMPLETE": [1.5, 2.0], "FAIL": [30.0], "PRUNED": [0.25]}, {"PRUNED": [3.0, 26.0], "FAIL": [0.5, 0.5, 50.0]}
function(
    "08.2",
    lambda frame: summed(frame) / pd.Timedelta(hours=1),
    {f"trials that took these hours, {hours},": (timed(hours),) for hours in HOURS},
    {
        "these are times: divide the sum by pd.Timedelta(hours=1).": summed,
        "a day has 24 hours, too, and the days are left out: dt.total_seconds() has them.": (
            lambda frame: summed(frame).dt.seconds / 3600
        ),
    },
    "A failed trial can cost more than all the others: look at the hours, not at the counts.",
    watch=finished_hours,
)

SAYS = {"hollow": "says something even where all values are equal: think what the plot would show."}
NEEDS = {"useful": "needs values that differ: think what the plot would show."}
EDGES = {"plot_optimization_history": SAYS, "plot_timeline": SAYS, "plot_contour": SAYS, "plot_edf": NEEDS}
choices(
    "08.3",
    {name: "useful" if reasons is SAYS else "hollow" for name, reasons in EDGES.items()},
    EDGES,
    "Optuna itself draws all four. A flat map shows where the dots are and nothing else, an EDF with one step nothing.",
)
