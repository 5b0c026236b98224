"""Checks of notebook 04, inside the samplers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import norm

from helpers.exercises.kit import choice, function, unordered

rng = np.random.default_rng(0)


def best(values: Any, n: int | None) -> np.ndarray:
    """The numbers of the n lowest, the lowest first."""
    return np.argsort(values)[:n]


def tenth(values: Sequence) -> int:
    """How many are good."""
    return min(-(-len(values) // 10), 25)


function(
    "04.1",
    lambda values: best(values, tenth(values)),
    [(rng.normal(size=n).tolist(),) for n in (3, 1, 10, 11, 20, 30, 245, 255, 300, 1000)],
    {
        "these are the highest values: here lower is better.": lambda v: best(-np.array(v), tenth(v)),
        "the group never has more than 25.": lambda v: best(v, -(-len(v) // 10)),
        "these are the values: return the numbers of the trials, counted from 0.": lambda v: sorted(v)[: tenth(v)],
        "the numbers are counted from 0, not from 1.": lambda v: best(v, tenth(v)) + 1,
        "a tenth is rounded up here, and you round down: of 11 trials 2 are good.": lambda v: best(
            v, min(len(v) // 10, 25)
        ),
        "these are the first trials, not the best ones: sort them by value.": lambda v: range(tenth(v)),
    },
    "A tenth, rounded up, and never more than 25: so l(x) stays the picture of few trials.",
    watch=unordered,
)


def improvement(mean: float, sigma: float, best: float, sign: int = 1) -> float:
    """The expected improvement below `best`; with sign -1 above it."""
    z = sign * (best - mean) / sigma
    return sigma * (z * norm.cdf(z) + norm.pdf(z))


function(
    "04.2",
    improvement,
    [(0.0, 1.0, 0.0), (0.5, 2.0, 0.0), (-1.0, 0.5, 0.25), (3.0, 1.5, 1.0), (-2.0, 0.1, -2.5), (1.0, 3.0, 40.0)],
    {
        "the sign is turned: lower is better here, so z = (best - mean) / sigma.": lambda m, s, b: improvement(
            m, s, b, -1
        ),
        "you measured it in units of sigma: multiply by sigma once more.": lambda m, s, b: improvement(m, s, b) / s,
        "the part with the density, norm.pdf(z), is missing: luck counts, too.": lambda m, s, b: (
            (b - m) * norm.cdf((b - m) / s)
        ),
        "that is the improvement of the mean alone: average over the whole band.": lambda m, s, b: max(b - m, 0.0),
        "that is the probability of an improvement; it does not say how large.": lambda m, s, b: norm.cdf((b - m) / s),
        "that is its logarithm: return the expected improvement itself.": lambda m, s, b: np.log(improvement(m, s, b)),
    },
    "Low mean or wide band: either makes it grow. That is exploitation and exploration in one number.",
)

WEIGHTS = np.log(3.5) - np.log([1, 2, 3])
function(
    "04.3",
    lambda points, values: WEIGHTS @ points[best(values, 3)] / WEIGHTS.sum(),
    [(rng.normal(size=(6, 2)), rng.normal(size=6)) for _ in range(4)],
    {
        "the three count alike: give the best one the largest weight.": lambda p, v: p[best(v, 3)].mean(axis=0),
        "that is the mean of all six: only the better half has a say.": lambda p, v: p.mean(axis=0),
        "the points are not sorted: weight them from the lowest value up.": lambda p, v: (
            WEIGHTS @ p[:3] / WEIGHTS.sum()
        ),
        "these are the worst three: lower values are better.": lambda p, v: WEIGHTS @ p[best(-v, 3)] / WEIGHTS.sum(),
        "the weights do not sum to 1: divide them by their sum.": lambda p, v: WEIGHTS @ p[best(v, 3)],
        "that is the best point alone: the second and the third have a say, too.": lambda p, v: p[best(v, 1)[0]],
    },
    "CMA-ES sees the order of the values, never the values: f and exp(f) are the same to it.",
)

choice(
    "04.4",
    "b",
    {
        "a": "CMA-ES reads its cloud from trials that it made itself; another sampler's trials are not among them.",
        "c": "expected improvement belongs to the Gaussian process; CMA-ES has a cloud, no picture of the function.",
    },
    "It begins anew in the middle of the box. TPE and the GP sampler would have used all thirty trials.",
)
