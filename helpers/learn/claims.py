"""Claims: a sentence, the figure that was measured, and the test it has to pass."""

from __future__ import annotations

import operator
import os
from typing import Any

from helpers.errors import one_of
from helpers.learn.notes import MARKS, Note, plain

VARIABLE = "LEARN_OPTUNA_CLAIMS"  # when it is "show", a claim that fails is shown and stops nothing: `make seeds`
TESTS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "within": lambda measured, bounds: bounds[0] <= measured <= bounds[1],
}


class ClaimFailed(AssertionError):
    """A sentence of the course is not true on this machine with this seed."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def claim(sentence: str, measured: Any, test: str, bound: Any) -> Note:
    """Shows `sentence` with its figure and test, for example `claim("...", gain, ">", 0)`.

    Args:
        test: one of < <= > >= == within; "within" takes a pair (low, high) as `bound`.

    Raises:
        ClaimFailed: the test does not hold; a NaN never passes.
        BadInput: unknown test.
    """
    one_of("test", test, tuple(TESTS))
    wanted = f"{plain(bound[0])} to {plain(bound[1])}" if test == "within" else plain(bound)
    detail = f"measured: {plain(measured)} · test: {test} {wanted}"
    if not TESTS[test](measured, bound):
        if os.environ.get(VARIABLE) == "show":
            return Note("bad", sentence, detail)
        raise ClaimFailed(f"{MARKS['bad']} This does not hold here: {sentence}\n  {detail}")
    return Note("good", sentence, detail)
