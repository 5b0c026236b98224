"""Optuna's twelve plots: drawn without a warning, or a sentence; on studies of every sorry kind."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import optuna
import optuna.visualization as vis
import plotly.graph_objects as go
import pytest
from optuna import Study
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from helpers.errors import BadInput
from helpers.races.look import NEEDS, look

PLOTS = sorted(NEEDS)
ONE, SEVERAL = ("minimize",), ("minimize", "minimize")
FOR_SEVERAL = ("plot_pareto_front", "plot_hypervolume_history")
FOR_ONE = ("plot_intermediate_values", "plot_terminator_improvement")
WITHOUT_TARGET = (*FOR_SEVERAL, *FOR_ONE, "plot_timeline", "plot_param_importances", "plot_parallel_coordinate")
OPTIONS = {"plot_hypervolume_history": {"reference_point": [3.0, 3.0]}}


def made(
    directions: tuple[str, ...] = ONE, trials: int = 25, value: Callable | None = None, faults: bool = True
) -> Study:
    """A study with float, logarithmic and categorical hyperparameters; some trials fail, some are pruned."""
    study = optuna.create_study(study_name="made", directions=directions, sampler=RandomSampler(seed=0))

    def objective(trial: optuna.Trial) -> float | tuple[float, ...]:
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 1e-3, 1, log=True)
        kind = trial.suggest_categorical("kind", ["a", "b"])
        if len(directions) == 1:
            for step in range(3):
                trial.report(x + step, step)
        if faults and trial.number % 6 == 4:
            raise ArithmeticError
        if faults and trial.number % 6 == 3:
            raise optuna.TrialPruned
        found = value(trial.number, x) if value else x + y + (kind == "a")
        return found if len(directions) == 1 else (found, 2 - x)

    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    study.optimize(objective, n_trials=trials, catch=ArithmeticError)
    return study


def options(name: str, several: bool) -> dict[str, object]:
    """What the plot cannot do without."""
    aim = {"target": lambda trial: trial.values[0], "target_name": "first"}
    return OPTIONS.get(name, aim if several and name not in WITHOUT_TARGET else {})


def drawn(name: str, study: Study, **more: object) -> go.Figure:
    """The figure; any warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return look(getattr(vis, name), study, **options(name, len(study.directions) > 1), **more)


def points(figure: go.Figure) -> int:
    """How many marks of all kinds the figure has."""
    columns = [trace.dimensions[0].values if trace.type == "parcoords" else trace.x for trace in figure.data]
    return sum(len(column) for column in columns if column is not None)


def test_these_are_all_plots_of_optuna() -> None:
    """No more and no fewer, so that a thirteenth is noticed."""
    assert sorted(name for name in vis.__all__ if name.startswith("plot_")) == PLOTS and len(PLOTS) == 12


@pytest.mark.parametrize("name", [name for name in PLOTS if name not in FOR_SEVERAL])
def test_one_objective(name: str) -> None:
    """With pruned and failed trials in the study, and as Optuna draws it, but for what helps the colours."""
    study = made()
    figure = drawn(name, study)
    assert points(figure) > 0
    if name != "plot_terminator_improvement":
        theirs = getattr(vis, name)(study)
        for trace, ours in zip(theirs.data, figure.data, strict=True):
            if name == "plot_edf":
                trace.line.dash = ours.line.dash
            elif name == "plot_timeline":
                trace.marker.pattern = ours.marker.pattern
        assert figure == theirs


def test_groups_differ_in_more_than_colour() -> None:
    """Studies by their dashes, the front by its symbol, states by their patterns."""
    edf, front = look(vis.plot_edf, [made(), made()]), drawn("plot_pareto_front", made(SEVERAL))
    assert len({trace.line.dash for trace in edf.data}) == len(edf.data) == 2
    assert {trace.marker.symbol for trace in front.data} == {None, "diamond"}
    bars = drawn("plot_timeline", made()).data
    assert len({trace.marker.pattern.shape for trace in bars}) == len(bars) == 3


@pytest.mark.parametrize("name", [name for name in PLOTS if name not in FOR_ONE])
def test_several_objectives(name: str) -> None:
    """The same with two; most need to be told which one."""
    assert points(drawn(name, made(SEVERAL))) > 0


@pytest.mark.parametrize("name", [name for name in PLOTS if name not in WITHOUT_TARGET])
def test_which_objective(name: str) -> None:
    """The sentence holds the line to write."""
    with pytest.raises(BadInput, match=r"has 2 objectives: say which .*target=lambda trial: trial.values\[0\]"):
        look(getattr(vis, name), made(SEVERAL))


@pytest.mark.parametrize("name", [*FOR_ONE, *FOR_SEVERAL])
def test_the_wrong_kind_of_study(name: str) -> None:
    """Made for one, or for several."""
    study, wanted = (made(SEVERAL), "one objective") if name in FOR_ONE else (made(), "several objectives")
    with pytest.raises(BadInput, match=f"{name} is for {wanted}, and this study has {len(study.directions)}"):
        drawn(name, study)


@pytest.mark.parametrize("name", PLOTS)
def test_an_empty_study(name: str) -> None:
    """It names the study: perhaps it is the wrong one."""
    study = made(SEVERAL if name in FOR_SEVERAL else ONE, trials=0)
    with pytest.raises(BadInput, match="The study 'made' has no trials yet"):
        drawn(name, study)


@pytest.mark.parametrize("name", PLOTS)
def test_only_failed_trials(name: str) -> None:
    """NaN makes a trial fail as well; only the timeline has something to show."""
    study = made(SEVERAL if name in FOR_SEVERAL else ONE, value=lambda number, x: math.nan, faults=False)
    if name == "plot_timeline":
        assert points(drawn(name, study)) == 25
    else:
        with pytest.raises(BadInput, match=r"None of the 25 trials is complete \(FAIL\)|No trial that did not fail"):
            drawn(name, study)


@pytest.mark.parametrize("name", PLOTS)
def test_one_trial(name: str) -> None:
    """It is drawn where one trial says something, and asked for more elsewhere."""
    study = made(SEVERAL if name in FOR_SEVERAL else ONE, trials=1)
    if NEEDS[name].complete <= 1:
        assert points(drawn(name, study)) > 0
    else:
        with pytest.raises(BadInput, match=rf"{name} needs {NEEDS[name].complete} completed trials .* has 1: run more"):
            drawn(name, study)


@pytest.mark.parametrize("name", [name for name in PLOTS if name not in FOR_SEVERAL])
def test_a_constant_objective(name: str) -> None:
    """Where values are compared, there is nothing to compare."""
    study = made(value=lambda number, x: 1.0)
    if NEEDS[name].spread:
        with pytest.raises(BadInput, match="completed trials have the same value: there is nothing to compare"):
            drawn(name, study)
    else:
        assert points(drawn(name, study)) > 0


@pytest.mark.parametrize("name", [name for name in PLOTS if name not in FOR_SEVERAL])
def test_infinite_values(name: str) -> None:
    """They are left out, and a line says how many; numbers of trials stay."""
    study = made(value=lambda number, x: -math.inf if number % 5 == 0 else x)
    infinite = sum(trial.value == -math.inf for trial in study.trials)
    figure = drawn(name, study)
    said = figure.layout.title.subtitle.text
    assert infinite == 3 and points(figure) > 0
    assert said == (None if not NEEDS[name].complete else "3 trials with an infinite value are not shown")
    if name == "plot_optimization_history":
        complete = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
        finite = [trial.number for trial in complete if math.isfinite(trial.value)]
        assert list(figure.data[0].x) == finite


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"params": ["x", "z"]}, "plot_contour cannot be drawn: Parameter z does not exist"),
        ({"params": ["x"]}, "plot_contour needs 2 hyperparameters to draw"),
    ],
)
def test_wrong_params(options: dict, said: str) -> None:
    """Optuna's own reason, or ours where it draws an empty frame."""
    with pytest.raises(BadInput, match=said):
        drawn("plot_contour", made(), **options)


def test_importances_of_what_is_maximised() -> None:
    """The trap: low counts as good as soon as there is a target."""
    study = made(("maximize",))
    with pytest.raises(BadInput, match=r"maximised, .* give target=lambda trial: -trial.values\[0\]"):
        look(vis.plot_param_importances, study, target=lambda trial: trial.value)
    with pytest.raises(BadInput, match=r"Objective 1 is maximised, .* -trial.values\[1\]"):
        look(vis.plot_param_importances, made(("minimize", "maximize")))
    plain, turned = (drawn("plot_param_importances", study, **more).data[0].x
                     for more in ({}, {"target": lambda trial: -trial.value}))  # fmt: skip
    assert list(plain) == list(turned)


def test_other_things_than_plots() -> None:
    """And lists without a study."""
    with pytest.raises(BadInput, match="print is not one of Optuna's plots: choose one of"):
        look(print, made())
    with pytest.raises(BadInput, match="There is no study in the list"):
        look(vis.plot_edf, [])
    with pytest.raises(BadInput, match="'empty' has no trials"):
        look(vis.plot_edf, [made(), optuna.create_study(study_name="empty")])
