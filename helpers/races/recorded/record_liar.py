"""Records what the constant liar is worth, for notebook 07: `make benchmark` (a few minutes).

TPE with and without it, on Hartmann's function in six dimensions, in pairs of the same seed; a fleet on a virtual
clock (`helpers.races.recorded.simulate`).
"""

from __future__ import annotations

from pathlib import Path

import optuna
import pandas as pd
from optuna.samplers import TPESampler
from tqdm import tqdm

from helpers.problems.functions import find_function
from helpers.problems.recorded.record_tables import write_table
from helpers.races.recorded.simulate import simulate

FILE = Path(__file__).with_name("liar.csv")
TRIALS, SEEDS = {10: 200, 100: 500}, range(60)


def final_regret(workers: int, seed: int, liar: bool) -> float:
    """The regret after all trials of one run."""
    fleet = {"workers": workers, "trials": TRIALS[workers], "seed": seed}
    problem = find_function("hartmann6")
    return float(simulate(problem, lambda s: TPESampler(seed=s, constant_liar=liar), **fleet)["regret"].iloc[-1])


def main() -> None:
    """Runs all pairs and writes the file in one step."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pairs = [(workers, seed) for workers in TRIALS for seed in SEEDS]
    rows = [
        (workers, seed, *(final_regret(workers, seed, liar) for liar in (False, True)))
        for workers, seed in tqdm(pairs, desc="pairs")
    ]
    table = pd.DataFrame(rows, columns=["workers", "seed", "without the liar", "with the liar"])
    write_table(FILE, table, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
