"""Checks of notebook 11, best practices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from itertools import islice
from unittest.mock import patch
from weakref import WeakSet

import numpy as np
import optuna
import torch
from optuna.samplers import RandomSampler
from optuna.storages import InMemoryStorage
from optuna.trial import FixedTrial
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier

from helpers.exercises.kit import function
from helpers.exercises.nb07 import another_process
from helpers.learn.exercises import NotQuite

pixels, labels = load_digits(return_X_y=True)
PARTS = {"train": slice(300), "validation": slice(300, 500), "test": slice(500, 700)}
DATA = {name: (pixels[part] / 16, labels[part]) for name, part in PARTS.items()}


def curve(answer: Callable, config: Mapping, seed: int) -> list[dict]:
    """What is yielded, nine values at most, and how often it has trained until then."""
    with patch.object(SGDClassifier, "partial_fit", autospec=True, side_effect=SGDClassifier.partial_fit) as trains:
        found = answer(config, deepcopy(DATA), seed)
        if not isinstance(found, Iterator):
            raise NotQuite("train is no generator: `yield` the accuracy after each epoch, so a search can stop it.")
        return [{"trained": trains.call_count, "accuracy": value} for value in islice(found, 9)]


def train(config: Mapping, data: Mapping, seed: int, judges: str = "validation") -> Iterator[float]:
    """An answer to 11.1."""
    model = SGDClassifier(loss="log_loss", learning_rate="constant", random_state=seed, **config)
    for _ in range(5):
        model.partial_fit(*data["train"], classes=range(10))
        yield model.score(*data[judges])


function(
    "11.1",
    train,
    {
        f"config = {config}, and seed = {seed},": (config, seed)
        for config in ({"alpha": 1e-4, "eta0": 0.05}, {"alpha": 0.01, "eta0": 0.5}, {"alpha": 1e-6, "eta0": 9.0})
        for seed in (0, 1)
    },
    {
        "the seed is still written into the code.": lambda config, data, seed: train(config, data, 0),
        "the test images judge: yield the accuracy on the validation part.": (
            lambda config, data, seed: train(config, data, seed, "test")
        ),
        "the images are divided by 16 already.": lambda config, data, seed: train(
            config, {name: (pixels / 16, labels) for name, (pixels, labels) in data.items()}, seed
        ),
    },
    "Whoever iterates decides whether to go on: a search, a plot or a test.",
    watch=curve,
)


def evenings(answer: Callable, *seeds: int) -> dict:
    """How four evenings go with each seed: the trials there are, how many draw something else, the second time."""

    def done(seed: int) -> tuple[list[int], list[float]]:
        storage, counts = InMemoryStorage(), []
        for _ in range(4):
            study = answer(storage, seed)
            if not isinstance(study, optuna.Study) or study.study_name != "evenings":
                raise NotQuite('return the study, and call it "evenings".')
            counts.append(len(study.trials))
        return counts, [trial.params["x"] for trial in study.trials]

    first = [done(seed) for seed in seeds]
    with another_process():
        again = [done(seed) for seed in seeds]
    draws = {draw for _, drawn in first for draw in drawn}
    return {"trials": first[0][0], "draws that differ": len(draws), "the same again": first == again}


def evening(storage: InMemoryStorage, seed: int) -> optuna.Study:
    """An answer to 11.2."""
    study = optuna.create_study(study_name="evenings", storage=storage, load_if_exists=True)
    done = len(study.trials)
    study.sampler = RandomSampler(seed=int(np.random.SeedSequence([seed, done]).generate_state(1)[0]))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=min(10, 25 - done))
    return study


function(
    "11.2",
    evening,
    {"four evenings with seed 3": (3,), "four evenings with each of the seeds 1, 2 and 11": (1, 2, 11)},
    praise="No draw twice, never more than 25, and anyone can do it again.",
    watch=evenings,
)


def survived(answer: Callable, error: type[Exception] | None, loss: float = 0.0) -> list:
    """What comes of a training that raises this, how often it ran, and when memory was freed."""
    seen: list[str] = []
    held: WeakSet = WeakSet()

    def train(trial: FixedTrial) -> float:
        tensors = frozenset("weights")
        held.add(tensors)
        seen.append("trains")
        if error:
            raise error("as asked")
        return trial.suggest_float("x", 0, 1)

    def free() -> None:
        seen.append("frees while the error holds the tensors" if held else "frees")

    with patch("torch.cuda.empty_cache", free), patch("torch.cuda.is_available", lambda: True):
        try:
            end = answer(train, FixedTrial({"x": loss}))
        except Exception as raised:
            end = f"raises {type(raised).__name__}"
    return [*seen, end]


def patient(train: Callable, trial: optuna.Trial) -> float:
    """An answer to 11.3."""
    try:
        return train(trial)
    except torch.OutOfMemoryError:
        pass
    torch.cuda.empty_cache()
    raise optuna.TrialPruned


ERRORS = (None, torch.OutOfMemoryError, RuntimeError, KeyError, TypeError, ValueError, OSError, MemoryError)
function(
    "11.3",
    patient,
    {f"a training that raises {error.__name__ if error else 'nothing'}": (error,) for error in ERRORS}
    | {"a training that returns 0.5": (None, 0.5)},
    praise="Catch what you expect, by name. A bug should stop you in the first trial, not after the weekend.",
    watch=survived,
)
