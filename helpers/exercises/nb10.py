"""Checks of notebook 10, PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import optuna
import torch
from optuna.distributions import FloatDistribution
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from helpers.exercises.kit import function, same
from helpers.learn.exercises import NotQuite


def found(answer: Callable, *names: str) -> object:
    """The epoch of what is returned, from a folder with whole files and such as a power failure leaves."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        files = Path(folder)
        for name, epoch in {"epoch 8": 8, "epoch 9": 9}.items():
            torch.save({"epoch": epoch, "weights": torch.ones(300)}, files / name)
        torch.save({}, files / "an empty dict")
        (files / "half").write_bytes((whole := (files / "epoch 9").read_bytes())[:900].ljust(len(whole), b"\0"))
        for name, text in {"zeros": bytes(900), "empty": b"", "spoiled": whole.replace(b"\x02}", b"\x02\0")}.items():
            (files / name).write_bytes(text)
        held = answer([files / name for name in names])
    return {"epoch": held["epoch"]} if isinstance(held, dict) and "epoch" in held else held


def newest(paths: Sequence[Path]) -> object:
    """An answer to 10.1."""
    for path in paths:
        try:
            return torch.load(path)
        except Exception:
            pass
    return None


WHOLE, HALF = ("epoch 9", "epoch 8"), ("half", "epoch 9", "epoch 8")
DAMAGED = ("missing", "empty", "zeros", "spoiled", "epoch 8")
FILES = (WHOLE, HALF, DAMAGED, ("half", "missing"), (), ("an empty dict", "epoch 8"))
function(
    "10.1",
    newest,
    {f"the files {list(names)}": names for names in FILES},
    praise="Keep the newest two files, and a damaged one costs an epoch.",
    watch=found,
)


def picked(answer: Callable, values: Sequence[tuple[float, float]], tolerance: float) -> object:
    """The number of the trial that is returned; one more trial has failed."""
    study = optuna.create_study(directions=["minimize", "minimize"])
    study.add_trials([create_trial(values=pair) for pair in values])
    study.add_trial(create_trial(state=TrialState.FAIL))
    found = answer(study, tolerance)
    return f"trial {found.number}" if isinstance(found, FrozenTrial) else found


def smallest_good(study: optuna.Study, tolerance: float) -> FrozenTrial:
    """An answer to 10.2."""
    lowest = min(trial.values[0] for trial in study.best_trials)
    good = [trial for trial in study.best_trials if trial.values[0] <= lowest + tolerance]
    return min(good, key=lambda trial: (trial.values[1], trial.values[0]))


EIGHT = ((0.10, 100), (0.02, 9000), (0.04, 700), (0.034, 700), (0.05, 300), (0.03, 700), (0.034, 700), (0.02, 9500))
FRONTS = [(((0.06, 50), (0.02, 60)), 0.05), *((EIGHT, tolerance) for tolerance in (0.0, 0.015, 0.025, 0.5))]
function(
    "10.2",
    smallest_good,
    {
        f"trials of these errors and sizes, {list(values)}, and tolerance = {tolerance},": (values, tolerance)
        for values, tolerance in FRONTS
    },
    praise="Say the tolerance before you look at the front: afterwards any choice can be explained.",
    watch=picked,
)


def batched(answer: Callable, size: int, diverged: Sequence[int]) -> dict:
    """What becomes of one batch, of which some networks diverge."""
    study = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=0))
    batches: list[list[float]] = []

    def train_many(rates: Sequence[float]) -> list[float]:
        batches.append(list(rates))
        return [math.nan if n in diverged else max(0.1 - rate, 0.0) for n, rate in enumerate(batches[-1])]

    with patch.object(study, "tell", wraps=study.tell) as tell:
        answer(study, train_many, size)
    if any(trial.distributions != {"learning_rate": FloatDistribution(0.001, 1, log=True)} for trial in study.trials):
        raise NotQuite('each trial is asked for "learning_rate" alone, from 0.001 to 1 in equal factors (log=True).')
    own = sum(same(trial.value, max(0.1 - trial.params["learning_rate"], 0.0)) for trial in study.trials)
    failed = len(study.get_trials(states=(TrialState.FAIL,))) - sum("nan" in str(call) for call in tell.mock_calls)
    sizes = list(map(len, batches))
    return {"trained at once": sizes, "trials": len(study.trials), "own accuracy": own, "told to fail": failed}


def run_batch(study: optuna.Study, train_many: Callable, size: int) -> None:
    """An answer to 10.3."""
    trials = [study.ask() for _ in range(size)]
    accuracies = train_many([trial.suggest_float("learning_rate", 0.001, 1, log=True) for trial in trials])
    for trial, accuracy in zip(trials, accuracies, strict=True):
        state = TrialState.FAIL if np.isnan(accuracy) else TrialState.COMPLETE
        study.tell(trial, None if np.isnan(accuracy) else accuracy, state)


function(
    "10.3",
    run_batch,
    {
        f"{size} networks, of which {diverged} diverge,": (size, diverged)
        for size, diverged in ((6, [2]), (4, []), (3, [0, 1, 2]), (1, []))
    },
    praise="All are asked for before the first is told: that is what a batch costs the sampler.",
    watch=batched,
)
