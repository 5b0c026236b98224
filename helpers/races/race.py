"""Races over many seeds, between samplers and between pruners. One loop runs them all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.trial import TrialState
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from helpers.errors import BadInput, one_of
from helpers.problems.functions import Problem
from helpers.problems.table import Benchmark, open_recorded
from helpers.races.replay import follow

RACES, FASHION_RACES = (Path(__file__).parent / "recorded" / file for file in ("races.npz", "fashion_races.npz"))
Entrants = Mapping[str, Callable[[int], BaseSampler]]
Plans = Mapping[str, Callable[[int], tuple[BaseSampler, BasePruner]]]
Run = tuple[np.ndarray, np.ndarray]  # regret after each unit of the budget, and the seconds of each; both (budget,)


@dataclass(frozen=True)
class Race:
    """What a race measured: `regret`, (entrants, seeds, trials) or, of pruners, (entrants, seeds, epochs), how far the
    incumbent stands from the known optimum after each of them, at least 0; and `seconds`, (entrants, trials or epochs),
    what each took, median over the seeds. Run n of every entrant has the same seed."""

    problem: str
    names: tuple[str, ...]
    regret: np.ndarray
    seconds: np.ndarray

    def only(self, *names: str) -> Race:
        """The same race with these entrants alone, or BadInput."""
        for name in names:
            one_of("entrant", name, self.names)
        places = [self.names.index(name) for name in names]
        return Race(self.problem, names, self.regret[places], self.seconds[places])

    def final(self, name: str) -> np.ndarray:
        """The regret at the end of each run of one entrant, (seeds,), or BadInput."""
        return self.only(name).regret[0, :, -1]


def race(
    problem: Problem, entrants: Entrants, *, trials: int, seeds: Sequence[int], workers: int = 1, quiet: bool = False
) -> Race:
    """Runs every entrant once with each seed; `workers` ask for a trial each before the first of them is told.

    BadInput: no entrant, fewer than two seeds, what makes no sampler, a problem that returns nan.
    """

    def run(name: str, seed: int) -> Run:
        make = entrants[name]  # a class would take the seed for something else
        sampler = make(seed) if callable(make) and not isinstance(make, type) else None
        if isinstance(sampler, BaseSampler):
            return _search(problem, sampler, trials, workers)
        raise BadInput(f"{name!r} makes no sampler: give a function such as lambda seed: TPESampler(seed=seed).")

    return _every_run(problem.name, entrants, seeds, run, quiet)


def race_pruners(table: Benchmark, plans: Plans, *, epochs: int, seeds: Sequence[int], quiet: bool = False) -> Race:
    """Searches with the same number of *epochs*, however many trials a pruner makes of them.

    Each plan makes a sampler and a pruner of a seed. A trial that is unfinished at the end does not count; the regret
    before the first completed one is the worst there is. BadInput: no plan, fewer than two seeds.
    """

    def run(name: str, seed: int) -> Run:
        return _pruned_search(table, *plans[name](seed), f"run {seed}", epochs)

    return _every_run(f"{table.name}, by epochs", plans, seeds, run, quiet)


def _every_run(
    problem: str, entrants: Mapping, seeds: Sequence[int], run: Callable[[str, int], Run], quiet: bool
) -> Race:
    """The one loop: every entrant once with each seed."""
    if not entrants or len(set(seeds)) < max(2, len(seeds)):
        raise BadInput("A race needs an entrant and at least two seeds, all different: one run may be luck.")
    pairs = [(name, seed) for name in entrants for seed in seeds]
    with threadpool_limits(1):  # threads that wait by spinning make a GP several times as slow on busy cores
        runs = [run(*pair) for pair in tqdm(pairs, desc=f"race on {problem}", leave=False, disable=quiet)]
    found: np.ndarray = np.array(runs).reshape(len(entrants), len(seeds), 2, -1)
    return Race(problem, tuple(entrants), found[:, :, 0], np.median(found[:, :, 1], axis=1))


def _search(problem: Problem, sampler: BaseSampler, trials: int, workers: int) -> Run:
    """One run of a race of samplers."""
    directions = getattr(problem, "directions", None) or (problem.direction,)
    study = optuna.create_study(directions=directions, sampler=sampler)
    values: list[Any] = []
    seconds: list[float] = []
    while len(values) < trials:
        begin, at_once = time.perf_counter(), min(workers, trials - len(values))
        asked = [study.ask() for _ in range(at_once)]
        found = [problem(trial) for trial in asked]
        for trial, value in zip(asked, found, strict=True):
            with suppress(RuntimeError):  # a grid that is used up asks to be stopped, which only optimize() can
                study.tell(trial, value)
        values += found
        seconds += [(time.perf_counter() - begin) / at_once] * at_once
    return regret_of(problem, np.array(values)), np.array(seconds)


def regret_of(problem: Any, values: np.ndarray) -> np.ndarray:
    """The problem's own regret after each trial, or the distance of the best value so far from the optimum."""
    if np.isnan(values).any():
        raise BadInput(f"{problem.name} returned nan: give a number for every trial.")
    if hasattr(problem, "regret"):
        return problem.regret(values)
    sign = 1 if problem.direction == "minimize" else -1
    return np.minimum.accumulate(sign * values) - sign * problem.optimum


def _pruned_search(table: Benchmark, sampler: BaseSampler, pruner: BasePruner, name: str, epochs: int) -> Run:
    """One run of a race of pruners; `name`, the study's, decides Hyperband's brackets."""
    begin, trained = time.perf_counter(), 0
    study = optuna.create_study(direction=table.direction, sampler=sampler, pruner=pruner, study_name=name)
    regret = np.full(epochs, table.optimum - table.worst)
    while trained < epochs:
        trial = study.ask()
        curve = table.curve(table.nearest(table.suggest(trial)))
        reports, state = follow(study, trial, enumerate(curve.tolist(), start=1))
        trained += reports
        if state == TrialState.COMPLETE:  # after the budget's end the slice is empty
            regret[trained - 1 :] = np.minimum(regret[trained - 1 :], table.optimum - curve[-1])
    return regret, np.full(epochs, (time.perf_counter() - begin) / epochs)


@cache
def load_races(path: Path = RACES) -> dict[str, Race]:
    """The recorded races by name, or BadInput where the file is missing or damaged."""
    races = {}
    with open_recorded(path, "races") as stored:
        for n, name in enumerate(map(str, stored["races"])):
            names, regret = tuple(map(str, stored[f"{n} entrants"])), stored[f"{n} regret"].astype(float)
            races[name] = Race(name, names, regret, stored[f"{n} seconds"])
    return races
