"""What notebook 11 says in a sentence, without a cell that shows it."""

from __future__ import annotations

import pickle

import numpy as np
import optuna
import pytest
import torch
from optuna.samplers import RandomSampler, TPESampler
from optuna.study import MaxTrialsCallback


def draw(trial: optuna.Trial) -> float:
    """As in the notebook."""
    return (trial.suggest_float("x", 0, 1) - 0.3) ** 2


def test_a_pickled_sampler_goes_on() -> None:
    """As if the search had never been interrupted; made anew with the same seed it begins at the beginning."""

    def resumed(second: RandomSampler) -> list[dict]:
        study.sampler = second
        study.optimize(draw, n_trials=10)
        return [trial.params for trial in study.trials]

    whole = optuna.create_study(sampler=RandomSampler(seed=3))
    whole.optimize(draw, n_trials=20)
    for pickled in (True, False):
        study = optuna.create_study(sampler=RandomSampler(seed=3))
        study.optimize(draw, n_trials=10)
        found = resumed(pickle.loads(pickle.dumps(study.sampler)) if pickled else RandomSampler(seed=3))
        first = [trial.params for trial in whole.trials]
        assert found == (first if pickled else first[:10] * 2)


def test_a_full_study_gets_one_more() -> None:
    """MaxTrialsCallback looks after a trial."""
    study = optuna.create_study(sampler=RandomSampler(seed=3))
    for expected in (10, 20, 25, 26):
        study.optimize(draw, n_trials=10, callbacks=[MaxTrialsCallback(25)])
        assert len(study.trials) == expected


def test_the_best_trial_is_feasible() -> None:
    """And an error where none is."""
    study = optuna.create_study(direction="maximize")
    for value, over in ((0.9, 2.0), (0.8, -1.0), (0.7, 0.0)):
        trial = study.ask()
        trial.set_constraint("ms", over)
        study.tell(trial, value)
        if over > 0:
            with pytest.raises(ValueError, match="feasible"):
                _ = study.best_trial
    assert study.best_value == 0.8


@pytest.mark.parametrize("end", ["fails", "finite", "pruned"])
def test_tpe_stays_away_from_what_it_can_see(end: str) -> None:
    """Of failures it sees nothing; a finite loss and a pruned trial without a report teach it."""

    def cliff(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if x < 0.3:
            return x
        if end == "pruned":
            raise optuna.TrialPruned
        return np.nan if end == "fails" else 100.0

    over = []
    for seed in range(5):
        study = optuna.create_study(sampler=TPESampler(seed=seed))
        study.optimize(cliff, n_trials=40)
        over.append(sum(trial.params["x"] >= 0.3 for trial in study.trials[20:]))
    assert np.mean(over) > 10 if end == "fails" else np.mean(over) < 5


def test_out_of_memory_is_no_memory_error() -> None:
    """So `catch=(MemoryError,)` does not help."""
    assert torch.OutOfMemoryError.__base__ is RuntimeError
    assert not issubclass(torch.OutOfMemoryError, MemoryError)
