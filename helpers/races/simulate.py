"""A fleet on a virtual clock: a real study and a real sampler, but a trial's length is drawn and nobody waits for it.

The clock counts mean lengths of a trial: 10 workers finish about 10 trials by 1.0.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.samplers import BaseSampler

from helpers.errors import BadInput
from helpers.problems.functions import Problem
from helpers.races.race import regret_of, sampler_of


@dataclass(frozen=True)
class Run:
    """What a fleet did, trial by trial in the order in which they ended.

    Attributes:
        asked, told: (trials,); where the clock stood when the trial began, and when it ended.
        value, regret: (trials,); what the trial returned, and how far the best so far is from the optimum.
    """

    workers: int
    asked: np.ndarray
    told: np.ndarray
    value: np.ndarray
    regret: np.ndarray

    def at(self, clock: Sequence[float] | np.ndarray) -> np.ndarray:
        """The regret of the best so far at those moments; nan before the first trial has ended."""
        return np.append(np.nan, self.regret)[np.searchsorted(self.told, clock, side="right")]

    def reached(self, target: float) -> tuple[float, float]:
        """The clock and the number of ended trials when the regret first was `target` or less, or inf, inf."""
        hits = np.flatnonzero(self.regret <= target)
        return (float(self.told[hits[0]]), float(hits[0] + 1)) if hits.size else (math.inf, math.inf)


def simulate(
    problem: Problem,
    make_sampler: Callable[[int], BaseSampler],
    *,
    workers: int,
    seed: int,
    trials: int | None = None,
    clock: float = math.inf,
    spread: float = 0.5,
) -> Run:
    """Each worker asks as soon as it is free; what it found is told when its trial ends, and not before.

    Args:
        make_sampler: makes a sampler of the seed, such as lambda seed: TPESampler(seed=seed).
        trials, clock: where the run ends; one of them is enough. What has not ended by `clock` does not count.
        spread: a trial's length is log-normal with mean 1, and this standard deviation of its logarithm.

    Raises:
        BadInput: no worker, no trial (ended), no end, a negative spread, what makes no sampler, a value that is nan.
    """
    if workers < 1 or (trials is not None and trials < 1) or not clock > 0:
        raise BadInput("A simulation needs at least one worker, one trial and a clock that may run.")
    if trials is None and clock == math.inf:
        raise BadInput("Say where the simulation ends: give trials=, clock= or both.")
    if not 0 <= spread < math.inf:
        raise BadInput(f"The spread of a trial's length is {spread!r}: choose 0, for equal lengths, or more.")
    sampler = sampler_of(make_sampler, seed)
    study, lengths = optuna.create_study(direction=problem.direction, sampler=sampler), np.random.default_rng(seed)
    now, asked = 0.0, 0
    running: list[tuple[float, int, float, optuna.Trial, float]] = []
    ended: list[tuple[float, float, float]] = []
    while True:
        while len(running) < workers and asked < (trials or math.inf) and now < clock:
            trial, length = study.ask(), lengths.lognormal(-(spread**2) / 2, spread)
            heapq.heappush(running, (now + length, asked, now, trial, problem(trial)))
            asked += 1
        if not running or running[0][0] > clock:
            break
        now = running[0][0]
        while running and running[0][0] == now:  # all that end at one moment are told before anyone asks again
            _, _, begin, trial, value = heapq.heappop(running)
            if math.isnan(value):
                raise BadInput(f"{problem.name} returned nan: a simulation needs a number from every trial.")
            study.tell(trial, value)
            ended.append((begin, now, value))
    if not ended:
        raise BadInput(f"No trial ended by {clock}: give the clock more time, a trial takes 1 on average.")
    begins, ends, values = np.array(ended).T
    return Run(workers, begins, ends, values, regret_of(problem, values))
