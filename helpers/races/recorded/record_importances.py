"""Records importances of many studies, for notebook 09: all problems or those named (`make benchmark`: minutes)."""

from __future__ import annotations

import multiprocessing
import os
import sys
from bisect import bisect
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from math import prod

import numpy as np
import optuna
import pandas as pd
from optuna.importance import get_param_importances
from optuna.samplers import RandomSampler, TPESampler
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from helpers.problems.recorded.record_tables import write
from helpers.problems.table import DIGITS, FASHION, Recording, load_benchmark, open_recorded
from helpers.races.importance import (
    BUDGETS,
    FILE,
    PROBLEMS,
    SAMPLERS,
    SEEDS,
)

EVALUATORS: dict[str, Callable[[int], optuna.importance.BaseImportanceEvaluator]] = {
    "PED-ANOVA": lambda seed: optuna.importance.PedAnovaImportanceEvaluator(),
    "fANOVA": lambda seed: optuna.importance.FanovaImportanceEvaluator(seed=seed),
    "mean decrease impurity": lambda seed: optuna.importance.MeanDecreaseImpurityImportanceEvaluator(seed=seed),
}
WEIGHTS = {"a": 1.0, "b": 0.7, "c": 0.4, "dummy": 0.0}
LEVELS, BEST_SHARE = 30, 0.1


def bowl(trial: optuna.Trial) -> float:
    """A sum of squares on [0, 1], heavier for a than for b than for c; `dummy` changes nothing. To be minimised."""
    return sum(weight * trial.suggest_float(name, 0, 1) ** 2 for name, weight in WEIGHTS.items())


def bowl_table() -> pd.DataFrame:
    """Every combination of 30 levels of a, b and c, and 2 of the dummy; all weigh the same."""
    levels = (np.arange(LEVELS) + 0.5) / LEVELS
    rows = pd.DataFrame(product(levels, levels, levels, (0.25, 0.75)), columns=list(WEIGHTS))
    return rows.assign(loss=rows.to_numpy() ** 2 @ list(WEIGHTS.values()), weight=1.0)


def recorded_table(recording: Recording, metric: str = "validation_accuracy") -> pd.DataFrame:
    """A recorded benchmark, by the hyperparameters that all its configurations have; `weight` is the probability that
    a random draw from the search space lands there."""
    masses = {name: dict(zip(recording.space[name], _masses(recording, name), strict=True)) for name in recording.space}
    weights = [prod(masses[name][level] for name, level in each.items()) for each in recording.configurations]
    rows = load_benchmark(recording.name).frame()
    names = [name for name in recording.space if name not in recording.opened_by]
    return rows[names].assign(loss=-rows[metric], weight=weights)


TABLES: dict[str, Callable[[], pd.DataFrame]] = {
    "bowl": bowl_table,
    "digits": lambda: recorded_table(DIGITS),
    "clothes": lambda: recorded_table(FASHION),
}


def truth_of(rows: pd.DataFrame) -> pd.DataFrame:
    """(hyperparameters, 2), each column summing to 1, from all values of a problem.

    "variance": the share of the variance that one explains alone (fANOVA: Hutter et al., ICML 2014). "best tenth": how
    much its distribution there differs, in Pearson's divergence (PED-ANOVA: Watanabe et al., IJCAI 2023).
    """
    weight, loss = rows["weight"] / rows["weight"].sum(), rows["loss"]
    reached = weight.iloc[np.argsort(loss, kind="stable")].cumsum().sort_index()
    best = weight.where(reached <= BEST_SHARE, 0.0) / BEST_SHARE
    parts = pd.DataFrame({"mass": weight, "loss": weight * loss, "best": best})
    found = {}
    for name in rows.columns.drop(["loss", "weight"]):
        level = parts.groupby(rows[name]).sum()  # (levels, 3)
        variance = level["mass"] * (level["loss"] / level["mass"] - parts["loss"].sum()) ** 2
        divergence = level["mass"] * (level["best"] / level["mass"] - 1) ** 2
        found[name] = {"variance": variance.sum(), "best tenth": divergence.sum()}
    truth = pd.DataFrame(found).T
    return truth / truth.sum()


def search(problem: str, sampler: str, trials: int, seed: int) -> optuna.Study:
    """A finished study on one of the problems, with one of the samplers."""
    made = RandomSampler(seed=seed) if sampler == "random" else TPESampler(seed=seed)
    study = optuna.create_study(direction="minimize" if problem == "bowl" else "maximize", sampler=made)
    objective = bowl if problem == "bowl" else load_benchmark("digits" if problem == "digits" else "fashion")
    study.optimize(objective, n_trials=trials)
    return study


def studies_of(problem: str, sampler: str, seed: int, budgets: Sequence[int] = BUDGETS) -> list[optuna.Study]:
    """One study as it stood after each budget."""
    whole = search(problem, sampler, max(budgets), seed)
    beginnings = []
    for budget in budgets:
        study = optuna.create_study(direction=whole.direction)
        study.add_trials(whole.trials[:budget])
        beginnings.append(study)
    return beginnings


def run(problem: str, sampler: str, seed: int) -> np.ndarray:
    """(evaluators, budgets, hyperparameters) of one study."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names = list(truth_of(TABLES[problem]()).index)
    ordered = sorted(names)  # mean decrease impurity in Optuna 5.0 gives the bars of sorted names to names as they come
    with threadpool_limits(1):
        studies = studies_of(problem, sampler, seed)
        judges = [make(seed) for make in EVALUATORS.values()]
        found = [[get_param_importances(each, evaluator=judge, params=ordered) for each in studies] for judge in judges]
    return np.array([[[shares[name] for name in names] for shares in row] for row in found])


def truth_arrays(problem: str) -> dict[str, np.ndarray]:
    """What is stored of the truth."""
    truth = truth_of(TABLES[problem]())
    return {f"{problem} names": np.array(truth.index, dtype=str), f"{problem} truth": truth.to_numpy()}


def main(problems: Sequence[str] = PROBLEMS) -> None:
    """Runs all studies of these problems, one process a core, and writes the file in one step; the others stay."""
    arrays: dict[str, np.ndarray] = {}
    if FILE.exists():
        with open_recorded(FILE, "importances") as stored:
            arrays = dict(stored)
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        for problem in problems:
            work = [(problem, sampler, seed) for sampler in SAMPLERS for seed in range(SEEDS)]
            done = list(tqdm(pool.map(run, *zip(*work, strict=True)), total=len(work), desc=problem))
            shares = np.array(done).reshape(len(SAMPLERS), SEEDS, *done[0].shape)
            arrays[problem] = np.moveaxis(shares, 1, 3).astype(np.float32)
            arrays |= truth_arrays(problem)
    write(FILE, arrays)
    print(f"{FILE} is written.")


def _masses(recording: Recording, name: str) -> np.ndarray:
    """The probability of each level of a recorded benchmark when the hyperparameter is drawn at random, (levels,)."""
    levels, log = recording.space[name], name in recording.logarithmic
    mass: np.ndarray = np.ones(len(levels))  # of names
    if isinstance(levels[-1], int):  # Optuna draws from low - 0.5 to high + 0.5 and rounds
        values = np.arange(levels[0], levels[-1] + 1)
        mass = np.log((values + 0.5) / (values - 0.5)) if log else np.ones(len(values))
        mass = np.bincount([bisect(recording.borders(name), value) for value in values], mass)
    elif not isinstance(levels[0], str):
        edges = np.array([levels[0], *recording.borders(name), levels[-1]])
        mass = np.diff(np.log(edges) if log else edges)
    return mass / mass.sum()


if __name__ == "__main__":
    main(sys.argv[1:] or PROBLEMS)
