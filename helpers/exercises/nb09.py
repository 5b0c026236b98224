"""Checks of notebook 09, importance."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import optuna
import pandas as pd
from optuna.samplers import RandomSampler

from helpers.exercises.kit import function, plain, unordered
from helpers.problems.functions import Direction
from helpers.races.importance import importances

rng = np.random.default_rng(0)


def drawn_shares(bins: int) -> tuple[np.ndarray, np.ndarray]:
    """The shares of all trials and of the best in so many bins."""
    return rng.dirichlet(np.full(bins, 5.0)), rng.dirichlet(np.full(bins, 0.5))


function(
    "09.1",
    lambda shares_all, shares_best: np.sum(shares_all * (shares_best / shares_all - 1) ** 2),
    [
        (np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.5, 0.25])),
        (np.full(4, 0.25), np.full(4, 0.25)),
        (np.full(4, 0.25), np.array([1.0, 0.0, 0.0, 0.0])),
        (np.array([1.0]), np.array([1.0])),
        *map(drawn_shares, (2, 3, 10, 50)),
    ],
    {
        "each bin weighs the same: weigh it with its share of all trials, then sum.": lambda a, b: np.sum(
            (b / a - 1) ** 2
        ),
        "these are the bins one by one: sum them.": lambda a, b: a * (b / a - 1) ** 2,
        "that is the mean over the bins: sum them.": lambda a, b: np.mean(a * (b / a - 1) ** 2),
        "the square is missing: without it, what is more and what is less cancel.": lambda a, b: np.sum(
            a * (b / a - 1)
        ),
        "you take the size of the difference: square it.": lambda a, b: np.sum(a * np.abs(b / a - 1)),
        "the two are swapped: best over all, weighed with all.": lambda a, b: np.sum(b * (a / b - 1) ** 2),
        "it sums to 1 for any shares: subtract 1 before you square.": lambda a, b: np.sum(a * (b / a)),
    },
    "Zero when nothing crowds, and larger the fewer bins hold the best.",
)


def timed_study(direction: Direction) -> optuna.Study:
    """Slow where width is large, fast where the rate is large; the value has nothing to do with it."""
    study = optuna.create_study(direction=direction, sampler=RandomSampler(seed=0))
    for _ in range(100):
        trial = study.ask()
        width, rate = (trial.suggest_float(name, 0, 1) for name in ("width", "rate"))
        trial.set_user_attr("seconds", max(0.0, width - 0.5) * 10 - max(0.0, rate - 0.8) * 3)
        study.tell(trial, (width - 0.3) ** 2 + rate)
    return study


def scaled(answer: Callable, direction: Direction) -> object:
    """The importances of such a study, scaled to sum to 1."""
    found = plain(answer(timed_study(direction)))
    if not isinstance(found, dict) or not all(isinstance(share, float) for share in found.values()):
        return found
    return {name: share / sum(found.values()) for name, share in found.items()}


function(
    "09.2",
    lambda study: importances(study, target=lambda trial: -trial.user_attrs["seconds"]),
    {f"a study that is to {direction}": (direction,) for direction in ("maximize", "minimize")},
    {
        "these are the importances for being *fast*: a target is about its lowest values.": lambda study: importances(
            study, target=lambda trial: trial.user_attrs["seconds"]
        ),
        'its target is the value, not the time, which stands in trial.user_attrs["seconds"].': lambda study: (
            importances(study)
        ),
        "the direction of the study plays no part when there is a target: do not turn the sign for it.": lambda study: (
            importances(
                study, target=lambda t: t.user_attrs["seconds"] * (1 if study.direction.name == "MINIMIZE" else -1)
            )
        ),
        "these are the names alone: return the dict from name to importance.": lambda study: list(
            importances(study, target=lambda trial: -trial.user_attrs["seconds"])
        ),
    },
    "The direction of the study plays no part: with a target, low is what is asked about.",
    watch=scaled,
)


def told_apart(low: float, high: float, dummy: bool = False) -> Callable:
    """The names whose `low` quantile lies above the dummy's `high` one."""

    def names(shares: pd.DataFrame) -> list[str]:
        clear = [name for name in shares if shares[name].quantile(low) > shares["dummy"].quantile(high)]
        return [name for name in clear if name != "dummy"] + ["dummy"] * dummy

    return names


spread = np.linspace(-0.1, 0.1, 41)
SHARES = [
    pd.DataFrame({"clear": 0.5 + spread, "close": 0.2 + spread, "dummy": 0.1 + spread, "none": 0.1 - spread}),
    pd.DataFrame({"sure": [0.8, 0.85, 0.9], "dummy": [0.05, 0.1, 0.02]}),
    pd.DataFrame({"dummy": [0.2, 0.2], "as_high": [0.2, 0.2]}),
    *(pd.DataFrame(rng.gamma(2, size=(rows, 8)) * np.r_[1, rng.uniform(2, 14, 7)],
                   columns=["dummy", *"abcdefg"]) for rows in (5, 20, 20, 40, 40, 100)),
]  # fmt: skip
function(
    "09.3",
    told_apart(0.05, 0.95),
    [(shares,) for shares in SHARES],
    {
        "the dummy is in the list: it is the noise.": told_apart(0.05, 0.95, dummy=True),
        "you compare the medians: they say nothing of the intervals, which may overlap.": told_apart(0.5, 0.5),
        "you compare the two lower quantiles: take the dummy's upper one.": told_apart(0.05, 0.05),
        "you compare the two upper quantiles: take the lower one of the hyperparameter.": told_apart(0.95, 0.95),
        "these are all the columns but the dummy: compare their quantiles with the dummy's.": lambda shares: [
            name for name in shares if name != "dummy"
        ],
    },
    "With one study there is no interval: repeat the search, or draw the trials again with replacement.",
    watch=unordered,
)


def above_dummy(shares: Mapping[str, float], times: float = 1.0) -> list[str]:
    """The names whose importance is above so many times the dummy's."""
    return [name for name, share in shares.items() if name != "dummy" and share > times * shares["dummy"]]


function(
    "09.4",
    lambda shares: above_dummy(shares) or [name for name in shares if name != "dummy"],
    [
        ({"a": 0.5, "b": 0.3, "c": 0.15, "dummy": 0.05},),
        ({"a": 0.4, "b": 0.35, "c": 0.05, "dummy": 0.2},),
        ({"a": 0.3, "b": 0.2, "dummy": 0.5},),
        ({"dummy": 0.25, "a": 0.25, "b": 0.5},),
        ({"dummy": 0.5, "a": 0.5},),
        ({"dummy": 0.21, "a": 0.2, "b": 0.22, "c": 0.37},),
        ({"a": 0.0, "dummy": 0.0},),
    ],
    {
        "the dummy stays free: it is what the others are compared with.": lambda shares: (
            above_dummy(shares) or list(shares)
        ),
        "when the dummy stands above all others the study knows nothing: keep every one free but it.": above_dummy,
        "as high as the dummy is not above it.": lambda shares: (
            [name for name in shares if name != "dummy" and shares[name] >= shares["dummy"]]
            or [name for name in shares if name != "dummy"]
        ),
    },
    "A high dummy is a reason to run more trials, not to fix anything.",
    watch=unordered,
)
