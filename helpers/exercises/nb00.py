"""Checks of notebook 00, start here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from numbers import Integral, Real
from typing import Any

from helpers.explore.game import KNOBS
from helpers.learn.exercises import NotQuite, exercise

TARGET = 0.9


@exercise("00.1")
def best_so_far(answer: object, scores: Sequence[float]) -> str:
    """The running maximum of the scores."""
    if not isinstance(answer, list | tuple) or len(answer) != len(scores):
        raise NotQuite(f"the answer is a list of {len(scores)} numbers, one after each trial.")
    if list(answer) == list(scores):
        raise NotQuite("these are the scores themselves: the best so far never goes down.")
    if list(answer) == [max(scores)] * len(scores):
        raise NotQuite("after the first trial you cannot know the later ones: take the best of what came before.")
    wanted = list(accumulate(scores, max))
    for number, (mine, right) in enumerate(zip(answer, wanted, strict=True)):
        if mine != right:
            raise NotQuite(f"after trial {number} the best of {list(scores[: number + 1])} is not {mine!r}.")
    return "The best so far is called the incumbent. It never goes down."


@exercise("00.2")
def size_of_a_grid(count: object) -> str:
    """6 settings of 4 knobs."""
    if isinstance(count, bool) or not isinstance(count, Integral):
        raise NotQuite(f"{count!r} is not a whole number of trials.")
    if count == 24:
        raise NotQuite("24 is 6 + 6 + 6 + 6: every setting of one knob goes with every setting of the others.")
    if count == 4**6:
        raise NotQuite("that is 4 to the power of 6: there are 4 knobs with 6 settings each, so turn it round.")
    if count != 6**4:
        raise NotQuite("multiply the number of settings once for each knob.")
    return "6 * 6 * 6 * 6 = 1,296 trials. A grid grows with the power of its knobs, and you had 15."


@exercise("00.3")
def a_good_setting(setting: Any, score: Callable[..., float]) -> str:
    """Inside the ranges, and really trained."""
    names = [knob.name for knob in KNOBS]
    if not isinstance(setting, dict) or set(setting) != set(names):
        raise NotQuite(f"the answer is a dictionary with the four knobs {', '.join(names)}.")
    for knob in KNOBS:
        value = setting[knob.name]
        kind: Any = Integral if knob.whole else Real
        if isinstance(value, bool) or not isinstance(value, kind):
            raise NotQuite(f"{knob.name} is {value!r}: give a {'whole ' if knob.whole else ''}number.")
        if not (math.isfinite(value) and knob.low <= value <= knob.high):
            raise NotQuite(f"{knob.name} is {value:g}, outside of its range from {knob.low:g} to {knob.high:g}.")
    reached = score(**setting)
    if reached < TARGET:
        hint = "three epochs are short: try larger steps." if setting["learning_rate"] < 0.05 else "try less dropout."
        raise NotQuite(f"it reaches {reached:.3f}, below {TARGET}; {hint}")
    return f"It reaches {reached:.3f}."
