"""The minutes for exercises that a notebook promises are those of the rule; what it promises in all adds up."""

from __future__ import annotations

import re

import nbformat
import pytest

from tests.exercises.minutes import exercises, stated
from tests.tools.store_outputs import ROOT, all_notebooks

each_notebook = pytest.mark.parametrize("notebook", [path.name[:2] for path in all_notebooks()])


@each_notebook
def test_the_promised_minutes_follow_from_the_rule(notebook: str) -> None:
    """To the minute; in all, the parts that are named, rounded to five minutes."""
    parts = stated(notebook)
    assert abs(parts["exercises"] - sum(exercises(notebook).values())) <= 1
    assert abs(parts["minutes"] - sum(parts.values()) + parts["minutes"]) <= 3


@each_notebook
def test_the_minutes_are_the_same_everywhere(notebook: str) -> None:
    """The README's table and the map of notebook 00 have a row of this notebook with the minutes that it promises."""
    start = nbformat.read(all_notebooks()[0], as_version=4).cells
    the_map = next(cell.source for cell in start if cell.source.startswith("## The map"))
    places = {"the README": (ROOT / "README.md").read_text(encoding="utf-8"), "00's map": the_map}
    if notebook == "00":
        del places["00's map"]
    for name, text in places.items():
        rows = [row for row in text.splitlines() if re.search(rf"^\|.*[(/]{notebook}_", row)]
        minutes = f"| {stated(notebook)['minutes']} |"
        assert any(minutes in row for row in rows), f"{name} has no such row of notebook {notebook}"


@each_notebook
def test_no_exercise_is_forgotten(notebook: str) -> None:
    """Each takes from one minute to ten."""
    assert exercises(notebook) and all(1 < minutes < 10 for minutes in exercises(notebook).values())
