"""Test functions with a known optimum, ready to be an Optuna objective.

Formulas and optima: Surjanovic and Bingham, "Virtual Library of Simulation Experiments" (sfu.ca/~ssurjano), each
of whose pages names the original paper.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from optuna import Trial
from scipy.optimize import rosen

from helpers.errors import one_of

Direction = Literal["minimize", "maximize"]


class Problem(Protocol):
    """What a race needs of an objective: it takes a trial, and its best possible value is known."""

    @property
    def name(self) -> str: ...
    @property
    def direction(self) -> Direction: ...
    @property
    def optimum(self) -> float: ...
    def __call__(self, trial: Trial) -> float: ...


@dataclass(frozen=True)
class Function:
    """A function to be minimised over a box; calling it with a trial asks for x0, x1, ... and returns the value."""

    name: str
    formula: Callable[[np.ndarray], float]  # of an array of shape (dimensions,)
    low: tuple[float, ...]
    high: tuple[float, ...]
    optimum: float  # the lowest value inside the box, rounded down
    best: tuple[float, ...]  # one place where it is taken
    direction: Direction = "minimize"

    def __post_init__(self) -> None:
        for name in ("low", "high", "best"):  # lists are welcome too
            object.__setattr__(self, name, tuple(map(float, getattr(self, name))))

    def __call__(self, trial: Trial) -> float:
        bounds = zip(self.low, self.high, strict=True)
        point = [trial.suggest_float(f"x{n}", low, high) for n, (low, high) in enumerate(bounds)]
        return float(self.formula(np.array(point)))


def _forrester(x: np.ndarray) -> float:
    return float((6 * x[0] - 2) ** 2 * math.sin(12 * x[0] - 4))


def _gramacy_lee(x: np.ndarray) -> float:
    return float(math.sin(10 * math.pi * x[0]) / (2 * x[0]) + (x[0] - 1) ** 4)


def _branin(x: np.ndarray) -> float:
    valley = x[1] - 5.1 / (4 * math.pi**2) * x[0] ** 2 + 5 / math.pi * x[0] - 6
    return float(valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x[0]) + 10)


def _ellipse(x: np.ndarray) -> float:
    return float((x[0] + x[1] - 1) ** 2 + 25 * (x[0] - x[1] + 2) ** 2)


def _ackley(x: np.ndarray) -> float:
    radius, waves = math.sqrt(np.mean(x**2)), np.mean(np.cos(2 * math.pi * x))
    return float(-20 * math.exp(-0.2 * radius) - math.exp(waves) + 20 + math.e)


_WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
_SCALES = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_CENTRES = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)
_LOWEST = (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573)


def _hartmann(x: np.ndarray) -> float:
    return float(-_WEIGHTS @ np.exp(-np.sum(_SCALES * (x - _CENTRES) ** 2, axis=1)))


FUNCTIONS = {
    function.name: function
    for function in (
        Function("forrester", _forrester, (0.0,), (1.0,), -6.0207401, (0.757249,)),
        Function("gramacy_lee", _gramacy_lee, (0.5,), (2.5,), -0.8690112, (0.548563,)),
        Function("branin", _branin, (-5.0, 0.0), (10.0, 15.0), 0.397887, (math.pi, 2.275)),
        Function("ellipse", _ellipse, (-5.0, -5.0), (5.0, 5.0), 0.0, (-0.5, 1.5)),
        Function("ackley", _ackley, (-10.0, -10.0), (10.0, 10.0), 0.0, (0.0, 0.0)),
        Function("rosenbrock2", rosen, (-2.0, -1.0), (2.0, 3.0), 0.0, (1.0, 1.0)),
        Function("rosenbrock5", rosen, (-2.0,) * 5, (2.0,) * 5, 0.0, (1.0,) * 5),
        Function("hartmann6", _hartmann, (0.0,) * 6, (1.0,) * 6, -3.3223681, _LOWEST),
    )
}


def find_function(name: str) -> Function:
    """The test function of that name, or BadInput with the names there are."""
    one_of("function", name, tuple(FUNCTIONS))
    return FUNCTIONS[name]
