"""Records what many workers are worth, for notebook 07: `make benchmark` (ten minutes).

TPE on Hartmann's function in six dimensions, with 1 to 1,000 workers on a virtual clock (simulate.py). Of each run the
trials are kept that brought the regret down: how many had ended, where the clock stood, the regret.
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

FILE = Path(__file__).with_name("workers.csv")
TRIALS, SEEDS = {1: 200, 10: 200, 20: 200, 100: 300, 1000: 1000}, range(40)


def steps(workers: int, seed: int) -> pd.DataFrame:
    """The trials of one run that brought the regret down."""
    fleet = {"workers": workers, "trials": TRIALS[workers], "seed": seed}
    run = simulate(find_function("hartmann6"), lambda s: TPESampler(seed=s), **fleet)
    run = run.assign(workers=workers, seed=seed, ended=range(1, len(run) + 1))
    return run.loc[run["regret"].diff() != 0, ["workers", "seed", "ended", "told", "regret"]]


def main() -> None:
    """Runs all and writes the file in one step."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    runs = [(workers, seed) for workers in TRIALS for seed in SEEDS]
    table = pd.concat([steps(*run) for run in tqdm(runs, desc="runs")])
    write_table(FILE, table, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
