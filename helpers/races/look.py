"""Optuna's plots, with a sentence where they would show nothing, and with more than colours to tell groups apart."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from io import StringIO
from typing import Any

import numpy as np
import plotly.graph_objects as go
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from helpers.errors import BadInput
from helpers.plots import DASHES

EVERY_TRIAL = ("plot_timeline", "plot_intermediate_values")  # they show trials whatever their value
COMPARING = ("plot_contour", "plot_rank", "plot_param_importances", "plot_edf", "plot_terminator_improvement")
PATTERNS = {"FAIL": "x", "PRUNED": "/", "RUNNING": "."}  # of plot_timeline's bars, by state


def look(plot: Callable[..., go.Figure], study: Study | Sequence[Study], **options: Any) -> go.Figure:
    """The figure that `plot` (such as `optuna.visualization.plot_slice`) makes of a study, or of several.

    Raises:
        BadInput: there is nothing to draw or to compare, or Optuna refuses, in its words.
    """
    name = plot.__name__
    for each in [study] if isinstance(study, Study) else study:
        if name not in EVERY_TRIAL:
            finite_trials(each, options.get("target"), differ=name in COMPARING)
    with warnings.catch_warnings(action="ignore"), redirect_stderr(StringIO()):  # what is experimental, and a bar
        try:
            figure = plot(study, **options)
        except ValueError as error:
            raise BadInput(f"{name} cannot be drawn: {error}") from None
    if not any(trace.x is not None and len(trace.x) for trace in figure.data):
        raise BadInput(f"{name} would be empty: no trial has what it draws, such as reports or two hyperparameters.")
    for n, trace in enumerate(figure.data):
        if name == "plot_edf":
            trace.line.dash = DASHES[n % len(DASHES)]
        elif name == "plot_pareto_front" and trace.marker.colorbar.title.text == "Best Trial":
            trace.marker.symbol, trace.marker.size = "diamond", 11
        elif name == "plot_timeline":
            trace.marker.pattern = {"shape": PATTERNS.get(trace.name, ""), "fgcolor": "white", "size": 4}
    return figure


def finite_trials(study: Study, target: Callable | None = None, *, differ: bool) -> list[FrozenTrial]:
    """The completed trials with finite values; BadInput where there are none, or (with `differ`) all are equal."""
    trials = study.get_trials(deepcopy=False)
    found = [trial for trial in trials if trial.state == TrialState.COMPLETE and np.isfinite(trial.values).all()]
    if not trials:
        raise BadInput(
            f"The study {study.study_name!r} has no trials yet: run study.optimize first. If it should have "
            "some, its storage or its name is another than you think."
        )
    if not found:
        states = ", ".join(sorted({trial.state.name for trial in trials}))
        raise BadInput(f"None of the {len(trials)} trials ({states}) is complete with a finite value: read the log.")
    if differ and len({target(trial) if target else tuple(trial.values) for trial in found}) == 1:
        raise BadInput("All values are equal, there is nothing to compare: look at what the objective returns.")
    return found
