"""Races over many seeds, between samplers and between pruners. One loop runs them all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.trial import TrialState
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from helpers.errors import BadInput, one_of
from helpers.problems.functions import Problem
from helpers.problems.table import Benchmark, open_recorded
from helpers.races.replay import follow
from helpers.races.simulate import simulate

RACES, FASHION_RACES = (Path(__file__).parent / "recorded" / file for file in ("races.npz", "fashion_races.npz"))
Entrants = Mapping[str, Callable[[int], BaseSampler]]
Plans = Mapping[str, Callable[[int], tuple[BaseSampler, BasePruner]]]
Run = tuple[np.ndarray, np.ndarray]  # regret after each unit of the budget, and the seconds of each; both (budget,)


@dataclass(frozen=True)
class Race:
    """What a race measured.

    Attributes:
        regret: (entrants, seeds, trials), in a race of pruners (entrants, seeds, epochs); how far the incumbent stands
            from the known optimum after each of them, at least 0. Run n of every entrant has the same seed.
        seconds: (entrants, trials or epochs); what each took, median over the seeds.
    """

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

    def summary(self) -> pd.DataFrame:
        """Median and quartiles of the final regret, entrant by entrant."""
        columns = ["median", "lower quartile", "upper quartile"]
        quartiles = np.quantile(self.regret[:, :, -1], (0.5, 0.25, 0.75), axis=1)  # (3, entrants)
        return pd.DataFrame(quartiles.T, pd.Index(self.names, name="sampler"), columns)


def race(
    problem: Problem, entrants: Entrants, *, trials: int, seeds: Sequence[int], workers: int = 1, quiet: bool = False
) -> Race:
    """Runs every entrant once with each seed; `workers` ask for a trial each before the first of them is told.

    BadInput: no entrant, fewer than two seeds, or what `simulate` refuses. A note on any error names the run.
    """

    def run(name: str, seed: int) -> Run:
        done = simulate(problem, entrants[name], workers=workers, seed=seed, trials=trials, spread=0)
        return done["regret"].to_numpy(), done["seconds"].to_numpy()

    return _every_run(problem.name, entrants, seeds, run, quiet)


def race_pruners(table: Benchmark, plans: Plans, *, epochs: int, seeds: Sequence[int], quiet: bool = False) -> Race:
    """Searches with the same number of *epochs*, however many trials a pruner makes of them.

    Each plan makes a sampler and a pruner of a seed. A trial that is unfinished at the end does not count; the regret
    before the first completed one is the worst there is. BadInput: no plan, fewer than two seeds, a budget below one
    whole training.
    """
    if epochs < table.recording.epochs:
        raise BadInput(f"A race of pruners needs at least {table.recording.epochs} epochs, one whole training.")

    def run(name: str, seed: int) -> Run:
        match plans[name](seed):
            case BaseSampler() as sampler, BasePruner() as pruner:
                return _pruned_search(table, sampler, pruner, f"run {seed}", epochs)
        raise BadInput(f"{name} makes no sampler and pruner: give lambda seed: (TPESampler(seed=seed), NopPruner()).")

    return _every_run(f"{table.name}, by epochs", plans, seeds, run, quiet)


def _every_run(
    problem: str, entrants: Mapping, seeds: Sequence[int], run: Callable[[str, int], Run], quiet: bool
) -> Race:
    """The one loop: every entrant once with each seed."""
    if not entrants or len(set(seeds)) < max(2, len(seeds)):
        raise BadInput("A race needs an entrant and at least two seeds, all different: one run may be luck.")
    pairs, runs = [(name, seed) for name in entrants for seed in seeds], []
    with threadpool_limits(1):  # threads that wait by spinning make a GP several times as slow on busy cores
        for name, seed in tqdm(pairs, desc=f"race on {problem}", leave=False, disable=quiet):
            try:
                runs.append(run(name, seed))
            except Exception as error:
                error.add_note(f"This is from the run of {name!r} with seed {seed}, in the race on {problem}.")
                raise
    found: np.ndarray = np.array(runs).reshape(len(entrants), len(seeds), 2, -1)
    return Race(problem, tuple(entrants), found[:, :, 0], np.median(found[:, :, 1], axis=1))


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
