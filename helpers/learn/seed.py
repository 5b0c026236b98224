"""The seed of the whole course, from one place."""

from __future__ import annotations

import os

from helpers.errors import BadInput

VARIABLE = "LEARN_OPTUNA_SEED"


def course_seed() -> int:
    """The whole number in the environment variable LEARN_OPTUNA_SEED, 0 when it is not set.

    Raises:
        BadInput: the variable holds anything but a whole number from 0 to 4294967295.
    """
    text = os.environ.get(VARIABLE, "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 2**32):
        raise BadInput(f"{VARIABLE} is {text!r}: set it to a whole number such as 0, or remove it.")
    return int(text)
