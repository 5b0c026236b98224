"""The seed of the whole course, from one place."""

from __future__ import annotations

import os

from helpers.errors import BadInput

VARIABLE = "LEARN_OPTUNA_SEED"
SEEDS = 4_000_000  # notebooks make seeds such as 1000 * seed + 999 of it, and NumPy's end at 2**32


def course_seed() -> int:
    """The whole number in the environment variable LEARN_OPTUNA_SEED, 0 when it is not set.

    Of 4,000,000 and more it is what remains after division by 4,000,000: 20261127 is the same seed as 261127.

    Raises:
        BadInput: the variable holds anything but a whole number of up to 1000 digits.
    """
    text = os.environ.get(VARIABLE, "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 1000):
        raise BadInput(f"{VARIABLE} is {text!r}: set it to a whole number such as 0, or remove it.")
    return int(text) % SEEDS
