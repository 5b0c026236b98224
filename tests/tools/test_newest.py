"""What leaves Optuna is known from Optuna itself, and the course does not lean on it."""

from __future__ import annotations

import pytest

from tests.tools.newest import leaving, moves, used


def test_what_leaves_is_read_from_optuna():
    names = leaving()
    assert {"suggest_uniform", "RetryFailedTrialCallback", "JournalFileStorage", "gamma=", "optuna.terminator"} <= set(
        names
    )
    assert "suggest_float" not in names and "multivariate=" not in names
    assert names["suggest_uniform"] == "6.0.0"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("trial.suggest_uniform('x', 0, 1)", {"suggest_uniform"}),
        ("TPESampler(gamma=lambda n: 3, seed=1)", {"gamma="}),
        ("other(gamma=3)", set()),
        ("from optuna.terminator import Terminator", {"optuna.terminator"}),
        ("from optuna.storages import RetryFailedTrialCallback as r", {"RetryFailedTrialCallback"}),
        ("trial.suggest_float('x', 0, 1)", set()),
    ],
)
def test_a_use_is_found(code: str, found: set[str]):
    assert set(used(code, set(leaving()))) == found


def test_the_course_uses_nothing_that_leaves():
    assert moves() == {}
