"""Importances of hyperparameters: Optuna's of many studies, recorded, beside the truth."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

from helpers.errors import one_of
from helpers.problems.table import open_recorded

FILE = Path(__file__).parent / "recorded" / "importances.npz"
ESTIMATES = {"PED-ANOVA": "best tenth", "fANOVA": "variance", "mean decrease impurity": "variance"}
PROBLEMS, SAMPLERS, BUDGETS, SEEDS = ("bowl", "digits", "clothes"), ("random", "TPE"), (25, 50, 100, 200, 400), 20


@cache
def load_importances(problem: str) -> pd.DataFrame:
    """Importances of many studies, recorded by `make benchmark`; a row a study, a column a hyperparameter.

    `load_importances("digits").loc["TPE", "fANOVA", 100]` are those of 20 seeds after 100 trials; a study of fewer
    trials is the beginning of that of more. BadInput: unknown problem, a file that is missing or damaged.
    """
    one_of("problem", problem, PROBLEMS)
    index = pd.MultiIndex.from_product([SAMPLERS, ESTIMATES, BUDGETS, range(SEEDS)])
    with open_recorded(FILE, "importances") as stored:
        names = list(map(str, stored[f"{problem} names"]))
        return pd.DataFrame(stored[problem].reshape(-1, len(names)).astype(float), index, names).sort_index()


@cache
def true_importances(problem: str) -> pd.DataFrame:
    """(hyperparameters, 2): "variance" and "best tenth", each summing to 1, from all values that the problem takes:
    what fANOVA and PED-ANOVA would find if they knew them (recorded/record_importances.py). BadInput as above."""
    one_of("problem", problem, PROBLEMS)
    with open_recorded(FILE, "importances") as stored:
        return pd.DataFrame(stored[f"{problem} truth"], stored[f"{problem} names"].tolist(), ["variance", "best tenth"])
