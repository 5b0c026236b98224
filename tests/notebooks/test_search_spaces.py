"""What notebook 02 says of Optuna in words only, without an output that would show it."""

from __future__ import annotations

import optuna
import pytest
from optuna.samplers import TPESampler


def test_nothing_feasible_says_so():
    """`best_trial` names the reason when no trial fits."""
    study = optuna.create_study()
    trial = study.ask()
    trial.set_constraint("room", 500)
    study.tell(trial, 0.1)
    with pytest.raises(ValueError, match="No feasible trials are completed yet"):
        _ = study.best_trial


def test_the_first_call_of_a_constraint_wins():
    """A second call under the same name changes nothing."""
    trial = optuna.create_study().ask()
    trial.set_constraint("room", 1)
    with pytest.warns(UserWarning):
        trial.set_constraint("room", -1)
    assert trial.constraints == {"room": 1}


def test_constraints_func_still_works_and_leaves_in_version_7():
    """The old argument warns, and names the version that removes it."""
    with pytest.warns(FutureWarning, match=r"removed in v7\.0\.0"):
        TPESampler(constraints_func=lambda trial: (0.0,))
