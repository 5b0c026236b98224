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

from helpers.errors import BadInput
from helpers.races.look import COMPARING, EVERY_TRIAL, look

PLOTS = sorted(name for name in vis.__all__ if name.startswith("plot_"))
ONE, SEVERAL = ("minimize",), ("minimize", "minimize")
FOR_SEVERAL = ("plot_pareto_front", "plot_hypervolume_history")
PLOTS_OF_ONE = [name for name in PLOTS if name not in FOR_SEVERAL]
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
    columns = [trace.x for trace in figure.data]
    return sum(len(column) for column in columns if column is not None)


def test_these_are_all_plots_of_optuna() -> None:
    """Twelve, so that a thirteenth is noticed; those with a rule of their own are among them."""
    assert {*COMPARING, *EVERY_TRIAL} < set(PLOTS) and len(PLOTS) == 12


def test_one_objective() -> None:
    """With pruned and failed trials in the study, and as Optuna draws it, but for what helps the colours."""
    study = made()
    for name in PLOTS_OF_ONE:
        figure = drawn(name, study)
        assert points(figure) > 0, name
        if name == "plot_terminator_improvement":
            continue
        theirs = getattr(vis, name)(study)
        for trace, ours in zip(theirs.data, figure.data, strict=True):
            if name == "plot_edf":
                trace.line.dash = ours.line.dash
            elif name == "plot_timeline":
                trace.marker.pattern = ours.marker.pattern
        assert figure == theirs, name


def test_groups_differ_in_more_than_colour() -> None:
    """Studies by their dashes, the front by its symbol, states by their patterns."""
    edf, front = look(vis.plot_edf, [made(), made()]), drawn("plot_pareto_front", made(SEVERAL))
    assert len({trace.line.dash for trace in edf.data}) == len(edf.data) == 2
    assert {trace.marker.symbol for trace in front.data} == {None, "diamond"}
    bars = drawn("plot_timeline", made()).data
    assert len({trace.marker.pattern.shape for trace in bars}) == len(bars) == 3


def test_several_objectives() -> None:
    """The same with two; most need to be told which one, in Optuna's words."""
    study = made(SEVERAL)
    for name in PLOTS:
        if name not in FOR_ONE:
            assert points(drawn(name, study)) > 0, name
        if name not in WITHOUT_TARGET:
            with pytest.raises(BadInput, match=f"{name} cannot be drawn: .*specify the `target`"):
                look(getattr(vis, name), study)


def refused(name: str, study: Study, said: str) -> None:
    """The plot is answered with this sentence."""
    with pytest.raises(BadInput, match=said):
        drawn(name, study)


def test_the_wrong_kind_of_study() -> None:
    """Made for one, or for several."""
    refused("plot_terminator_improvement", made(SEVERAL), "cannot be drawn: .*multi-objective")
    refused("plot_intermediate_values", made(SEVERAL), "would be empty: no trial has what it draws, such as reports")
    for name in FOR_SEVERAL:
        refused(name, made(), f"{name} cannot be drawn: .*(multi-objective|2 or 3 objective)")


def test_sorry_studies() -> None:
    """Empty (the name is said: perhaps it is the wrong study), failed (as NaN is, too), of one trial, constant: each
    plot draws what it can, and says what it needs."""
    for kind, names in ((SEVERAL, FOR_SEVERAL), (ONE, PLOTS_OF_ONE)):
        failed = made(kind, value=lambda number, x: math.nan, faults=False)
        for name in names:
            if name == "plot_timeline":
                assert points(drawn(name, failed)) == 25
                refused(name, made(kind, trials=0), "would be empty")
            elif name == "plot_intermediate_values":
                refused(name, failed, "would be empty")
                refused(name, made(kind, trials=0), "would be empty")
            else:
                refused(name, made(kind, trials=0), "The study 'made' has no trials yet")
                refused(name, failed, r"None of the 25 trials \(FAIL\) is complete with a finite value")
            if name not in COMPARING:
                assert points(drawn(name, made(kind, trials=1))) > 0, name


def test_a_constant_objective() -> None:
    """Where values are compared, there is nothing to compare; so it is with one trial."""
    study = made(value=lambda number, x: 1.0)
    for name in PLOTS_OF_ONE:
        if name in COMPARING:
            refused(name, study, "All values are equal, there is nothing to compare")
            refused(name, made(trials=1), "All values are equal, there is nothing to compare")
        else:
            assert points(drawn(name, study)) > 0, name


def test_wrong_params() -> None:
    """Optuna's own reason, or ours where it draws an empty frame."""
    for params, said in ((["x", "z"], "cannot be drawn: Parameter z does not exist"), (["x"], "would be empty")):
        with pytest.raises(BadInput, match=f"plot_contour {said}"):
            drawn("plot_contour", made(), params=params)


def test_one_of_several_studies() -> None:
    """Is named when there is nothing in it."""
    with pytest.raises(BadInput, match="'empty' has no trials"):
        look(vis.plot_edf, [made(), optuna.create_study(study_name="empty")])
