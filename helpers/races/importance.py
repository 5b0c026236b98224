"""Importances of hyperparameters: estimated by Optuna from a study, and the true ones where all values are known.

What the evaluators estimate:

- fANOVA (Hutter et al., ICML 2014): the share of the objective's variance, over the whole search space, that one
  hyperparameter explains alone;
- mean decrease impurity (Breiman, 2001): how much of the variance the trees of a random forest remove by asking it;
- PED-ANOVA (Watanabe et al., IJCAI 2023): how much its distribution among the best tenth of the trials differs from
  that among all of them (Pearson's divergence).
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna import Study
from optuna.samplers import RandomSampler, TPESampler

from helpers.errors import BadInput, one_of
from helpers.problems.functions import Direction, Problem
from helpers.problems.table import LOGARITHMIC, SPACE, borders, load_benchmark, open_recorded
from helpers.races.look import check_plot, known_warnings_ignored

FILE = Path(__file__).parent / "recorded" / "importances.npz"
# `optuna.importance` is loaded when it is first used: it brings scikit-learn, which other notebooks do without.
EVALUATORS: dict[str, Callable[[int], optuna.importance.BaseImportanceEvaluator]] = {
    "PED-ANOVA": lambda seed: optuna.importance.PedAnovaImportanceEvaluator(),
    "fANOVA": lambda seed: optuna.importance.FanovaImportanceEvaluator(seed=seed),
    "mean decrease impurity": lambda seed: optuna.importance.MeanDecreaseImpurityImportanceEvaluator(seed=seed),
}
ESTIMATES = {"PED-ANOVA": "best tenth", "fANOVA": "variance", "mean decrease impurity": "variance"}
SAMPLERS = {"random": lambda seed: RandomSampler(seed=seed), "TPE": lambda seed: TPESampler(seed=seed)}
WEIGHTS = {"a": 1.0, "b": 0.7, "c": 0.4, "dummy": 0.0}
BUDGETS, SEEDS, LEVELS, BEST_SHARE = (25, 50, 100, 200, 400), 20, 30, 0.1


@dataclass(frozen=True)
class Bowl:
    """A sum of squares, heavier for a than for b than for c; `dummy` changes nothing. To be minimised, on [0, 1]."""

    name: str = "bowl"
    direction: Direction = "minimize"
    optimum: float = 0.0

    def __call__(self, trial: optuna.Trial) -> float:
        return sum(weight * trial.suggest_float(name, 0, 1) ** 2 for name, weight in WEIGHTS.items())

    def table(self) -> pd.DataFrame:
        """Every combination of 30 levels of a, b and c, and 2 of the dummy; all weigh the same."""
        levels = (np.arange(LEVELS) + 0.5) / LEVELS
        rows = pd.DataFrame(product(levels, levels, levels, (0.25, 0.75)), columns=list(WEIGHTS))
        return rows.assign(value=rows.to_numpy() ** 2 @ list(WEIGHTS.values()), weight=1.0)


def benchmark_table() -> pd.DataFrame:
    """The recorded benchmark; `weight` is the probability that a random draw from the search space lands there."""
    rows = load_benchmark().frame().rename(columns={"validation_accuracy": "value"})
    masses = np.ones(1)
    for name in SPACE:
        masses = np.multiply.outer(masses, _masses(name)).ravel()
    return rows[[*SPACE, "value"]].assign(weight=masses)


PROBLEMS: dict[str, tuple[Callable[[], Problem], Callable[[], pd.DataFrame]]] = {
    "bowl": (Bowl, Bowl().table),
    "digits": (load_benchmark, benchmark_table),
}


@cache
def true_importances(problem: str) -> pd.DataFrame:
    """(hyperparameters, 2): "variance" and "best tenth", each summing to 1, from all values that the problem takes.

    Raises:
        BadInput: unknown problem.
    """
    one_of("problem", problem, tuple(PROBLEMS))
    make, table = PROBLEMS[problem]
    rows = table()
    weight, value = rows["weight"] / rows["weight"].sum(), rows["value"]
    order = np.argsort(value if make().direction == "minimize" else -value, kind="stable")
    best = weight.where(weight.iloc[order].cumsum().sort_index() <= BEST_SHARE, 0.0) / BEST_SHARE
    parts = pd.DataFrame({"mass": weight, "value": weight * value, "best": best})
    found = {}
    for name in rows.columns.drop(["value", "weight"]):
        level = parts.groupby(rows[name]).sum()  # (levels, 3)
        variance = level["mass"] * (level["value"] / level["mass"] - parts["value"].sum()) ** 2
        divergence = level["mass"] * (level["best"] / level["mass"] - 1) ** 2  # Pearson's
        found[name] = {"variance": variance.sum(), "best tenth": divergence.sum()}
    truth = pd.DataFrame(found).T
    return truth / truth.sum()


def importances(
    study: Study, evaluator: str = "PED-ANOVA", *, seed: int = 0, normalize: bool = True, **options: Any
) -> dict[str, float]:
    """Optuna's importances of a study by the evaluator's name, highest first.

    Args:
        options: what `optuna.importance.get_param_importances` takes besides: params, target.

    Raises:
        BadInput: unknown evaluator, or a study from which nothing can be learned.
    """
    one_of("evaluator", evaluator, tuple(EVALUATORS))
    check_plot("plot_param_importances", study, **options)
    with known_warnings_ignored():
        options |= {"evaluator": EVALUATORS[evaluator](seed), "normalize": normalize}
        try:
            found = optuna.importance.get_param_importances(study, **options)
        except ValueError as error:
            raise BadInput(f"{evaluator} cannot rank these trials: {error}") from None
    return {name: float(share) for name, share in found.items()}


def search(problem: str, sampler: str, trials: int, seed: int) -> Study:
    """A finished study on one of the problems."""
    one_of("problem", problem, tuple(PROBLEMS))
    one_of("sampler", sampler, tuple(SAMPLERS))
    objective = PROBLEMS[problem][0]()
    study = optuna.create_study(direction=objective.direction, sampler=SAMPLERS[sampler](seed))
    study.optimize(objective, n_trials=trials)
    return study


@dataclass(frozen=True)
class Recorded:
    """Importances of many studies on one problem (`make benchmark` records them).

    Attributes:
        shares: (samplers, evaluators, budgets, seeds, hyperparameters), in the order of SAMPLERS, EVALUATORS, BUDGETS;
            a study of a smaller budget is the beginning of that of the next.
        names: the hyperparameters.
    """

    problem: str
    names: tuple[str, ...]
    shares: np.ndarray

    def at(self, sampler: str, evaluator: str, trials: int) -> pd.DataFrame:
        """(seeds, hyperparameters) for one sampler, evaluator and budget, or BadInput."""
        one_of("sampler", sampler, tuple(SAMPLERS))
        one_of("evaluator", evaluator, tuple(EVALUATORS))
        one_of("number of trials", trials, BUDGETS)
        place = list(SAMPLERS).index(sampler), list(EVALUATORS).index(evaluator), BUDGETS.index(trials)
        return pd.DataFrame(self.shares[place], columns=list(self.names))

    def truth(self, evaluator: str) -> pd.Series:
        """What the evaluator would find if it knew every value."""
        return true_importances(self.problem)[ESTIMATES[evaluator]]


@cache
def load_importances(problem: str, path: Path = FILE) -> Recorded:
    """The recorded importances of one problem, or BadInput where the file is missing or damaged."""
    one_of("problem", problem, tuple(PROBLEMS))
    with open_recorded(path, "importances") as stored:
        return Recorded(problem, tuple(map(str, stored[f"{problem} names"])), stored[problem].astype(float))


def order_right(shares: pd.DataFrame, truth: Mapping[str, float], first: int) -> float:
    """The share of studies whose `first` most important hyperparameters are the true ones, in any order."""
    wanted = set(pd.Series(truth).nlargest(first).index)
    return float(np.mean([set(row.nlargest(first).index) == wanted for _, row in shares.iterrows()]))


def _masses(name: str) -> np.ndarray:
    """The probability of each level of the recorded benchmark when the hyperparameter is drawn at random, (levels,)."""
    levels, log = SPACE[name], name in LOGARITHMIC
    if isinstance(levels[-1], int):  # Optuna draws from low - 0.5 to high + 0.5 and rounds
        values = np.arange(levels[0], levels[-1] + 1)
        mass = np.log((values + 0.5) / (values - 0.5)) if log else np.ones(len(values))
        mass = np.bincount([bisect(borders(name), value) for value in values], mass)
    else:
        edges = np.array([levels[0], *borders(name), levels[-1]])
        mass = np.diff(np.log(edges) if log else edges)
    return mass / mass.sum()
