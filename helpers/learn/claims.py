"""Claims: a sentence, the figure that was measured, and the test it has to pass."""

from __future__ import annotations

import operator
import os
from typing import Any

from helpers.learn.notes import Note

VARIABLE = "LEARN_OPTUNA_CLAIMS"  # when it is "show", a claim that fails is shown and stops nothing: `make seeds`
TESTS = {
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
    "within": lambda measured, bounds: bounds[0] <= measured <= bounds[1],
}


class ClaimFailed(AssertionError):
    """A sentence of the course is not true on this machine with this seed."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def claim(sentence: str, measured: Any, test: str, bound: Any) -> Note:
    """Shows `sentence` with its figure and test, for example `claim("...", gain, ">", 0)`.

    Raises ClaimFailed where the test (one of TESTS; "within" takes a pair (low, high) as `bound`) does not hold, as it
    never does for a NaN.
    """
    wanted = f"{_plain(bound[0])} to {_plain(bound[1])}" if test == "within" else _plain(bound)
    detail, holds = f"measured: {_plain(measured)} · test: {test} {wanted}", TESTS[test](measured, bound)
    if not holds and os.environ.get(VARIABLE) != "show":
        raise ClaimFailed(repr(Note("bad", f"This does not hold here: {sentence}", detail)))
    return Note("good" if holds else "bad", sentence, detail)


def _plain(value: object) -> str:
    """A number with four significant digits, anything else as it prints."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
