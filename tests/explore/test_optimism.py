"""The optimism lens: a search's best, as it was seen and as it is worth."""

from __future__ import annotations

import re

import numpy as np
import pytest

from helpers.errors import BadInput
from helpers.explore.optimism import FRESH, ROWS, SEARCHES, TOP, TRIALS, OptimismLens, optimism_state
from helpers.problems.table import load_benchmark
from tests.explore.test_explore import control


def test_seen_and_worth_are_recorded_ones() -> None:
    """With one seed what is seen is one of the three recorded accuracies of the trial, and worth is their mean."""
    ends = load_benchmark().curves["validation_accuracy"][:, :, -1]
    state = optimism_state(30)
    for seen, worth in zip(state.seen, state.worth, strict=True):
        rows = ends[np.isclose(ends.mean(axis=1), worth)]
        assert np.isclose(rows, seen).any()
    assert state.outcomes.shape == (len(ROWS), SEARCHES)


def test_what_is_chosen_is_the_best_seen() -> None:
    """The top k of the first search, best first; one of them is kept, and its worth is the outcome."""
    state = optimism_state(100, top=5)
    others = np.delete(state.seen, state.chosen)
    assert len(set(state.chosen)) == 5 and others.max() <= state.seen[state.chosen].min()
    assert np.all(np.diff(state.seen[state.chosen]) <= 0) and state.kept in state.chosen
    assert state.outcomes[0, 0] == state.seen.max() and state.outcomes[1, 0] == state.worth[state.chosen[0]]
    assert state.outcomes[2, 0] == state.worth[state.kept] and state.outcomes[3, 0] == state.worth.max()


def test_without_a_re_run_nothing_is_exchanged() -> None:
    """The third outcome is the second, and nobody can do better than the best there was."""
    state = optimism_state(30, seeds=2)
    assert np.array_equal(state.outcomes[1], state.outcomes[2])
    assert np.all(state.outcomes[1:3] <= state.outcomes[3]) and "re-run" not in state.message


@pytest.mark.parametrize("seed", range(5))
def test_the_laws_of_optimism(seed: int) -> None:
    """It grows with the trials, shrinks with the seeds; re-runs regain most of what was lost, at any seed."""
    few, many, more_seeds, rerun = (
        optimism_state(*settings, seed=seed).outcomes.mean(axis=1)
        for settings in ((30, 1, 1), (1000, 1, 1), (1000, 10, 1), (1000, 1, 10))
    )
    assert many[0] - many[1] > few[0] - few[1] > 0
    assert 0 < more_seeds[0] - more_seeds[1] < (many[0] - many[1]) / 3
    assert rerun[2] - rerun[1] > (rerun[3] - rerun[1]) / 2


def test_the_same_seed_gives_the_same_world() -> None:
    """Exactly, and another seed another one."""
    first, again, other = (optimism_state(30, 2, 3, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.outcomes, again.outcomes) and not np.array_equal(first.outcomes, other.outcomes)


@pytest.mark.parametrize("settings", [(0,), (30, 0), (30, 1, 0), (10, 1, 11), (2.5,), (True,), ("30",)])
def test_bad_settings_are_told(settings: tuple) -> None:
    """One sentence that says what to choose."""
    with pytest.raises(BadInput, match=r"give a whole number|choose at most"):
        optimism_state(*settings)


@pytest.mark.parametrize("trials", TRIALS)
def test_every_position_of_the_sliders_can_be_drawn(trials: int) -> None:
    """The figure shows the state, and the sentence its numbers."""
    lens = OptimismLens(1)
    for top in TOP:
        lens.set(trials=trials, top=top)
        state = lens.state
        dots, again, kept, _, means = lens.figure.data
        assert list(dots.y) == list(state.seen) and list(again.y) == (list(state.seen[state.chosen]) if top > 1 else [])
        assert list(kept.x) == [state.worth[state.kept]] and list(means.y) == list(ROWS)
        assert np.allclose(means.x, state.outcomes.mean(axis=1)) and min(means.error_x.array) >= 0
        for axis in (lens.figure.layout.xaxis, lens.figure.layout.yaxis):
            inside = [*kept.x, *kept.y, *again.x, *again.y]
            assert axis.range[0] < min(inside) and max(inside) < axis.range[1]
            assert sum(axis.range[0] < seen for seen in state.seen) >= 5
        low, high = lens.figure.layout.xaxis2.range
        assert low < min(means.x) and max(means.x) < high
        assert state.message == lens.message and (f"{top * FRESH} trainings more" in state.message) == (top > 1)


def test_a_slider_redraws() -> None:
    """As the mouse moves it."""
    lens = OptimismLens(0)
    before = lens.message
    control(lens, "seeds a trial").value = 10
    assert lens.message != before and re.match("1000 trainings", lens.message)


@pytest.mark.parametrize(
    ("settings", "said"), [({"trial": 30}, "Unknown control .trial."), ({"top": 4}, "Unknown top 4: choose")]
)
def test_from_code_only_what_the_sliders_have(settings: dict, said: str) -> None:
    """A name or a value that they have not is refused."""
    with pytest.raises(BadInput, match=said):
        OptimismLens(0).set(**settings)
