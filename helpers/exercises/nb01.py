"""Checks of notebook 01, first study."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from unittest.mock import patch

import optuna
import pandas as pd

from helpers.exercises.kit import Seen, asked, choice, difference, function, pick, plain, same
from helpers.learn.exercises import NotQuite, exercise
from helpers.learn.seed import course_seed
from helpers.training.data import load_dataset
from helpers.training.train import Epoch, TrainingConfig, fit


@lru_cache
def trained(**settings: Any) -> Epoch:
    """The last epoch of a training on the course's data."""
    return fit(TrainingConfig(**settings), load_dataset())[1][-1]


def three_knobs(trial: optuna.Trial, **more: int) -> float:
    """The objective that 01.1 asks for, when it is given the seed."""
    rate = trial.suggest_float("learning_rate", 0.001, 1, log=True)
    size = trial.suggest_int("batch_size", 16, 256, log=True)
    name = trial.suggest_categorical("optimizer", ["sgd", "adam"])
    return trained(learning_rate=rate, batch_size=size, optimizer=name, epochs=3, **more).validation_accuracy


def with_another_default(answer: Callable, params: dict) -> Seen:
    """What is asked and returned where a training whose seed was left out has an uncommon one."""
    init: Any = TrainingConfig.__init__  # its last default is that of the seed
    with patch.object(init, "__defaults__", (*init.__defaults__[:-1], 1234567)):
        return asked(answer, params, first=10)


SETTINGS = [(0.05, 128, "sgd"), (0.003, 256, "adam")] + [(rate, 256, "adam") for rate in (1.0, 0.8, 0.6)]
function(
    "01.1",
    lambda trial: three_knobs(trial, seed=course_seed()),
    [({"learning_rate": rate, "batch_size": size, "optimizer": name},) for rate, size, name in SETTINGS],
    {"the seed is left out: hand seed=SEED to TrainingConfig.": three_knobs},
    "The space is as asked, and the values are those that the same trainings give here.",
    watch=with_another_default,
)


@exercise("01.2")
def trials_close_to_best(answer: object, trials: pd.DataFrame) -> str:
    """The count of rows at most 0.01 below the best; no two accuracies of 360 images differ by 0.01 exactly."""
    right = int((trials["value"] >= trials["value"].max() - 0.01).sum())
    pick(answer, right, {}, "the answer is a count: of the rows where `value` is at least the best minus 0.01.")
    return f"{right} trials are that close: the top is a plateau, not a peak."


def search(study: optuna.Study) -> Seen:
    """How a study was made, and each of its trials."""
    sampler = "TPE" if isinstance(study.sampler, optuna.samplers.TPESampler) else type(study.sampler).__name__
    made = {"direction": study.directions[0].name.lower(), "sampler": sampler, "trials": len(study.trials)}
    return Seen(made | {f"trial {trial.number}": trial.params | {"loss": trial.values} for trial in study.trials})


@exercise("01.3")
def study_of_a_loss(study: object, seed: int) -> str:
    """Direction, sampler, number of trials, and every suggestion and loss against the same search done here."""
    if not isinstance(study, optuna.Study):
        raise NotQuite("hand over the study that optuna.create_study(...) made; optimize(...) itself returns None.")
    again = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    for _ in range(12):
        trial = again.ask()
        rate = trial.suggest_float("learning_rate", 1e-3, 1, log=True)
        again.tell(trial, trained(learning_rate=rate, epochs=2, seed=seed).validation_loss)
    found, wanted = ({f"TPESampler(seed={seed})": plain(search(one))} for one in (study, again))
    if not same(found, wanted):
        raise NotQuite(difference(found, wanted))
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
