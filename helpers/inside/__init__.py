"""Windows into samplers: the only place of the course that touches Optuna's private names.

Each module runs the real sampler and keeps what it knew before every trial.
"""

from __future__ import annotations

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from threadpoolctl import threadpool_limits

from helpers.errors import BadInput
from helpers.problems.functions import Function

GRID = 401  # places on the axis of a function of one dimension


class OptunaMoved(RuntimeError):
    """The sampler no longer calls what a window watches, which is private: the sentence says which file must follow."""

    def __init__(self, module: str) -> None:
        super().__init__(f"Optuna works in another way than it did; {module.replace('.', '/')}.py must follow.")


def check(function: object, dimensions: int) -> None:
    """Raises BadInput unless it is a Function of so many dimensions."""
    if not isinstance(function, Function) or len(function.low) != dimensions:
        raise BadInput(f"Give a Function of dimension {dimensions}: your own, or one that find_function(name) knows.")


def play(function: Function, sampler: BaseSampler, trials: int) -> tuple[np.ndarray, np.ndarray]:
    """Runs a sampler on a function; returns the trials' places (trials, dimensions) and values (trials,)."""
    study = optuna.create_study(direction=function.direction, sampler=sampler)
    with threadpool_limits(1):  # two threads of a GP on two busy cores wait for each other, five times as long
        study.optimize(function, n_trials=trials)
    for trial in study.trials:
        if trial.value is None or not np.isfinite(trial.value):
            raise BadInput(f"{function.name} has no finite value at {trial.params}: mend its formula, or its bounds.")
    return np.array([[*trial.params.values()] for trial in study.trials]), np.array([t.value for t in study.trials])
