"""The optimism lens: a search's best, as it was seen and as it is worth."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.explore.lenses import FRESH, ROWS, SEARCHES, TOP, TRIALS, draw_optimism, random_searches
from helpers.problems.table import load_benchmark


def test_seen_and_worth_are_recorded_ones() -> None:
    """With one seed what is seen is one of the three recorded accuracies of the trial, and worth is their mean."""
    ends = load_benchmark().curves["validation_accuracy"][:, :, -1]
    found = random_searches(30)
    for seen, worth in zip(found.seen, found.worth, strict=True):
        rows = ends[np.isclose(ends.mean(axis=1), worth)]
        assert np.isclose(rows, seen).any()
    assert found.ends.shape == (len(ROWS), SEARCHES)


def test_what_is_chosen_is_the_best_seen() -> None:
    """The top k of the first search, best first; one of them is kept, and its worth is the outcome."""
    found = random_searches(100, top=5)
    others = np.delete(found.seen, found.chosen)
    assert len(set(found.chosen)) == 5 and others.max() <= found.seen[found.chosen].min()
    assert np.all(np.diff(found.seen[found.chosen]) <= 0) and found.kept in found.chosen
    assert found.ends[0, 0] == found.seen.max() and found.ends[1, 0] == found.worth[found.chosen[0]]
    assert found.ends[2, 0] == found.worth[found.kept] and found.ends[3, 0] == found.worth.max()


def test_without_a_re_run_nothing_is_exchanged() -> None:
    """The third outcome is the second, and nobody can do better than the best there was."""
    found = random_searches(30, seeds=2)
    assert np.array_equal(found.ends[1], found.ends[2])
    assert np.all(found.ends[1:3] <= found.ends[3]) and "re-run" not in draw_optimism(30, seeds=2)[1]


@pytest.mark.parametrize("seed", range(5))
def test_the_laws_of_optimism(seed: int) -> None:
    """It grows with the trials, shrinks with the seeds; re-runs regain most of what was lost, at any seed."""
    few, many, more_seeds, rerun = (
        random_searches(*settings, seed=seed).ends.mean(axis=1)
        for settings in ((30, 1, 1), (1000, 1, 1), (1000, 10, 1), (1000, 1, 10))
    )
    assert many[0] - many[1] > few[0] - few[1] > 0
    assert 0 < more_seeds[0] - more_seeds[1] < (many[0] - many[1]) / 3
    assert rerun[2] - rerun[1] > (rerun[3] - rerun[1]) / 2


def test_the_same_seed_gives_the_same_world() -> None:
    """Exactly, and another seed another one."""
    first, again, other = (random_searches(30, 2, 3, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.ends, again.ends) and not np.array_equal(first.ends, other.ends)


@pytest.mark.parametrize("trials", TRIALS)
def test_every_position_of_the_sliders_can_be_drawn(trials: int) -> None:
    """The figure shows the outcomes, what matters lies inside its axes, and the sentence has its numbers."""
    for top in TOP:
        found, (figure, said) = random_searches(trials, top=top, seed=1), draw_optimism(trials, top=top, seed=1)
        dots, again, kept, _, means = figure.data
        assert list(dots.x) == list(found.seen) and list(again.x) == (list(found.seen[found.chosen]) if top > 1 else [])
        assert list(kept.y) == [found.worth[found.kept]] and list(means.y) == list(ROWS)
        assert np.allclose(means.x, found.ends.mean(axis=1)) and min(means.error_x.array) >= 0
        for axis in (figure.layout.xaxis, figure.layout.yaxis):
            inside = [*kept.x, *kept.y, *again.x, *again.y]
            assert axis.range[0] < min(inside) and max(inside) < axis.range[1]
            assert sum(axis.range[0] < seen for seen in found.seen) >= 5
        low, high = figure.layout.xaxis2.range
        assert low < min(means.x) and max(means.x) < high
        assert said.startswith(f"{trials} trainings.") and (f"{top * FRESH} trainings more" in said) == (top > 1)
