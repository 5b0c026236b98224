"""The unit cube of notebook 05, taken from the notebook: there and back for every kind of hyperparameter."""

from __future__ import annotations

import math

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from tests.notebooks.test_own_samplers import NAMES

from_cube, to_cube = NAMES["from_cube"], NAMES["to_cube"]
KINDS = {
    "float": FloatDistribution(-1.5, 4),
    "float, log": FloatDistribution(1e-7, 1, log=True),
    "float, step": FloatDistribution(-10.2, 10.2, step=0.1),
    "float, inexact step": FloatDistribution(0.1, 0.7, step=0.2),
    "int": IntDistribution(-3, 10),
    "int, step": IntDistribution(3, 9, step=2),
    "int, log": IntDistribution(1, 100, log=True),
    "categories": CategoricalDistribution(["sgd", 3, None, True]),
    "one float": FloatDistribution(2, 2),
    "one float, log": FloatDistribution(2, 2, log=True),
    "one int": IntDistribution(1, 1, log=True),
    "one category": CategoricalDistribution(["only"]),
}
COORDINATES = [0, 1, 1e-17, *np.random.default_rng(0).random(50)]


@pytest.mark.parametrize("name", KINDS)
def test_there_and_back(name):
    """Inside the range and on the step, as Optuna checks a trial's values; Python's own numbers; back as they went."""
    distribution, space = KINDS[name], {"x": KINDS[name]}
    for at in COORDINATES:
        setting = from_cube(space, [at])
        optuna.create_study().add_trial(optuna.create_trial(params=setting, distributions=space, value=0))
        assert not isinstance(setting["x"], np.generic)
        if isinstance(distribution, IntDistribution | FloatDistribution):
            assert type(setting["x"]) is type(distribution.low)
        if getattr(distribution, "step", None):
            steps = (setting["x"] - distribution.low) / distribution.step
            assert steps == pytest.approx(round(steps), abs=1e-8)
        points = to_cube(space, [setting, setting])
        assert points.shape == (2, 1) and 0 <= points[0, 0] <= 1
        again = from_cube(space, points[0])["x"]
        assert again == (pytest.approx(setting["x"], rel=1e-12) if isinstance(again, float) else setting["x"])
        if name in ("float", "float, log"):
            assert points[0, 0] == pytest.approx(at, abs=1e-12)


def test_each_value_has_an_equal_share():
    """Even coordinates hit every value equally often: the first and the last do not get half."""
    for name, wanted in (("int", 14), ("int, step", 4), ("float, step", 205), ("categories", 4)):
        even = (np.arange(wanted * 10) + 0.5) / (wanted * 10)
        values = [from_cube({"x": KINDS[name]}, [at])["x"] for at in even]
        assert [values.count(value) for value in dict.fromkeys(values)] == [10] * wanted


def test_log_makes_equal_factors_equally_long():
    """The middle of a logarithmic range is the geometric mean of its ends."""
    assert from_cube({"x": FloatDistribution(1e-4, 1, log=True)}, [0.5])["x"] == pytest.approx(0.01)
    assert to_cube({"x": FloatDistribution(1e-4, 1, log=True)}, [{"x": 0.1}])[0, 0] == pytest.approx(0.75)


def test_columns_are_the_space_s_order():
    """Each name has its own column, whatever order a setting's names come in."""
    space = {"b": KINDS["int"], "a": FloatDistribution(0, 1)}
    assert to_cube(space, [{"a": 0.25, "b": -3}])[0].tolist() == pytest.approx([0.5 / 14, 0.25])
    assert list(from_cube(space, [0, 0.25])) == ["b", "a"]
    assert to_cube(space, []).shape == (0, 2)


def test_outside_of_the_cube():
    """A queued value outside of its range lands on a face; a point with too few coordinates or one outside is none."""
    assert to_cube({"x": KINDS["int"]}, [{"x": -99}, {"x": 99}])[:, 0].tolist() == [0, 1]
    for point in ([], [0.5, 0.5], [1.01], [-0.01], [math.nan], [[0.5]], None):
        with pytest.raises(ValueError, match="give 1 coordinates, each from 0 to 1"):
            from_cube({"x": FloatDistribution(0, 1)}, point)
