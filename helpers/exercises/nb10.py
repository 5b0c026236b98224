"""Checks of notebook 10, PyTorch."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import FixedTrial, TrialState

from helpers.learn.exercises import NotQuite, check_function, exercise
from helpers.training.checkpoint import load_training, save_training
from helpers.training.data import Dataset
from helpers.training.train import Training, TrainingConfig

OPTIMIZERS = ("sgd", "adam")
SPACE = {
    "optimizer": CategoricalDistribution(OPTIMIZERS),
    "learning_rate": FloatDistribution(0.001, 0.1, log=True),
    "schedule": CategoricalDistribution(("constant", "cosine")),
    "momentum": FloatDistribution(0.0, 0.95),
}


@exercise("10.1")
def suggest_config(function: Callable) -> str:
    """Asked with each optimizer; momentum belongs to one of them."""
    check_function(function)
    chosen = {"learning_rate": 0.02, "schedule": "cosine", "momentum": 0.7}
    for optimizer in OPTIMIZERS:
        trial = FixedTrial({"optimizer": optimizer, **chosen})
        config = function(trial)
        _compare_space(optimizer, trial.distributions)
        if not isinstance(config, TrainingConfig):
            raise NotQuite(f"it returns a {type(config).__name__}: make a TrainingConfig of what was suggested.")
        momentum = 0.7 if optimizer == "sgd" else 0.0
        wanted = {"optimizer": optimizer, **chosen, "momentum": momentum, "model": "cnn", "epochs": 10}
        for name, value in wanted.items():
            if getattr(config, name) != value:
                found = getattr(config, name)
                raise NotQuite(f"with {optimizer!r} the configuration's {name} is {found!r}, and should be {value!r}.")
    return "A hyperparameter that another one switches off is not asked for, so no model is fitted to its noise."


def _compare_space(optimizer: str, asked: dict) -> None:
    """What was asked for with this optimizer, name by name."""
    if optimizer == "adam" and "momentum" in asked:
        raise NotQuite('it asks for momentum with "adam" too, where nothing uses it: put it inside an `if`.')
    for name, wanted in SPACE.items():
        if name == "momentum" and optimizer == "adam":
            continue
        if name not in asked:
            raise NotQuite(f"it never asks for {name!r} when the optimizer is {optimizer!r}.")
        found = asked[name]
        if name == "learning_rate" and isinstance(found, FloatDistribution) and not found.log:
            raise NotQuite("equal factors mean a logarithmic scale for learning_rate: log=True.")
        if isinstance(wanted, CategoricalDistribution) and isinstance(found, CategoricalDistribution):
            if sorted(found.choices, key=str) != sorted(wanted.choices, key=str):
                raise NotQuite(f"{name} is one of {wanted.choices}, not of {found.choices}.")
        elif found != wanted:
            raise NotQuite(f"it asks for {name} as {found}, and wanted is {wanted}.")


@exercise("10.2")
def resume(function: Callable, data: Dataset) -> str:
    """Whole, damaged, missing and foreign checkpoints, in several orders."""
    check_function(function)
    config = TrainingConfig(width=4, epochs=3, batch_size=256)
    with tempfile.TemporaryDirectory() as folder:
        files = _checkpoints(Path(folder), config, data)
        for names, epochs, what in RESUMED:
            try:
                found = function([files[name] for name in names], config, data)
            except Exception as error:
                raise NotQuite(f"{what} it raises {type(error).__name__}: {error} Catch it, and look at the next "
                               "one.") from None  # fmt: skip
            if not isinstance(found, Training):
                raise NotQuite(f"{what} it returns {type(found).__name__}: return a Training in any case.")
            if found.config != config:
                raise NotQuite(f"{what} it returns the run of another configuration: hand `config` to load_training.")
            if len(found.curve) != epochs:
                raise NotQuite(f"{what} the run returned holds {len(found.curve)} epochs, and should hold {epochs}.")
    return "Whatever the worker's end left behind, the trial goes on from the best that is there."


RESUMED = (
    (("second", "first"), 2, "with two whole files"),
    (("half", "first"), 1, "when the newest file is damaged"),
    (("gone", "half", "first"), 1, "when the newest file is missing and the next one damaged"),
    (("other", "first"), 1, "when the newest file belongs to another configuration"),
    (("half", "gone"), 0, "when no file can be loaded"),
    ((), 0, "without any file"),
)


def _checkpoints(folder: Path, config: TrainingConfig, data: Dataset) -> dict[str, Path]:
    """Files after the first and the second epoch, half of one, one of another configuration, and one that is gone."""
    files = {name: folder / f"{name}.pt" for name in ("first", "second", "half", "other", "gone")}
    training = Training(config, data)
    for name, _ in zip(("first", "second"), training, strict=False):
        save_training(training, files[name])
    files["half"].write_bytes(files["second"].read_bytes()[:900])
    save_training(Training(replace(config, learning_rate=0.5), data), files["other"])
    assert load_training(files["second"], data, config).saved == 2
    return files


@exercise("10.3")
def smallest_good(function: Callable) -> str:
    """On studies whose answer is known."""
    check_function(function)
    above = _study([(0.06, 50), (0.02, 60)])
    _expect(function, above, 0.05, 0, "trial 0 is smaller, and its error is only 0.04 above the lowest one")
    values = [(0.10, 100), (0.02, 9000), (0.03, 700), (0.035, 5000), (0.05, 300), (0.04, 700), (0.02, 9500)]
    study = _study(values)
    _expect(function, study, 0.0, 1, "it is the most accurate one, and of two with that error the smaller")
    _expect(function, study, 0.015, 2, "trials within 0.015 of the lowest error are 1, 2, 3 and 6")
    _expect(function, study, 0.025, 2, "trials 2 and 5 are equally small, and trial 2 has the lower error")
    _expect(function, study, 0.5, 0, "every trial is good enough, and trial 0 is the smallest")
    return "Say the tolerance before you look at the front: afterwards any choice can be explained."


def _study(values: Sequence[tuple[float, float]]) -> optuna.Study:
    study = optuna.create_study(directions=["minimize", "minimize"])
    for pair in values:
        study.add_trial(optuna.create_trial(values=pair))
    study.add_trial(optuna.create_trial(state=TrialState.FAIL))
    return study


def _expect(function: Callable, study: optuna.Study, tolerance: float, number: int, why: str) -> None:
    found = function(study, tolerance)
    if not isinstance(found, optuna.trial.FrozenTrial):
        raise NotQuite(f"it returns {type(found).__name__}: return the trial itself, one of study.trials.")
    if found.number != number:
        raise NotQuite(f"with a tolerance of {tolerance} it returns trial {found.number} {tuple(found.values)}: {why}.")


@exercise("10.4")
def run_batch(function: Callable) -> str:
    """A batch whose accuracies say which learning rate they belong to; one network diverges."""
    check_function(function)
    for size, diverged in ((6, (2,)), (4, ()), (3, (0, 1, 2)), (1, ())):
        _batch(function, size, diverged)
    return "All are asked for before the first is told: that is what a batch costs the sampler."


def _batch(function: Callable, size: int, diverged: Sequence[int]) -> None:
    """One batch, of which some networks diverge."""
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    calls: list[int] = []

    def train_many(rates: Sequence[float]) -> list[float]:
        calls.append(len(list(rates)))
        return [math.nan if n in diverged else 1 - rate for n, rate in enumerate(rates)]

    with patch.object(study, "tell", wraps=study.tell) as tell:
        function(study, train_many, size)
    if calls != [size]:
        raise NotQuite(f"train_many was called with {calls or 'nothing'}: ask for all {size} first, then call it once.")
    if len(study.trials) != size:
        raise NotQuite(f"the study has {len(study.trials)} trials afterwards, and should have {size}.")
    for trial in study.trials:
        _told(trial, trial.number in diverged)
    if any(math.isnan(value) for call in tell.call_args_list for value in call.args[1:2] if isinstance(value, float)):
        raise NotQuite("a NaN was told as a value, and Optuna made a failure of it: say so, state=TrialState.FAIL.")


def _told(trial: optuna.trial.FrozenTrial, diverged: bool) -> None:
    """Its own value, or failed; from the right distribution."""
    rate = trial.distributions.get("learning_rate")
    if rate is None:
        raise NotQuite('no trial was asked for "learning_rate".')
    if rate != FloatDistribution(0.001, 1, log=True):
        raise NotQuite(f"learning_rate goes from 0.001 to 1 in equal factors; asked for was {rate}.")
    if trial.state in (TrialState.RUNNING, TrialState.WAITING):
        raise NotQuite(f"trial {trial.number} still runs: tell every trial, the diverged one too.")
    if diverged:
        if trial.state != TrialState.FAIL:
            raise NotQuite(
                f"trial {trial.number} diverged (NaN) and is {trial.state.name} with {trial.value}: tell it as failed."
            )
    elif trial.value is None or not math.isclose(trial.value, 1 - trial.params["learning_rate"]):
        raise NotQuite(f"trial {trial.number} was told {trial.value}, which is not the accuracy of its learning rate.")
