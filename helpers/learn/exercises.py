"""Exercises that check themselves: "not attempted yet", "not quite: because ...", or "correct"."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import signal
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from IPython.display import Code

from helpers.errors import BadInput
from helpers.learn.notes import Note

SOLUTIONS = Path(__file__).parent.parent / "exercises" / "solutions"
SECONDS = 120  # what one answer may take, where the system has a timer
_checks: dict[str, Callable[..., str]] = {}


class NotQuite(Exception):
    """Raised by a check; its text says why the answer is not right yet."""


class Stopped(KeyboardInterrupt):
    """The learner pressed Ctrl-C or the stop button; an answer that raises KeyboardInterrupt itself raises no such."""


class TooLong(BaseException):
    """The answer did not come to an end."""


def exercise(key: str) -> Callable:
    """Registers the function that checks exercise `key`, such as "01.2".

    It takes the learner's answer, and by name what the notebook hands to `check`; it raises NotQuite with a reason, or
    returns a sentence for the learner who got it right.
    """

    def register(function: Callable[..., str]) -> Callable[..., str]:
        _checks[key] = function
        return function

    return register


def check(key: str, answer: object, **context: object) -> Note:
    """Checks the learner's `answer` to exercise `key`; whatever it raises becomes a reason, but for Ctrl-C.

    BadInput: there is no such exercise.
    """
    _load(key)
    reason: object
    try:
        with bounded(SECONDS):
            if is_blank(answer):
                where = "Replace the dots (...) and run the cell again."
                return Note("open", f"Exercise {key}: not attempted yet.", where)
            return Note("good", f"Exercise {key}: correct.", _checks[key](answer, **context))
    except Stopped:
        raise KeyboardInterrupt from None
    except NotQuite as because:
        reason = because
    except TooLong:
        reason = f"it did not come to an end within {SECONDS} seconds: look for a loop that never stops."
    except BaseException as error:  # whatever the learner's own code raises becomes the reason
        reason = f"running your answer raised {tell(error)}"
    return Note("bad", f"Exercise {key}: not quite.", f"Because {reason}")


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Real interrupts arrive as Stopped and a late end as TooLong; signals reach the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def arrives(number: int, _: object) -> NoReturn:
        raise Stopped if number == signal.SIGINT else TooLong

    timer = getattr(signal, "setitimer", lambda *_: None)  # Windows has none
    clock = getattr(signal, "ITIMER_REAL", None)
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGALRM") if hasattr(signal, name)]
    before = {number: signal.signal(number, arrives) for number in numbers}
    timer(clock, seconds)
    try:
        yield
    finally:
        timer(clock, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def tell(error: BaseException) -> str:
    """The kind of an error and what it says, shortened; an error that cannot say anything has its kind alone."""
    text = ""
    with suppress(Exception):
        text = textwrap.shorten(str(error), 300)
    return f"{type(error).__name__}: {text}" if text else f"{type(error).__name__}."


def show_solution(key: str) -> Code | Note:
    """The solution of exercise `key` as code, or a note when the instructor holds the solutions back."""
    _load(key)
    solutions = read_solutions(key[:2])
    if key not in solutions:
        return Note("open", f"Exercise {key}: the solution is held back.", "Ask your instructor for it.")
    return Code(solutions[key], language="python")


def read_solutions(notebook: str) -> dict[str, str]:
    """Every solution of one notebook ("01") by its key; empty when the file is held back."""
    path = SOLUTIONS / f"nb{notebook}.py"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    _, *parts = re.split(r"^# Exercise (\d\d\.\d)\n", text, flags=re.MULTILINE)
    return {key: code.strip() for key, code in zip(parts[::2], parts[1::2], strict=True)}


def is_blank(answer: object) -> bool:
    """True while an answer, or the code of a function or class, still holds the dots of the empty exercise."""
    if isinstance(answer, type):
        answer = [part for part in vars(answer).values() if inspect.isfunction(part)]
    if isinstance(answer, dict | list | tuple | set):
        return any(map(is_blank, answer.values() if isinstance(answer, dict) else answer))
    return answer is Ellipsis or (inspect.isfunction(answer) and _has_dots(answer))


def _has_dots(function: Callable) -> bool:
    """True for code with dots, but for those in an index such as x[..., 0]; without its source, all dots count."""
    try:
        nodes = list(ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))))
    except (OSError, SyntaxError):
        return any(part is Ellipsis for part in function.__code__.co_consts)
    indices = [node.slice for node in nodes if isinstance(node, ast.Subscript)]
    inside = [part for index in indices if isinstance(index, ast.Tuple) for part in index.elts]
    return any(isinstance(n, ast.Constant) and n.value is Ellipsis and n not in inside for n in nodes)


def _load(key: str) -> None:
    """Imports the checks of the key's notebook."""
    module = f"helpers.exercises.nb{str(key)[:2]}"
    if key not in _checks and re.fullmatch(r"\d\d\.\d", str(key)) and importlib.util.find_spec(module):
        importlib.import_module(module)
    if key not in _checks:
        raise BadInput(f"There is no exercise {key!r}: use the number that stands above the exercise, such as '01.2'.")
