"""Watching an objective: what it asks a trial for, and what it returns."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution

from helpers.exercises.kit import Odd, Seen
from helpers.learn.seed import course_seed


def asked(answer: Callable, *params: dict) -> Seen:
    """What the last of these trials is asked for, which constraints it keeps, and what is returned."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=course_seed()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a value outside of the range is told by the range
        for values in params:
            study.enqueue_trial(values)
            returned = answer(trial := study.ask())
    kept = {f"constraint {name}": "kept" if value <= 0 else "broken" for name, value in trial.constraints.items()}
    return Seen({name: suggestion(have) for name, have in trial.distributions.items()} | kept | {"returned": returned})


def suggestion(distribution: Any) -> Odd:
    """The call that makes a distribution; the order of choices is no matter."""
    kind = type(distribution).__name__.removesuffix("Distribution").lower()
    if isinstance(distribution, CategoricalDistribution):
        return Odd(f"suggest_{kind}({sorted(distribution.choices, key=repr)})")
    words = ", log=True" * distribution.log + f", step={distribution.step}" * (distribution.step not in (None, 1))
    return Odd(f"suggest_{kind}({distribution.low}, {distribution.high}{words})")
