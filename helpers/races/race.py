"""Races between samplers, and between pruners, over many seeds."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler
from optuna.trial import TrialState
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from helpers.errors import BadInput, one_of
from helpers.problems.functions import Direction, Problem
from helpers.problems.table import Benchmark
from helpers.races.replay import follow

RACES = Path(__file__).parent / "recorded" / "races.npz"
Entrants = Mapping[str, Callable[[int], BaseSampler]]
Plans = Mapping[str, Callable[[int], tuple[BaseSampler, BasePruner]]]


@dataclass(frozen=True)
class Race:
    """What a race measured.

    Attributes:
        regret: (entrants, seeds, trials), in a race of pruners (entrants, seeds, epochs); how far the incumbent stands
            from the known optimum after each of them, at least 0. Run n of every entrant has the same seed, so runs
            may be compared in pairs.
        seconds: (entrants, trials); what each trial took, median over the seeds: the suggestion, and microseconds for
            its value.
    """

    problem: str
    names: tuple[str, ...]
    regret: np.ndarray
    seconds: np.ndarray

    def final(self, name: str) -> np.ndarray:
        """The regret at the end of each run of one entrant, or BadInput."""
        one_of("entrant", name, self.names)
        return self.regret[self.names.index(name), :, -1]

    def only(self, *names: str) -> Race:
        """The same race with these entrants alone, or BadInput."""
        for name in names:
            one_of("entrant", name, self.names)
        places = [self.names.index(name) for name in names]
        return Race(self.problem, names, self.regret[places], self.seconds[places])

    def summary(self) -> pd.DataFrame:
        """Median and quartiles of the final regret, entrant by entrant."""
        columns = {"median": 0.5, "lower quartile": 0.25, "upper quartile": 0.75}
        final = {name: np.quantile(self.regret[:, :, -1], share, axis=1) for name, share in columns.items()}
        return pd.DataFrame(final, index=pd.Index(self.names, name="sampler"))


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
    check_seeds(seeds)
    if trials < 1 or workers < 1 or not entrants:
        raise BadInput("A race needs at least one entrant, one trial and one worker.")
    regret, seconds = np.empty((2, len(entrants), len(seeds), trials))
    runs = [(e, s) for e in range(len(entrants)) for s in range(len(seeds))]
    with threadpool_limits(1):  # threads that wait by spinning make a GP several times as slow on busy cores
        for e, s in tqdm(runs, desc=f"race on {problem.name}", leave=False, disable=quiet):
            name, make = list(entrants.items())[e]
            regret[e, s], seconds[e, s] = _run(problem, name, make, seeds[s], trials, workers)
    return Race(problem.name, tuple(entrants), regret, np.median(seconds, axis=1))


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
    check_seeds(seeds)
    whole = table.recording.epochs
    if epochs < whole or not plans:
        raise BadInput(f"A race of pruners needs at least one plan and {whole} epochs, one whole training.")
    worst = table.optimum - table.frame()["validation_accuracy"].min()
    regret, seconds = np.full((2, len(plans), len(seeds), epochs), worst)
    runs = [(p, s) for p in range(len(plans)) for s in range(len(seeds))]
    for p, s in tqdm(runs, desc="race of pruners", leave=False, disable=quiet):
        begin = time.perf_counter()
        name, plan = list(plans.items())[p]
        for spent, value in _run_pruner(table, name, plan, seeds[s], epochs):
            regret[p, s, spent - 1 :] = table.optimum - value
        seconds[p, s] = (time.perf_counter() - begin) / epochs
    return Race(f"{table.name}, by epochs", tuple(plans), regret, np.median(seconds, axis=1))


def made_of(make: Callable[[int], object], seed: int) -> object:
    """What a function makes of a seed; None for a class, which would take the seed for something else, and the like."""
    return make(seed) if callable(make) and not isinstance(make, type) else None


def sampler_of(make: Callable[[int], object], seed: int, name: str = "The function") -> BaseSampler:
    """The sampler that a function makes of a seed, or BadInput."""
    sampler = made_of(make, seed)
    if isinstance(sampler, BaseSampler):
        return sampler
    raise BadInput(
        f"{name} makes no sampler: give a function of a seed that returns a new one, such as "
        "lambda seed: TPESampler(seed=seed)."
    )


def check_seeds(seeds: Sequence[int]) -> None:
    """Raises BadInput for fewer than two seeds, or for one that comes twice."""
    if len(set(seeds)) < 2 or len(set(seeds)) < len(seeds):
        raise BadInput("A race needs at least two seeds, all different: one run cannot tell skill from luck.")


@cache
def load_races(path: Path = RACES) -> dict[str, Race]:
    """The recorded races by name (`make benchmark` records them), or BadInput where the file is missing or damaged."""
    try:
        with np.load(path) as stored:
            return {
                str(name): Race(
                    str(name), tuple(map(str, stored[f"{n} entrants"])), stored[f"{n} regret"].astype(float),
                    stored[f"{n} seconds"],
                )
                for n, name in enumerate(stored["races"])
            }  # fmt: skip
    except Exception:  # zipfile, zlib and NumPy stumble over damaged bytes in many ways
        raise BadInput(
            f"The recorded races {path} are missing or damaged: get the file from the course's repository again, or "
            "record it with `make benchmark`."
        ) from None


def regret_of(problem: Problem, values: np.ndarray) -> np.ndarray:
    """The problem's own regret after each trial, or the distance of the best value so far from the optimum."""
    if hasattr(problem, "regret"):
        return problem.regret(values)
    sign = 1 if problem.direction == "minimize" else -1
    return np.minimum.accumulate(sign * values) - sign * problem.optimum


def _run(problem: Problem, name: str, make: Callable, seed: int, trials: int, workers: int) -> np.ndarray:
    """One run, (2, trials): regret after each trial, seconds of each trial."""
    sampler = sampler_of(make, seed, name)
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
    return np.stack([regret_of(problem, np.array(values)), seconds])


def _from_a_sampler(error: Exception) -> bool:
    """True when one of Optuna's samplers raised it: not the objective, nor Optuna at what the objective asks."""
    samplers = Path(optuna.samplers.__file__).parent
    return any(samplers in Path(frame.filename).parents for frame in traceback.extract_tb(error.__traceback__))


def _check_space(study: optuna.Study, name: str) -> None:
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


def _run_pruner(table: Benchmark, name: str, plan: Callable, seed: int, epochs: int) -> Iterable[tuple[int, float]]:
    """One search; yields (epochs spent, final accuracy) whenever a completed trial is better than all before it."""
    made = made_of(plan, seed)
    if not (isinstance(made, tuple) and list(map(isinstance, made, (BaseSampler, BasePruner))) == [True, True]):
        raise BadInput(f"{name} makes no sampler and pruner: give lambda seed: (TPESampler(seed=seed), NopPruner()).")
    study = optuna.create_study(
        direction=table.direction, sampler=made[0], pruner=made[1], study_name=f"run {seed}"
    )  # fmt: skip
    spent, best = 0, -math.inf
    while spent < epochs:
        trial = study.ask()
        curve = table.curve(table.nearest(table.suggest(trial))).tolist()
        for _ in follow(study, trial, enumerate(curve, start=1)):
            spent += 1
            if spent > epochs:
                return
        if study.get_trials(deepcopy=False)[-1].state == TrialState.COMPLETE and curve[-1] > best:
            best = curve[-1]
            yield spent, best
