"""The explorer of suggestions: what is drawn from a range, in which bars, and what is said of it."""

from __future__ import annotations

import math
import warnings
from itertools import pairwise

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from helpers.explore.suggestions import BINS, KINDS, bars, draw, suggested


@pytest.fixture(autouse=True)
def _quiet_optuna() -> None:
    """No line for every study."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)


RANGES = [
    ("float", 0.0, 1.0, False, None),
    ("float", 1e-5, 0.1, False, None),
    ("float", 1e-5, 0.1, True, None),
    ("float", 0.0, 1.0, False, 0.1),
    ("float", 0.0, 1.0, False, 0.01),
    ("float", 0.0, 1.0, False, 0.3),
    ("float", 0.1234567, 7.654321, False, None),
    ("float", -1.0, 1.0, False, None),
    ("float", 1.0, 1.0, False, None),
    ("int", 0, 10, False, None),
    ("int", 0, 1000, False, None),
    ("int", 1, 1000, True, None),
    ("int", 1, 8, True, None),
    ("int", 0, 1000, False, 10),
    ("int", 0, 1000, False, 300),
    ("int", 16, 1234567, False, None),
    ("int", 5, 5, False, None),
    ("categorical", 0.0, 1.0, False, None),
]
each_range = pytest.mark.parametrize(("kind", "low", "high", "log", "step"), RANGES)


def distribution(kind: str, low: float, high: float, log: bool, step: float | None) -> BaseDistribution:
    """What the range means to Optuna; it warns of a range that its step does not divide."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "categorical":
            return CategoricalDistribution(["sgd", "adam", "adamw"])
        if kind == "float":
            return FloatDistribution(low, high, log=log, step=step)
        return IntDistribution(int(low), int(high), log=log, step=1 if step is None else int(step))


def test_every_kind_is_tried() -> None:
    """The list above leaves no kind out."""
    assert {kind for kind, *_ in RANGES} == set(KINDS)


@each_range
def test_values_and_shares(kind: str, low: float, high: float, log: bool, step: float | None) -> None:
    """As many values as asked for, all of them ones the range can give, and bars that add up to one."""
    found = suggested(kind, low, high, step, log)
    wanted = distribution(kind, low, high, log, step)
    assert len(found.values) == 1000
    assert all(wanted._contains(wanted.to_internal_repr(value)) for value in found.values)
    positions, shares, _ = bars(found)
    assert math.isclose(sum(shares), 1)
    assert 1 <= len(shares) == len(positions) <= BINS
    assert list(positions) == sorted(set(positions))
    (drawn,) = draw(kind, low, high, step, log)[0].data
    assert list(drawn.x) == list(positions) and list(drawn.y) == list(shares)


@each_range
def test_the_line_of_code(kind: str, low: float, high: float, log: bool, step: float | None) -> None:
    """What the title says runs in an objective, and asks for just that range."""
    line = draw(kind, low, high, step, log)[0].layout.title.text
    trial = optuna.create_study().ask()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = eval(line, {"trial": trial})
    assert trial.distributions == {"x": distribution(kind, low, high, log, step)}
    assert trial.params == {"x": value}


@each_range
def test_the_seed_decides(kind: str, low: float, high: float, log: bool, step: float | None) -> None:
    """The same seed gives the same state, another seed other values wherever there is a choice."""
    first, again, other = (suggested(kind, low, high, step, log, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert (first.values != other.values) == (len(set(first.values)) > 1)


@pytest.mark.parametrize(("kind", "low", "high"), [("float", 1e-5, 0.1), ("float", 0.5, 500), ("int", 1, 1000)])
def test_a_log_scale_halves_at_the_geometric_middle(kind: str, low: float, high: float) -> None:
    """Half of the values lie below it, on the plain scale next to none; whole numbers reach half a unit each way."""
    rim = 0.5 if kind == "int" else 0
    middle = math.sqrt((low - rim) * (high + rim))
    below = {log: np.mean(np.asarray(suggested(kind, low, high, log=log).values) < middle) for log in (0, 1)}
    assert below[True] == pytest.approx(0.5, abs=0.05)
    assert below[False] < 0.1


@pytest.mark.parametrize(
    ("kind", "high", "log", "wanted"), [("float", 0.1, True, True), ("int", 1000, True, True), ("int", 8, True, False)]
)
def test_the_axis_follows_the_scale(kind: str, high: float, log: bool, wanted: bool) -> None:
    """A log axis for log draws, unless each value has a bar of its own; never for plain draws."""
    low = 1 if kind == "int" else 1e-5
    assert (draw(kind, low, high, log=log)[0].layout.xaxis.type == "log") is wanted
    assert draw(kind, low, high)[0].layout.xaxis.type == "linear"


@pytest.mark.parametrize(
    ("kind", "low", "high", "step"),
    [("float", 0.0, 1.0, 0.1), ("float", 0.1, 1.0, 0.01), ("int", 0, 1000, 10), ("int", 3, 100, 7)],
)
def test_a_step_makes_a_grid(kind: str, low: float, high: float, step: float) -> None:
    """Every value is the low end plus a whole number of steps, and every place of the grid comes up."""
    found = suggested(kind, low, high, step)
    places = (np.asarray(found.values) - low) / step
    assert np.allclose(places, np.rint(places))
    assert set(np.rint(places)) == set(range(math.floor((high - low) / step + 1e-9) + 1))


@pytest.mark.parametrize(
    ("kind", "low", "high", "step"),
    [("int", 0, 1000, None), ("int", 0, 1000, 10), ("int", 3, 1000, 7), ("float", 0.0, 1.0, 0.01)],
)
def test_bars_hold_equally_many_values(kind: str, low: float, high: float, step: float | None) -> None:
    """Where a bar holds several values of a grid, all but the last hold equally many: no stripes out of nothing."""
    positions, _, edges = bars(suggested(kind, low, high, step))
    grid = np.arange(math.floor((high - low) / (step or 1) + 1e-9) + 1) * (step or 1) + low
    held = [np.sum((low < grid) & (grid < high)) for low, high in pairwise(edges)]
    assert len(held) == len(positions)
    assert set(held[:-1]) == {held[0]}
    assert 0 < held[-1] <= held[0]


@pytest.mark.parametrize(
    ("kind", "low", "high", "options"),
    [
        ("float", 1.0, 0.1, {}),
        ("int", 10, 1, {}),
        ("float", 0.0, 1.0, {"log": True}),
        ("int", 0, 10, {"log": True}),
        ("float", 0.1, 1.0, {"log": True, "step": 0.1}),
        ("int", 1, 10, {"log": True, "step": 2}),
        ("float", 0.0, 1.0, {"step": -0.1}),
        ("int", 0, 10, {"step": 0.1}),
    ],
)
def test_a_refused_range(kind: str, low: float, high: float, options: dict) -> None:
    """The learner reads Optuna's own sentence under an empty picture whose title is the line that was refused."""
    figure, said = draw(kind, low, high, **options)
    with pytest.raises(ValueError) as refusal:
        distribution(kind, low, high, options.get("log", False), options.get("step"))
    with pytest.raises(ValueError):
        eval(figure.layout.title.text, {"trial": optuna.create_study().ask()})
    assert len(figure.data[0].x) == 0 and not figure.layout.xaxis.visible and not figure.layout.yaxis.visible
    assert said == f"Optuna refuses: {refusal.value}"


@pytest.mark.parametrize(
    ("kind", "high", "step", "instead"), [("float", 1.0, 0.3, "[0.0, 0.9]"), ("int", 10, 3, "[0, 9]")]
)
def test_a_range_that_is_not_divisible(kind: str, high: float, step: float, instead: str) -> None:
    """Optuna's warning is passed on, with the range it takes instead."""
    _, message = draw(kind, 0.0, high, step)
    assert message.startswith("Optuna warns: ")
    assert f"not divisible by `step`. It will be replaced with {instead}." in message
    assert "Only 4 " in message


def test_the_message_says_where_the_middle_is() -> None:
    """On a log scale most values lie below the middle; the share in the sentence is the share of the values."""
    found = suggested("float", 1e-5, 0.1, log=True)
    share = np.mean(np.asarray(found.values) < 0.050005)
    assert draw("float", 1e-5, 0.1, log=True)[1] == f"{share:.0%} of the values lie below the middle, 0.05."
    assert share > 0.8
