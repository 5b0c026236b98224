"""What checks have in common: one way in for every answer, a choice with reasons, and a function on drawn cases."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from helpers.learn.exercises import NotQuite, Stopped, TooLong, exercise, tell

LONGEST = 10_000  # so many items of an iterator are read: it may have no end
Reasons = Mapping[Any, str]
Cases = Sequence[tuple] | Mapping[str, tuple]


@dataclass(frozen=True)
class Odd:
    """What is no number, word, list or dictionary; two are equal when called the same."""

    name: str

    def __repr__(self) -> str:
        return self.name


def plain(value: object) -> Any:
    """The same as numbers, words, lists and dictionaries, whatever it was made with; a set is sorted."""
    if value is None or isinstance(value, Odd):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, pd.Series) and not pd.api.types.is_numeric_dtype(value.index):
        value = value.to_dict()
    if isinstance(value, Mapping | pd.DataFrame):
        return {plain(name): plain(item) for name, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(plain, value), key=_rank)
    if hasattr(type(value), "__array__"):
        return plain(np.asarray(value).tolist())
    if isinstance(value, Iterable) and not isinstance(value, type | bytes):
        return [plain(item) for item in islice(value, LONGEST)]
    return Odd(f"an object of type {type(value).__name__}")


def _rank(value: object) -> tuple[bool, object, str]:
    """Numbers by size, then all else by its text."""
    number = isinstance(value, int | float)
    return not number, value if number else 0, repr(value)


def same(found: object, wanted: object) -> bool:
    """Equal numbers but for rounding, equal words, and lists and dictionaries of such; of plain values."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, int | float) and isinstance(wanted, int | float):
        return math.isclose(found, wanted, rel_tol=1e-6, abs_tol=1e-12) or (found != found and wanted != wanted)
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[name], wanted[name]) for name in wanted)
    return type(found) is type(wanted) and found == wanted


def shown(value: object) -> str:
    """A value as a learner reads it: four digits, and the middle of a long text left out."""
    text = repr(_rounded(plain(value)))
    return text if len(text) <= 150 else f"{text[:100]} ... {text[-30:]}"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, list):
        return [*map(_rounded, value)]
    return {name: _rounded(item) for name, item in value.items()} if isinstance(value, dict) else value


def word(value: object) -> Any:
    """A plain answer; letters' case and spaces are no matter."""
    given = plain(value)
    return " ".join(given.casefold().split()) if isinstance(given, str) else given


def pick(answer: object, right: object, reasons: Reasons, hint: str = "", name: str = "") -> None:
    """Raises NotQuite unless the answer is the right one, with the reason against it where there is one."""
    given = word(answer)
    if same(given, word(right)):
        return
    for wrong, reason in reasons.items():
        if same(given, word(list(wrong) if isinstance(wrong, tuple) else wrong)):
            raise NotQuite(name + reason)
    if isinstance(given, str) and isinstance(word(right), int | float):
        raise NotQuite(f"{name}{shown(answer)} is a text: write a number, without quotes.")
    if not hint:
        options = ", ".join(map(shown, sorted([right, *reasons], key=str)))
        hint = f"{shown(answer)} is not one of {options}: choose one of them."
    raise NotQuite(name + hint)


def choice(key: str, right: object, reasons: Reasons, praise: str, hint: str = "") -> None:
    """An exercise whose answer is one value; `reasons` say what is wrong with others, `hint` what one looks like."""

    @exercise(key)
    def check(answer: object) -> str:
        pick(answer, right, reasons, hint)
        return praise


def choices(key: str, right: Mapping[str, object], reasons: Mapping[str, Reasons], praise: str) -> None:
    """An exercise whose answer is a dictionary with a choice for each of several situations."""

    @exercise(key)
    def check(answer: object) -> str:
        given = plain(answer)
        if not isinstance(given, dict) or {word(name) for name in given} != {word(name) for name in right}:
            raise NotQuite(f"the answer is a dictionary with the keys {', '.join(map(repr, right))}.")
        given = {word(name): value for name, value in given.items()}
        for name, wanted in right.items():
            pick(given[word(name)], wanted, reasons[name], name=f"({name}) ")
        return praise


def call(answer: Callable, *case: object) -> object:
    """What the answer returns; how most answers are watched."""
    return answer(*case)


def unordered(answer: Callable, *case: object) -> object:
    """What the answer returns when order is no matter."""
    found = plain(answer(*case))
    return sorted(found, key=_rank) if isinstance(found, list) else found


def watched(watch: Callable, answer: Callable, case: tuple) -> Any:
    """What `watch` sees the answer do in one case, as a plain value; an error is seen, too."""
    try:
        with np.errstate(all="ignore"):
            return plain(watch(answer, *deepcopy(case)))
    except (NotQuite, Stopped, TooLong):
        raise
    except BaseException as error:  # the learner's own code may raise anything
        return Odd(f"the error {tell(error)}")


def function(
    key: str, right: Callable, cases: Cases, mistakes: Mapping[str, Callable], praise: str, watch: Callable = call
) -> None:  # fmt: skip
    """An exercise whose answer is a function, or a class of some kind, that is to do what `right` does in every case.

    A mistake's reason is given only when the answer does in every case what that mistake does; else the first case
    that differs is shown. Cases may have names, which are shown in the place of their values.
    """

    @exercise(key)
    def check(answer: Any) -> str:
        if not callable(answer) or isinstance(answer, type) != isinstance(right, type):
            wanted = "class" if isinstance(right, type) else "function"
            raise NotQuite(f"the answer is a {wanted}: hand over the {wanted} itself.")
        compare(answer, right, cases, mistakes, watch)
        return praise


def compare(answer: Callable, right: Callable, cases: Cases, mistakes: Mapping[str, Callable], watch: Callable) -> None:
    """Raises NotQuite, as `function` says it, unless the answer does what `right` does."""
    named = cases if isinstance(cases, Mapping) else {_given(right, case): case for case in cases}
    found, wanted = ([watched(watch, one, case) for case in named.values()] for one in (answer, right))
    if same(found, wanted):
        return
    for reason, mistaken in mistakes.items():
        if same(found, [watched(watch, mistaken, case) for case in named.values()]):
            raise NotQuite(reason)
    given, mine, asked = next(seen for seen in zip(named, found, wanted, strict=True) if not same(*seen[1:]))
    raise NotQuite(f"for {given} it gives {shown(mine)}; asked was {shown(asked)}.")


def _given(right: Callable, case: tuple) -> str:
    """The arguments of a case, with the names that the task gave them."""
    names = list(inspect.signature(right).parameters)
    return ", ".join(f"{name} = {shown(value)}" for name, value in zip(names, case, strict=False)) or "no argument"
