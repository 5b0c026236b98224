"""A search space as the unit cube: every hyperparameter becomes a coordinate from 0 to 1, and comes back.

With `log=True` equal factors are equally long. Each value on a step, whole number and category owns an interval and
stands in its middle. Categories lie in a row, an order that is not there; a sampler that goes by distance believes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from helpers.errors import BadInput


def to_cube(space: Mapping[str, BaseDistribution], settings: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Points (settings, dimensions); a value outside of its range lands on the nearest face."""
    points = np.full((len(settings), len(space)), 0.5)
    for column, (name, distribution) in enumerate(space.items()):
        numbers, low, high = _axis(distribution)
        values = np.array([distribution.to_internal_repr(setting[name]) for setting in settings])
        if high > low:
            points[:, column] = ((np.log(values) if numbers.log else values) - low) / (high - low)
    return np.clip(points, 0, 1)


def from_cube(space: Mapping[str, BaseDistribution], point: Sequence[float]) -> dict[str, Any]:
    """The setting at a point (dimensions,), in Python's own numbers; BadInput unless all coordinates are in 0 to 1."""
    if np.shape(point) != (len(space),) or not all(0 <= at <= 1 for at in point):
        raise BadInput(f"{point} is no point of the cube: give {len(space)} coordinates, each from 0 to 1.")
    return {name: _value(space[name], float(at)) for name, at in zip(space, point, strict=True)}


def _value(distribution: BaseDistribution, at: float) -> Any:
    numbers, low, high = _axis(distribution)
    value = math.exp(low + at * (high - low)) if numbers.log else low + at * (high - low)
    if numbers.step:
        value = numbers.low + round((value - numbers.low) / numbers.step) * numbers.step
    return distribution.to_external_repr(min(max(value, numbers.low), numbers.high))


def _axis(distribution: BaseDistribution) -> tuple[Any, float, float]:
    """The distribution, categories numbered, and its ends, half a step outside; logarithms where it has `log`."""
    numbers: Any = distribution
    if isinstance(distribution, CategoricalDistribution):
        numbers = IntDistribution(0, len(distribution.choices) - 1)
    ends = numbers.low - (numbers.step or 0) / 2, numbers.high + (numbers.step or 0) / 2
    return (numbers, *(map(math.log, ends) if numbers.log else ends))
