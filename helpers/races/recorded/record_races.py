"""Records the races that take too long for a lesson: the second half of `make benchmark`."""

from __future__ import annotations

import os
import platform
import shutil
import time
import warnings
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import optuna
import torch
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PatientPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
    ThresholdPruner,
)
from optuna.samplers import CmaEsSampler, GPSampler, NSGAIISampler, QMCSampler, RandomSampler, TPESampler

from helpers.problems.functions import Problem, find_function
from helpers.problems.recorded.record_tables import run_missing, write
from helpers.problems.table import EPOCHS, load_benchmark
from helpers.problems.two_objectives import AccuracyAndSize, hypervolume
from helpers.races.race import RACES, Entrants, Race, load_races, race, race_pruners

SEEDS = range(30)
FAST: Entrants = {
    "Random": lambda seed: RandomSampler(seed=seed),
    "QMC": lambda seed: QMCSampler(scramble=True, seed=seed),
    "TPE": lambda seed: TPESampler(seed=seed),
    "CMA-ES": lambda seed: CmaEsSampler(seed=seed),
}
ALL: Entrants = {**FAST, "GP": lambda seed: GPSampler(seed=seed)}
SEVERAL: Entrants = {
    "Random": FAST["Random"],
    "TPE": FAST["TPE"],
    "NSGA-II": lambda seed: NSGAIISampler(seed=seed),
}
PLAN: dict[str, tuple[str, Entrants, int, int]] = {  # problem, entrants, trials, workers
    "digits": ("digits", ALL, 60, 1),
    "branin": ("branin", ALL, 60, 1),
    "hartmann6": ("hartmann6", ALL, 60, 1),
    "rosenbrock5": ("rosenbrock5", ALL, 60, 1),
    "hartmann6 long": ("hartmann6", FAST, 1000, 1),
    "rosenbrock5 long": ("rosenbrock5", FAST, 1000, 1),
    "digits, 8 workers": ("digits", FAST, 96, 8),
    "two objectives": ("accuracy and size", SEVERAL, 500, 1),
}
PRUNERS: dict[str, Callable[[], BasePruner]] = {
    "no pruner": NopPruner,
    "median": MedianPruner,
    "percentile 25": lambda: PercentilePruner(25.0),
    "halving": lambda: SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    "Hyperband": lambda: HyperbandPruner(min_resource=1, max_resource=EPOCHS, reduction_factor=3),
    "threshold 0.5": lambda: ThresholdPruner(lower=0.5, n_warmup_steps=5),
    "median, warm-up 5": lambda: MedianPruner(n_warmup_steps=5),
    "median, patience 3": lambda: PatientPruner(MedianPruner(), patience=3),
}
PRUNED: dict[str, str] = {"pruners, Random": "Random", "pruners, TPE": "TPE"}  # race, sampler
BUDGET = 60 * EPOCHS
ENTRANTS: dict[str, tuple[str, ...]] = {
    **{name: tuple(plan[1]) for name, plan in PLAN.items()},
    **{name: tuple(PRUNERS) for name in PRUNED},
}


class TwoObjectives(AccuracyAndSize):
    """A problem whose regret is the share of the hypervolume that is still missing."""

    name, directions = "accuracy and size", ("maximize", "minimize")

    def regret(self, values: np.ndarray) -> np.ndarray:
        """The missing share after each trial; values (trials, 2) to (trials,)."""
        return np.array([1 - hypervolume(values[: n + 1]) / self.optimum for n in range(len(values))])


def find_problem(name: str) -> Problem | TwoObjectives:
    """The problem of that name, benchmark or test function."""
    if name == "digits":
        return load_benchmark()
    return TwoObjectives(load_benchmark()) if name == "accuracy and size" else find_function(name)


def run(name: str, entrant: str, seeds: range = SEEDS) -> Race:
    """One entrant of one recorded race."""
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name in PRUNED:
            plan = {entrant: lambda seed: (FAST[PRUNED[name]](seed), PRUNERS[entrant]())}
            return race_pruners(load_benchmark(), plan, epochs=BUDGET, seeds=seeds, quiet=True)
        problem, entrants, trials, workers = PLAN[name]
        return race(
            find_problem(problem),  # type: ignore[arg-type]  # several objectives are raced, too
            {entrant: entrants[entrant]},
            trials=trials,
            seeds=seeds,
            workers=workers,
            quiet=True,
        )


def run_to(path: Path, name: str, entrant: str) -> None:
    """One entrant of one race, stored in one step."""
    done = run(name, entrant)
    write(path, {"regret": done.regret[0].astype(np.float32), "seconds": done.seconds[0].astype(np.float32)})


def card(minutes: float) -> str:
    """The data card."""
    rows = "\n".join(
        f"| {name} | {problem} | {', '.join(entrants)} | {trials} | {workers} |"
        for name, (problem, entrants, trials, workers) in PLAN.items()
    )
    return f"""# Data card: the recorded races

Samplers of Optuna with their defaults (QMC with `scramble=True`), {len(SEEDS)} runs each, seeds {SEEDS[0]} to
{SEEDS[-1]}. "accuracy and size" are two objectives on the recorded benchmark. The races
"{'" and "'.join(PRUNED)}" replay the benchmark's curves, mean over its seeds:
{BUDGET} epochs a run, and their last axis counts epochs. Their entrants:
{", ".join(PRUNERS)}.

| race | problem | samplers | trials | workers |
|---|---|---|---|---|
{rows}

**File.** races.npz, {RACES.stat().st_size / 1e6:.1f} MB. For race n of `races`: `n entrants`, the names; `n regret`,
(entrants, runs, trials or epochs), the regret of the best so far; `n seconds`, (entrants, trials or epochs), what one
took in the median run, which depends on the machine and on what else it did.

**How made.** `make benchmark`, on {date.today():%d %B %Y}, in {minutes:.0f} minutes on {os.cpu_count()} cores, after
the recorded benchmark (digits.md). Python {platform.python_version()}, optuna {version("optuna")},
cmaes {version("cmaes")}, torch {version("torch")}. `tests/races/test_race.py` repeats some runs.

**Licence.** MIT, as the course.
"""


def main() -> None:
    """Runs what is missing, one process a core, and writes all races in one step."""
    folder, begin = RACES.parent / "parts", time.perf_counter()
    work = [(name, entrant) for name, entrants in ENTRANTS.items() for entrant in entrants]
    work.sort(key=lambda pair: pair[1] != "GP")  # the slowest first, so that no core waits at the end
    files = {pair: folder / f"{', '.join(pair)}.npz" for pair in work}
    run_missing(run_to, [(files[pair], *pair) for pair in work], unit="run", desc="racing")
    arrays = {"races": np.array(list(ENTRANTS))}
    for n, (name, entrants) in enumerate(ENTRANTS.items()):
        arrays[f"{n} entrants"] = np.array(list(entrants))
        for what in ("regret", "seconds"):
            arrays[f"{n} {what}"] = np.stack([np.load(files[name, entrant])[what] for entrant in entrants])
    write(RACES, arrays)
    RACES.with_suffix(".md").write_text(card((time.perf_counter() - begin) / 60), encoding="utf-8")
    load_races.cache_clear()
    shutil.rmtree(folder)
    print(f"{RACES} is written: {', '.join(load_races())}.")


if __name__ == "__main__":
    main()
