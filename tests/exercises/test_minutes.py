"""The minutes for exercises that a notebook promises are those of the rule; what it promises in all adds up."""

from __future__ import annotations

import pytest

from tests.exercises.minutes import exercises, stated


@pytest.mark.parametrize("notebook", [f"{n:02}" for n in range(13)])
def test_the_promised_minutes_follow_from_the_rule(notebook: str) -> None:
    """To the minute; in all, the parts that are named, rounded to five minutes."""
    parts = stated(notebook)
    assert abs(parts["exercises"] - sum(exercises(notebook).values())) <= 1
    assert abs(parts["minutes"] - sum(parts.values()) + parts["minutes"]) <= 3


@pytest.mark.parametrize("notebook", [f"{n:02}" for n in range(13)])
def test_no_exercise_is_forgotten(notebook: str) -> None:
    """Each takes from one minute to ten."""
    assert exercises(notebook) and all(1 < minutes < 10 for minutes in exercises(notebook).values())
