"""Checks of notebook 00, start here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import isfinite
from typing import Any

from helpers.exercises.kit import choice, pick, plain, same, shown
from helpers.explore.game import KNOBS
from helpers.learn.exercises import NotQuite, exercise

TARGET = 0.9
BETTER = {  # a value that has been seen to do well, and the words for what is below and above it
    "learning_rate": (0.3, "larger steps", "smaller steps"),
    "momentum": (0.5, "more momentum", "less momentum"),
    "width": (100, "a wider network", "a narrower network"),
    "dropout": (0.0, "more dropout", "less dropout"),
}


@exercise("00.1")
def best_so_far(answer: object, scores: Sequence[float]) -> str:
    """The running maximum of the scores."""
    given, wanted = plain(answer), list(accumulate(scores, max))
    if not isinstance(given, list) or len(given) != len(scores):
        raise NotQuite(f"the answer is a list of {len(scores)} numbers, one after each trial.")
    number = next((n for n, (mine, right) in enumerate(zip(given, wanted, strict=True)) if not same(mine, right)), 0)
    reasons = {
        tuple(scores): "these are the scores themselves: the best so far never goes down.",
        (max(scores),) * len(scores): "after the first trial you cannot know the later ones: take the best of what "
        "came before.",
        tuple(accumulate(scores, min)): "these are the lowest so far: a score is better when it is higher.",
    }
    seen = shown(list(scores[: number + 1]))
    pick(given, wanted, reasons, f"after trial {number} the best of {seen} is not {shown(given[number])}.")
    return "The best so far is called the incumbent. It never goes down."


choice(
    "00.2",
    6**4,
    {
        24: "24 is 6 + 6 + 6 + 6: every setting of one knob goes with every setting of the others.",
        4**6: "that is 4 to the power of 6: there are 4 knobs with 6 settings each, so turn it round.",
    },
    "6 * 6 * 6 * 6 = 1,296 trials. A grid grows with the power of its knobs, and you had 15.",
    hint="the answer is one number of trials: multiply the number of settings once for each knob.",
)


@exercise("00.3")
def a_good_setting(answer: Any, score: Callable[..., float]) -> str:
    """Inside the ranges, and really trained; advice is given when it was trained, too, and reaches the target."""
    setting, names = plain(answer), [knob.name for knob in KNOBS]
    if not isinstance(setting, dict) or set(setting) != set(names):
        raise NotQuite(f"the answer is a dictionary with the four knobs {', '.join(names)}.")
    for knob in KNOBS:
        value = setting[knob.name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NotQuite(f"{knob.name} is {shown(value)}: give a number.")
        if not (isfinite(value) and knob.low <= value <= knob.high):
            raise NotQuite(f"{knob.name} is {value:g}, outside of its range from {knob.low:g} to {knob.high:g}.")
        if knob.whole and value != int(value):
            raise NotQuite(f"{knob.name} is {value:g}: give a whole number.")
    setting["width"] = int(setting["width"])
    reached = score(**setting)
    if reached >= TARGET:
        return f"It reaches {reached:.3f}."
    advice = "more than one knob is far from a good place; begin with the learning rate, and play the game again."
    for name, (good, more, less) in BETTER.items():
        if score(**(setting | {name: good})) >= TARGET:
            advice = f"with {more if setting[name] < good else less} alone it would."
            break
    raise NotQuite(f"it reaches {reached:.3f}, below {TARGET}; {advice}")
