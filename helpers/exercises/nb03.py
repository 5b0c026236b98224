"""Checks of notebook 03, samplers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from math import prod
from numbers import Real

import numpy as np
from optuna.samplers import QMCSampler, RandomSampler

from helpers.errors import BadInput
from helpers.learn.exercises import NotQuite, exercise
from helpers.problems.functions import find_function
from helpers.problems.table import SPACE, load_benchmark
from helpers.races.race import race
from helpers.races.statistics import paired_tests

CELLS, CLOSE = 36, 0.005
SITUATIONS = {
    "a": {
        "GP": "",
        "Random": "with 40 trials of two hours each you cannot afford to ignore what the trials say.",
        "CMA-ES": "it needs hundreds of trials to shape its cloud; you have 40.",
        "TPE": "it would do, but with 40 costly trials of plain numbers the GP learns more from each.",
    },
    "b": {
        "CMA-ES": "",
        "GP": "its suggestions soon cost more than your simulation, and later far more.",
        "Random": "with 2,000 trials a sampler that learns gets much closer.",
        "TPE": "it would do, but for thousands of trials, all numbers, there is one that gets closer.",
    },
    "c": {
        "TPE": "",
        "GP": "it has no model of conditional knobs: it draws them at random.",
        "CMA-ES": "it has no model of categories and conditional knobs: it draws them at random.",
        "Random": "it ignores what 300 trials say; there is one that learns, with conditional knobs and workers too.",
    },
}


@exercise("03.1")
def regret_of_a_search(function: Callable[[Sequence[float], float], Sequence[float]]) -> str:
    """The running regret of a maximised objective, on three lists."""
    if not callable(function):
        raise NotQuite("the answer is a function that takes the values of the trials and the optimum.")
    long = list(np.random.default_rng(0).uniform(0, 1, 20))
    for values, optimum in (([0.5, 0.9, 0.7], 1.0), ([0.2], 1.2), (long, max(long))):
        returned = function(values, optimum)
        wanted = optimum - np.maximum.accumulate(values)
        if np.shape(returned) != wanted.shape:
            raise NotQuite(f"for {len(values)} trials it returned {returned!r}: return one number for each trial.")
        found = np.asarray(returned, dtype=float)
        if np.allclose(found, -wanted):
            raise NotQuite("the sign is turned: regret is the optimum minus the best so far, never below zero.")
        if len(values) > 1 and np.allclose(found, optimum - np.array(values)):
            raise NotQuite("that is each trial's own distance: take the best value so far, so that it never rises.")
        if not np.allclose(found, wanted):
            begins = f"it begins {found[:4]}, not {wanted[:4]}."
            raise NotQuite(f"for the values {np.round(values[:4], 3)} and the optimum {optimum:.3g} {begins}")
    return "It falls or rests, and never rises."


@exercise("03.2")
def a_grid_that_knows(grid: Mapping[str, Sequence[float]]) -> str:
    """At most 36 cells over the seven knobs, one of them close to the optimum."""
    if not isinstance(grid, Mapping) or set(grid) != set(SPACE):
        raise NotQuite(f"the answer is a dictionary with a list of levels for each of {', '.join(SPACE)}.")
    for name, levels in grid.items():
        if not isinstance(levels, Sequence | np.ndarray) or isinstance(levels, str) or not len(levels):
            raise NotQuite(f"{name} is {levels!r}: give a list with at least one level.")
        if not all(isinstance(level, Real) for level in levels):
            raise NotQuite(f"the levels of {name} are {levels!r}: give numbers.")
    cells = prod(len(levels) for levels in grid.values())
    if cells > CELLS:
        raise NotQuite(f"that grid has {cells} cells, more than {CELLS}: spend levels on knobs that matter.")
    table = load_benchmark()
    try:
        found = max(table.value(table.nearest(dict(zip(grid, cell, strict=True)))) for cell in product(*grid.values()))
    except BadInput as error:
        raise NotQuite(str(error)) from None
    if found < table.optimum - CLOSE:
        spent = f"you spent {len(grid['weight_decay'])} levels on weight decay" if len(grid["weight_decay"]) > 1 else ""
        hint = spent or "look at the bars above, and try larger learning rates, with momentum"
        raise NotQuite(f"its best cell reaches {found:.4f}, the optimum is {table.optimum:.4f}: {hint}.")
    return f"{cells} cells reach {found:.4f}. You knew what matters; a grid alone does not."


@exercise("03.3")
def is_it_better(verdict: object, seeds: Sequence[int]) -> str:
    """What the paired test says of quasi-random against random on Branin."""
    entrants = {
        "Random": lambda seed: RandomSampler(seed=seed),
        "QMC": lambda seed: QMCSampler(scramble=True, seed=seed),
    }
    tested = paired_tests(race(find_function("branin"), entrants, trials=60, seeds=seeds, quiet=True)).iloc[0]
    right = tested["better"] or "neither"
    score = f"QMC wins {tested['b wins']} of {len(seeds)} runs, p = {tested['p']:.2g}"
    if verdict not in ("Random", "QMC", "neither"):
        raise NotQuite(f'{verdict!r} is not one of "Random", "QMC" and "neither".')
    if verdict != right:
        why = "chance alone often does that" if right == "neither" else "chance alone hardly does that"
        raise NotQuite(f"{score}: {why}.")
    return f"{score}. Below 0.05 one of them is shown to be better, else neither is."


@exercise("03.4")
def three_situations(answer: object) -> str:
    """A sampler for each; wrong choices are told why."""
    if not isinstance(answer, Mapping) or set(answer) != set(SITUATIONS):
        raise NotQuite('the answer is a dictionary with the keys "a", "b" and "c".')
    for key, reasons in SITUATIONS.items():
        if answer[key] not in reasons:
            raise NotQuite(f"({key}) {answer[key]!r} is not one of {', '.join(map(repr, reasons))}.")
        if reason := reasons[answer[key]]:
            raise NotQuite(f"({key}) {answer[key]}: {reason}")
    return "Budget, kind of knobs and cost of a trial decide."
