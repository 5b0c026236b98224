"""Typical wrong answers of notebook 11, and what each is told."""

from __future__ import annotations

import os
from collections.abc import Callable
from unittest.mock import ANY

import optuna
import torch
from optuna.samplers import RandomSampler
from optuna.study import MaxTrialsCallback
from sklearn.linear_model import SGDClassifier

TOO_LARGE = torch.OutOfMemoryError


def trained(
    judges: str = "validation", epochs: int = 5, seed: int | None = None, result: Callable = iter, scale: int = 1
) -> Callable:
    """An answer to 11.1 that divides images by `scale`; `result` of its accuracies is what it returns."""

    def train(config, data, own_seed):
        data = {name: (images / scale, labels) for name, (images, labels) in data.items()}

        def accuracies():
            random_state = own_seed if seed is None else seed
            model = SGDClassifier(loss="log_loss", learning_rate="constant", random_state=random_state, **config)
            for _ in range(epochs):
                model.partial_fit(*data["train"], classes=range(10))
                yield model.score(*data[judges])

        return result(accuracies())

    return train


def draw(trial) -> float:
    """As in the notebook."""
    return (trial.suggest_float("x", 0, 1) - 0.3) ** 2


def up_to_25(done: int) -> int:
    """How many trials an evening may run after so many."""
    return min(10, 25 - done)


def evening(seed_of: Callable, trials_of: Callable = up_to_25, n_jobs: int = 1, callbacks: tuple = ()) -> Callable:
    """An answer to 11.2: the sampler's seed from (seed, done), the number of trials from done."""

    def function(storage, seed: int) -> optuna.Study:
        study = optuna.create_study(study_name="evenings", storage=storage, load_if_exists=True)
        done = len(study.trials)
        study.sampler = RandomSampler(seed=seed_of(seed, done))
        study.optimize(draw, n_trials=trials_of(done), callbacks=callbacks, n_jobs=n_jobs)
        return study

    return function


def apart(seed: int, done: int) -> int:
    """A seed of its own for each evening."""
    return 1000 * seed + done


def shared(storage, seed: int) -> optuna.Study:
    """An answer to 11.2 whose sampler was made once, and goes on from study to study."""
    study = optuna.create_study(study_name="evenings", storage=storage, load_if_exists=True, sampler=ONCE)
    study.optimize(draw, n_trials=up_to_25(len(study.trials)))
    return study


ONCE = RandomSampler(seed=3)


def survivor(
    *caught: type[Exception], early: bool = False, frees: bool = True, end: Callable = lambda: None
) -> Callable:
    """An answer to 11.3 that catches these; it frees inside of `except` when `early`, and ends by `end`."""

    def function(train, trial) -> float | None:
        try:
            return train(trial)
        except caught:
            if early:
                torch.cuda.empty_cache()
        if frees and not early:
            torch.cuda.empty_cache()
        return end()

    return function


def prune() -> None:
    """Raises."""
    raise optuna.TrialPruned


def keeper(train, trial) -> float:
    """An answer to 11.3 that keeps the error, and with it the tensors."""
    try:
        return train(trial)
    except TOO_LARGE as error:
        kept = error
    torch.cuda.empty_cache()
    raise optuna.TrialPruned from kept


def falsy(train, trial) -> float:
    """An answer to 11.3 that takes a loss of 0 for none."""
    try:
        value = train(trial)
    except TOO_LARGE:
        value = None
    if value:
        return value
    torch.cuda.empty_cache()
    raise optuna.TrialPruned


def always(train, trial) -> float:
    """An answer to 11.3 that frees after every training."""
    try:
        return train(trial)
    except TOO_LARGE:
        pass
    finally:
        torch.cuda.empty_cache()
    raise optuna.TrialPruned


def twice(train, trial):
    """Exercise 11.3 with a second attempt."""
    for _ in range(2):
        try:
            return train(trial)
        except torch.OutOfMemoryError:
            pass
    torch.cuda.empty_cache()
    raise optuna.TrialPruned


CONTEXT: dict[str, dict] = {}
WRONG = [
    ("11.1", trained(result=list), "no generator"),
    ("11.1", trained(result=lambda found: iter(list(found))), "'trained': 5.*asked was .*'trained': 1"),
    ("11.1", trained(judges="test"), "the test images judge"),
    ("11.1", trained(judges="train"), "it gives .*asked was"),
    ("11.1", trained(seed=0), "the seed is still written into the code"),
    ("11.1", trained(scale=16), "the images are divided by 16 already"),
    ("11.1", trained(epochs=6), "it gives .*asked was"),
    ("11.1", lambda config, data: iter([0.5]), "it gives the error TypeError"),
    ("11.2", evening(lambda seed, done: apart(seed, done) + os.getpid()), "'the same again': False"),
    ("11.2", evening(lambda seed, done: seed), "with seed 3 it gives .*'draws that differ': 10,.*asked was .* 25,"),
    ("11.2", evening(lambda seed, done: None), "'the same again': False"),
    ("11.2", evening(apart, lambda done: 10), r"gives .'trials': .10, 20, 30, 40."),
    ("11.2", evening(apart, lambda done: 25), r"gives .'trials': .25, 50"),
    ("11.2", evening(apart, lambda done: 10, callbacks=(MaxTrialsCallback(25),)), r"10, 20, 25, 26"),
    ("11.2", evening(lambda seed, done: done), "'draws that differ': 25,.*asked was .*'draws that differ': 75"),
    ("11.2", evening(lambda seed, done: seed + done), "each of the seeds 1, 2 and 11 it gives"),
    ("11.2", evening(lambda seed, done: 10 * seed + done), "each of the seeds 1, 2 and 11 it gives"),
    ("11.2", evening(lambda seed, done: int(f"{seed}{done}")), "each of the seeds 1, 2 and 11 it gives"),
    ("11.2", evening(lambda seed, done: seed * (done + 1)), "each of the seeds 1, 2 and 11 it gives"),
    ("11.2", evening(lambda seed, done: hash(f"{seed} {done}") % 2**32), "'the same again': False"),
    ("11.2", evening(apart, n_jobs=2), "'the same again': False"),
    ("11.2", shared, "'the same again': False"),
    ("11.2", lambda storage, seed: seed, "return the study"),
    ("11.3", survivor(TOO_LARGE, MemoryError, early=True, end=prune), "frees while the error holds the tensors"),
    (
        "11.3",
        survivor(MemoryError, end=prune),
        "gives .'trains', 'raises OutOfMemoryError'.; asked was .'trains', 'frees', 'raises TrialPr",
    ),
    ("11.3", lambda train, trial: -survivor(TOO_LARGE, end=prune)(train, trial), "gives .'trains', -0.5.; asked was"),
    ("11.3", survivor(Exception, end=prune), "raises RuntimeError it gives .'trains', 'frees', 'raises TrialPruned'.;"),
    (
        "11.3",
        survivor(RuntimeError, end=prune),
        "raises RuntimeError it gives .'trains', 'frees', 'raises TrialPruned'.;",
    ),
    (
        "11.3",
        survivor(TOO_LARGE, KeyError, TypeError, end=prune),
        "raises KeyError it gives .'trains', 'frees', 'raises Tri",
    ),
    ("11.3", survivor(TOO_LARGE, frees=False, end=prune), "gives .'trains', 'raises TrialPruned'.;"),
    ("11.3", survivor(TOO_LARGE), "gives .'trains', 'frees', None.;"),
    ("11.3", survivor(TOO_LARGE, end=lambda: 0.0), "gives .'trains', 'frees', 0.0.;"),
    (
        "11.3",
        survivor(TOO_LARGE, MemoryError, end=prune),
        "raises MemoryError it gives .'trains', 'frees', 'raises TrialPruned'.;",
    ),
    ("11.3", keeper, "frees while the error holds the tensors"),
    ("11.3", falsy, "raises nothing it gives .'trains', 'frees', 'raises TrialPruned'.; asked was .'trains', 0.0."),
    ("11.3", always, "raises nothing it gives .'trains', 'frees', 0.0.; asked was .'trains', 0.0."),
    ("11.3", twice, "raises OutOfMemoryError it gives .'trains', 'trains', 'frees', 'raises TrialPruned'.;"),
    ("11.3", ANY, "the answer is a function"),
]
