"""Inside CMA-ES, the covariance matrix adaptation evolution strategy (Hansen 2016, "The CMA Evolution Strategy")."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from optuna.samplers import CmaEsSampler

from helpers.inside import OptunaMoved, check, play
from helpers.problems.functions import Function

POPULATION = 6  # 4 + floor(3 ln d) for d = 2 dimensions


@dataclass(frozen=True, eq=False)
class CmaStep:
    """One generation of CMA-ES, in the function's units; generation 0 is one random trial and has no model."""

    generation: int
    points: np.ndarray  # the population, (size, 2), of a normal distribution; draws outside of the box are repeated
    values: np.ndarray  # (size,)
    mean: np.ndarray | tuple = ()  # of the distribution, (2,)
    covariance: np.ndarray | tuple = ()  # (2, 2), sigma included
    sigma: float = np.nan  # the step size, as a share of the box


class _Watched(CmaEsSampler):
    """CMA-ES as it is, with the distribution of each generation written down, in the unit box."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed=seed)
        self.seen: dict[int, tuple[np.ndarray, np.ndarray, float]] = {}

    def _init_optimizer(self, trans: Any, direction: Any) -> Any:
        return self.written(super()._init_optimizer(trans, direction))

    def _restore_optimizer(self, completed_trials: Any) -> Any:
        return self.written(super()._restore_optimizer(completed_trials))

    def written(self, optimizer: Any) -> Any:
        """Writes mean, covariance and sigma down, and hands the optimizer on."""
        if optimizer is not None:
            sigma = float(optimizer._sigma)
            self.seen[optimizer.generation] = optimizer.mean.copy(), sigma**2 * optimizer._C, sigma
        return optimizer


@lru_cache(maxsize=32)
def observe_cmaes(function: Function, generations: int = 20, seed: int = 0) -> tuple[CmaStep, ...]:
    """Plays CMA-ES with Optuna's defaults on a function of two dimensions (else BadInput); a step a generation."""
    check(function, 2)
    sampler = _Watched(seed)
    points, values = play(function, sampler, 1 + POPULATION * generations)
    if sorted(sampler.seen) != list(range(generations)):
        raise OptunaMoved(__name__)
    low, width = np.array(function.low), np.subtract(function.high, function.low)
    steps = [CmaStep(0, points[:1], values[:1])]
    for n, (mean, covariance, sigma) in sampler.seen.items():
        members = slice(1 + POPULATION * n, 1 + POPULATION * (n + 1))
        model = low + width * mean, covariance * np.outer(width, width), sigma
        steps.append(CmaStep(n + 1, points[members], values[members], *model))
    return tuple(steps)
