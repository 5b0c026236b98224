"""Checks of notebook 09, importance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import optuna
import pandas as pd
from optuna.samplers import RandomSampler

from helpers.learn.exercises import NotQuite, check_function, exercise
from helpers.problems.functions import Direction
from helpers.races.importance import importances


@exercise("09.1")
def divergence(function: Callable) -> str:
    """Pearson's divergence of two histograms."""
    check_function(function)
    everyone = np.array([0.25, 0.25, 0.25, 0.25])
    same = function(everyone, everyone)
    if not np.isclose(same, 0):
        raise NotQuite(f"the same shares twice give {same!r}: a knob that is spread as everywhere has importance 0.")
    crowd = function(everyone, np.array([1.0, 0.0, 0.0, 0.0]))
    if np.isclose(crowd, 12) or np.ndim(crowd):
        raise NotQuite(f"it returns {crowd!r}: weigh each bin with its share of all trials, then sum.")
    if not np.isclose(crowd, 3):
        raise NotQuite(f"with all of the best in one bin of four it is {crowd!r}, and should be 3.")
    uneven = function(np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.5, 0.25]))
    if not np.isclose(uneven, 0.375):
        raise NotQuite(f"for shares of 0.5, 0.25, 0.25 against 0.25, 0.5, 0.25 it is {uneven!r}, and should be 0.375.")
    return "Zero when nothing crowds, and larger the fewer bins hold the best."


@exercise("09.2")
def importances_for_slow(function: Callable) -> str:
    """The importances for a high user attribute, in studies of either direction."""
    check_function(function)
    directions: tuple[Direction, ...] = ("maximize", "minimize")
    for direction in directions:
        study = _timed_study(direction)
        found = function(study)
        if not isinstance(found, dict) or set(found) != {"width", "rate"}:
            raise NotQuite("the answer is what get_param_importances returns: a dict from name to importance.")
        quick, slow = (
            importances(study, target=lambda trial, sign=sign: sign * trial.user_attrs["seconds"]) for sign in (1, -1)
        )
        if np.isclose(found["width"], quick["width"]):
            raise NotQuite("these are the importances for being *fast*: a target is about its lowest values.")
        if not np.isclose(found["width"], slow["width"]):
            raise NotQuite('its target is not the time, which stands in trial.user_attrs["seconds"].')
    return "The direction of the study plays no part: with a target, low is what is asked about."


def _timed_study(direction: Direction) -> optuna.Study:
    """Slow where width is large, fast where the rate is large; the value has nothing to do with it."""
    study = optuna.create_study(direction=direction, sampler=RandomSampler(seed=0))
    for _ in range(100):
        trial = study.ask()
        width, rate = (trial.suggest_float(name, 0, 1) for name in ("width", "rate"))
        trial.set_user_attr("seconds", max(0.0, width - 0.5) * 10 - max(0.0, rate - 0.8) * 3)
        study.tell(trial, (width - 0.3) ** 2 + rate)
    return study


@exercise("09.3")
def above_noise(function: Callable) -> str:
    """Those whose 5 % quantile lies above the dummy's 95 % quantile."""
    check_function(function)
    spread = np.linspace(-0.1, 0.1, 41)
    shares = pd.DataFrame({"clear": 0.5 + spread, "close": 0.2 + spread, "dummy": 0.1 + spread, "none": 0.1 - spread})
    names = function(shares.copy())
    if isinstance(names, str) or not isinstance(names, list | tuple | set | pd.Index):
        raise NotQuite("return a list of names.")
    names = set(names)
    if "dummy" in names:
        raise NotQuite("the dummy is in the list: it is the noise.")
    if "clear" not in names:
        raise NotQuite("a hyperparameter that lies between 0.4 and 0.6 is missing; the dummy stays below 0.2.")
    if "close" in names:
        raise NotQuite("it names one whose intervals overlap with the dummy's: its median is higher, no more.")
    if names != {"clear"}:
        raise NotQuite(f"it names {sorted(names - {'clear'})}, which lies where the dummy lies.")
    few = pd.DataFrame({"sure": [0.8, 0.85, 0.9], "dummy": [0.05, 0.1, 0.02]})
    if set(function(few)) != {"sure"}:
        raise NotQuite("with three studies and one clear hyperparameter it misses it.")
    return "With one study there is no interval: repeat the search, or draw the trials again with replacement."


@exercise("09.4")
def keep_free(function: Callable) -> str:
    """Important ones in any of the studies stay free."""
    check_function(function)
    found = function({"a": 0.5, "b": 0.3, "c": 0.15, "dummy": 0.05})
    if not isinstance(found, list | tuple | set):
        raise NotQuite("return a list of names.")
    if "dummy" in found:
        raise NotQuite("the dummy stays free: it is what the others are compared with.")
    if set(found) == {"a", "b"}:
        raise NotQuite("c has three times the dummy's importance: what might matter stays free.")
    if set(found) != {"a", "b", "c"}:
        raise NotQuite(f"for 0.5, 0.3, 0.15 and a dummy of 0.05 it keeps {sorted(found)}.")
    if set(function({"a": 0.4, "b": 0.35, "c": 0.05, "dummy": 0.2})) != {"a", "b"}:
        raise NotQuite("with a dummy of 0.2 and c at 0.05 it should keep a and b.")
    if set(function({"a": 0.3, "b": 0.2, "dummy": 0.5})) != {"a", "b"}:
        raise NotQuite("when the dummy stands above all others the study knows nothing: keep every one free but it.")
    return "A high dummy is a reason to run more trials, not to fix anything."
