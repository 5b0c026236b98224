"""Plots of a study's trials that answer: the best one under a limit, and those that a click or a number chooses."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any

import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from helpers import plots
from helpers.explore.explorable import Drawing, Explorable, add, dots, legend_above, line, slider

WORD = re.compile(r"[^\s,;]+")
TICKS = [digit / power for power in (1000, 100, 10, 1) for digit in (1, 2, 5)]
HOW = "Click a dot (again: it is free), draw a box around several, or type their numbers."


def front(study: Study) -> list[FrozenTrial]:
    """Optuna's Pareto front of two objectives that are minimised, by the rising second; of equal ones the first."""
    first = {tuple(trial.values): trial for trial in reversed(study.best_trials)}
    return [first[values] for values in sorted(first, key=lambda values: values[1])]


def draw_front(study: Study, limit: float) -> Drawing:
    """All trials, the front as a staircase, a line at the limit, and a diamond at the best trial within it.

    The objectives are the error and the number of parameters; the front has a trial within the limit.
    """
    steps, trials = front(study), study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    within = [trial for trial in steps if trial.values[1] <= limit]
    beyond, affordable = ([t for t in trials if (t.values[1] <= limit) is inside] for inside in (False, True))
    errors, skip = _places(trials)[1], {"hoverinfo": "skip", "hovertemplate": None}
    ends = [min(errors) / 1.4, 1.4 * max(errors)]
    traces = {
        "out of reach": _places(beyond, **dots("#777777", symbol="circle-open", size=8)),
        "within the limit": _places(affordable, **dots(plots.BLUE, size=8)),
        "Pareto front": _places(steps, **line(plots.GREEN, shape="hv", width=2) | skip),
        "limit": ([limit] * 2, ends, line(plots.VERMILLION, dash="dot") | skip),
        "chosen": _places(within[-1:], **dots(plots.VERMILLION, symbol="diamond", size=14)),
    }
    figure = add(go.Figure(layout=legend_above("Error against parameters")), traces)
    figure.update_xaxes(title="parameters (logarithmic)", type="log", dtick=1, tickformat=",")
    figure.update_yaxes(title="error (logarithmic)", type="log", range=np.log10(ends), tickvals=TICKS)
    return figure, _said(steps[len(within) - 1 : len(within) + 1], limit)


def _places(trials: list[FrozenTrial], **look: object) -> tuple[list, list, dict]:
    """Trials as one trace; their numbers are shown under the mouse."""
    sizes, errors = [t.values[1] for t in trials], [max(t.values[0], 1e-4) for t in trials]  # a logarithm has no 0
    hover = {"hovertemplate": "trial %{customdata}<br>%{x:,}, %{y:.4f}<extra></extra>"}
    return sizes, errors, {"customdata": [trial.number for trial in trials], **hover, **look}


def _said(steps: list[FrozenTrial], limit: float) -> str:
    """What is chosen, and what the next step on the front would cost and bring, if there is one."""
    chosen, (error, size) = steps[0], steps[0].values
    rounded = {name: f"{it:.3g}" if isinstance(it, float) else it for name, it in chosen.params.items()}
    params = ", ".join(f"{name} {it}" for name, it in rounded.items())
    said = f"At most {limit:,g} parameters: trial {chosen.number}, error {error:.3f} with {size:,g} ({params})."
    if len(steps) == 1:
        return f"{said} No larger one found is better."
    gain, factor = error - steps[1].values[0], steps[1].values[1] / size
    return f"{said} The next step on the front: {gain:.3f} less for {factor:.1f} times as many."


class ParetoChooser(Explorable):
    """A slider for the limit of the second objective; the study minimises error and number of parameters."""

    def __init__(self, study: Study) -> None:
        smallest = front(study)[0].values[1]
        limits = sorted({trial.values[1] for trial in study.trials if trial.values and trial.values[1] >= smallest})
        options = [(f"{limit:,g}", limit) for limit in limits]
        limit = slider(widgets.SelectionSlider, "parameters, at most", options=options, value=limits[len(limits) // 2])
        super().__init__(partial(draw_front, study), limit=limit)


def picked(typed: str, numbers: Collection[int]) -> set[int]:
    """Those of the numbers that are written in a text, between spaces, commas or semicolons."""
    return {int(word) for word in WORD.findall(typed) if word.isdecimal()} & set(numbers)


def draw_dots(values: Mapping[int, float], typed: str) -> Drawing:
    """Values by the trial's number; those typed have another colour, size and shape. A word that is none is named."""
    chosen, numbers = picked(typed, values), list(values)
    marked = np.isin(numbers, sorted(chosen))
    figure = go.Figure(layout={"dragmode": "select", "showlegend": False, "title": "Choose trials"})
    colours, symbols = np.where(marked, plots.VERMILLION, plots.BLUE), np.where(marked, "diamond", "circle")
    marker = {"opacity": 1, "color": colours, "size": np.where(marked, 13, 8), "symbol": symbols}
    look = {name: {"marker": {"opacity": 1}} for name in ("selected", "unselected")} | {"marker": marker}
    hover = "trial %{x}<br>%{y:.4g}<extra></extra>"
    figure.add_scatter(x=numbers, y=list(values.values()), mode="markers", hovertemplate=hover, **look)
    figure.update_xaxes(title="trial").update_yaxes(title="value")
    said = f"Chosen: {_listed(chosen)}." if chosen else HOW
    wrong = [word for word in WORD.findall(typed) if not picked(word, values)]
    return figure, f"{wrong[0]!r} is not the number of a dot. {said}" if wrong else said


class TrialPicker(Explorable):
    """The values of a study's completed trials as dots; `answer` is what was chosen, which stands in a text field."""

    def __init__(self, study: Study) -> None:
        trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        values = {trial.number: trial.values[0] for trial in trials}
        self.numbers = list(values)
        self._typed = widgets.Text(description="trials", placeholder="such as 3, 17", continuous_update=False)
        self._clear = widgets.Button(description="Choose none", icon="eraser")
        super().__init__(partial(draw_dots, values), [widgets.HBox([self._typed, self._clear])], typed=self._typed)
        self.figure.data[0].on_click(self._on_click)
        self.figure.data[0].on_selection(self._on_box)
        self._clear.on_click(lambda _: self.choose(set()))

    @property
    def answer(self) -> list[int] | object:
        """The numbers of the chosen trials, in order; the dots of an unanswered exercise while there are none."""
        return sorted(picked(self._typed.value, self.numbers)) or ...

    def choose(self, numbers: set[int]) -> None:
        """Chooses exactly these trials."""
        self._typed.value = _listed(numbers)

    def _on_click(self, trace: object, points: Any, state: object) -> None:
        self.choose(picked(self._typed.value, self.numbers) ^ {self.numbers[n] for n in points.point_inds})

    def _on_box(self, trace: object, points: Any, selector: object) -> None:
        self.choose(picked(self._typed.value, self.numbers) | {self.numbers[n] for n in points.point_inds})


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
