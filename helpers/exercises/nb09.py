"""Checks of notebook 09, importance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import optuna
import pandas as pd
from optuna.importance import get_param_importances
from optuna.samplers import RandomSampler

from helpers.exercises.kit import function, plain, unordered
from helpers.problems.functions import Direction

rng = np.random.default_rng(0)
function(
    "09.1",
    lambda shares_all, shares_best: np.sum(shares_all * (shares_best / shares_all - 1) ** 2),
    [
        (np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.5, 0.25])),
        (np.full(4, 0.25), np.full(4, 0.25)),
        (np.full(4, 0.25), np.array([1.0, 0.0, 0.0, 0.0])),
        (np.array([1.0]), np.array([1.0])),
        *((rng.dirichlet(np.full(bins, 5.0)), rng.dirichlet(np.full(bins, 0.5))) for bins in (2, 3, 10, 50)),
    ],
    praise="Zero when nothing crowds, and larger the fewer bins hold the best.",
)


def scaled(answer: Callable, direction: Direction) -> object:
    """The importances, scaled to sum to 1, of a study that is slow where width is large, fast where rate is large."""
    study = optuna.create_study(direction=direction, sampler=RandomSampler(seed=0))
    for _ in range(100):
        trial = study.ask()
        width, rate = (trial.suggest_float(name, 0, 1) for name in ("width", "rate"))
        trial.set_user_attr("seconds", 2 + max(0.0, width - 0.5) * 10 - max(0.0, rate - 0.8) * 3)
        study.tell(trial, (width - 0.3) ** 2 + rate)
    found = plain(answer(study))
    if not isinstance(found, dict) or not all(isinstance(share, float) for share in found.values()):
        return found
    return {name: share / (abs(sum(found.values())) or 1) for name, share in found.items()}


def of_seconds(sign: int) -> Callable:
    """The importances for being fast (1) or slow (-1)."""
    return lambda study: get_param_importances(study, target=lambda trial: sign * trial.user_attrs["seconds"])


function(
    "09.2",
    of_seconds(-1),
    {f"a study that is to {direction}": (direction,) for direction in ("maximize", "minimize")},
    {
        "these are the importances for being *fast*: a target is about its lowest values.": of_seconds(1),
        'its target is the value, not the time, which stands in trial.user_attrs["seconds"].': get_param_importances,
        "the direction of the study plays no part when there is a target: do not turn the sign for it.": (
            lambda study: of_seconds(1 if study.direction.name == "MINIMIZE" else -1)(study)
        ),
    },
    "The direction of the study plays no part: with a target, low is what is asked about.",
    watch=scaled,
)


def told_apart(low: float, high: float) -> Callable:
    """The names whose `low` quantile lies above the dummy's `high` one."""

    def names(shares: pd.DataFrame) -> list[str]:
        lows, noise = shares.quantile(low), shares["dummy"].quantile(high)
        return [name for name in shares.columns.drop("dummy") if lows[name] > noise]

    return names


def drawn_shares(rows: int) -> pd.DataFrame:
    """Importances of seven hyperparameters, most of them near the dummy's, in so many studies."""
    sizes = np.r_[1, rng.uniform(2, 14, 7)]
    return pd.DataFrame(rng.gamma(2, size=(rows, 8)) * sizes, columns=["dummy", *"abcdefg"])


spread = np.linspace(-0.1, 0.1, 41)
CLOSE = pd.DataFrame({"clear": 0.5 + spread, "close": 0.17 + spread, "dummy": 0.1 + spread, "none": 0.1 - spread})
FEW = pd.DataFrame({"sure": [0.8, 0.9], "dummy": [0.02, 0.1], "wide": [0.0, 0.11], "narrow": [0.03, 0.03]})
EQUAL = pd.DataFrame({"dummy": [0.2, 0.2], "as_high": [0.2, 0.2]})
function(
    "09.3",
    told_apart(0.05, 0.95),
    [(shares,) for shares in (CLOSE, FEW, EQUAL, *map(drawn_shares, (5, 20, 20, 40, 40, 100)))],
    {"you compare the middles: they say nothing of the intervals, which may overlap.": told_apart(0.5, 0.5)},
    "With one study there is no interval: repeat the search, or draw the trials again with replacement.",
    watch=unordered,
)
