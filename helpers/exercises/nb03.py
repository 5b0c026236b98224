"""Checks of notebook 03, samplers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from optuna.samplers import QMCSampler, RandomSampler
from scipy.stats import ttest_1samp

from helpers.exercises.kit import choices, function, pick
from helpers.learn.exercises import exercise
from helpers.problems.functions import find_function
from helpers.races.race import race

choices(
    "03.1",
    {"a": "GP", "b": "CMA-ES", "c": "TPE"},
    {
        "a": {
            "Random": "with 60 trials of two hours each you cannot afford to ignore what the trials say.",
            "CMA-ES": "it needs hundreds of trials to shape its cloud; you have 60.",
            "TPE": "on Hartmann's function the GP ended far nearer after 60 trials: look at the table above.",
        },
        "b": {
            "GP": "its suggestions soon cost more than your simulation, and later far more.",
            "Random": "with 2,000 trials a sampler that learns gets much closer.",
            "TPE": "it would do, but for thousands of trials, all numbers, there is one that gets closer.",
        },
        "c": {
            "GP": "it draws conditional knobs at random, and with hundreds of trials thinks for longer than a second.",
            "CMA-ES": "it has no model of categories and conditional knobs: it draws them at random.",
            "Random": "it ignores what 1,000 trials say; one learns, with conditional knobs and workers, too.",
        },
    },
    "Budget, kind of knobs and cost of a trial decide.",
)

rng = np.random.default_rng(0)
CELLS = [{"a": a / 999, "b": b / 999, "c": c / 999} for a, b, c in np.ndindex(2, 3, 2)]
DRAWN = [{"a": a, "b": b} for a, b in rng.choice([1, 11, 111], size=(20, 2)).tolist()]
function(
    "03.2",
    lambda trials, matters: len(trials) - len({tuple(trial[name] for name in matters) for trial in trials}),
    [
        *((DRAWN[:size], matters) for size in (4, 20, 1) for matters in (["a"], ["b", "a"])),
        *((CELLS, matters) for matters in (["b"], ["c", "a"], ["a", "b", "c"])),
    ],
    praise="Of 81 cells over four knobs, of which two matter, 72 are repeats. Of 81 random trials none is.",
)


@exercise("03.3")
def is_it_better(verdict: object, seeds: Sequence[int]) -> str:
    """What the interval says of quasi-random against random on Branin."""
    entrants = {"Random": lambda n: RandomSampler(seed=n), "QMC": lambda n: QMCSampler(scramble=True, seed=n)}
    done = race(find_function("branin"), entrants, trials=60, seeds=seeds, quiet=True)
    gap = np.log10(done.final("Random")) - np.log10(done.final("QMC"))
    low, high = ttest_1samp(gap, 0).confidence_interval()
    right = "better" if low > 0 else "worse" if high < 0 else "not decided"
    score = f"the lead of quasi-random search in the logarithm is {gap.mean():.2f} ({low:.2f} to {high:.2f})"
    reasons = dict.fromkeys(("better", "worse", "not decided"), f"{score}: does the interval hold 0?")
    pick(verdict, right, reasons | {"equivalent": "no margin was named, so nothing can lie within it."})
    return f"{score}. If 0 lies within, it is not decided. Thirty other seeds may decide otherwise."
