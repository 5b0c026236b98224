"""Checks of notebook 00, start here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from helpers.exercises.kit import choice, plain, shown
from helpers.explore.game import KNOBS
from helpers.learn.exercises import NotQuite, exercise

GOOD = {"learning_rate": 0.3, "momentum": 0.5, "width": 100, "dropout": 0.0}  # has been seen to do well

choice(
    "00.1",
    (0.41, 0.90, 0.90, 0.93, 0.93),
    {
        (0.41, 0.90, 0.13, 0.93, 0.88): "these are the scores themselves: the best so far never goes down.",
        (0.93,) * 5: "after the first trial you cannot know the later ones: take the best of what came before.",
    },
    "The best so far is called the incumbent. It never goes down.",
    hint="the answer is a list of five numbers: for each trial, the highest of its own score and all before it.",
)
choice(
    "00.2",
    6**4,
    {
        (1, 296): "Python reads 1,296 as a pair of numbers: leave out the comma.",
        6 ^ 4: "^ is no power in Python: write 6**4.",
        24: "24 is 6 + 6 + 6 + 6: every setting of one knob goes with every setting of the others.",
        4**6: "that is 4 to the power of 6: there are 4 knobs with 6 settings each, so turn it round.",
    },
    "6 * 6 * 6 * 6 = 1,296 trials. A grid grows with the power of its knobs, and you had 15.",
    hint="the answer is one number of trials: multiply the number of settings once for each knob.",
)


@exercise("00.3")
def a_good_setting(answer: Any, score: Callable[..., float]) -> str:
    """Inside the ranges, and really trained; what would help is trained, too."""
    setting = plain(answer)
    if not isinstance(setting, dict) or set(setting) != set(GOOD):
        raise NotQuite(f"the answer is a dictionary with the four knobs {', '.join(GOOD)}.")
    for knob, (low, *_, high) in KNOBS.items():
        value, whole = setting[knob], isinstance(low, int)
        if type(value) not in (int, float) or not low <= value <= high or (whole and value % 1):
            raise NotQuite(f"{knob} is {shown(value)}: give a {'whole ' * whole}number from {low:g} to {high:g}.")
    setting["width"] = int(setting["width"])
    if (reached := score(**setting)) >= 0.9:
        return f"It reaches {reached:.3f}."
    for name, good in GOOD.items():
        if score(**(setting | {name: good})) >= 0.9:
            more = "larger" if setting[name] < good else "smaller"
            raise NotQuite(f"it reaches {reached:.3f}, below 0.9; with a {more} {name} alone it would reach that.")
    raise NotQuite(f"it reaches {reached:.3f}, and no one knob set as ours would do: begin with the learning rate.")
