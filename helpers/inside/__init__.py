"""Windows into samplers: the only place of the course that touches Optuna's private names.

Each module runs the real sampler and keeps what it knew before every trial.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import signature
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from threadpoolctl import threadpool_limits

from helpers.errors import BadInput
from helpers.problems.functions import Function

GRID = 401  # places on the axis of a function of one dimension


class OptunaMoved(RuntimeError):
    """Something private of Optuna is gone or changed: the sentence says what, and which file has to follow."""

    def __init__(self, module: str, owner: object, name: str) -> None:
        holder = owner.__name__ if isinstance(owner, type) else type(owner).__name__
        super().__init__(f"Optuna moved {holder}.{name}; {module.replace('.', '/')}.py must follow.")

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


def private(module: str, owner: object, name: str) -> Any:
    """The attribute `name` of `owner`, or OptunaMoved."""
    if not hasattr(owner, name):
        raise OptunaMoved(module, owner, name)
    return getattr(owner, name)


def check(module: str, owner: type, methods: Mapping[str, tuple[str, ...]], function: object, dimensions: int) -> None:
    """OptunaMoved unless `owner` has these methods with just these arguments; BadInput for an unfit function."""
    for name, arguments in methods.items():
        if tuple(signature(private(module, owner, name)).parameters)[1:] != arguments:
            raise OptunaMoved(module, owner, name)
    if not isinstance(function, Function):
        raise BadInput(f"{function!r} is not a Function: make one of helpers.problems.functions, or find_function.")
    if len(function.low) != dimensions:
        raise BadInput(f"{function.name} is of dimension {len(function.low)}: choose one of dimension {dimensions}.")


def play(function: Function, sampler: BaseSampler, trials: int) -> tuple[np.ndarray, np.ndarray]:
    """Runs a sampler on a function; returns the trials' places (trials, dimensions) and values (trials,)."""
    study = optuna.create_study(direction=function.direction, sampler=sampler)
    with threadpool_limits(1):  # two threads of a GP on two busy cores wait for each other, five times as long
        study.optimize(function, n_trials=trials)
    for trial in study.trials:
        if trial.value is None or not np.isfinite(trial.value):
            raise BadInput(f"{function.name} has no finite value at {trial.params}: mend its formula, or its bounds.")
    return fixed(list(trial.params.values()) for trial in study.trials), fixed(trial.value for trial in study.trials)


def fixed(values: Iterable) -> np.ndarray:
    """A float array that nobody can change: what was seen is cached and shared."""
    array = np.array(values if isinstance(values, np.ndarray) else list(values), dtype=float)
    array.flags.writeable = False
    return array
