"""What the results of a race say: the tests that have to pass before anyone says "better"."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import rankdata, ttest_1samp, wilcoxon

from helpers.errors import BadInput, one_of
from helpers.problems.capstone import Capstone, t_margin
from helpers.races.race import Race


def paired_tests(race: Race) -> pd.DataFrame:
    """Every pair of entrants: who ended with less regret, in how many runs, and how easily chance does that.

    Wilcoxon's signed-rank test on the final regrets, run by run (Demsar, JMLR 7, 2006), corrected for the number of
    pairs (Holm, 1979). `better` is empty where the corrected p is 0.05 or more.
    """
    rows = []
    for a, b in combinations(race.names, 2):
        gap = race.final(a) - race.final(b)
        gap = gap[gap != 0]  # as wilcoxon does
        p = wilcoxon(gap).pvalue if len(gap) else 1.0
        ahead = a if np.sum(np.sign(gap) * rankdata(np.abs(gap))) < 0 else b
        rows.append((a, b, int(np.sum(gap < 0)), int(np.sum(gap > 0)), float(p), ahead))
    table = pd.DataFrame(rows, columns=["a", "b", "a wins", "b wins", "p", "better"])
    table["p"] = _holm(table["p"].to_numpy(dtype=float))
    return table.assign(better=np.where(table["p"] < 0.05, table["better"], ""))


@dataclass(frozen=True)
class Equivalence:
    """`difference` is the mean of a's regret minus b's, `p` how easily chance makes it look smaller than the margin."""

    difference: float
    margin: float
    p: float


def equivalence(race: Race, a: str, b: str, margin: float) -> Equivalence:
    """Two one-sided paired t-tests: p below 0.05 shows that the mean final regrets differ by less than `margin`.

    Source: Lakens, "Equivalence tests", Social Psychological and Personality Science 8, 2017. That a difference was
    not found would show nothing.

    Raises:
        BadInput: unknown entrant, or a margin that is not above 0.
    """
    if not margin > 0:
        raise BadInput(f"The margin is {margin}: say, above 0, which difference would be too small to matter.")
    gap = race.final(a) - race.final(b)
    if not np.any(gap):
        return Equivalence(0.0, margin, 0.0)
    sides = (ttest_1samp(gap, -margin, alternative="greater"), ttest_1samp(gap, margin, alternative="less"))
    return Equivalence(float(gap.mean()), margin, float(max(side.pvalue for side in sides)))


def epochs_saved(race: Race, baseline: str, *, at: int | None = None, seed: int = 0) -> pd.DataFrame:
    """What each entrant saved on the way to the quality of the baseline's median run after `at` epochs (or its last).

    Columns: `epochs` until half of the runs are there (the budget, where they never are); `saved`, the share of the
    baseline's epochs that this spares; `low` and `high`, its 95 % interval from 2,000 bootstrap samples of the runs
    (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993).
    """
    one_of("entrant", baseline, race.names)
    reference, budget = race.names.index(baseline), race.regret.shape[2]
    if at is not None and not 1 <= at <= budget:
        raise BadInput(f"at is {at}: choose an epoch of the race, from 1 to {budget}.")
    there = race.regret <= np.median(race.regret[reference, :, (at or budget) - 1])
    first = np.where(there.any(axis=2), there.argmax(axis=2) + 1, budget)
    drawn = np.random.default_rng(seed).integers(first.shape[1], size=(2000, first.shape[1]))
    medians = np.array([np.median(reached[drawn], axis=1) for reached in first])
    low, high = np.quantile(1 - medians / medians[reference], (0.025, 0.975), axis=1)
    epochs = np.median(first, axis=1)
    columns = {"epochs": epochs, "saved": 1 - epochs / epochs[reference], "low": low, "high": high}
    return pd.DataFrame(columns, index=pd.Index(race.names, name="pruner"))


def ladder_table(problem: Capstone, ladder: Race) -> pd.DataFrame:
    """A row a plan of a `race.climb`: `score`, the mean over the runs, with `low` and `high`, its 95 % interval
    (Student's t); `lowest tenth` and `highest tenth`, the quantiles of single runs."""
    scores = problem.best - ladder.regret[:, :, -1]  # (plans, seeds)
    mean, margin = scores.mean(axis=1), np.array([t_margin(runs) for runs in scores])
    tenth, ninth = np.quantile(scores, (0.1, 0.9), axis=1)
    columns = {
        "score": mean,
        "low": mean - margin,
        "high": mean + margin,
        "lowest tenth": tenth,
        "highest tenth": ninth,
    }
    return pd.DataFrame(columns, index=pd.Index(ladder.names, name="plan"))


def _holm(p: np.ndarray) -> np.ndarray:
    """Holm's corrected p values, in the given order."""
    order = np.argsort(p)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(1, np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p)))))
    return corrected
