"""Comparing a search space with the one that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution

from helpers.learn.exercises import NotQuite


def compare_space(wanted: Mapping[str, BaseDistribution], found: Mapping[str, BaseDistribution]) -> None:
    """Raises NotQuite with the first difference between two search spaces, name by name."""
    for name, want in wanted.items():
        if name not in found:
            names = ", ".join(found) or "nothing"
            raise NotQuite(f"the trial was never asked for {name!r} (it was asked for: {names}).")
        _compare(name, want, found[name])
    if extra := set(found) - set(wanted):
        raise NotQuite(f"the trial was also asked for {', '.join(sorted(extra))}, which is not in the task.")


def _compare(name: str, want: Any, have: Any) -> None:
    """Two distributions, of whatever kind."""
    if type(want) is not type(have):
        raise NotQuite(f"{name} is drawn with {_call(have)}; this knob wants {_call(want)}.")
    if isinstance(want, CategoricalDistribution):
        if set(want.choices) != set(have.choices):
            raise NotQuite(f"the choices of {name} are {have.choices}, asked were {want.choices}.")
        return
    if (want.low, want.high) != (have.low, have.high):
        raise NotQuite(f"{name} goes from {have.low:g} to {have.high:g}, asked was {want.low:g} to {want.high:g}.")
    if want.log != have.log:
        wish = "equal factors, so it wants log=True" if want.log else "equal steps, so it wants no log=True"
        raise NotQuite(f"{name} should move in {wish}.")
    if (want.step or 0) != (have.step or 0):
        raise NotQuite(f"the step of {name} is {have.step}, asked was {want.step}.")


def _call(distribution: BaseDistribution) -> str:
    """The suggestion that makes a distribution: FloatDistribution is made by suggest_float."""
    return "suggest_" + type(distribution).__name__.removesuffix("Distribution").lower()
