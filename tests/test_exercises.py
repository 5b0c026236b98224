"""Typical wrong answers are told why; absurd ones are answered, too. Solutions are proved with the notebooks."""

from __future__ import annotations

import re

import numpy as np
import optuna
import pandas as pd
import pytest

from helpers.data import load_dataset
from helpers.learn import check, show_solution
from helpers.learn.exercises import read_solutions
from helpers.training import TrainingConfig, fit
from tests.store_outputs import all_notebooks

SEED = 0
KEYS = [key for path in all_notebooks() for key in read_solutions(path.name[:2])]
data = load_dataset()


def score(**settings) -> float:
    """As in notebook 00."""
    return fit(TrainingConfig(**settings, epochs=3, seed=SEED), data)[1][-1].validation_accuracy


def fit_value(trial, optimizer: str = "sgd", last: str = "validation_accuracy", **changes) -> float:
    """An objective for exercise 01.1 with something of it changed."""
    config = {
        "learning_rate": trial.suggest_float("learning_rate", 0.001, 1, log=True),
        "batch_size": trial.suggest_int("batch_size", 16, 256),
        "optimizer": trial.suggest_categorical("optimizer", ["sgd", "adam"]),
        "epochs": 3,
        "seed": SEED,
    }
    _, epochs = fit(TrainingConfig(**(config | changes)), data)
    return getattr(epochs[-1], last)


def study_of(direction: str, sampler, trials: int) -> optuna.Study:
    """An answer to exercise 01.3."""
    study = optuna.create_study(direction=direction, sampler=sampler)
    study.optimize(lambda trial: trial.suggest_float("learning_rate", 1e-3, 1, log=True), n_trials=trials)
    return study


TABLE = pd.DataFrame({"value": [0.9, 0.985, 0.983, 0.97, 0.99, 0.2, 0.96]})
CONTEXT = {
    "00.1": {"scores": [0.41, 0.90, 0.13, 0.93, 0.88]},
    "00.3": {"score": score},
    "01.2": {"trials": TABLE},
    "01.3": {"seed": SEED},
}
GOOD = {"learning_rate": 0.3, "momentum": 0.5, "width": 100, "dropout": 0.0}
TPE, Random = optuna.samplers.TPESampler, optuna.samplers.RandomSampler


def product(trial, log: bool = True) -> int:
    """What exercise 02.4 returns."""
    return trial.suggest_int("batch_size", 16, 512, log=log) * trial.suggest_int("epochs", 1, 20)


def constrained(value, name: str = "budget"):
    """An answer to exercise 02.4 whose constraint is `value` of the product."""

    def objective(trial):
        trial.set_constraint(name, value(product(trial)))
        return product(trial)

    return objective


WRONG = [
    ("00.1", [0.41, 0.90, 0.13, 0.93, 0.88], "never goes down"),
    ("00.1", [0.93] * 5, "cannot know the later ones"),
    ("00.1", [0.41, 0.90, 0.13, 0.93, 0.93], "after trial 2"),
    ("00.1", "0.93", "a list of 5 numbers"),
    ("00.2", 24, "every setting of one knob goes with every setting of the others"),
    ("00.2", 4096, "turn it round"),
    ("00.2", 1297, "multiply"),
    ("00.2", "many", "not a whole number"),
    ("00.3", GOOD | {"learning_rate": 0.0001}, "try larger steps"),
    ("00.3", GOOD | {"learning_rate": 3.0}, "outside of its range"),
    ("00.3", GOOD | {"width": 99.5}, "whole number"),
    ("00.3", GOOD | {"dropout": float("nan")}, "outside of its range"),
    ("00.3", {"learning_rate": 0.3}, "four knobs"),
    ("00.3", 7, "dictionary"),
    ("01.1", lambda trial: trial.suggest_float("learning_rate", 0.001, 1), "equal factors"),
    ("01.1", lambda trial: fit_value(trial, last="validation_loss"), "it returned"),
    ("01.1", lambda trial: fit_value(trial, optimizer="adam", epochs=5), "training 3 epochs"),
    ("01.1", lambda trial: fit_value(trial) and None, "return one number"),
    ("01.1", lambda: 1, "raised TypeError"),
    ("01.1", 0.95, "a function that takes a trial"),
    ("01.2", 7, "every trial"),
    ("01.2", 2, "the best trial itself included"),
    ("01.2", 4, "turn the comparison round"),
    ("01.2", 0.5, "not a count"),
    ("01.3", study_of("maximize", TPE(seed=SEED), 12), "direction='minimize'"),
    ("01.3", study_of("minimize", Random(seed=SEED), 12), "use TPESampler"),
    ("01.3", study_of("minimize", TPE(seed=SEED), 5), "5 trials, not 12"),
    ("01.3", study_of("minimize", TPE(seed=SEED + 99), 12), r"TPESampler\(seed=SEED\)"),
    ("01.3", 12, "not a study"),
    ("01.4", "a", "the luckier the best"),
    ("01.4", "C", "choosing is a kind of training"),
    ("01.4", ["b"], "one of the letters"),
    ("02.1", lambda trial: trial.suggest_categorical("width", [16, 32]), "asked were"),
    ("02.1", lambda trial: trial.suggest_int("width", 16, 128), "suggest_categorical"),
    ("02.1", lambda trial: trial.suggest_categorical("w", [16, 32, 64, 128]), "never asked for 'width'"),
    (
        "02.1",
        lambda trial: trial.suggest_categorical("width", [16, 32] if trial.number < 1 else [16, 32, 64, 128]),
        "does not support dynamic value space",
    ),
    ("02.2", lambda trial: trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True), "never asked for 'use_decay'"),
    (
        "02.2",
        lambda trial: trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True)
        * trial.suggest_categorical("use_decay", [True, False]),
        "inside the `if`",
    ),
    (
        "02.2",
        lambda trial: trial.suggest_float("weight_decay", 1e-6, 1e-2)
        if trial.suggest_categorical("use_decay", [True, False])
        else 0.0,
        "log=True",
    ),
    ("02.2", lambda trial: trial.suggest_float("weight_decay", 0, 1e-2, log=True), "must hold for `log=True`"),
    (
        "02.3",
        lambda trial: [trial.suggest_int("width", 8, 64) for _ in range(trial.suggest_int("depth", 1, 3))],
        "share the name 'width'",
    ),
    (
        "02.3",
        lambda trial: [
            trial.suggest_int(f"width_{n}", 8, 128) for n in range(trial.suggest_int("depth", 1, 3))
        ],
        "goes from 8 to 128",
    ),
    ("02.3", lambda trial: [trial.suggest_int(f"width_{n}", 8, 64) for n in range(3)], "never asked for 'depth'"),
    ("02.3", None, "hand over the function itself"),
    ("02.4", constrained(lambda used: 1280 - used), "turn the sign"),
    ("02.4", constrained(lambda used: used), "so use product - 1280"),
    ("02.4", constrained(lambda used: used - 1280, name="room"), 'no constraint named "budget"'),
    ("02.4", lambda trial: product(trial, log=False), "equal factors"),
    ("02.4", lambda trial: product(trial), "no constraint named"),
]


@pytest.mark.parametrize(("key", "answer", "reason"), WRONG)
def test_wrong_answers_are_told_why(key, answer, reason):
    """Not quite, because ..."""
    text = repr(check(key, answer, **CONTEXT.get(key, {})))
    assert f"Exercise {key}: not quite." in text
    assert re.search(reason, text), text


@pytest.mark.parametrize("answer", [None, "nonsense", -1, float("nan"), object(), [], {}, np.zeros(3), int])
@pytest.mark.parametrize("key", KEYS)
def test_absurd_answers_are_answered(key, answer):
    """Never correct, never an exception, always a reason."""
    text = repr(check(key, answer, **CONTEXT.get(key, {})))
    assert f"Exercise {key}: not quite." in text and "Because " in text


def test_each_exercise_has_two_wrong_answers():
    """No exercise is left without typical mistakes."""
    assert all(sum(wrong == key for wrong, _, _ in WRONG) >= 2 for key in KEYS)


@pytest.mark.parametrize("count", [2, 3])
def test_a_tie_at_the_border_counts_either_way(count):
    """0.99 - 0.98 is not 0.01 in a computer: exercise 01.2 accepts both ways of writing the comparison."""
    assert "correct" in repr(check("01.2", count, trials=pd.DataFrame({"value": [0.99, 0.985, 0.98, 0.5, 0.2]})))


def test_solutions_can_be_shown():
    """What a stuck learner sees is the code of the solution."""
    assert "suggest_int" in show_solution("02.3").data
