"""The Pareto chooser: what it chooses under a limit, what it says, and that it draws its state."""

from __future__ import annotations

import optuna
import pytest
from optuna import Study
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import TrialState

from helpers.explore.trials import ParetoChooser, draw_front, front
from tests.explore.test_explorable import move, offered, points

VALUES = ((0.10, 100), (0.02, 9000), (0.03, 700), (0.035, 5000), (0.05, 300), (0.03, 700), (0.4, 50), (0.05, 40))


@pytest.fixture
def study() -> Study:
    """Its front: trials 7, 2 and 1; trial 5 is as good as 2, and the others are beaten."""
    made = optuna.create_study(directions=["minimize", "minimize"])
    space = {"width": IntDistribution(1, 64), "rate": FloatDistribution(0, 1)}
    for n, pair in enumerate(VALUES):
        params = {"width": n + 1, "rate": 0.12345}
        made.add_trial(optuna.create_trial(values=pair, params=params, distributions=space))
    made.add_trial(optuna.create_trial(state=TrialState.FAIL))
    return made


def test_the_front_is_optunas(study: Study) -> None:
    """From the smallest to the largest, equal ones once."""
    found = [trial.number for trial in front(study)]
    assert found == [7, 2, 1] and set(found) <= {trial.number for trial in study.best_trials}


def test_what_it_says(study: Study) -> None:
    """The choice with its settings, and the price of the next step."""
    assert draw_front(study, 700)[1] == (
        "At most 700 parameters: trial 2, error 0.030 with 700 (width 3, rate 0.123). "
        "The next step on the front: 0.010 less for 12.9 times as many."
    )
    assert draw_front(study, 9000)[1].endswith("No larger one found is better.")


@pytest.mark.parametrize(("limit", "chosen"), [(40, 7), (699, 7), (700, 2), (8999, 2), (9000, 1), (1e9, 1)])
def test_the_best_that_can_be_afforded(study: Study, limit: float, chosen: int) -> None:
    """Every trial on one side of the limit; within it the lowest error, found by looking at all, is the diamond."""
    figure, said = draw_front(study, limit)
    shown = points(figure)
    for name, inside in (("out of reach", False), ("within the limit", True)):
        numbers = [n for n, (_, cost) in enumerate(VALUES) if (cost <= limit) == inside]
        assert list(zip(shown[name]["y"], shown[name]["x"], strict=True)) == [VALUES[n] for n in numbers]
    stairs = shown["Pareto front"]
    assert list(zip(stairs["y"], stairs["x"], strict=True)) == [VALUES[n] for n in (7, 2, 1)]
    assert (shown["chosen"]["y"][0], shown["chosen"]["x"][0]) == VALUES[chosen] and f"trial {chosen}, " in said
    assert shown["chosen"]["y"][0] == min(error for error, cost in VALUES if cost <= limit)
    assert shown["limit"]["x"] == [limit, limit] and shown["limit"]["y"][1] > max(error for error, _ in VALUES)


def test_the_slider_has_every_size_that_can_be_chosen(study: Study) -> None:
    """From the smallest of the front on, and no other."""
    chooser = ParetoChooser(study)
    assert offered(chooser.controls["limit"]) == (40, 50, 100, 300, 700, 5000, 9000)
    for limit, chosen in ((40, 7), (300, 7), (700, 2), (5000, 2), (9000, 1)):
        assert f"trial {chosen}, " in move(chooser, limit=limit).message
