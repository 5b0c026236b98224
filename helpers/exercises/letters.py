"""Checking a choice among "a", "b" and "c"."""

from __future__ import annotations

from collections.abc import Mapping

from helpers.learn.exercises import NotQuite


def check_letter(answer: object, reasons: Mapping[str, str]) -> None:
    """Raises NotQuite unless `answer` is the one letter of a, b, c that has no reason against it."""
    letter = answer.strip().lower() if isinstance(answer, str) else ""
    if letter in reasons:
        raise NotQuite(reasons[letter])
    if letter not in ("a", "b", "c"):
        raise NotQuite('the answer is one of the letters "a", "b" and "c", in quotes.')
