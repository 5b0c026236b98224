"""Records importances of many studies, for notebook 09: `make benchmark` (minutes)."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import optuna
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from helpers.problems.recorded.record_tables import write
from helpers.races.importance import (
    BUDGETS,
    EVALUATORS,
    FILE,
    PROBLEMS,
    SAMPLERS,
    SEEDS,
    importances,
    search,
    true_importances,
)


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
    names = list(true_importances(problem).index)
    with threadpool_limits(1):
        found = [[importances(study, evaluator, seed=seed) for study in studies_of(problem, sampler, seed)]
                 for evaluator in EVALUATORS]  # fmt: skip
    return np.array([[[shares[name] for name in names] for shares in row] for row in found])


def main() -> None:
    """Runs all studies, one process a core, and writes the file in one step."""
    arrays = {}
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        for problem in PROBLEMS:
            work = [(problem, sampler, seed) for sampler in SAMPLERS for seed in range(SEEDS)]
            done = list(tqdm(pool.map(run, *zip(*work, strict=True)), total=len(work), desc=problem))
            shares = np.array(done).reshape(len(SAMPLERS), SEEDS, *done[0].shape)
            arrays[problem] = np.moveaxis(shares, 1, 3).astype(np.float32)
            arrays[f"{problem} names"] = np.array(true_importances(problem).index, dtype=str)
    write(FILE, arrays)
    print(f"{FILE} is written.")


if __name__ == "__main__":
    main()
