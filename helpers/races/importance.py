"""Importances of hyperparameters: Optuna's, of a study, and recorded ones beside the truth."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.study import Study, StudyDirection

from helpers.errors import BadInput, one_of
from helpers.problems.table import open_recorded
from helpers.races.look import finite_trials

FILE = Path(__file__).parent / "recorded" / "importances.npz"
# `optuna.importance` is loaded when it is first used: it brings scikit-learn, which other notebooks do without.
EVALUATORS: dict[str, Callable[[int], optuna.importance.BaseImportanceEvaluator]] = {
    "PED-ANOVA": lambda seed: optuna.importance.PedAnovaImportanceEvaluator(),
    "fANOVA": lambda seed: optuna.importance.FanovaImportanceEvaluator(seed=seed),
    "mean decrease impurity": lambda seed: optuna.importance.MeanDecreaseImpurityImportanceEvaluator(seed=seed),
}
ESTIMATES = {"PED-ANOVA": "best tenth", "fANOVA": "variance", "mean decrease impurity": "variance"}
PROBLEMS, SAMPLERS, BUDGETS, SEEDS = ("bowl", "digits"), ("random", "TPE"), (25, 50, 100, 200, 400), 20


def importances(study: Study, evaluator: str = "PED-ANOVA", *, seed: int = 0, **options: Any) -> dict[str, float]:
    """Optuna's importances of a study by the evaluator's name, highest first.

    Args:
        options: of `optuna.importance.get_param_importances`: params, target, normalize.

    Raises:
        BadInput: unknown evaluator, a study from which nothing can be learned, or a target that is maximised: with a
            target PED-ANOVA takes low as good, so the worst would be ranked.
    """
    one_of("evaluator", evaluator, tuple(EVALUATORS))
    target = options.get("target")
    trials = finite_trials(study, target, differ=True)
    for n, direction in enumerate(study.directions if target else ()):
        if (
            target
            and direction == StudyDirection.MAXIMIZE
            and all(target(trial) == trial.values[n] for trial in trials)
        ):
            raise BadInput(
                f"Objective {n} is maximised, and with a target importances are about the lowest values: give "
                f"target=lambda trial: -trial.values[{n}]."
            )
    with warnings.catch_warnings(action="ignore"):  # that low values count, and what is experimental: see notebook 09
        found = optuna.importance.get_param_importances(study, evaluator=EVALUATORS[evaluator](seed), **options)
    return {name: float(share) for name, share in found.items()}


@cache
def load_importances(problem: str, path: Path = FILE) -> pd.DataFrame:
    """Importances of many studies, recorded by `make benchmark`; a row a study, a column a hyperparameter.

    `load_importances("digits").loc["TPE", "fANOVA", 100]` are those of 20 seeds after 100 trials; a study of fewer
    trials is the beginning of that of more. BadInput: unknown problem, a file that is missing or damaged.
    """
    one_of("problem", problem, PROBLEMS)
    index = pd.MultiIndex.from_product([SAMPLERS, EVALUATORS, BUDGETS, range(SEEDS)])
    with open_recorded(path, "importances") as stored:
        names = list(map(str, stored[f"{problem} names"]))
        return pd.DataFrame(stored[problem].reshape(-1, len(names)).astype(float), index, names).sort_index()


@cache
def true_importances(problem: str, path: Path = FILE) -> pd.DataFrame:
    """(hyperparameters, 2): "variance" and "best tenth", each summing to 1, from all values that the problem takes.

    What fANOVA and PED-ANOVA would find if they knew them: see recorded/record_importances.py. BadInput as above.
    """
    one_of("problem", problem, PROBLEMS)
    with open_recorded(path, "importances") as stored:
        return pd.DataFrame(stored[f"{problem} truth"], stored[f"{problem} names"].tolist(), ["variance", "best tenth"])
