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
def test_the_optimum_is_where_it_is_said_to_be(function: Function) -> None:
    """`best` lies inside the box and gives `optimum`, to 1e-5; nothing lies below it, neither at 5,000 random points
    nor where a descent ends, from the best five of them or from `best`."""
    low, high, best = map(np.array, (function.low, function.high, function.best))
    assert len(low) == len(high) == len(best) == DIMENSIONS.get(function.name, 2)
    assert (low <= best).all() and (best <= high).all() and function.direction == "minimize"
    points = np.random.default_rng(course_seed()).uniform(low, high, size=(5000, len(low)))
    values = np.array([function.formula(point) for point in points])
    starts, bounds = [*points[np.argsort(values)[:5]], best], list(zip(low, high, strict=True))
    descents = [minimize(function.formula, start, method="L-BFGS-B", bounds=bounds).fun for start in starts]
    assert function.optimum <= min(function.formula(best), *values, *descents)
    assert max(min(descents), function.formula(best)) - function.optimum <= 1e-5


def test_a_trial_is_asked_for_each_coordinate() -> None:
    """x0, x1, ... over the whole box, on a linear scale; the value is that of the formula."""
    for function in FUNCTIONS.values():
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=course_seed()))
        study.optimize(function, n_trials=1)
        (trial,) = study.trials
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


def test_known_values() -> None:
    """Values that can be worked out by hand, and the published optima."""
    for name, point, value in PUBLISHED:
        assert find_function(name).formula(np.array(point)) == pytest.approx(value, abs=1e-5), (name, point)


def test_an_unknown_function_is_refused() -> None:
    """The sentence names those there are."""
    with pytest.raises(BadInput, match=r"^Unknown function 'sphere': choose one of 'forrester', .*'hartmann6'\.$"):
        find_function("sphere")
