"""Inside TPE, the tree-structured Parzen estimator (Bergstra et al. 2011; the details: Watanabe 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from optuna.samplers import TPESampler

from helpers.inside import GRID, OptunaMoved, check, play
from helpers.problems.functions import Function

START = 10  # random trials, Optuna's default


@dataclass(frozen=True, eq=False)
class TpeStep:
    """What TPE knew before trial `number`, and the place it took; no model at all while it draws at random."""

    number: int
    x: np.ndarray  # places of the earlier trials, (number,)
    y: np.ndarray  # their values, (number,)
    taken: float  # the place of trial `number`
    value: float
    grid: np.ndarray  # (401,)
    good: tuple[int, ...] = ()  # the trials in each group
    bad: tuple[int, ...] = ()
    log_l: np.ndarray | tuple = ()  # log-density of each group on the grid
    log_g: np.ndarray | tuple = ()
    candidates: np.ndarray | tuple = ()  # drawn from l(x), (24,)
    scores: np.ndarray | tuple = ()  # log l - log g of each


class _Watched(TPESampler):
    """TPE as it is, with its groups and scores written down, by the number of trials it knew."""

    def __init__(self, grid: np.ndarray, seed: int) -> None:
        super().__init__(seed=seed)
        self.grid = grid
        self.groups: dict[str, tuple[int, ...]] = {}
        self.seen: dict[int, dict[str, Any]] = {}

    def _build_parzen_estimator(self, study: Any, search_space: Any, trials: Any, handle_below: bool) -> Any:
        self.groups["good" if handle_below else "bad"] = tuple(trial.number for trial in trials)
        return super()._build_parzen_estimator(study, search_space, trials, handle_below)

    def _compute_acquisition_func(self, samples: Any, mpe_below: Any, mpe_above: Any) -> np.ndarray:
        scores = super()._compute_acquisition_func(samples, mpe_below, mpe_above)
        log_l, log_g = (group.log_pdf({"x0": self.grid}) for group in (mpe_below, mpe_above))
        arrays = {"log_l": log_l, "log_g": log_g, "candidates": samples["x0"], "scores": scores}
        self.seen[sum(map(len, self.groups.values()))] = self.groups | arrays
        return scores


@lru_cache(maxsize=32)
def observe_tpe(function: Function, trials: int = 100, seed: int = 0) -> tuple[TpeStep, ...]:
    """Plays TPE with Optuna's defaults on a function of one dimension (else BadInput); one step a trial."""
    check(function, 1)
    sampler = _Watched(np.linspace(function.low[0], function.high[0], GRID), seed)
    places, y = play(function, sampler, trials)
    if set(sampler.seen) != set(range(START, trials)):
        raise OptunaMoved(__name__)
    x, models = places[:, 0], sampler.seen
    return tuple(TpeStep(n, x[:n], y[:n], x[n], y[n], sampler.grid, **models.get(n, {})) for n in range(trials))
