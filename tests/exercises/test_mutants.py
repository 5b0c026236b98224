"""Every mutant of every solution is refused, but for those that mean the same; equivalent answers are accepted."""

from __future__ import annotations

import ast
import functools
import sys
from collections import Counter
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from helpers.learn.exercises import TooLong
from tests.exercises.equivalents import EQUIVALENTS
from tests.exercises.mutants import mutants
from tests.exercises.settings import SOLUTIONS, attempt
from tests.exercises.survivors import SURVIVORS

TRAINING = ("00.3", "01.1", "01.3", "03.3", "09.2", "10", "11")  # each of their answers is trained or raced
EXERCISES = [pytest.param(key, marks=[pytest.mark.slow] * key.startswith(TRAINING)) for key in SOLUTIONS]


def judged(key: str) -> tuple[int, list[str]]:
    """How many mutants ran so far that `check` was asked, and which of them it praised."""
    asked, praised = 0, []
    for what, code in mutants(SOLUTIONS[key]):
        try:
            note = attempt(key, code)
        except (Exception, SystemExit, TooLong):  # the learner's own cell raises or never ends; nothing is asked
            continue
        asked += 1
        if note.mood == "good":
            praised.append(what)
    return asked, praised


@pytest.mark.parametrize("key", EXERCISES)
def test_only_mutants_that_mean_the_same_survive(key: str) -> None:
    """Each survivor is listed with its reason, and each that is listed survives."""
    _, praised = judged(key)
    assert set(praised) == set(SURVIVORS.get(key, {}))


class Renamed(ast.NodeTransformer):
    """Every parameter and local name of the functions in a solution gets another name."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Functions and methods; what they call themselves stays, as the notebook asks for it."""
        arguments = {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
        stored = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for part in ast.walk(node):
            if isinstance(part, ast.arg):
                part.arg += "_"
            if isinstance(part, ast.Name) and part.id in arguments | stored:
                part.id += "_"
        return node


def dressed(kind: Callable) -> Callable:
    """Changes numbers and lists of the answer, or of what it returns, to those of another kind."""

    def dress(answer: Any) -> Any:
        if isinstance(answer, int | float | list | str | np.number) and not isinstance(answer, bool):
            return kind(answer)
        if not isinstance(answer, FunctionType):
            return answer

        @functools.wraps(answer)
        def wrapped(*case: Any, **words: Any) -> Any:
            return dress(answer(*case, **words))

        return wrapped

    return dress


KINDS: dict[str, Callable] = {
    "NumPy": lambda value: value if isinstance(value, str) else np.array(value),
    "scalar": lambda value: tuple(value) if isinstance(value, list) else np.array([value])[0],
    "pandas": lambda value: pd.Series(value) if isinstance(value, list) else value,
}


@pytest.mark.parametrize("key", EXERCISES)
def test_equivalent_answers_are_accepted(key: str) -> None:
    """The solution, with other names, with numbers and lists of other kinds, and what was written by hand."""
    code = SOLUTIONS[key]
    renamed = ast.unparse(Renamed().visit(ast.parse(code)))
    for text in (code, renamed, *EQUIVALENTS.get(key, ())):
        assert attempt(key, text).mood == "good", (text, attempt(key, text))
    for name, kind in KINDS.items():
        note = attempt(key, code, dressed(kind))
        assert note.mood == "good", (name, note)


if __name__ == "__main__":  # a table: python -m tests.exercises.test_mutants 04 01.3
    total: Counter[str] = Counter()
    for key in [key for key in SOLUTIONS if key.startswith(tuple(sys.argv[1:]) or "")]:
        asked, praised = judged(key)
        new = [what for what in praised if what not in SURVIVORS.get(key, {})]
        total.update(asked=asked, survived=len(praised), unexplained=len(new))
        print(f"{key}: {asked} mutants, {asked - len(praised)} refused, {len(new)} praised and not explained")
        print(
            *(f"    {what}" for what in new),
            *(f"    gone: {w}" for w in set(SURVIVORS.get(key, {})) - set(praised)),
            sep="\n",
            end="\n",
            flush=True,
        )
    print(dict(total))
