"""Optuna's twelve plots, with a sentence where they would be empty, flat or stop with a traceback."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
import optuna
import optuna.visualization as vis
import plotly.graph_objects as go
from optuna import Study
from optuna.exceptions import ExperimentalWarning
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from helpers.errors import BadInput
from helpers.plots import DASHES

Plot = Callable[..., go.Figure]


@dataclass(frozen=True)
class Needs:
    """What a plot needs before it says something.

    Attributes:
        complete: completed trials with finite values.
        spread: whether the values have to differ.
        params: how many hyperparameters at least one of them has to have.
        objectives: the numbers of objectives that it takes; with a `target` every plot but these takes any.
        reports: whether trials have to have reported intermediate values.
    """

    complete: int = 1
    spread: bool = False
    params: int = 0
    objectives: tuple[int, ...] = ()
    reports: bool = False


PATTERNS = {"FAIL": "x", "PRUNED": "/", "RUNNING": "."}  # of plot_timeline's bars, by state
EVERY_TRIAL = ("plot_timeline", "plot_intermediate_values")  # they show trials whatever their value
ANY_KIND = ("plot_timeline", "plot_param_importances", "plot_parallel_coordinate")  # of objectives
FIXED_NAME = (*EVERY_TRIAL, "plot_hypervolume_history", "plot_pareto_front", "plot_terminator_improvement")
INSTEAD = ": see plot_optimization_history for one"
NEEDS: dict[str, Needs] = {
    "plot_optimization_history": Needs(),
    "plot_slice": Needs(complete=2, params=1),
    "plot_contour": Needs(complete=4, spread=True, params=2),
    "plot_rank": Needs(complete=2, spread=True, params=1),
    "plot_parallel_coordinate": Needs(complete=2, params=1),
    "plot_param_importances": Needs(complete=4, spread=True, params=1),
    "plot_edf": Needs(complete=2, spread=True),
    "plot_intermediate_values": Needs(complete=0, reports=True, objectives=(1,)),
    "plot_pareto_front": Needs(complete=2, objectives=(2, 3)),
    "plot_hypervolume_history": Needs(objectives=(2, 3, 4, 5, 6, 7, 8)),
    "plot_terminator_improvement": Needs(complete=2, spread=True, params=1, objectives=(1,)),
    "plot_timeline": Needs(complete=0),
}


def look(plot: Plot, study: Study | Sequence[Study], **options: Any) -> go.Figure:
    """The figure that `plot` (such as `optuna.visualization.plot_slice`) makes of a study, or a sentence why not.

    Trials with infinite values, which most plots leave out in silence, are left out with a line under the title.
    Warnings that a plot is experimental are not shown: the notebook says which are.

    Raises:
        BadInput: the study is empty, too short, all failed, constant, or not of the kind that the plot is for.
    """
    name = getattr(plot, "__name__", str(plot))
    if name not in NEEDS or getattr(vis, name) is not plot:
        raise BadInput(f"{name} is not one of Optuna's plots: choose one of {', '.join(NEEDS)}.")
    studies = [study] if isinstance(study, Study) else list(study)
    if not studies:
        raise BadInput("There is no study in the list: give at least one.")
    if options.get("target") and name not in FIXED_NAME:
        options.setdefault("target_name", "target")
    hidden = 0
    for n, each in enumerate(studies):
        check_plot(name, each, **options)
        studies[n], left_out = (each, 0) if name in EVERY_TRIAL else _finite(each)
        hidden += left_out
    with known_warnings_ignored(), redirect_stderr(StringIO()):  # plot_terminator_improvement shows a bar there
        try:
            figure = plot(studies[0] if isinstance(study, Study) else studies, **options)
        except ValueError as error:  # a hyperparameter that no trial has, a reference point of the wrong length, ...
            raise BadInput(f"{name} cannot be drawn: {error}") from None
    _tell_apart(name, figure)
    if hidden:
        figure.update_layout(title_subtitle_text=f"{hidden} trials with an infinite value are not shown")
    return figure


def _tell_apart(name: str, figure: go.Figure) -> None:
    """Dashes, symbols and patterns where a plot of Optuna's tells groups apart by colour alone."""
    for n, trace in enumerate(figure.data):
        if name == "plot_edf":
            trace.line.dash = DASHES[n % len(DASHES)]
        elif name == "plot_pareto_front" and trace.marker.colorbar.title.text == "Best Trial":
            trace.marker.symbol, trace.marker.size = "diamond", 11
        elif name == "plot_timeline":
            trace.marker.pattern = {"shape": PATTERNS.get(trace.name, ""), "fgcolor": "white", "size": 4}


@contextmanager
def known_warnings_ignored() -> Iterator[None]:
    """Without the warnings that something is experimental, and that a target is about low values, which `check_plot`
    tells sharper."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.filterwarnings("ignore", "PedAnovaImportanceEvaluator computes", UserWarning)
        yield


def check_plot(
    name: str,
    study: Study,
    *,
    target: Callable | None = None,
    targets: Callable | None = None,
    params: Sequence[str] | None = None,
    **_: Any,
) -> None:
    """Raises BadInput with what to do when the study cannot fill the plot `name`."""
    needs, trials = NEEDS[name], study.get_trials(deepcopy=False)
    _check_kind(name, study, needs, target or targets)
    if not trials:
        raise BadInput(
            f"The study {study.study_name!r} has no trials yet: run study.optimize first. If it should have "
            "some, its storage or its name is another than you think."
        )
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if needs.complete and not complete:
        states = sorted({trial.state.name for trial in trials})
        raise BadInput(
            f"None of the {len(trials)} trials is complete ({', '.join(states)}): a plot of values needs "
            "some. study.trials[-1] and the log say why the last one ended."
        )
    complete = [trial for trial in complete if np.isfinite(trial.values).all()]
    if needs.complete and not complete:
        raise BadInput("No completed trial has a finite value: look at what the objective returns.")
    if len(complete) < needs.complete:
        raise BadInput(
            f"{name} needs {needs.complete} completed trials to say something, and the study has "
            f"{len(complete)}: run more."
        )
    if needs.reports and not any(trial.intermediate_values for trial in trials if trial.state != TrialState.FAIL):
        raise BadInput(
            "No trial that did not fail has reported an intermediate value: call trial.report(value, step) "
            "in the objective."
        )
    found = max((len(trial.params) for trial in complete), default=0) if params is None else len(params)
    if found < needs.params:
        raise BadInput(f"{name} needs {needs.params} hyperparameters to draw, and there are {found}.")
    if name == "plot_param_importances":
        _check_low(study, complete, target)
    if needs.spread and len({target(trial) if target else tuple(trial.values) for trial in complete}) == 1:
        raise BadInput(
            f"All {len(complete)} completed trials have the same value: there is nothing to compare. Look "
            "whether the objective returns what you think."
        )


def _check_kind(name: str, study: Study, needs: Needs, target: Callable | None) -> None:
    """One objective or several, as the plot wants it."""
    count = len(study.directions)
    if needs.objectives and count not in needs.objectives and not (target and name == "plot_pareto_front"):
        wanted, instead = ("one objective", "") if needs.objectives == (1,) else ("several objectives", INSTEAD)
        raise BadInput(f"{name} is for {wanted}, and this study has {count}{instead}.")
    if not needs.objectives and count > 1 and target is None and name not in ANY_KIND:
        raise BadInput(
            f"This study has {count} objectives: say which one to draw, target=lambda trial: "
            'trial.values[0], and its target_name="...".'
        )


def _check_low(study: Study, complete: Sequence[FrozenTrial], target: Callable | None) -> None:
    """PED-ANOVA with a target takes low as good, also where the study maximises: the worst would be ranked."""
    several = len(study.directions) > 1
    for n, direction in enumerate(study.directions):
        as_it_is = all(target(trial) == trial.values[n] for trial in complete) if target else several
        if direction == StudyDirection.MAXIMIZE and as_it_is:
            remedy = f"give target=lambda trial: -trial.values[{n}]."
            raise BadInput(
                f"Objective {n} is maximised, and with a target importances are about the lowest values: {remedy}"
            )


def _finite(study: Study) -> tuple[Study, int]:
    """The study with its infinite trials set to FAIL in a copy, and how many; the study itself where there are none."""
    trials = study.get_trials(deepcopy=False)
    infinite = [trial.state == TrialState.COMPLETE and not np.isfinite(trial.values).all() for trial in trials]
    if not any(infinite):
        return study, 0
    copy = optuna.create_study(study_name=study.study_name, directions=study.directions)
    for trial, hide in zip(study.get_trials(deepcopy=True), infinite, strict=True):
        if hide:
            trial.state, trial.values = TrialState.FAIL, None
        copy.add_trial(trial)
    return copy, sum(infinite)
