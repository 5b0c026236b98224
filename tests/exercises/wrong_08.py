"""Typical wrong answers to the exercises of notebook 08."""

from __future__ import annotations

import pandas as pd

from tests.exercises.settings import FIVE, trials_at

EDGES = {
    "plot_optimization_history": "useful",
    "plot_timeline": "useful",
    "plot_contour": "useful",
    "plot_edf": "hollow",
}


def summed(frame: pd.DataFrame) -> pd.Series:
    """The durations of each state."""
    return frame.groupby("state")["duration"].sum()


CONTEXT = {"08.1": {"study": trials_at(FIVE)}}
WRONG = [
    ("08.1", [0, 1, 2, 4], "trial 1 has an earlier trial at least as low"),
    ("08.1", [0, 2, 3, 4], "trial 3 has an earlier trial at least as low"),
    ("08.1", [2, 4], "1 more became the incumbent; the first trial counts, too"),
    ("08.1", 4, "2 more became the incumbent"),
    ("08.1", ["0", "2", "4"], "without quotes"),
    ("08.1", [0, 2, 4, 5], "a list of numbers of trials"),
    ("08.1", [True, False, True, False, True], "a list of numbers of trials"),
    (
        "08.2",
        lambda frame: summed(frame) / pd.Timedelta(minutes=1),
        "gives .'COMPLETE': 210.*asked was .'COMPLETE': 3.5",
    ),
    (
        "08.2",
        lambda frame: frame.groupby(["state", "number"])["duration"].sum() / pd.Timedelta("1h"),
        r"\('COMPLETE', 0\): 1.5",
    ),
    ("08.2", summed, "these are times: divide the sum"),
    ("08.2", lambda frame: summed(frame).dt.seconds / 3600, "a day has 24 hours"),
    ("08.2", lambda frame: summed(frame).dt.components @ [0, 1, 1 / 60, 0, 0, 0, 0], "the days are left out"),
    ("08.2", lambda frame: frame["duration"].sum(), "it gives an object of type Timedelta"),
    ("08.2", lambda frame: frame.groupby("state")["duration"].mean() / pd.Timedelta("1h"), "'COMPLETE': 1.75"),
    (
        "08.2",
        lambda frame: summed(frame[frame["state"] == "COMPLETE"]) / pd.Timedelta("1h"),
        "gives .'COMPLETE': 3.5.;",
    ),
    ("08.2", 3.5, "hand over the function itself"),
    ("08.3", EDGES | {"plot_contour": "hollow"}, "plot_contour. says something even"),
    ("08.3", EDGES | {"plot_timeline": "hollow"}, "plot_timeline. says something even where all values are equal"),
    ("08.3", EDGES | {"plot_edf": "empty"}, "is not one of"),
    ("08.3", {"edf": "useful"}, "a dictionary with the keys"),
]
