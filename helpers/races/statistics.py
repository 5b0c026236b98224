"""What the results of a race say: the tests that have to pass before anyone says "better"."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import rankdata, wilcoxon

from helpers.errors import one_of
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
    holm = table["p"].sort_values() * np.arange(len(table), 0, -1)  # the smallest p times n, the next times n - 1, ...
    table["p"] = holm.cummax().clip(upper=1)
    return table.assign(better=table["better"].where(table["p"] < 0.05, ""))


def epochs_saved(race: Race, baseline: str, *, at: int | None = None) -> pd.DataFrame:
    """What each entrant saved on the way to the quality of the baseline's median run after `at` epochs (or its last).

    Columns: `epochs` until half of the runs are there; `saved`, the share of the baseline's that this spares; `low` and
    `high`, its 95 % interval from 2,000 bootstrap samples of the runs (Efron and Tibshirani, 1993). All nan where fewer
    than half get there. BadInput: unknown baseline.
    """
    one_of("entrant", baseline, race.names)
    reference, budget = race.names.index(baseline), race.regret.shape[2]
    there = race.regret <= np.median(race.regret[reference, :, (at or budget) - 1])
    first = np.where(there.any(axis=2), there.argmax(axis=2) + 1.0, budget)  # (entrants, runs)
    first[there.any(axis=2).mean(axis=1) < 0.5] = np.nan
    drawn = np.random.default_rng(0).integers(first.shape[1], size=(2000, first.shape[1]))
    epochs, medians = np.median(first, axis=1), np.median(first[:, drawn], axis=2)
    low, high = np.quantile(1 - medians / medians[reference], (0.025, 0.975), axis=1)
    columns = {"epochs": epochs, "saved": 1 - epochs / epochs[reference], "low": low, "high": high}
    return pd.DataFrame(columns, index=pd.Index(race.names, name="pruner"))
