"""Races over many seeds: between samplers, between pruners, between whole plans. One loop runs them all."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna import Study
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler
from optuna.trial import TrialState
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from helpers.errors import BadInput, one_of
from helpers.problems.capstone import Capstone, Plan
from helpers.problems.functions import Direction, Problem
from helpers.problems.table import Benchmark, open_recorded
from helpers.races.replay import follow

RACES, FASHION_RACES = (Path(__file__).parent / "recorded" / file for file in ("races.npz", "fashion_races.npz"))
Entrants = Mapping[str, Callable[[int], BaseSampler]]
Plans = Mapping[str, Callable[[int], tuple[BaseSampler, BasePruner]]]
Run = tuple[np.ndarray, np.ndarray]  # regret after each unit of the budget, and the seconds of each; both (budget,)


@dataclass(frozen=True)
class Race:
    """What a race measured.

    Attributes:
        regret: (entrants, seeds, trials), in a race of pruners (entrants, seeds, epochs); how far the incumbent stands
            from the known optimum after each of them, at least 0. Run n of every entrant has the same seed, so runs
            may be compared in pairs.
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
    """Runs every entrant once with each seed.

    Args:
        entrants: makes a sampler of a seed, such as {"TPE": lambda seed: TPESampler(seed=seed)}.
        workers: so many trials are asked for before the first of them is told, as a parallel search does.
        quiet: no progress bar.

    Raises:
        BadInput: fewer than two seeds or one trial, no entrant, something that makes no sampler, a problem that
            returns nan, or a sampler that cannot search the problem's space.
    """
    if trials < 1 or workers < 1 or not entrants:
        raise BadInput("A race needs at least one entrant, one trial and one worker.")

    def run(name: str, seed: int) -> Run:
        return _search(problem, name, sampler_of(entrants[name], seed, name), trials, workers)

    return _every_run(f"race on {problem.name}", problem.name, entrants, seeds, run, quiet)


def race_pruners(table: Benchmark, plans: Plans, *, epochs: int, seeds: Sequence[int], quiet: bool = False) -> Race:
    """Searches with the same number of *epochs*, however many trials a pruner makes of them.

    Args:
        plans: makes a sampler and a pruner of a seed.
        epochs: the budget of one run. A trial that is unfinished when it ends does not count.

    Returns:
        A race whose last axis counts epochs; the regret before the first completed trial is the worst recorded one.

    Raises:
        BadInput: fewer than two seeds, a budget below one whole training, no plan, or one that makes something else.
    """
    whole = table.recording.epochs
    if epochs < whole or not plans:
        raise BadInput(f"A race of pruners needs at least one plan and {whole} epochs, one whole training.")

    def run(name: str, seed: int) -> Run:
        made: Any = _made_of(plans[name], seed)
        if not (isinstance(made, tuple) and list(map(isinstance, made, (BaseSampler, BasePruner))) == [True, True]):
            sample = "lambda seed: (TPESampler(seed=seed), NopPruner())"
            raise BadInput(f"{name} makes no sampler and pruner: give {sample}.")
        return _pruned_search(table, made[0], made[1], f"run {seed}", epochs)

    return _every_run("race of pruners", f"{table.name}, by epochs", plans, seeds, run, quiet)


def climb(problem: Capstone, plans: Mapping[str, Plan], seeds: Sequence[int], *, quiet: bool = False) -> Race:
    """Carries out every plan (a study and the configuration it chose, of a seed) once with each seed, and scores it.

    Returns:
        A race with one regret a run: how far its score stands below the best recorded one.

    Raises:
        BadInput: fewer than two seeds; a Refused when a plan breaks the rules.
    """

    def run(name: str, seed: int) -> Run:
        return np.array([problem.best - problem.examine(*plans[name](seed)).mean]), np.zeros(1)

    return _every_run("ladder", problem.table.name, plans, seeds, run, quiet)


def _every_run(
    bar: str, problem: str, entrants: Mapping, seeds: Sequence[int], run: Callable[[str, int], Run], quiet: bool
) -> Race:
    """The one loop: every entrant once with each seed."""
    if len(set(seeds)) < 2 or len(set(seeds)) < len(seeds):
        raise BadInput("A race needs at least two seeds, all different: one run cannot tell skill from luck.")
    pairs = [(name, seed) for name in entrants for seed in seeds]
    with threadpool_limits(1):  # threads that wait by spinning make a GP several times as slow on busy cores
        runs = [run(*pair) for pair in tqdm(pairs, desc=bar, leave=False, disable=quiet)]
    found: np.ndarray = np.array(runs)  # (entrants * seeds, 2, budget)
    regret, seconds = found.reshape(len(entrants), len(seeds), 2, -1).transpose(2, 0, 1, 3)
    return Race(problem, tuple(entrants), regret, np.median(seconds, axis=1))


def sampler_of(make: Callable[[int], object], seed: int, name: str = "The function") -> BaseSampler:
    """The sampler that a function makes of a seed, or BadInput."""
    sampler = _made_of(make, seed)
    if isinstance(sampler, BaseSampler):
        return sampler
    sample = "lambda seed: TPESampler(seed=seed)"
    raise BadInput(f"{name} makes no sampler: give a function of a seed that returns a new one, such as {sample}.")


def _made_of(make: Callable[[int], object], seed: int) -> object:
    """What a function makes of a seed; None for a class, which would take the seed for something else, and the like."""
    return make(seed) if callable(make) and not isinstance(make, type) else None


@cache
def load_races(path: Path = RACES) -> dict[str, Race]:
    """The recorded races by name, or BadInput where the file is missing or damaged."""
    with open_recorded(path, "races") as stored:
        return {
            str(name): Race(
                problem=str(name),
                names=tuple(map(str, stored[f"{n} entrants"])),
                regret=stored[f"{n} regret"].astype(float),
                seconds=stored[f"{n} seconds"],
            )
            for n, name in enumerate(stored["races"])
        }


def regret_of(problem: Problem, values: np.ndarray) -> np.ndarray:
    """The problem's own regret after each trial, or the distance of the best value so far from the optimum."""
    if hasattr(problem, "regret"):
        return problem.regret(values)
    sign = 1 if problem.direction == "minimize" else -1
    return np.minimum.accumulate(sign * values) - sign * problem.optimum


def _search(problem: Problem, name: str, sampler: BaseSampler, trials: int, workers: int) -> Run:
    """One run of a race of samplers, whose budget are trials."""
    directions: tuple[Direction, ...] = getattr(problem, "directions", None) or (problem.direction,)
    study = optuna.create_study(directions=directions, sampler=sampler)
    values: list[float] = []
    seconds: list[float] = []
    while len(values) < trials:
        begin = time.perf_counter()
        try:
            batch = [study.ask() for _ in range(min(workers, trials - len(values)))]
            returned = [problem(trial) for trial in batch]
            for trial, value in zip(batch, returned, strict=True):
                with suppress(RuntimeError):  # a grid that is used up asks to be stopped, which only optimize() can
                    study.tell(trial, value)
        except ValueError as error:
            if not _from_a_sampler(error):
                raise
            raise BadInput(f"{name} cannot search the space of {problem.name}: {error}") from error
        seconds += [(time.perf_counter() - begin) / len(batch)] * len(batch)
        values += returned
    if np.isnan(values).any():
        raise BadInput(f"{problem.name} returned nan: a race needs a number from every trial.")
    _check_space(study, name)
    return regret_of(problem, np.array(values)), np.array(seconds)


def _pruned_search(table: Benchmark, sampler: BaseSampler, pruner: BasePruner, name: str, epochs: int) -> Run:
    """One run of a race of pruners, whose budget are epochs; `name`, the study's, decides Hyperband's brackets."""
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


def _from_a_sampler(error: Exception) -> bool:
    """True when one of Optuna's samplers raised it: not the objective, nor Optuna at what the objective asks."""
    samplers = Path(optuna.samplers.__file__).parent
    return any(samplers in Path(frame.filename).parents for frame in traceback.extract_tb(error.__traceback__))


def _check_space(study: Study, name: str) -> None:
    """GP and CMA-ES draw at random what they have no model of, and say so in the log only: a race says it aloud."""
    if not isinstance(study.sampler, CmaEsSampler | GPSampler):
        return
    trials = study.get_trials(deepcopy=False)
    searched = {key for trial in trials for key, drawn in trial.distributions.items() if not drawn.single()}
    modelled = set(study.sampler.infer_relative_search_space(study, trials[-1]))
    if isinstance(study.sampler, CmaEsSampler) and len(modelled) < 2:  # it needs two dimensions
        modelled = set()
    if left_out := ", ".join(sorted(searched - modelled)):
        raise BadInput(f"{name} has no model of {left_out} and draws it at random: choose another sampler.")
