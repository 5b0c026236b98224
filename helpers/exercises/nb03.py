"""Checks of notebook 03, samplers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from optuna.samplers import QMCSampler, RandomSampler

from helpers.exercises.kit import choices, function, pick
from helpers.learn.exercises import exercise
from helpers.problems.functions import find_function
from helpers.races.race import race
from helpers.races.statistics import paired_tests

AGAINST = {
    "a": {
        "Random": "with 40 trials of two hours each you cannot afford to ignore what the trials say.",
        "CMA-ES": "it needs hundreds of trials to shape its cloud; you have 40.",
        "TPE": "it would do, but with 40 costly trials of plain numbers the GP learns more from each.",
    },
    "b": {
        "GP": "its suggestions soon cost more than your simulation, and later far more.",
        "Random": "with 2,000 trials a sampler that learns gets much closer.",
        "TPE": "it would do, but for thousands of trials, all numbers, there is one that gets closer.",
    },
    "c": {
        "GP": "it has no model of conditional knobs: it draws them at random.",
        "CMA-ES": "it has no model of categories and conditional knobs: it draws them at random.",
        "Random": "it ignores what 300 trials say; there is one that learns, with conditional knobs and workers too.",
    },
}
rng = np.random.default_rng(0)


function(
    "03.1",
    lambda values, optimum: optimum - np.maximum.accumulate(values),
    [
        ([0.5, 0.9, 0.7], 1.0),
        ([-3.0, -5.0, -5.0, -1.5], -1.0),
        ([0.2], 1.2),
        ([0.0, 0.0, -0.1], 0.0),
        (rng.normal(size=20).tolist(), 4.0),
        (rng.uniform(0, 1000, size=300).tolist(), 1000.0),
    ],
    {
        "the sign is turned: regret is the optimum minus the best so far, never below zero.": lambda values, optimum: (
            np.maximum.accumulate(values) - optimum
        ),
        "that is each trial's own distance: take the best value so far, so that it never rises.": (
            lambda values, optimum: optimum - np.array(values)
        ),
        "that is one number, the regret at the end: return one number for each trial.": lambda values, optimum: (
            optimum - max(values)
        ),
        "that is the worst so far: this search maximises.": lambda values, optimum: (
            optimum - np.minimum.accumulate(values)
        ),
        "the best so far begins with the first value, whatever it is; yours begins at 0.": lambda values, optimum: (
            optimum - np.maximum.accumulate([0.0, *values])[1:]
        ),
    },
    "It falls or rests, and never rises.",
)


def crossed(*levels: int) -> list[dict[str, float]]:
    """The cells of a grid over knobs a, b, c, ..."""
    return [dict(zip("abcd", map(float, cell), strict=False)) for cell in np.ndindex(*levels)]


def count_repeats(trials: Sequence[dict], matters: Sequence[str]) -> int:
    """Trials that agree with an earlier one in every knob that matters."""
    return len(trials) - len({tuple(trial[name] for name in matters) for trial in trials})


function(
    "03.2",
    count_repeats,
    [
        (crossed(2, 2), ["a"]),
        (crossed(2, 3), ["b"]),
        (crossed(3, 3), ["a", "b"]),
        (crossed(3, 3, 3), ["c", "a"]),
        ([{"a": 0.1, "b": 0.3}], ["a"]),
        ([{"a": 0.1, "b": 0.2}, {"a": 0.1, "b": 0.1}, {"a": 0.2, "b": 0.1}, {"a": 0.2, "b": 0.2}], ["a", "b"]),
        ([{"a": a, "b": b} for a, b in rng.random((20, 2)).tolist()], ["b"]),
        ([{"a": a, "b": 0.5} for a in (0.1, 0.2, 0.1, 0.1)], ["a"]),
        ([], ["a"]),
    ],
    {
        "that is how many different trials there are: the others are the repeats.": lambda trials, matters: (
            len(trials) - count_repeats(trials, matters)
        ),
        "you compare every knob: only those in `matters` count.": lambda trials, matters: count_repeats(
            trials, list(trials[0]) if trials else []
        ),
        "you count each knob by itself: a trial repeats one that agrees in all of them.": lambda trials, matters: sum(
            count_repeats(trials, [name]) for name in matters
        ),
    },
    "Of 81 cells over four knobs, of which two matter, 72 are repeats. Of 81 random trials none is.",
)


@lru_cache
def tested(seeds: Sequence[int]) -> tuple[str, str]:
    """Which of quasi-random and random is better on Branin, and how the runs ended."""
    entrants = {
        "Random": lambda seed: RandomSampler(seed=seed),
        "QMC": lambda seed: QMCSampler(scramble=True, seed=seed),
    }
    found = paired_tests(race(find_function("branin"), entrants, trials=60, seeds=seeds, quiet=True)).iloc[0]
    return found["better"] or "neither", f"QMC wins {found['b wins']} of {len(seeds)} runs, p = {found['p']:.2g}"


@exercise("03.3")
def is_it_better(verdict: object, seeds: Sequence[int]) -> str:
    """What the paired test says of quasi-random against random on Branin."""
    right, score = tested(seeds)
    why = f"{score}: chance alone {'often' if right == 'neither' else 'hardly'} does that."
    pick(verdict, right, {name: why for name in ("Random", "QMC", "neither") if name != right})
    return f"{score}. Below 0.05 one of them is shown to be better, else neither is."


choices("03.4", {"a": "GP", "b": "CMA-ES", "c": "TPE"}, AGAINST, "Budget, kind of knobs and cost of a trial decide.")
