"""Checks of notebook 04, inside the samplers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import norm

from helpers.exercises.letters import check_letter
from helpers.learn.exercises import NotQuite, exercise


def _called(answer: object, *given: object) -> np.ndarray:
    """What the learner's function returns, as an array of floats."""
    if not callable(answer):
        raise NotQuite("the answer is a function; hand over the function itself.")
    returned = answer(*given)
    try:
        return np.asarray(returned, dtype=float)
    except (TypeError, ValueError):
        raise NotQuite(f"it returned {returned!r}, where numbers were asked for.") from None


def _compare(found: np.ndarray, wanted: np.ndarray, mistakes: dict[str, np.ndarray], case: str) -> None:
    """Raises NotQuite, with the reason of the mistake that gives the same numbers where there is one."""
    if found.shape != np.shape(wanted):
        raise NotQuite(f"{case} it returned {found.tolist()}; asked was {np.round(wanted, 4).tolist()}.")
    if np.allclose(found, wanted, rtol=1e-6, atol=1e-12):
        return
    for reason, numbers in mistakes.items():
        if np.allclose(found, numbers, rtol=1e-6, atol=1e-12):
            raise NotQuite(reason)
    raise NotQuite(f"{case} it returned {found.tolist()}; asked was {np.round(wanted, 4).tolist()}.")


@exercise("04.1")
def good_group(answer: Callable) -> str:
    """The numbers of the best min(ceil(0.1 n), 25) trials, in any order."""
    for n in (30, 11, 300):
        values = np.random.default_rng(n).normal(size=n)
        found = np.sort(np.ravel(_called(answer, values.tolist())))
        order, size = np.argsort(values), min(-(-n // 10), 25)
        if np.array_equal(found, np.sort(order[-size:])):
            raise NotQuite("these are the highest values: here lower is better.")
        if len(found) > 25:
            raise NotQuite(f"of {n} trials you call {len(found)} good: the group never has more than 25.")
        if np.isin(found, values).all() and len(found):
            raise NotQuite("these are the values: return the numbers of the trials, counted from 0.")
        if len(found) == n // 10 < size:
            raise NotQuite(f"a tenth of {n} is {n / 10}; round it up, so {size} trials are good.")
        if not np.array_equal(found, np.sort(order[:size])):
            raise NotQuite(f"of {n} trials the {size} lowest are good; you return others: {found[:5].tolist()} ...")
    return "A tenth, rounded up, and never more than 25: so l(x) stays the picture of few trials."


@exercise("04.2")
def expected_improvement(answer: Callable) -> str:
    """The closed form for a function to be minimised."""
    for mean, sigma, best in ((0.5, 2.0, 0.0), (-1.0, 0.5, 0.25), (3.0, 1.5, 1.0)):
        z = (best - mean) / sigma
        mistakes = {
            "the sign is turned: lower is better here, so z = (best - mean) / sigma.": (
                sigma * (-z * norm.cdf(-z) + norm.pdf(z))
            ),
            "you measured it in units of sigma: multiply by sigma once more.": z * norm.cdf(z) + norm.pdf(z),
            "the part with the density, norm.pdf(z), is missing: luck counts, too.": sigma * z * norm.cdf(z),
            "that is the improvement of the mean alone: average over the whole band.": max(best - mean, 0.0),
            "that is the probability of an improvement; it does not say how large.": norm.cdf(z),
            "that is its logarithm: return the expected improvement itself.": (
                np.log(sigma * (z * norm.cdf(z) + norm.pdf(z)))
            ),
        }
        wanted = sigma * (z * norm.cdf(z) + norm.pdf(z))
        _compare(_called(answer, mean, sigma, best), wanted, mistakes, f"for ({mean}, {sigma}, {best})")
    return "Low mean or wide band: either makes it grow. That is exploitation and exploration in one number."


@exercise("04.3")
def next_mean(answer: Callable) -> str:
    """Weighted recombination of the better half of six."""
    weights = np.log(3.5) - np.log([1, 2, 3])
    for seed in range(3):
        rng = np.random.default_rng(seed)
        points, values = rng.normal(size=(6, 2)), rng.normal(size=6)
        order = np.argsort(values)
        best = points[order[:3]]
        mistakes = {
            "the three count alike: give the best one the largest weight.": best.mean(axis=0),
            "that is the mean of all six: only the better half has a say.": points.mean(axis=0),
            "the points are not sorted: weight them from the lowest value up.": weights @ points[:3] / weights.sum(),
            "these are the worst three: lower values are better.": weights @ points[order[:2:-1]] / weights.sum(),
            "the weights do not sum to 1: divide them by their sum.": weights @ best,
            "that is the best point alone: the second and the third have a say, too.": best[0],
        }
        wanted = weights @ best / weights.sum()
        _compare(_called(answer, points, values), wanted, mistakes, "for six points")
    return "CMA-ES sees the order of the values, never the values: f and exp(f) are the same to it."


@exercise("04.4")
def a_change_of_sampler(answer: object) -> str:
    """The wrong choices are told why."""
    reasons = {
        "a": "CMA-ES reads its cloud from trials that it made itself; another sampler's trials are not among them.",
        "c": "expected improvement belongs to the Gaussian process; CMA-ES has a cloud, no picture of the function.",
    }
    check_letter(answer, reasons)
    return "It begins anew in the middle of the box. TPE and the GP sampler would have used all thirty trials."
