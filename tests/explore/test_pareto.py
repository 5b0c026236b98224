"""The Pareto chooser: what it chooses under a limit, what it says, what it refuses, and that it draws its state."""

from __future__ import annotations

import optuna
import pytest
from optuna import Study
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import TrialState

from helpers.errors import BadInput
from helpers.explore import ParetoChooser
from helpers.explore.pareto import TRACES, pareto_state

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
    front = pareto_state(study, 1e9).front
    assert [trial.number for trial in front] == [7, 2, 1]
    assert {trial.number for trial in front} <= {trial.number for trial in study.best_trials}


@pytest.mark.parametrize(
    ("limit", "chosen", "after"), [(40, 7, 2), (699, 7, 2), (700, 2, 1), (8999, 2, 1), (9000, 1, None), (1e9, 1, None)]
)
def test_the_best_that_can_be_afforded(study: Study, limit: float, chosen: int, after: int | None) -> None:
    """The lowest error within the limit, found also by looking at every trial; and the next step."""
    state = pareto_state(study, limit)
    assert state.chosen.number == chosen and (state.next and state.next.number) == after
    assert state.chosen.values[0] == min(error for error, cost in VALUES if cost <= limit)


def test_what_it_says(study: Study) -> None:
    """The choice with its settings, and the price of the next step."""
    said = pareto_state(study, 700).message
    assert said == ("At most 700 parameters: trial 2, error 0.030 with 700 (width 3, rate 0.123). "
                    "The next step on the front: 0.010 less for 12.9 times as many.")  # fmt: skip
    assert pareto_state(study, 9000).message.endswith("No larger one found is better.")


def test_what_is_refused(study: Study) -> None:
    """A limit below everything, one objective, another direction, no trial."""
    with pytest.raises(BadInput, match=r"No trial has at most 39 parameters: the smallest has 40\."):
        pareto_state(study, 39)
    for directions in (["minimize"], ["maximize", "minimize"], ["minimize"] * 3):
        with pytest.raises(BadInput, match="minimises two objectives"):
            ParetoChooser(optuna.create_study(directions=directions))
    with pytest.raises(BadInput, match=r"no completed trial yet: run study\.optimize first"):
        ParetoChooser(optuna.create_study(directions=["minimize"] * 2))
    with pytest.raises(BadInput, match="No trial has at most"):
        ParetoChooser(study).choose(10)


@pytest.mark.parametrize("limit", [40, 300, 701, 20000])
def test_it_draws_its_state(study: Study, limit: float) -> None:
    """Every trial on one side of the limit, the front as a line, the choice as a diamond, the words as in the state."""
    chooser = ParetoChooser(study).choose(limit)
    state, drawn = chooser.state, {trace.name: trace for trace in chooser.figure.data}
    assert tuple(drawn) == TRACES and chooser.trial.number == state.chosen.number
    for name, inside in (("out of reach", False), ("within the limit", True)):
        numbers = [n for n, (_, cost) in enumerate(VALUES) if (cost <= limit) == inside]
        assert list(drawn[name].customdata) == numbers
        assert list(zip(drawn[name].y, drawn[name].x, strict=True)) == [VALUES[n] for n in numbers]
    assert list(drawn["Pareto front"].customdata) == [trial.number for trial in state.front]
    assert (drawn["chosen"].y[0], drawn["chosen"].x[0]) == tuple(state.chosen.values)
    assert drawn["limit"].x[0] == drawn["limit"].x[1] <= limit
    assert chooser.message == state.message and state.message in chooser.status.value


def test_other_objectives_have_other_names() -> None:
    """Time instead of size."""
    study = optuna.create_study(directions=["minimize", "minimize"])
    study.add_trial(optuna.create_trial(values=(0.1, 2.5)))
    assert (
        "At most 2.5 milliseconds: trial 0, loss 0.100 with 2.5."
        in ParetoChooser(study, ("loss", "milliseconds")).message
    )
