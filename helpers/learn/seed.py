"""The seed of the whole course, from one place."""

from __future__ import annotations

import os

from helpers.errors import BadInput

VARIABLE = "LEARN_OPTUNA_SEED"
SEEDS = 4_000_000  # notebooks make seeds such as 1000 * seed + 999 of it, and NumPy's end at 2**32


def course_seed() -> int:
    """The whole number in LEARN_OPTUNA_SEED, modulo 4,000,000; 0 when it is not set. BadInput: anything else is."""
    text = os.environ.get(VARIABLE, "0")
    if not text.isdecimal():
        raise BadInput(f"{VARIABLE} is {text!r}: set it to a whole number such as 0, or remove it.")
    return int(text) % SEEDS
