"""Checks of notebook 05, your own sampler."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

from helpers.exercises.letters import check_letter
from helpers.learn.exercises import NotQuite, exercise
from helpers.learn.seed import course_seed

STEP, DRAWS = 0.1, 2000


def _steps(propose: Callable, points: np.ndarray, losses: np.ndarray, step: float = STEP) -> np.ndarray:
    """What `propose` answers over and over, as (draws, dimensions)."""
    climber = SimpleNamespace(rng=np.random.default_rng(course_seed()), step=step)
    answers = [propose(climber, points.copy(), losses.copy()) for _ in range(DRAWS)]
    if any(np.shape(answer) != points.shape[1:] for answer in answers):
        raise NotQuite(
            f"for points with {points.shape[1]} coordinates it returned {answers[0]!r}: return one point, an array "
            "with a number for each."
        )
    return np.array(answers, dtype=float)


@exercise("05.1")
def a_step_from_the_best(propose: Callable) -> str:
    """Normal steps from the best point, in each direction its own, inside the cube, drawn from the sampler's rng."""
    losses = np.array([3.0, 1.0, 7.0, 2.0])
    points = np.array([[0.3, 0.6, 0.4], [0.5, 0.5, 0.5], [0.7, 0.4, 0.6], [0.6, 0.3, 0.3]])
    found = _steps(propose, points, losses)
    centre = np.median(found, axis=0)
    if np.abs(centre - points[2]).max() < 0.03:
        raise NotQuite("it starts from the point with the highest loss; a loss is better when lower, so take argmin.")
    if np.abs(centre - points[1]).max() >= 0.03:
        raise NotQuite(f"the best point is {points[1]}, and its steps start around {centre.round(2)}.")
    if np.all(found == found[0]):
        raise NotQuite("it makes the same step every time: draw it from self.rng.")
    if np.abs(np.corrcoef(found, rowvar=False)[0, 1]) > 0.5:
        raise NotQuite("every coordinate moves by the same amount, along a diagonal: draw one number for each.")
    if not np.array_equal(found, _steps(propose, points, losses)):
        raise NotQuite("with the same seed it made other steps: draw from self.rng alone.")
    if np.abs(found.std(axis=0) / STEP - 1).max() > 0.2:
        raise NotQuite(f"its steps have the standard deviation {found.std():.3f}; self.step is {STEP}.")
    if np.mean(np.abs(found - points[1]) > 2.5 * STEP) < 0.003:
        raise NotQuite("its steps never reach far: draw them from a normal distribution, with self.rng.normal.")
    if np.abs(_steps(propose, points, losses, step=0.05).std(axis=0) / 0.05 - 1).max() > 0.2:
        raise NotQuite("with another self.step its steps are as long as before: use self.step, not a number.")
    edge = _steps(propose, np.array([[0.0, 1.0]]), np.zeros(1))
    if edge.min() < 0 or edge.max() > 1:
        raise NotQuite("from a corner it steps out of the cube: keep every coordinate from 0 to 1, with np.clip.")
    return "A sampler of your own: it looks back, and moves on. Run the race, and see how far it comes."


@exercise("05.2")
def quarter_of_the_root(good_count: Callable) -> str:
    """min(ceil(0.25 sqrt(n)), 25)."""
    for n in (1, 16, 17, 100, 2500, 40_000):
        count, wanted = good_count(None, n), min(math.ceil(0.25 * math.sqrt(n)), 25)
        if count == wanted and isinstance(count, int | np.integer):
            continue
        if count == wanted:
            raise NotQuite("it returned a float, which cannot cut a list: make it a whole number with math.ceil.")
        if isinstance(count, float) and not count.is_integer():
            raise NotQuite(f"of {n} trials {count:g} would be good: round up to a whole number, with math.ceil.")
        if count == min(math.ceil(0.1 * n), 25):
            raise NotQuite("that is the rule you have read above, a tenth: take a quarter of math.sqrt(n).")
        if n > 10_000:
            raise NotQuite(f"of {n:,} trials {count} would be good: never more than 25, so take the min.")
        raise NotQuite(f"of {n} trials {count!r} would be good; asked was {wanted}.")
    return "With 100 trials that is 3 instead of 10: a greedier sampler."


@exercise("05.3")
def bounce_back(bounce: Callable) -> str:
    """-0.3 to 0.3 and 1.2 to 0.8, all else untouched."""
    for point in ([0.0, 0.25, 1.0], [-0.3, 0.5, 0.9], [1.2, 0.1, 0.4], [-0.9, 1.9, 1.05]):
        given = np.array(point)
        wanted = 1 - np.abs(1 - np.abs(given))
        found = np.asarray(bounce(given.copy()), dtype=float)
        if found.shape == wanted.shape and np.allclose(found, wanted):
            continue
        if found.shape == wanted.shape and np.allclose(found, np.clip(given, 0, 1)):
            raise NotQuite(f"{given} becomes {found}: that is np.clip, which stops at the wall.")
        if found.shape == wanted.shape and np.allclose(found, given % 1):
            raise NotQuite(f"{given} becomes {found}: what leaves on one side comes in on the other. Fold it back.")
        raise NotQuite(f"{given} becomes {found}; asked was {wanted}.")
    return "Now no value is tried more often because it stands at the edge."


@exercise("05.4")
def nothing_was_shown(answer: object) -> str:
    """Neither test has spoken."""
    reasons = {
        "a": "not finding a difference is no proof that there is none, and p = 0.3 proves no equivalence.",
        "b": "the test for a difference found none, p = 0.4, let alone one that large.",
    }
    check_letter(answer, reasons)
    return "Both are possible still. Only more runs can tell."


@exercise("05.5")
def the_choice(best_candidate: Callable) -> str:
    """The candidate with the highest ratio of the two densities."""
    rng = np.random.default_rng(course_seed())
    good, rest = (_density_around(place) for place in (0.3, 0.5))
    for _ in range(20):
        candidates = rng.random((24, 2))
        ratio = good.density(candidates) / rest.density(candidates)
        mistakes = {
            "that is the highest density of the good ones alone: weigh it against the rest.": good.density(candidates),
            "the ratio is upside down: good over rest.": 1 / ratio,
            "that is the place where the rest is thinnest: it need not be good.": -rest.density(candidates),
        }
        found = best_candidate(candidates.copy(), good, rest)
        if np.shape(found) != (2,):
            raise NotQuite(f"it returned {found!r}: return the row of `candidates` itself, not its number.")
        if np.array_equal(found, candidates[np.argmax(ratio)]):
            continue
        for reason, height in mistakes.items():
            if np.array_equal(found, candidates[np.argmax(height)]):
                raise NotQuite(reason)
        raise NotQuite(f"it returned {found}; the ratio is highest at {candidates[np.argmax(ratio)]}.")
    return "Good, and not yet tried often: two densities and one division."


def _density_around(place: float) -> SimpleNamespace:
    """Something with a method `density`, highest around one place."""
    return SimpleNamespace(density=lambda points: np.exp(-4 * np.sum((points - place) ** 2, axis=1)) + 0.05)
