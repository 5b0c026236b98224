"""Plans for the capstone: training the best again, choosing by the mean, and a ladder of plans over many seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from optuna import Study
from optuna.pruners import NopPruner
from optuna.trial import FrozenTrial, TrialState
from tqdm.auto import tqdm

from helpers.problems.capstone import SEEDS, Capstone, Config, t_margin
from helpers.problems.table import SMUDGED, load_benchmark
from helpers.races.race import Race, check_seeds

Plan = Callable[[int], tuple[Study, Config]]


def rerun(study: Study, objective: Callable, best: int) -> None:
    """Trains the `best` completed configurations again, to their last epoch, with every public seed but the first.

    A configuration that two trials found is taken once.
    """
    table = load_benchmark(recording=SMUDGED)
    taken: list[dict[str, float]] = []
    for trial in sorted(_completed(study), key=lambda trial: -trial.values[0]):
        if (config := table.nearest(trial.params)) not in taken and len(taken) < best:
            taken.append(config)
            for seed in SEEDS[1:]:
                study.enqueue_trial(trial.params, user_attrs={"seed": seed})
    study.pruner = NopPruner()
    study.optimize(objective, n_trials=len(taken) * len(SEEDS[1:]))


def choose(study: Study) -> dict[str, float]:
    """Of the configurations that were completed with the most seeds, the one with the best mean over them."""
    table = load_benchmark(recording=SMUDGED)
    found: dict[tuple[tuple[str, float], ...], dict[int, float]] = {}
    for trial in _completed(study):
        of_one = found.setdefault(tuple(table.nearest(trial.params).items()), {})
        of_one[trial.user_attrs["seed"]] = trial.values[0]
    best = max(found, key=lambda config: (len(found[config]), np.mean(list(found[config].values()))))
    return dict(best)


def climb(problem: Capstone, plans: Mapping[str, Plan], seeds: Sequence[int], *, quiet: bool = False) -> Race:
    """Carries out every plan once with each seed, and scores what it chose.

    Args:
        plans: each makes a study and the configuration it chose, of a seed.
        quiet: no progress bar.

    Returns:
        A race for `statistics.paired_tests`, one regret a run: how far its score stands below the best recorded one.

    Raises:
        BadInput: fewer than two seeds; a Refused when a plan breaks the rules.
    """
    check_seeds(seeds)
    runs = [(plan, seed) for plan in plans.values() for seed in seeds]
    bar = tqdm(runs, desc="ladder", leave=False, disable=quiet)
    scores = np.array([problem.examine(*plan(seed)).mean for plan, seed in bar]).reshape(len(plans), len(seeds))
    return Race(problem.table.name, tuple(plans), problem.best - scores[:, :, None], np.zeros((len(plans), 1)))


def ladder_table(problem: Capstone, ladder: Race) -> pd.DataFrame:
    """A row a plan: `score`, the mean over the runs, with `low` and `high`, its 95 % interval (Student's t); `lowest
    tenth` and `highest tenth`, the quantiles of single runs."""
    scores = problem.best - ladder.regret[:, :, -1]
    margins = np.array([t_margin(runs) for runs in scores])
    mean = scores.mean(axis=1)
    columns = {"score": mean, "low": mean - margins, "high": mean + margins}
    for name, share in (("lowest tenth", 0.1), ("highest tenth", 0.9)):
        columns[name] = np.quantile(scores, share, axis=1)
    return pd.DataFrame(columns, index=pd.Index(ladder.names, name="plan"))


def _completed(study: Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
