"""Checks of notebook 02, search spaces."""

from __future__ import annotations

from optuna import Trial

from helpers.exercises.kit import asked, function

function(
    "02.1",
    lambda trial: trial.suggest_categorical("width", [16, 32, 64, 128]),
    [({"width": width},) for width in (16, 32, 64, 128)],
    praise="The choices of a name stay the same for the whole study. To change them, use a new name or a new study.",
    watch=asked,
)
function(
    "02.2",
    lambda trial: (
        trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True)
        if trial.suggest_categorical("use_decay", [True, False])
        else 0.0
    ),
    [({"use_decay": False},), *(({"use_decay": True, "weight_decay": 10.0**n},) for n in (-6, -4, -2))],
    praise="Zero has a switch of its own, and the rest moves by factors.",
    watch=asked,
)
function(
    "02.3",
    lambda trial: [trial.suggest_int(f"width_{layer}", 8, 64) for layer in range(trial.suggest_int("depth", 1, 3))],
    [({"depth": depth} | {f"width_{n}": 60 - 20 * n for n in range(depth)},) for depth in (1, 2, 3)],
    praise="A name is a knob: one name, one value a trial.",
    watch=asked,
)


def frugal(trial: Trial) -> int:
    """With a constraint on the product."""
    product = trial.suggest_int("batch_size", 16, 512, log=True) * trial.suggest_int("epochs", 1, 20)
    trial.set_constraint("budget", product - 1280)
    return product


function(
    "02.4",
    frugal,
    [({"batch_size": size, "epochs": n},) for size, n in [(64, 20), (183, 7), (16, 1), (512, 20), (100, 13)]],
    praise="At or below zero is feasible: for example what was used, minus what is allowed.",
    watch=asked,
)
