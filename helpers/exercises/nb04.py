"""Checks of notebook 04, inside the samplers."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from helpers.exercises.kit import choice, function, unordered

rng = np.random.default_rng(0)
function(
    "04.1",
    lambda values: np.argsort(values)[: min(-(-len(values) // 10), 25)],
    [(rng.normal(size=n).tolist(),) for n in (3, 1, 10, 11, 20, 30, 245, 255, 300, 1000)] + [([2, 1, 1] + [3] * 9,)],
    praise="A tenth, rounded up, and never more than 25: so l(x) stays the picture of few trials.",
    watch=unordered,
)


def improvement(mean: float, sigma: float, best: float) -> float:
    """The expected improvement below `best`."""
    return (best - mean) * norm.cdf(best, mean, sigma) + sigma**2 * norm.pdf(best, mean, sigma)


function(
    "04.2",
    improvement,
    [(0.0, 1.0, 0.0), (0.5, 2.0, 0.0), (-1.0, 0.5, 0.25), (3.0, 1.5, 1.0), (-2.0, 0.1, -2.5), (1.0, 3.0, 40.0)],
    {
        "the sign is turned: lower is better here, so z = (best - mean) / sigma.": lambda m, s, b: improvement(b, s, m),
        "that is the probability of an improvement; it does not say how large.": lambda m, s, b: norm.cdf((b - m) / s),
        "the part with norm.pdf(z) is missing: luck counts, too.": lambda m, s, b: (b - m) * norm.cdf((b - m) / s),
    },
    "Low mean or wide band: either makes it grow. That is exploitation and exploration in one number.",
)

WEIGHTS = np.log(3.5) - np.log([1, 2, 3])
function(
    "04.3",
    lambda points, values: WEIGHTS @ points[np.argsort(values)[:3]] / WEIGHTS.sum(),
    [(rng.normal(size=(6, 2)), rng.normal(size=6)) for _ in range(4)],
    {
        "the three count alike: give the best one the largest weight.": lambda p, v: p[np.argsort(v)[:3]].mean(axis=0),
        "the points are not sorted: begin with the lowest value.": lambda p, v: WEIGHTS @ p[:3] / WEIGHTS.sum(),
        "the weights do not sum to 1: divide them by their sum.": lambda p, v: WEIGHTS @ p[np.argsort(v)[:3]],
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
