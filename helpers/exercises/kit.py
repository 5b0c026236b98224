"""What checks have in common: one way in for every answer, a choice with reasons, and a function on drawn cases."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from numbers import Integral, Real
from typing import Any

import numpy as np
import optuna
import pandas as pd

from helpers.learn.exercises import NotQuite, Stopped, TooLong, exercise, tell
from helpers.learn.seed import course_seed

KINDS: tuple[tuple[Any, Callable], ...] = ((str, str), (bool | np.bool_, bool), (Integral, int), (Real, float))
NO_MATTER = r"^an object of type |(sampler|pruner|evaluator|storage|backend)\W*$|[\W_]"


class Odd(str):
    """What is no number, word, list or dictionary: how it is called; two that are called the same are equal."""

    __repr__ = str.__str__


class Seen(dict[str, Any]):
    """What was seen of an answer, by name, as in a labelled Series: of two, the first name that differs is told."""


def plain(value: object) -> Any:
    """The same as numbers, words, lists and dictionaries, whatever it was made with; a set is sorted."""
    if value is None or isinstance(value, Odd):
        return value
    for kind, make in KINDS:
        if isinstance(value, kind):
            return make(value)
    if isinstance(value, pd.Series) and not pd.api.types.is_numeric_dtype(value.index):
        value = Seen(value.to_dict())
    if isinstance(value, Mapping | pd.DataFrame):
        pairs = ((Odd(n) if isinstance(n, tuple | frozenset) else plain(n), plain(item)) for n, item in value.items())
        return (Seen if isinstance(value, Seen) else dict)(pairs)
    if isinstance(value, set | frozenset):
        return sorted(map(plain, value), key=_rank)
    if hasattr(type(value), "__array__"):
        cells: Any = np.asarray(value)
        return plain(cells[(..., *[slice(10_000)] * cells.ndim)].tolist())
    if isinstance(value, Iterable) and not isinstance(value, type | bytes):
        return [plain(item) for item, _ in zip(value, range(10_000), strict=False)]  # it may have no end
    return Odd(value.__name__ if isinstance(value, type) else f"an object of type {type(value).__name__}")


def _rank(value: object) -> tuple[bool, float, str]:
    return (False, value, "") if isinstance(value, int | float) else (True, 0, repr(value))


def same(found: Any, wanted: Any) -> bool:
    """Equal but for rounding, of plain values; where a list is wanted, the order of what was found by name counts."""
    if isinstance(found, Seen) and isinstance(wanted, list):
        found = list(found.values())
    if type(found) in (int, float) and type(wanted) in (int, float):
        near = math.isclose(min(found, 1e300), min(wanted, 1e300), rel_tol=1e-6, abs_tol=1e-12)
        return near or found != found != wanted != wanted
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[name], wanted[name]) for name in wanted)
    return type(found) is type(wanted) and found == wanted


def shown(value: object, digits: int = 4) -> str:
    """A value as a learner reads it: few digits, and the middle of a long text left out."""
    text = re.sub(r"\d+\.\d+(e[-+]?\d+)?", lambda x: repr(float(f"{float(x[0]):.{digits}g}")), repr(plain(value)))
    return text if len(text) <= 150 else f"{text[:100]} ... {text[-30:]}"


def word(value: object) -> Any:
    """A plain answer; case, spaces, signs, the ending of MedianPruner and a list around one item are no matter."""
    given = plain(value)
    while isinstance(given, list | Seen) and len(given) == 1:
        (given,) = given.values() if isinstance(given, Seen) else given
    return re.sub(NO_MATTER, "", given.casefold()) if isinstance(given, str) else given


def pick(answer: object, right: object, reasons: Mapping[Any, str], hint: str = "", name: str = "") -> None:
    """Raises NotQuite unless the answer is the right one, with the reason against it where there is one."""
    given = word(answer)
    if same(given, word(right)):
        return
    for wrong, reason in reasons.items():
        if same(given, word(wrong)):
            raise NotQuite(name + reason)
    if isinstance(answer, str) and isinstance(right, int | float):
        raise NotQuite(f"{name}{shown(answer)} is a text: write a number, without quotes.")
    options = ", ".join(map(shown, sorted({right, *reasons}, key=str)))
    raise NotQuite(name + (hint or f"{shown(answer)} is not one of {options}: choose one of them."))


def choice(key: str, right: object, reasons: Mapping[Any, str], praise: str, hint: str = "") -> None:
    """An exercise whose answer is one value; `reasons` say what is wrong with others, `hint` what one looks like."""

    @exercise(key)
    def check(answer: object) -> str:
        pick(answer, right, reasons, hint)
        return praise


def choices(key: str, right: Mapping[str, object], reasons: Mapping[str, Mapping[Any, str]], praise: str) -> None:
    """An exercise whose answer is a dictionary with a choice for each of several situations."""

    @exercise(key)
    def check(answer: object) -> str:
        given = {word(name): value for name, value in found.items()} if isinstance(found := plain(answer), dict) else {}
        if given.keys() != {word(name) for name in right}:
            raise NotQuite(f"the answer is a dictionary with the keys {', '.join(map(repr, right))}.")
        for name, wanted in right.items():
            pick(given[word(name)], wanted, reasons[name], name=f"({name}) ")
        return praise


def unordered(answer: Callable, *case: object) -> object:
    """What the answer returns when order is no matter; that of a mask is."""
    found = plain(answer(*case))
    return sorted(found, key=_rank) if isinstance(found, list) and set(map(type, found)) != {bool} else found


def watched(watch: Callable, answer: object, cases: Mapping[str, tuple]) -> dict[str, Any]:
    """What `watch` sees the answer do in each case, as plain values; an error is seen, too."""
    found = {}
    for name, case in cases.items():
        try:
            with np.errstate(all="ignore"):
                found[name] = plain(watch(answer, *(given := deepcopy(case))))
        except (NotQuite, Stopped, TooLong):
            raise
        except BaseException as error:  # the learner's own code may raise anything
            found[name] = Odd(f"the error {tell(error)}")
        if not same(plain(given), plain(case)):
            raise NotQuite("it changes what it is given: work on a copy.")
    return found


def function(
    key: str,
    right: Callable,
    cases: Sequence[tuple] | Mapping[str, tuple],
    mistakes: Mapping[str, Callable] = {},
    praise: str = "",
    watch: Callable = lambda answer, *case: answer(*case),
) -> None:
    """An exercise whose answer is a function, or a class of some kind, that is to do what `right` does in every case.

    What is compared is what `watch` returns for the answer and a case. A mistake's reason is given only when the
    answer does in every case what that mistake does; else the first case that differs is shown, by its name or values.
    """
    if not isinstance(cases, Mapping):
        seen = [name for name, one in inspect.signature(watch).parameters.items() if one.kind != one.VAR_POSITIONAL]
        names = seen[1:] or list(inspect.signature(right).parameters)
        cases = {", ".join(f"{n} = {shown(v)}" for n, v in zip(names, case, strict=False)): case for case in cases}

    @exercise(key)
    def check(answer: object) -> str:
        if not callable(answer) or isinstance(answer, type) != isinstance(right, type):
            kind = "class" if isinstance(right, type) else "function"
            raise NotQuite(f"the answer is a {kind}: hand over the {kind} itself.")
        found, wanted = watched(watch, answer, cases), watched(watch, right, cases)
        if same(found, wanted):
            return praise
        for reason, mistaken in mistakes.items():
            if same(found, watched(watch, mistaken, cases)):
                raise NotQuite(reason)
        raise NotQuite(difference(found, wanted))


def difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The first case in which the two differ: given, returned, wanted."""
    case = next(case for case in wanted if not same(found[case], wanted[case]))
    what, mine, asked = "it gives", found[case], wanted[case]
    if isinstance(mine, Seen) and isinstance(asked, Seen):
        name = next(name for name in asked | mine if not same(mine.get(name), asked.get(name)))
        what, mine, asked = f"{name}:", mine.get(name, Odd("nothing")), asked.get(name, Odd("nothing"))
    digits = 4 if shown(mine) != shown(asked) else 17
    return f"for {case} {what} {shown(mine, digits)}; asked was {shown(asked, digits)}."


class Given(optuna.samplers.RandomSampler):
    """Suggests the values of `params`; what is not among them, or is not in the range that is asked for, is drawn."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(seed=course_seed())
        self.params = params

    def sample_independent(self, study: Any, trial: Any, name: str, have: Any) -> Any:
        value = self.params.get(name, drawn := super().sample_independent(study, trial, name, have))
        span = not isinstance(value, str) and hasattr(have, "low")
        return value if (have.low <= value <= have.high if span else value in getattr(have, "choices", ())) else drawn


def asked(objective: Callable, params: Mapping[str, Any], first: int = 0) -> Seen:
    """What trial 10 is asked for, which constraints it keeps, and what it and trial `first` before it return."""
    study, returned = optuna.create_study(sampler=Given(params)), {}
    for trial in [study.ask() for _ in range(11)][first::10]:
        returned[f"trial {trial.number} returned"] = plain(objective(trial))
    kept = {f"constraint {name}": "kept" if value <= 0 else "broken" for name, value in trial.constraints.items()}
    return Seen({name: suggestion(have) for name, have in trial.distributions.items()} | kept | returned)


def suggestion(distribution: Any) -> Odd:
    """The call that makes a distribution; the order of choices is no matter, and below 0 there are exponents."""
    kind = type(distribution).__name__.removesuffix("Distribution").lower()
    if kind == "categorical":
        return Odd(f"suggest_{kind}({sorted(plain(distribution.choices), key=repr)})")
    words = ", log=True" * distribution.log + f", step={distribution.step}" * (distribution.step not in (None, 1))
    powers = " (exponents? the table of the study would hold those)" * (distribution.low < 0)
    return Odd(f"suggest_{kind}({distribution.low}, {distribution.high}{words}){powers}")
