"""Typical wrong answers to the exercises of notebook 09."""

from __future__ import annotations

import numpy as np
from optuna.importance import get_param_importances


def of_seconds(study, sign: int) -> dict[str, float]:
    """The importances for a target of the seconds."""
    return get_param_importances(study, target=lambda trial: sign * trial.user_attrs["seconds"])


def above(low, high):
    """An answer to 09.3: the names for which `low` of their values is above `high` of the dummy's."""
    return lambda shares: [name for name in shares.columns.drop("dummy") if low(shares[name]) > high(shares["dummy"])]


CONTEXT: dict[str, dict] = {}
WRONG = [
    ("09.1", lambda all_, best: np.sum((best / all_ - 1) ** 2), "it gives 1.25; asked was 0.375"),
    ("09.1", lambda all_, best: np.sum(all_ * (np.divide(best, all_, out=best) - 1) ** 2), "work on a copy"),
    ("09.1", lambda all_, best: np.sum(all_ * best / all_), "it gives 1.0; asked was 0.375"),
    ("09.1", lambda all_, best: np.sum(all_ * abs(best / all_ - 1)), "it gives .*asked was"),
    ("09.1", lambda all_, best: np.mean(all_ * (best / all_ - 1) ** 2), "it gives .*asked was"),
    ("09.1", lambda all_, best: np.sum(best * (all_ / best - 1) ** 2), "it gives .*asked was"),
    ("09.1", lambda all_, best: all_ * (best / all_ - 1) ** 2, "it gives .0.125, 0.25, 0.0.; asked was 0.375"),
    ("09.1", 3, "hand over the function itself"),
    ("09.2", lambda study: {"width": 0.0, "rate": 0.0}, "gives .'width': 0.0, 'rate': 0.0.; asked was"),
    ("09.2", lambda study: of_seconds(study, 1), "for being .fast."),
    ("09.2", lambda study: of_seconds(study, 1 if study.direction.name == "MINIMIZE" else -1), "plays no part"),
    ("09.2", lambda study: get_param_importances(study, target=lambda trial: -trial.values[0]), "it gives .*asked was"),
    ("09.2", lambda study: {name: -share for name, share in of_seconds(study, -1).items()}, "gives .'width': -0.98"),
    ("09.2", get_param_importances, "its target is the value"),
    ("09.2", lambda study: list(get_param_importances(study)), "it gives .'width', 'rate'.; asked was"),
    ("09.3", lambda shares: [name for name, high in [("a", shares.pop("dummy"))]], "work on a copy"),
    ("09.3", lambda shares: list(shares), "asked was"),
    ("09.3", lambda shares: list(shares.columns.drop("dummy")), "gives .'clear', 'close', 'none'.; asked was"),
    ("09.3", above(np.median, np.median), "which may overlap"),
    ("09.3", above(lambda x: x.quantile(0.05), lambda x: x.quantile(0.05)), "asked was"),
    ("09.3", above(lambda x: x.quantile(0.95), lambda x: x.quantile(0.95)), "asked was"),
    ("09.3", above(lambda x: x.mean() - 2 * x.std(), lambda x: x.mean() + 2 * x.std()), "asked was"),
    ("09.3", above(np.mean, lambda x: 2 * x.mean()), "asked was"),
    ("09.3", above(np.min, np.max), "asked was"),
    ("09.3", above(np.mean, lambda x: x.quantile(0.95)), "it gives .*; asked was"),
    ("09.3", lambda shares: [], r"it gives \[\]"),
    ("09.3", lambda shares: "clear", "it gives .clear."),
]
