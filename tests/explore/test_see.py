"""Notebook 08's explorables: the contour lens and the picker of trials."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import optuna
import pytest
from optuna import Study
from optuna.samplers import RandomSampler

from helpers.explore.lenses import (
    PAIR,
    SAMPLERS,
    SEARCHED,
    draw_contours,
    fill_gaps,
    first_trials,
    misread,
    optuna_map,
    true_surface,
)
from helpers.explore.trials import HOW, TrialPicker
from helpers.learn.exercises import is_blank
from helpers.problems.table import SPACE, load_benchmark

TWO, SEVEN = SEARCHED


@pytest.fixture(autouse=True)
def _quiet_optuna() -> None:
    """No line for every trial."""
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)


@pytest.fixture
def study() -> Study:
    """Twenty trials, to be maximised: some pruned, one failed, one infinite."""
    made = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=1))

    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0.01, 1, log=True)
        trial.report(x / 2, 1)
        if trial.number % 5 == 3:
            raise optuna.TrialPruned
        if trial.number == 7:
            raise ArithmeticError
        return float("inf") if trial.number == 9 else x

    made.optimize(objective, n_trials=20, catch=ArithmeticError)
    return made


# The contour lens


def test_gaps_become_the_mean_of_their_neighbours() -> None:
    """Known cells stay; a cell at the edge has fewer neighbours."""
    z = np.array([[0.0, np.nan, np.nan, 3.0]])
    assert fill_gaps(z) == pytest.approx(np.array([[0.0, 1.0, 2.0, 3.0]]), abs=0.01)
    z = np.full((3, 3), np.nan)
    z[1, 1] = 0.7
    assert fill_gaps(z) == pytest.approx(np.full((3, 3), 0.7))
    z[0] = 0.1
    filled = fill_gaps(z)
    assert filled[1, 0] == pytest.approx((0.1 + 0.7 + filled[2, 0]) / 3, abs=0.01)


def test_the_truth_is_the_record() -> None:
    """With the other five at their best levels, and at each place's own best."""
    table = load_benchmark()
    fixed, free = true_surface(TWO), true_surface(SEVEN)
    assert fixed.shape == free.shape == (5, 10) and (free >= fixed).all()
    assert fixed.max() == free.max() == table.optimum
    config = {**table.best, "learning_rate": 0.01, "width": 8}
    place = SPACE["width"].index(8), SPACE["learning_rate"].index(0.01)
    assert fixed[place] == table.value(config)


@pytest.mark.parametrize("search", SEARCHED)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_map_is_optunas(search: str, sampler: str) -> None:
    """Its own dots, with the values of their trials; more dots begin with the same; and that is what is drawn."""
    few, many = first_trials(20, search, sampler), first_trials(60, search, sampler)
    dots = [tuple(trial.params[name] for name in PAIR) for trial in few]
    assert len(few) == 20 and [trial.params for trial in many[:20]] == [trial.params for trial in few]
    x, y, z = optuna_map(few)
    known, filled, off = np.isfinite(z), fill_gaps(z), misread(20, search, sampler)
    assert known.sum() <= 20 and (filled[known] == z[known]).all() and np.isfinite(filled).all()
    assert set(zip(x[np.where(known)[1]], y[np.where(known)[0]], strict=True)) <= set(dots)
    figure, said = draw_contours(20, search, sampler)
    guessed, truth, *shown, crosses = figure.data
    assert np.array_equal(np.array(guessed.z, dtype=float), z, equal_nan=True)
    assert np.array_equal(truth.z, true_surface(search)) and off.shape == truth.z.shape
    assert all(list(zip(trace.x, trace.y, strict=True)) == dots for trace in shown)
    assert f"by {off.max():.2f} at" in said and f"at {(off > 0.05).sum()} of 50 places" in said
    missed = {(SPACE[PAIR[0]][column], SPACE[PAIR[1]][row]) for row, column in np.argwhere(off > 0.05)}
    assert set(zip(crosses.x, crosses.y, strict=True)) == missed and len(crosses.x) == len(missed)


def test_the_map_is_right_at_its_dots() -> None:
    """Where a dot lies on a recorded level, the map of a search for two shows the record."""
    found, table = first_trials(100, TWO, "random"), load_benchmark()
    x, y, z = optuna_map(found)
    for n, trial in enumerate(found):
        row, column = np.argmin(abs(y - trial.params["width"])), np.argmin(abs(x - trial.params["learning_rate"]))
        if trial.params not in [later.params for later in found[n + 1 :]]:
            assert z[row, column] == pytest.approx(table.value(table.nearest({**table.best, **trial.params})))


# The picker


def test_clicks_boxes_and_numbers_choose(study: Study) -> None:
    """A click chooses or frees, a box adds, the text field says the same as the dots."""
    picker = TrialPicker(study)
    assert is_blank(picker.answer) and picker.message.startswith("Click a dot")
    first, second = picker.numbers[:2]
    picker._on_click(None, SimpleNamespace(point_inds=[1]), None)
    assert picker.answer == [second] and picker._typed.value == str(second)
    picker._on_box(None, SimpleNamespace(point_inds=[0, 1]), None)
    assert picker.answer == [first, second]
    picker._on_click(None, SimpleNamespace(point_inds=[0]), None)
    assert picker.answer == [second] and picker.message == f"Chosen: {second}."
    picker._typed.value = f"{first};{second} {picker.numbers[4]}"
    assert picker.answer == [first, second, picker.numbers[4]]
    picker._typed.value = f"{first}, 7"
    assert picker.message == f"'7' is not the number of a dot. Chosen: {first}." and picker.answer == [first]
    picker._typed.value = "²"
    assert picker.message == f"'²' is not the number of a dot. {HOW}" and is_blank(picker.answer)
    picker._typed.value = f"{first} or"
    picker._clear.click()
    assert is_blank(picker.answer) and picker._typed.value == ""


def test_chosen_dots_look_different(study: Study) -> None:
    """By colour, size and shape."""
    picker = TrialPicker(study)
    picker.choose({0, 1})
    marker = picker.figure.data[0].marker
    chosen = np.isin(picker.numbers, [0, 1])
    for look in (marker.color, marker.size, marker.symbol):
        assert set(np.array(look)[chosen]).isdisjoint(np.array(look)[~chosen])


def test_what_can_be_picked(study: Study) -> None:
    """Completed trials alone."""
    picker = TrialPicker(study)
    assert list(picker.figure.data[0].x) == picker.numbers
    assert list(picker.figure.data[0].y) == [study.trials[n].value for n in picker.numbers]
    assert 3 not in picker.numbers and 7 not in picker.numbers
