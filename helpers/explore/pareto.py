"""The Pareto chooser: two objectives of a study, and the best trial that stays under a limit."""

from __future__ import annotations

from dataclasses import dataclass

import ipywidgets as widgets
import plotly.graph_objects as go
from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from helpers import plots
from helpers.errors import BadInput
from helpers.explore.explorable import LEGEND, Explorable

TRACES = ("out of reach", "within the limit", "Pareto front", "limit", "chosen")


@dataclass(frozen=True)
class ParetoState:
    """`front` from the smallest cost to the largest; of it the `chosen` trial, and the `next` one; and a sentence."""

    front: list[FrozenTrial]
    chosen: FrozenTrial
    next: FrozenTrial | None
    message: str


def pareto_state(study: Study, limit: float, names: tuple[str, str] = ("error", "parameters")) -> ParetoState:
    """The trial with the lowest first objective among those whose second one is at most `limit`.

    Raises:
        BadInput: the study does not minimise two objectives, has no completed trial, or none within the limit.
    """
    front = _front(study)
    within = [trial for trial in front if trial.values[1] <= limit]
    if not within:
        raise BadInput(f"No trial has at most {limit:,g} {names[1]}: the smallest has {front[0].values[1]:,g}.")
    chosen, after = within[-1], front[len(within)] if len(within) < len(front) else None
    return ParetoState(front, chosen, after, _message(chosen, after, limit, names))


def _front(study: Study) -> list[FrozenTrial]:
    """Optuna's Pareto front by rising second objective; of trials with the same values the first alone."""
    if study.directions != [StudyDirection.MINIMIZE] * 2:
        raise BadInput("The chooser needs a study that minimises two objectives: directions=['minimize', 'minimize'].")
    if not study.best_trials:
        raise BadInput("The study has no completed trial yet: run study.optimize first.")
    first = {tuple(trial.values): trial for trial in reversed(study.best_trials)}
    return [first[values] for values in sorted(first, key=lambda values: values[1])]


def _message(chosen: FrozenTrial, after: FrozenTrial | None, limit: float, names: tuple[str, str]) -> str:
    """What is chosen, and what the next step on the front would cost and bring."""
    error, cost = chosen.values
    params = ", ".join(f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
                       for name, value in chosen.params.items())  # fmt: skip
    params = f" ({params})" if params else ""
    said = f"At most {limit:,g} {names[1]}: trial {chosen.number}, {names[0]} {error:.3f} with {cost:,g}{params}."
    if after is None:
        return f"{said} No larger one found is better."
    gain, factor = error - after.values[0], after.values[1] / cost
    return f"{said} The next step on the front: {gain:.3f} less for {factor:.1f} times as many."


class ParetoChooser(Explorable):
    """A slider for the limit of the second objective; `trial` is the one chosen.

    Args:
        study: minimises two objectives, such as error and number of parameters.
        names: what the objectives are called.

    Raises:
        BadInput: as `pareto_state`.
    """

    def __init__(self, study: Study, names: tuple[str, str] = ("error", "parameters")) -> None:
        self.study, self.names = study, names
        self._front = _front(study)
        self._trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        limits = sorted({trial.values[1] for trial in self._trials if trial.values[1] >= self._front[0].values[1]})
        self._limit = widgets.SelectionSlider(
            options=[(f"{limit:,g}", limit) for limit in limits], value=limits[len(limits) // 2],
            description=f"{names[1]}, at most", continuous_update=True,
            style={"description_width": "160px"}, layout={"width": "560px"},
        )  # fmt: skip
        super().__init__([self._limit], _empty_figure(names))
        self._limit.observe(self._draw, "value")
        self._draw()

    @property
    def state(self) -> ParetoState:
        """What the slider asks for."""
        return pareto_state(self.study, self._limit.value, self.names)

    @property
    def trial(self) -> FrozenTrial:
        """The trial chosen."""
        return self.state.chosen

    def choose(self, limit: float) -> ParetoChooser:
        """Moves the slider, from code, to the largest value that is at most `limit`.

        Raises:
            BadInput: no trial is as small as that.
        """
        pareto_state(self.study, limit, self.names)
        self._limit.value = max(value for _, value in self._limit.options if value <= limit)
        return self

    def _draw(self, _: object = None) -> None:
        state, limit = self.state, self._limit.value
        parts = [[t for t in self._trials if (t.values[1] <= limit) == inside] for inside in (False, True)]
        groups = dict(zip(TRACES, [*parts, state.front, [], [state.chosen]], strict=True))
        highest = max(trial.values[0] for trial in self._trials)
        with self.figure.batch_update():
            for trace in self.figure.data:
                trials = groups[trace.name]
                trace.x, trace.y = [t.values[1] for t in trials], [t.values[0] for t in trials]
                trace.customdata = [t.number for t in trials]
                if trace.name == "limit":
                    trace.x, trace.y = [limit, limit], [0, 1.05 * highest]
        self.say(state.message)


def _empty_figure(names: tuple[str, str]) -> go.Figure:
    """Dots, a staircase through the front, a line at the limit, and a diamond at the choice."""
    figure = go.Figure(layout={"title": {"text": f"{names[0].capitalize()} against {names[1]}", "y": 0.97,
                                         "yref": "container"}})  # fmt: skip
    hover = "trial %{customdata}<br>%{x:,}, %{y:.4f}<extra></extra>"
    looks = (
        {"mode": "markers", "marker": {"color": "#777777", "symbol": "circle-open", "size": 8}},
        {"mode": "markers", "marker": {"color": plots.BLUE, "size": 8}},
        {"mode": "lines", "line": {"color": plots.GREEN, "shape": "hv", "width": 2}, "hoverinfo": "skip"},
        {"mode": "lines", "line": {"color": plots.VERMILLION, "dash": "dot"}, "hoverinfo": "skip"},
        {"mode": "markers", "marker": {"color": plots.VERMILLION, "symbol": "diamond", "size": 14}},
    )
    for name, look in zip(TRACES, looks, strict=True):
        figure.add_scatter(name=name, **({} if "hoverinfo" in look else {"hovertemplate": hover}), **look)
    figure.update_xaxes(title=f"{names[1]} (logarithmic)", type="log", dtick="D2").update_yaxes(
        title=names[0], rangemode="tozero"
    )
    return figure.update_layout(legend=LEGEND)
