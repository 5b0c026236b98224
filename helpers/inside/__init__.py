"""Windows into samplers: the only place of the course that touches Optuna's private names.

Each module runs the real sampler and keeps what it knew before every trial. When Optuna moves a name, OptunaMoved
says which one, and which file has to follow.
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
    """Something private of Optuna is gone or changed; in a notebook only the sentence is shown."""

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


def check_names(module: str, owner: type, methods: Mapping[str, tuple[str, ...]]) -> None:
    """Raises OptunaMoved unless `owner` has these methods, each with just these arguments after `self`."""
    for name, arguments in methods.items():
        if tuple(signature(private(module, owner, name)).parameters)[1:] != arguments:
            raise OptunaMoved(module, owner, name)


def play(function: Function, sampler: BaseSampler, trials: int, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Runs a sampler on a function; returns the trials' places (trials, dimensions) and values (trials,).

    Raises:
        BadInput: not a Function, one of other dimensions or without a finite value somewhere, or no trials.
    """
    check_function(function, dimensions)
    if trials < 1:
        raise BadInput(f"{trials} trials show nothing: ask for at least 1.")
    study = optuna.create_study(direction=function.direction, sampler=sampler)
    with threadpool_limits(1):  # two threads of a GP on two busy cores wait for each other, five times as long
        study.optimize(function, n_trials=trials)
    for trial in (done := study.get_trials(deepcopy=False)):
        if trial.value is None or not np.isfinite(trial.value):
            raise BadInput(f"{function.name} has no finite value at {trial.params}: mend its formula, or its bounds.")
    return fixed([[t.params[f"x{n}"] for n in range(dimensions)] for t in done]), fixed(t.value for t in done)


def check_function(function: object, dimensions: int) -> None:
    """Raises BadInput unless it is a Function of so many dimensions."""
    if not isinstance(function, Function):
        raise BadInput(f"{function!r} is not a Function: make one of helpers.problems.functions, or find_function.")
    if len(function.low) != dimensions:
        raise BadInput(
            f"{function.name} is of dimension {len(function.low)}: choose a Function of dimension {dimensions} here."
        )


def fixed(values: Iterable) -> np.ndarray:
    """A float array that nobody can change: what was seen is cached and shared."""
    array = np.array(values if isinstance(values, np.ndarray) else list(values), dtype=float)
    array.flags.writeable = False
    return array
