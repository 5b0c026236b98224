"""Checks of notebook 01, first study."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import isclose
from typing import Any
from unittest.mock import patch

import optuna
import pandas as pd
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.study import StudyDirection

from helpers.exercises.kit import choice, plain, shown
from helpers.exercises.spaces import compare_space
from helpers.learn.exercises import NotQuite, check_function, exercise
from helpers.learn.seed import course_seed
from helpers.training.data import load_dataset
from helpers.training.train import Epoch, TrainingConfig, fit

WANTED_SPACE = {
    "learning_rate": FloatDistribution(0.001, 1, log=True),
    "batch_size": IntDistribution(16, 256, log=True),
    "optimizer": CategoricalDistribution(["sgd", "adam"]),
}
NOT_THE_DEFAULT = 1234567  # with this one a training runs whose seed was left out


@exercise("01.1")
def objective_with_three_knobs(objective: Callable) -> str:
    """The search space, and the value of three trials against the same trainings done here."""
    check_function(objective)
    for params, epochs in _trainings(course_seed()):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        study.enqueue_trial(params)
        trial = study.ask()
        init: Any = TrainingConfig.__init__  # its last default is that of the seed
        with patch.object(init, "__defaults__", (*init.__defaults__[:-1], NOT_THE_DEFAULT)):
            value = plain(objective(trial))
        compare_space(WANTED_SPACE, trial.distributions)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NotQuite(f"the objective returned {shown(value)}: return one number, the last validation accuracy.")
        if not isclose(value, epochs[-1].validation_accuracy, rel_tol=1e-9):
            raise NotQuite(f"with {params} {_what_it_is(value, epochs)}")
    return "The space is as asked, and the values are those that the same trainings give here."


@lru_cache
def _trainings(seed: int) -> list[tuple[dict, list[Epoch]]]:
    """One with each optimizer, and one whose accuracy falls at its end."""
    found = []
    steps = [("sgd", 0.05), ("adam", 0.003), *(("adam", 1 - n / 10) for n in range(10))]
    for number, (optimizer, rate) in enumerate(steps):
        params: dict[str, Any] = {"learning_rate": rate, "batch_size": 64 + 64 * (number == 1), "optimizer": optimizer}
        _, epochs = fit(TrainingConfig(**params, epochs=3, seed=seed), load_dataset())
        falls = epochs[-1].validation_accuracy < max(epoch.validation_accuracy for epoch in epochs)
        if number < 2 or falls:
            found.append((params, epochs))
        if falls:
            break
    return found


def _what_it_is(value: float, epochs: list[Epoch]) -> str:
    """In words, by the epochs of the training that was asked for."""
    last, accuracies = epochs[-1], [epoch.validation_accuracy for epoch in epochs]
    known = {
        last.validation_loss: "it returned the loss",
        max(accuracies): "it returned the best of the three epochs",
        accuracies[0]: "it returned the first epoch's accuracy",
    }
    what = known.get(value, "it returned another number")
    return (
        f"{what}, {value:.4f}; training 3 epochs with seed=SEED ends at a validation accuracy of {accuracies[-1]:.4f}: "
        "use all three values, and return the last epoch's."
    )


@exercise("01.2")
def trials_close_to_best(answer: object, trials: pd.DataFrame) -> str:
    """The count of rows at most 0.01 below the best."""
    count = plain(answer)
    if isinstance(count, bool) or not isinstance(count, int | float) or count != count // 1:
        raise NotQuite(f"{shown(count)} is not a count: `.sum()` of a condition on the column `value` gives one.")
    gap = trials["value"].max() - trials["value"]
    surely, at_most = (gap < 0.01 - 1e-9).sum(), (gap < 0.01 + 1e-9).sum()  # a difference of decimals is not exact
    if surely <= count <= at_most:
        return f"{count:g} trials are that close: the top is a plateau, not a peak."
    if count == len(trials):
        raise NotQuite("that is every trial: keep those whose value is at least the best minus 0.01.")
    if len(trials) - at_most <= count <= len(trials) - surely:
        raise NotQuite("so many trials are further away than 0.01: turn the comparison round.")
    if surely - 1 <= count <= at_most - 1:
        raise NotQuite("one is missing: the best trial itself counts, too.")
    raise NotQuite(f"{count:g} is not their number: count the rows where `value` is at least `value.max() - 0.01`.")


@exercise("01.3")
def study_of_a_loss(study: Any, seed: int) -> str:
    """Direction, sampler, number of trials, the suggestions done again, and two of the losses."""
    if study is None:
        raise NotQuite("the answer is None, and that is what optimize(...) returns: hand over the study itself.")
    if not isinstance(study, optuna.Study):
        raise NotQuite("that is not a study: `my_study = optuna.create_study(...)` makes one.")
    if study.direction != StudyDirection.MINIMIZE:
        raise NotQuite("the study maximises: of a loss you want the smallest, so direction='minimize'.")
    if not isinstance(study.sampler, TPESampler):
        raise NotQuite(f"its sampler is {type(study.sampler).__name__}: use TPESampler.")
    if len(study.trials) != 12:
        raise NotQuite(
            f"it has {len(study.trials)} trials, not 12: optimize(..., n_trials=12) once, on a new study "
            "(n_trials adds to what is there)."
        )
    again = optuna.create_study(sampler=TPESampler(seed=seed))
    for number, trial in enumerate(study.trials):
        rate = again.ask({"learning_rate": WANTED_SPACE["learning_rate"]}).params["learning_rate"]
        if "learning_rate" not in trial.params or trial.value is None:
            raise NotQuite(f"trial {number} has no learning rate or no value: run it on loss_objective.")
        if not isclose(trial.params["learning_rate"], rate, rel_tol=1e-9):
            raise NotQuite("another run would draw other values: create the sampler with TPESampler(seed=SEED).")
        again.tell(number, trial.value)
    for trial in (study.trials[0], study.trials[-1]):
        config = TrainingConfig(learning_rate=trial.params["learning_rate"], epochs=2, seed=seed)
        loss = fit(config, load_dataset())[1][-1].validation_loss
        if not isclose(trial.values[0], loss, rel_tol=1e-9):
            raise NotQuite(
                f"trial {trial.number} has the value {trial.value:.4f}, and its validation loss is {loss:.4f}: "
                "run it on loss_objective as it stands."
            )
    return f"The lowest loss is {study.best_value:.3f}, and anybody with your seed gets the same."


choice(
    "01.4",
    "b",
    {
        "a": "more trials would make it worse: the more numbers you take the maximum of, the luckier the best.",
        "c": "choosing is a kind of training too: the 200 choices fitted the knobs to the test images.",
    },
    "Whatever chooses the winner cannot judge it.",
)
