"""Checks of notebook 05, your own sampler."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from helpers.exercises.kit import Seen, choice, function

rng = np.random.default_rng(0)


class Climber(SimpleNamespace):
    """The sampler that 05.1 asks for."""

    step, sign, low, high = 0.1, 1, 0.0, 1.0

    def propose(self, points: np.ndarray, losses: np.ndarray) -> np.ndarray:
        best = points[np.argmin(self.sign * losses)]
        return np.clip(best + self.rng.normal(0, self.step, size=len(best)), self.low, self.high)


def steps(answer: Any, points: np.ndarray, losses: np.ndarray, step: float) -> Seen:
    """The next point while the last rows come, one by one, when the sampler's own step is replaced."""
    sampler = answer(seed=0)
    own = "above 0" if sampler.step > 0 else sampler.step
    sampler.rng, sampler.step = np.random.default_rng(0), step
    return Seen({"step": own, "next points": [sampler.propose(points[:n], losses[:n]) for n in (-2, -1, None)]})


CUBES = [(rng.uniform(0.4, 0.6, size=(3, 2)), 0.1), (rng.random((4, 3)), 0.05), (np.tile([0.0, 1.0], (3, 2)), 0.2)]
function(
    "05.1",
    Climber,
    [(points, losses, step) for points, step in CUBES for losses in rng.normal(size=(2, len(points)))],
    {
        "that is the worst point: lower losses are better.": partial(Climber, sign=-1),
        "a point near a face may leave the cube: stop at the face.": partial(Climber, low=-np.inf, high=np.inf),
    },
    praise="A sampler of your own: it looks back, and moves on. Run the race, and see how far it comes.",
    watch=steps,
)
function(
    "05.2",
    lambda candidates, good, rest: candidates[np.argmax(good / rest)],
    [(rng.random((24, size)), *rng.uniform(0.5, 2, size=(2, 24))) for size in (1, 2, 5)],
    {
        "that is where the good are dense; the rest may be dense there, too.": lambda c, g, r: c[np.argmax(g)],
        "that is the row's number: return the row, candidates[...].": lambda c, g, r: np.argmax(g / r),
        "a difference is no comparison by factors: divide.": lambda c, g, r: c[np.argmax(g - r)],
        "that is a table of one row: index with the number alone.": lambda c, g, r: c[[np.argmax(g / r)]],
    },
    "The heart of TPE: dense among the good, in comparison with the rest.",
)
choice(
    "05.3",
    "c",
    {
        "a": "the interval reaches beyond the margin: the lead may be as large as 0.010.",
        "b": "0 lies inside the interval: the first may also be behind.",
    },
    "Both are possible still. Only more runs can tell.",
)
