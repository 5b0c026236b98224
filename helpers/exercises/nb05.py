"""Checks of notebook 05, your own sampler."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from helpers.exercises.kit import choice, compare, function, plain, shown
from helpers.learn.exercises import NotQuite, exercise
from helpers.learn.seed import course_seed

STEP, DRAWS = 0.1, 2000


def _class(answer: Any, method: str) -> None:
    """Raises NotQuite unless the answer is a class with this method."""
    if not isinstance(answer, type) or not callable(getattr(answer, method, None)):
        raise NotQuite(f"the answer is the class, with its method {method}: hand over the class itself.")


def _steps(answer: Any, points: np.ndarray, losses: np.ndarray, step: float = STEP) -> np.ndarray:
    """What a sampler of the learner's class proposes over and over, as (draws, dimensions)."""
    climber = answer(seed=course_seed())
    climber.rng, climber.step = np.random.default_rng(course_seed()), step
    answers = [plain(climber.propose(points.copy(), losses.copy())) for _ in range(DRAWS)]
    if any(np.shape(answer) != points.shape[1:] for answer in answers):
        raise NotQuite(
            f"for points with {points.shape[1]} coordinates it returned {shown(answers[0])}: return one point, an "
            "array with a number for each."
        )
    return np.array(answers, dtype=float)


@exercise("05.1")
def a_step_from_the_best(answer: Any) -> str:
    """Normal steps from the best point, in each direction its own, inside the cube, drawn from the sampler's rng."""
    _class(answer, "propose")
    losses = np.array([3.0, 1.0, 7.0, 2.0])
    points = np.array([[0.3, 0.6, 0.4], [0.5, 0.5, 0.5], [0.7, 0.4, 0.6], [0.6, 0.3, 0.3]])
    found = _steps(answer, points, losses)
    centre = np.median(found, axis=0)
    if np.abs(centre - points[2]).max() < 0.03:
        raise NotQuite("it starts from the point with the highest loss; a loss is better when lower, so take argmin.")
    if np.abs(centre - points[1]).max() >= 0.03:
        raise NotQuite(f"the best point is {points[1]}, and its steps start around {centre.round(2)}.")
    if np.all(found == found[0]):
        raise NotQuite("it makes the same step every time: draw it from self.rng.")
    if np.abs(np.corrcoef(found, rowvar=False)[0, 1]) > 0.5:
        raise NotQuite("every coordinate moves by the same amount, along a diagonal: draw one number for each.")
    if not np.array_equal(found, _steps(answer, points, losses)):
        raise NotQuite("with the same seed it made other steps: draw from self.rng alone.")
    if np.abs(found.std(axis=0) / STEP - 1).max() > 0.2:
        raise NotQuite(f"its steps have the standard deviation {found.std():.3f}; self.step is {STEP}.")
    if np.mean(np.abs(found - points[1]) > 2.5 * STEP) < 0.003:
        raise NotQuite("its steps never reach far: draw them from a normal distribution, with self.rng.normal.")
    if np.abs(_steps(answer, points, losses, step=0.05).std(axis=0) / 0.05 - 1).max() > 0.2:
        raise NotQuite("with another self.step its steps are as long as before: use self.step, not a number.")
    edge = _steps(answer, np.array([[0.0, 1.0]]), np.zeros(1))
    if edge.min() < 0 or edge.max() > 1:
        raise NotQuite("from a corner it steps out of the cube: keep every coordinate from 0 to 1, with np.clip.")
    return "A sampler of your own: it looks back, and moves on. Run the race, and see how far it comes."


def quarter(n: int) -> int:
    """min(ceil(0.25 sqrt(n)), 25)."""
    return min(math.ceil(0.25 * math.sqrt(n)), 25)


def counted(answer: Any, n: int) -> object:
    """What a sampler of the learner's class, or a function, calls good; a float is told apart, it cannot cut a list."""
    count = (answer(seed=0).good_count if isinstance(answer, type) else answer)(n)
    return ["a float", count] if isinstance(count, float) else count


@exercise("05.2")
def quarter_of_the_root(answer: Any) -> str:
    """min(ceil(0.25 sqrt(n)), 25)."""
    _class(answer, "good_count")
    mistakes = {
        "it returned floats, which cannot cut a list: round up to a whole number with math.ceil.": lambda n: min(
            0.25 * math.sqrt(n), 25
        ),
        "it returned floats, which cannot cut a list: make a whole number with math.ceil.": lambda n: min(
            np.ceil(0.25 * math.sqrt(n)), 25
        ),
        "that is the rule you have read above, a tenth: take a quarter of math.sqrt(n).": lambda n: min(
            math.ceil(0.1 * n), 25
        ),
        "it grows for ever: never more than 25 are good, so take the min.": lambda n: math.ceil(0.25 * math.sqrt(n)),
        "it rounds down: a quarter of the root is rounded up.": lambda n: min(int(0.25 * math.sqrt(n)), 25),
        "the quarter belongs outside of the root.": lambda n: min(math.ceil(math.sqrt(0.25 * n)), 25),
    }
    cases = [(n,) for n in (1, 10, 16, 17, 100, 900, 2500, 9216, 9217, 10_000, 10_001, 40_000, 1_000_000)]
    compare(answer, quarter, cases, mistakes, counted)
    return "With 100 trials that is 3 instead of 10: a greedier sampler."


rng = np.random.default_rng(0)
function(
    "05.3",
    lambda point: 1 - np.abs(1 - np.abs(point)),
    [
        (np.array(point),)
        for point in ([0.0, 0.25, 1.0], [-0.3, 0.5, 0.9], [1.2, 0.1, 0.4], [-0.9, 1.9, 1.05], [-1.0, 2.0], [0.6])
    ]
    + [(rng.uniform(-1, 2, size=n),) for n in (7, 20)],
    {
        "that is np.clip, which stops at the wall.": lambda point: np.clip(point, 0, 1),
        "what leaves on one side comes in on the other: fold it back.": lambda point: point % 1,
        "it bounces off the wall at 0 alone: what goes above 1 comes back, too.": np.abs,
        "it bounces off the wall at 1 alone: what goes below 0 comes back, too.": lambda point: 1 - np.abs(1 - point),
    },
    "Now no value is tried more often because it stands at the edge.",
)

choice(
    "05.4",
    "c",
    {
        "a": "not finding a difference is no proof that there is none, and p = 0.3 proves no equivalence.",
        "b": "the test for a difference found none, p = 0.4, let alone one that large.",
    },
    "Both are possible still. Only more runs can tell.",
)


def density_around(place: float) -> SimpleNamespace:
    """Something with a method `density`, highest around one place."""
    return SimpleNamespace(density=lambda points: np.exp(-4 * np.sum((points - place) ** 2, axis=1)) + 0.05)


def highest(height: Callable) -> Callable:
    """The candidate where `height` of the two densities is highest."""

    def best(candidates: np.ndarray, good: Any, rest: Any) -> np.ndarray:
        return candidates[np.argmax(height(good.density(candidates), rest.density(candidates)))]

    return best


function(
    "05.5",
    highest(lambda good, rest: good / rest),
    {
        f"candidates {shown(candidates[:2])} and {len(candidates) - 2} more, good around {a}, the rest around {b},": (
            candidates,
            density_around(a),
            density_around(b),
        )
        for a, b in ((0.3, 0.5), (0.8, 0.4), (0.5, 0.55))
        for candidates in rng.random((5, 24, 2))
    },
    {
        "that is the highest density of the good ones alone: weigh it against the rest.": highest(lambda g, r: g),
        "the ratio is upside down: good over rest.": highest(lambda good, rest: rest / good),
        "that is the place where the rest is thinnest: it need not be good.": highest(lambda good, rest: -rest),
        "you multiply the two: the rest is to be low where the good are high.": highest(lambda good, rest: good * rest),
        "that is the number of the candidate: return the row of `candidates` itself.": lambda candidates, good, rest: (
            np.argmax(good.density(candidates) / rest.density(candidates))
        ),
        "that is the highest ratio: return the candidate that has it.": lambda candidates, good, rest: np.max(
            good.density(candidates) / rest.density(candidates)
        ),
    },
    "Good, and not yet tried often: two densities and one division.",
)
