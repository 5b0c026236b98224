"""The Pareto chooser: two objectives of a study, and the best trial that stays under a limit."""

from __future__ import annotations

from functools import partial

import ipywidgets as widgets
import plotly.graph_objects as go
from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from helpers import plots
from helpers.errors import BadInput
from helpers.explore.explorable import Drawing, Explorable, legend_above

NAMES = ("error", "parameters")


def front(study: Study) -> list[FrozenTrial]:
    """Optuna's Pareto front by rising second objective; of trials with the same values the first alone.

    Raises:
        BadInput: the study does not minimise two objectives, or has no completed trial.
    """
    if study.directions != [StudyDirection.MINIMIZE] * 2:
        raise BadInput("The chooser needs a study that minimises two objectives: directions=['minimize', 'minimize'].")
    if not study.best_trials:
        raise BadInput("The study has no completed trial yet: run study.optimize first.")
    first = {tuple(trial.values): trial for trial in reversed(study.best_trials)}
    return [first[values] for values in sorted(first, key=lambda values: values[1])]


def draw(study: Study, limit: float, names: tuple[str, str] = NAMES) -> Drawing:
    """All trials, the front as a staircase, a line at the limit, and a diamond at the best trial within it.

    Raises:
        BadInput: as `front`, or no trial is within the limit.
    """
    steps = front(study)
    within = [trial for trial in steps if trial.values[1] <= limit]
    if not within:
        raise BadInput(f"No trial has at most {limit:,g} {names[1]}: the smallest has {steps[0].values[1]:,g}.")
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    grey, diamond = {"color": "#777777", "symbol": "circle-open", "size": 8}, {"symbol": "diamond", "size": 14}
    figure = go.Figure(layout=legend_above(f"{names[0].capitalize()} against {names[1]}"))
    _add(figure, "out of reach", [t for t in trials if t.values[1] > limit], mode="markers", marker=grey)
    blue = {"color": plots.BLUE, "size": 8}
    _add(figure, "within the limit", [t for t in trials if t.values[1] <= limit], mode="markers", marker=blue)
    stairs = {"color": plots.GREEN, "shape": "hv", "width": 2}
    _add(figure, "Pareto front", steps, mode="lines", line=stairs, hoverinfo="skip", hovertemplate=None)
    highest, dotted = max(trial.values[0] for trial in trials), {"color": plots.VERMILLION, "dash": "dot"}
    figure.add_scatter(
        x=[limit] * 2, y=[0, 1.05 * highest], name="limit", mode="lines", line=dotted, hoverinfo="skip"
    )  # fmt: skip
    _add(figure, "chosen", within[-1:], mode="markers", marker={"color": plots.VERMILLION, **diamond})
    figure.update_xaxes(title=f"{names[1]} (logarithmic)", type="log", dtick="D2")
    figure.update_yaxes(title=names[0], rangemode="tozero")
    return figure, _said(steps[len(within) - 1 : len(within) + 1], limit, names)


def _add(figure: go.Figure, name: str, trials: list[FrozenTrial], **look: object) -> None:
    """Trials as one trace; their numbers are shown under the mouse."""
    look = {"hovertemplate": "trial %{customdata}<br>%{x:,}, %{y:.4f}<extra></extra>"} | look
    y, x = zip(*(trial.values for trial in trials), strict=True) if trials else ((), ())
    figure.add_scatter(x=x, y=y, customdata=[trial.number for trial in trials], name=name, **look)


def _said(steps: list[FrozenTrial], limit: float, names: tuple[str, str]) -> str:
    """What is chosen, and what the next step on the front would cost and bring, if there is one."""
    chosen, (error, cost) = steps[0], steps[0].values
    params = ", ".join(f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
                       for name, value in chosen.params.items())  # fmt: skip
    params = f" ({params})" if params else ""
    said = f"At most {limit:,g} {names[1]}: trial {chosen.number}, {names[0]} {error:.3f} with {cost:,g}{params}."
    if len(steps) == 1:
        return f"{said} No larger one found is better."
    gain, factor = error - steps[1].values[0], steps[1].values[1] / cost
    return f"{said} The next step on the front: {gain:.3f} less for {factor:.1f} times as many."


class ParetoChooser(Explorable):
    """A slider for the limit of the second objective; `trial` is the one chosen.

    Args:
        study: minimises two objectives, such as error and number of parameters (BadInput otherwise).
        names: what the objectives are called.
    """

    def __init__(self, study: Study, names: tuple[str, str] = NAMES) -> None:
        self._front = front(study)
        trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        limits = sorted({trial.values[1] for trial in trials if trial.values[1] >= self._front[0].values[1]})
        limit = widgets.SelectionSlider(
            options=[(f"{limit:,g}", limit) for limit in limits], value=limits[len(limits) // 2],
            description=f"{names[1]}, at most", style={"description_width": "160px"}, layout={"width": "560px"},
        )  # fmt: skip
        super().__init__(partial(draw, study, names=names), limit=limit)

    @property
    def trial(self) -> FrozenTrial:
        """The trial chosen."""
        return [trial for trial in self._front if trial.values[1] <= self.values["limit"]][-1]
