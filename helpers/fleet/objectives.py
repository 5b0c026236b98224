"""Objectives for the workers of the lessons: light to import, no torch."""

from __future__ import annotations

import os
import time

import optuna

from helpers.problems.functions import find_function

SECONDS = "LEARN_OPTUNA_SLEEP"


def branin(trial: optuna.Trial) -> float:
    """Two dimensions, no waiting; minimise (helpers.problems.functions)."""
    return find_function("branin")(trial)


def sleeping(trial: optuna.Trial) -> float:
    """Branin after a sleep of LEARN_OPTUNA_SLEEP seconds (0.5): stands for a training on another processor."""
    value = branin(trial)
    time.sleep(float(os.environ.get(SECONDS, "0.5")))
    return value
