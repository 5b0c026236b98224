"""Test functions: their optimum is where it is said to be, and nothing lies below it."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from scipy.optimize import minimize

from helpers.errors import BadInput
from helpers.learn import course_seed
from helpers.problems.functions import FUNCTIONS, Function, find_function

EACH = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
DIMENSIONS = {"forrester": 1, "gramacy_lee": 1, "hartmann6": 6, "rosenbrock5": 5}


@EACH
def test_the_best_place_has_the_lowest_value(function: Function) -> None:
    """`best` lies inside the box and gives `optimum`, to 1e-5; and never below it."""
    assert function.name in FUNCTIONS and function.direction == "minimize"
    assert len(function.low) == len(function.high) == len(function.best) == DIMENSIONS.get(function.name, 2)
    assert all(low <= x <= high for low, x, high in zip(function.low, function.best, function.high, strict=True))
    assert 0 <= function.formula(np.array(function.best)) - function.optimum <= 1e-5


@EACH
def test_nothing_lies_below_the_optimum(function: Function) -> None:
    """Neither at 5,000 random points nor where a descent ends, from the best five of them or from `best`."""
    rng = np.random.default_rng(course_seed())
    low, high = np.array(function.low), np.array(function.high)
    points = rng.uniform(low, high, size=(5000, len(low)))
    values = np.array([function.formula(point) for point in points])
    starts = [*points[np.argsort(values)[:5]], np.array(function.best)]
    descents = [
        minimize(function.formula, start, method="L-BFGS-B", bounds=list(zip(low, high, strict=True))).fun
        for start in starts
    ]
    assert function.optimum <= min(*values, *descents)
    assert min(descents) - function.optimum <= 1e-5


@EACH
def test_a_trial_is_asked_for_each_coordinate(function: Function) -> None:
    """x0, x1, ... over the whole box, on a linear scale; the value is that of the formula."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=course_seed()))
    study.optimize(function, n_trials=3)
    for trial in study.trials:
        box = {name: (drawn.low, drawn.high, drawn.log, drawn.step) for name, drawn in trial.distributions.items()}
        edges = zip(function.low, function.high, strict=True)
        assert box == {f"x{n}": (low, high, False, None) for n, (low, high) in enumerate(edges)}
        assert type(trial.value) is float
        assert trial.value == function.formula(np.array([trial.params[f"x{n}"] for n in range(len(box))]))


PUBLISHED = [  # values by hand, or from the pages of the functions
    ("forrester", (0.0,), 4 * np.sin(-4)),
    ("gramacy_lee", (0.5,), 0.5**4),
    ("branin", (-np.pi, 12.275), 0.397887),
    ("branin", (9.42478, 2.475), 0.397887),
    ("branin", (0.0, 0.0), 36 + 10 * (1 - 1 / (8 * np.pi)) + 10),
    ("ellipse", (0.0, 0.0), 1 + 25 * 4),
    ("ackley", (1.0, 0.0), 20 + np.e - 20 * np.exp(-0.2 * np.sqrt(0.5)) - np.e),
    ("rosenbrock2", (0.0, 0.0), 1.0),
    ("rosenbrock5", (0.0,) * 5, 4.0),
    ("rosenbrock5", (2.0,) * 5, 4 * (100 * 4 + 1)),
    ("hartmann6", (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573), -3.32237),
]


@pytest.mark.parametrize(("name", "point", "value"), PUBLISHED)
def test_known_values(name: str, point: tuple[float, ...], value: float) -> None:
    """Values that can be worked out by hand, and the published optima."""
    assert find_function(name).formula(np.array(point)) == pytest.approx(value, abs=1e-5)


def test_an_unknown_function_is_refused() -> None:
    """The sentence names those there are."""
    with pytest.raises(BadInput, match=r"^Unknown function 'sphere': choose one of 'forrester', .*'hartmann6'\.$"):
        find_function("sphere")
