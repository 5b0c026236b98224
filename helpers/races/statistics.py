"""What the results of a race of pruners say."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.errors import one_of
from helpers.races.race import Race


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
