"""A plot that grows while the study runs: a callback for `study.optimize` that draws."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import plotly.graph_objects as go
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from helpers import plots
from helpers.errors import BadInput
from helpers.explore.explorable import LEGEND, Explorable

WAITING = "No trial yet: hand this plot to study.optimize(..., callbacks=[live])."
KINDS = {"complete": (plots.BLUE, "circle"), "pruned, at its last report": (plots.ORANGE, "triangle-down-open")}
BEST = "best so far"


@dataclass(frozen=True)
class LiveState:
    """What is drawn: numbers and values of each kind of trial, the steps of the incumbent, and a sentence."""

    dots: dict[str, tuple[list[int], list[float]]]
    best: tuple[list[int], list[float]]
    message: str


def live_state(study: Study) -> LiveState:
    """A study with one objective as it stands; what failed or has an infinite value is counted in the sentence."""
    trials = [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
    dots: dict[str, tuple[list[int], list[float]]] = {kind: ([], []) for kind in KINDS}
    best: tuple[list[int], list[float]] = ([], [])
    unseen, sign = 0, 1 if study.direction.name == "MAXIMIZE" else -1
    for trial in trials:
        kind, value = _place(trial)
        if value is None or not isfinite(value):
            unseen += 1
            continue
        dots[kind][0].append(trial.number)
        dots[kind][1].append(value)
        feasible = all(broken <= 0 for broken in trial.constraints.values())
        if trial.state == TrialState.COMPLETE and feasible and (not best[1] or sign * (value - best[1][-1]) > 0):
            best[0].append(trial.number)
            best[1].append(value)
    if not trials:
        return LiveState(dots, best, WAITING)
    said = f"{len(trials)} trials have ended, {unseen} of them without a number. "
    said += f"Best: {best[1][-1]:.4g} (trial {best[0][-1]})." if best[1] else "None is complete yet."
    if best[1]:
        best[0].append(max(trial.number for trial in trials))
        best[1].append(best[1][-1])
    return LiveState(dots, best, said)


def _place(trial: FrozenTrial) -> tuple[str, float | None]:
    """The kind of a trial and where it stands."""
    complete, pruned = KINDS
    if trial.state == TrialState.COMPLETE:
        return complete, trial.value
    last = trial.last_step if trial.state == TrialState.PRUNED else None
    return pruned, None if last is None else trial.intermediate_values[last]


class LivePlot(Explorable):
    """Each trial as a dot as soon as it has ended, and the incumbent as a line.

    Show it in one cell; in the next, `study.optimize(objective, n_trials=50, callbacks=[live])`.

    Raises:
        BadInput: the study has several objectives.
    """

    ANNOUNCES = False

    def __init__(self, study: Study, value_name: str = "value") -> None:
        if len(study.directions) > 1:
            raise BadInput(f"This study has {len(study.directions)} objectives: a live plot shows the best of one.")
        super().__init__([], _empty_figure(value_name))
        self._draw(study)

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Draws the study; Optuna calls this after each trial."""
        self._draw(study)

    def _draw(self, study: Study) -> None:
        state = live_state(study)
        with self.figure.batch_update():
            for trace in self.figure.data:
                x, y = state.best if trace.name == BEST else state.dots[trace.name]
                trace.update(x=x, y=y)
        self.say(state.message)


def _empty_figure(value_name: str) -> go.Figure:
    """Dots of each kind and a line, none of them with a place yet."""
    title = {"text": "While it runs", "y": 0.97, "yref": "container"}
    figure = go.Figure(layout={"title": title, "showlegend": True})
    figure.update_layout(legend=LEGEND)
    for kind, (colour, symbol) in KINDS.items():
        figure.add_scatter(name=kind, mode="markers", marker={"color": colour, "symbol": symbol, "size": 8})
    figure.add_scatter(name=BEST, mode="lines", line={"color": plots.GREEN, "shape": "hv", "width": 3})
    return figure.update_xaxes(title="trial", rangemode="tozero").update_yaxes(title=value_name)
