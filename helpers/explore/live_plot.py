"""A plot that grows while the study runs: a callback for `study.optimize` that draws."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, nan

import plotly.graph_objects as go
from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from helpers import plots
from helpers.errors import BadInput
from helpers.explore.explorable import Drawing, Explorable, legend_above

WAITING = "No trial yet: hand this plot to study.optimize(..., callbacks=[live])."
COMPLETE, PRUNED = "complete", "pruned, at its last report"
KINDS = {COMPLETE: (plots.BLUE, "circle"), PRUNED: (plots.ORANGE, "triangle-down-open")}


def draw(trials: Sequence[FrozenTrial], maximize: bool, value_name: str = "value") -> Drawing:
    """Ended trials of a study with one objective as dots of each kind, and the incumbent as a line.

    What failed or has an infinite value is counted in the sentence alone.
    """
    seen = [(trial, kind, value) for trial in trials for kind, value in [_place(trial)] if isfinite(value)]
    best: list[tuple[int, float]] = []
    for trial, kind, value in seen:
        better = not best or (value > best[-1][1] if maximize else value < best[-1][1])
        if kind == COMPLETE and better and all(broken <= 0 for broken in trial.constraints.values()):
            best.append((trial.number, value))
    figure = go.Figure(layout=legend_above("While it runs", showlegend=True))
    for name, (colour, symbol) in KINDS.items():
        dots = [(trial.number, value) for trial, kind, value in seen if kind == name]
        _add(figure, name, dots, mode="markers", marker={"color": colour, "symbol": symbol, "size": 8})
    line = best + [(max(trial.number for trial in trials), value) for _, value in best[-1:]]
    _add(figure, "best so far", line, mode="lines", line={"color": plots.GREEN, "shape": "hv", "width": 3})
    figure.update_xaxes(title="trial", rangemode="tozero").update_yaxes(title=value_name)
    if not trials:
        return figure, WAITING
    said = f"{len(trials)} trials have ended, {len(trials) - len(seen)} of them without a number. "
    return figure, said + (f"Best: {best[-1][1]:.4g} (trial {best[-1][0]})." if best else "None is complete yet.")


def _add(figure: go.Figure, name: str, places: list[tuple[int, float]], **look: object) -> None:
    x, y = zip(*places, strict=True) if places else ((), ())
    figure.add_scatter(x=x, y=y, name=name, **look)


def _place(trial: FrozenTrial) -> tuple[str, float]:
    """The kind of an ended trial and where it stands; nan where it has no number."""
    if trial.state == TrialState.COMPLETE:
        return COMPLETE, trial.values[0]
    last = trial.last_step if trial.state == TrialState.PRUNED else None
    return PRUNED, nan if last is None else trial.intermediate_values[last]


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
        self.study, self.value_name = study, value_name
        super().__init__(self._draw)

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Draws the study; Optuna calls this after each trial."""
        self.study = study
        self.show()

    def _draw(self) -> Drawing:
        ended = [trial for trial in self.study.get_trials(deepcopy=False) if trial.state.is_finished()]
        return draw(ended, self.study.direction == StudyDirection.MAXIMIZE, self.value_name)
