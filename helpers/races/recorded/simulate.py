"""A search by many workers on a virtual clock: a real study, a real sampler, and nobody waits."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable

import numpy as np
import optuna
import pandas as pd
from optuna.samplers import BaseSampler

from helpers.problems.functions import Problem
from helpers.races.race import regret_of


def simulate(
    problem: Problem, make: Callable[[int], BaseSampler], *, workers: int, seed: int, trials: int, spread: float = 0.5
) -> pd.DataFrame:
    """Each worker asks as soon as it is free; what it found is told when its trial ends, and not before.

    A trial's length is log-normal with mean 1, and `spread` is the standard deviation of its logarithm.

    Returns:
        A row a trial, in the order in which they ended: `asked` and `told`, where the clock stood when it began and
        ended, in mean lengths of a trial; `value`; `regret` of the best so far, at least 0; `seconds` that it took.
    """
    study = optuna.create_study(direction=problem.direction, sampler=make(seed))
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
            study.tell(trial, value)
            ended.append((since, now, value, seconds + time.perf_counter() - begin))
    run = pd.DataFrame(ended, columns=["asked", "told", "value", "seconds"])
    return run.assign(regret=regret_of(problem, np.array(run["value"].tolist())))
