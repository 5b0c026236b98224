"""Inside the GP sampler: a Gaussian process and LogEI (Jones et al. 1998; Ament et al. 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from optuna.samplers import GPSampler

from helpers.inside import GRID, OptunaMoved, check, play
from helpers.problems.functions import Function

START = 4  # Optuna's default is 10 random trials, after which a function of one dimension has few secrets left


@dataclass(frozen=True, eq=False)
class GpStep:
    """What the Gaussian process knew before trial `number`, in the function's units; no model after few trials."""

    number: int
    x: np.ndarray  # places of the earlier trials, (number,)
    y: np.ndarray  # their values, (number,)
    taken: float  # the place of trial `number`
    value: float
    grid: np.ndarray  # (401,)
    mean: np.ndarray | tuple = ()  # of the posterior on the grid
    deviation: np.ndarray | tuple = ()
    log_ei: np.ndarray | tuple = ()  # log of the expected improvement there
    taken_log_ei: float = np.nan
    scale: float = np.nan  # the fitted length scale, as a share of the box
    noise: float = np.nan  # the fitted standard deviation of the noise


class _Watched(GPSampler):
    """The GP sampler as it is, with its standardised posterior and LogEI written down."""

    seen: list[tuple]  # one a suggestion

    def _optimize_acqf(self, acqf: Any, best_params: np.ndarray | None) -> np.ndarray:
        import torch  # two seconds to import, so only when it is used

        taken = super()._optimize_acqf(acqf, best_params)
        grid = np.linspace(0, 1, GRID)[:, None]
        gpr, log_ei = acqf._gpr, acqf.eval_acqf_no_grad(np.vstack([grid, taken]))
        mean, variance = gpr.posterior(torch.from_numpy(grid))
        noise, scale = float(gpr.noise_var) ** 0.5, float(gpr.length_scales[0])
        self.seen.append((mean.numpy(), np.sqrt(variance.numpy()), log_ei, noise, scale))
        return taken


@lru_cache(maxsize=32)
def observe_gp(function: Function, trials: int = 20, seed: int = 0) -> tuple[GpStep, ...]:
    """Plays the GP sampler, 4 random trials first, on a function of one dimension (else BadInput); a step a trial."""
    check(function, 1)
    sampler = _Watched(seed=seed, n_startup_trials=START)
    sampler.seen = []
    places, y = play(function, sampler, trials)
    if len(sampler.seen) != max(0, trials - START):
        raise OptunaMoved(__name__)
    x, grid = places[:, 0], np.linspace(function.low[0], function.high[0], GRID)
    sign = 1 if function.direction == "maximize" else -1
    models = [{}] * START + [_in_units(y[: START + n], sign, *seen) for n, seen in enumerate(sampler.seen)]
    return tuple(GpStep(n, x[:n], y[:n], x[n], y[n], grid, **models[n]) for n in range(trials))


def _in_units(y: np.ndarray, sign: int, mean: Any, deviation: Any, log_ei: Any, noise: float, scale: float) -> dict:
    """Undoes what the sampler did to the values: turned so that more is better, mean 0, standard deviation 1."""
    spread = max(np.std(y), 1e-10)
    mean, deviation, log_ei = np.mean(y) + sign * spread * mean, spread * deviation, log_ei + np.log(spread)
    arrays = {"mean": mean, "deviation": deviation, "log_ei": log_ei[:-1]}
    return arrays | {"taken_log_ei": float(log_ei[-1]), "scale": scale, "noise": spread * noise}
