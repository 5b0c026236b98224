"""A search by many workers on a virtual clock: a real study, a real sampler, and nobody waits."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler

from helpers.errors import BadInput
from helpers.problems.functions import Problem


def simulate(
    problem: Problem, make: Callable[[int], BaseSampler], *, workers: int, seed: int, trials: int, spread: float = 0.5
) -> pd.DataFrame:
    """Each worker asks as soon as it is free; what it found is told when its trial ends, and not before.

    A trial's length is log-normal with mean 1, and `spread` is the standard deviation of its logarithm.

    Returns:
        A row a trial, in the order in which they ended: `asked` and `told`, where the clock stood when it began and
        ended, in mean lengths of a trial; `value`; `regret` of the best so far, at least 0; `seconds` that it took.

    Raises:
        BadInput: no worker or trial, what makes no sampler or has no model of the space, a problem that returns nan.
    """
    if workers < 1 or trials < 1:
        raise BadInput("A search needs at least one worker and one trial.")
    directions = getattr(problem, "directions", None) or (problem.direction,)
    study = optuna.create_study(directions=directions, sampler=sampler_of(make, seed))
    lengths, now = np.random.default_rng(seed), 0.0
    running: list[tuple] = []  # a heap of (end, number, begin, trial, value, seconds)
    ended: list[tuple] = []
    while len(ended) < trials:
        begin = time.perf_counter()
        asked = [study.ask() for _ in range(min(workers, trials - len(ended)) - len(running))]
        waited = (time.perf_counter() - begin) / max(1, len(asked))
        for trial in asked:
            begin, length = time.perf_counter(), lengths.lognormal(-(spread**2) / 2, spread)
            value, took = problem(trial), waited + time.perf_counter() - begin
            heapq.heappush(running, (now + length, trial.number, now, trial, value, took))
        now = running[0][0]
        while running and running[0][0] == now:  # all that end at one moment are told before anyone asks again
            _, _, since, trial, value, seconds = heapq.heappop(running)
            begin = time.perf_counter()
            with suppress(RuntimeError):  # a grid that is used up asks to be stopped, which only optimize() can
                study.tell(trial, value)
            ended.append((since, now, value, seconds + time.perf_counter() - begin))
    _check_model(study)
    run = pd.DataFrame(ended, columns=["asked", "told", "value", "seconds"])
    return run.assign(regret=regret_of(problem, np.array(run["value"].tolist())))


def regret_of(problem: Any, values: np.ndarray) -> np.ndarray:
    """The problem's own regret after each trial, or the distance of the best value so far from the optimum."""
    if np.isnan(values).any():
        raise BadInput(f"{problem.name} returned nan: give a number for every trial.")
    if hasattr(problem, "regret"):
        return problem.regret(values)
    sign = 1 if problem.direction == "minimize" else -1
    return np.minimum.accumulate(sign * values) - sign * problem.optimum


def sampler_of(make: Callable[[int], object], seed: int) -> BaseSampler:
    """The sampler that a function makes of a seed, or BadInput: a class would take the seed for something else."""
    sampler = make(seed) if callable(make) and not isinstance(make, type) else None
    if not isinstance(sampler, BaseSampler):
        raise BadInput("It makes no sampler: give a function of a seed, such as lambda seed: TPESampler(seed=seed).")
    return sampler


def _check_model(study: optuna.Study) -> None:
    """GP and CMA-ES draw at random what they have no model of, and say so in the log only: here it is said aloud."""
    sampler, trials = study.sampler, study.get_trials(deepcopy=False)
    if isinstance(sampler, CmaEsSampler | GPSampler):
        left = {key for trial in trials for key, drawn in trial.distributions.items() if not drawn.single()}
        modelled = sampler.infer_relative_search_space(study, trials[-1])
        if isinstance(sampler, GPSampler) or len(modelled) > 1:  # CMA-ES needs two dimensions
            left -= set(modelled)
        if left:
            what = f"{type(sampler).__name__} has no model of {', '.join(sorted(left))} and draws it at random"
            raise BadInput(f"{what}: choose another sampler.")
