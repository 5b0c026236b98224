"""The importance lens: importances of twenty studies beside the true ones, at any budget."""

from __future__ import annotations

from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from helpers import plots
from helpers.errors import one_of
from helpers.explore.explorable import LEGEND, Explorable, menu, move, slider
from helpers.races.importance import BUDGETS, EVALUATORS, PROBLEMS, SAMPLERS, load_importances

TRACES = ("one study", "median", "the truth")


@dataclass(frozen=True)
class ImportanceState:
    """`shares` (studies, hyperparameters), and the truth in the same order: the most important last."""

    shares: pd.DataFrame
    truth: pd.Series
    message: str


def importance_state(problem: str, sampler: str, evaluator: str, trials: int) -> ImportanceState:
    """What is recorded for these settings.

    Raises:
        BadInput: one of them is unknown.
    """
    recorded = load_importances(problem)
    shares, truth = recorded.at(sampler, evaluator, trials), recorded.truth(evaluator).sort_values()
    first = shares.idxmax(axis=1).value_counts()
    right = int(first.get(truth.index[-1], 0))
    said = f"{truth.index[-1]} is the most important; {right} of {len(shares)} studies say so."
    if right < len(shares):
        wrong = first.drop(truth.index[-1], errors="ignore")
        said += f" {wrong.index[0]} is named by {wrong.iloc[0]}."
    return ImportanceState(shares[truth.index], truth, said)


class ImportanceLens(Explorable):
    """Menus for the problem, who searched and who judges, and a slider for the number of trials."""

    def __init__(self, problem: str = "digits") -> None:
        one_of("problem", problem, tuple(PROBLEMS))
        menus = {"problem": (tuple(PROBLEMS), problem), "sampler": (tuple(SAMPLERS), "random"),
                 "evaluator": (tuple(EVALUATORS), "PED-ANOVA")}  # fmt: skip
        self._controls = {name: menu(name, options, value=value) for name, (options, value) in menus.items()}
        self._controls["trials"] = slider(widgets.SelectionSlider, "trials", options=BUDGETS, value=50)
        super().__init__(list(self._controls.values()), _empty_figure())
        for control in self._controls.values():
            control.observe(self._draw, "value")
        self._draw()

    @property
    def state(self) -> ImportanceState:
        """What the controls ask for."""
        return importance_state(**{name: control.value for name, control in self._controls.items()})

    def set(self, **settings: object) -> ImportanceLens:
        """Moves controls by name, from code: problem, sampler, evaluator, trials.

        Raises:
            BadInput: unknown control or value.
        """
        move(self._controls, settings)
        return self

    def _draw(self, _: object = None) -> None:
        state = self.state
        names, rows = list(state.truth.index), np.arange(len(state.truth))
        jitter = np.linspace(-0.25, 0.25, len(state.shares))
        columns = {
            TRACES[0]: (state.shares.to_numpy().T.ravel(), (rows[:, None] + jitter).ravel()),
            TRACES[1]: (state.shares.median().to_numpy(), rows),
            TRACES[2]: (state.truth.to_numpy(), rows),
        }
        with self.figure.batch_update():
            for trace in self.figure.data:
                x, y = columns[trace.name]
                trace.update(x=x, y=y)
            self.figure.update_yaxes(tickvals=rows, ticktext=names, range=[-0.6, len(names) - 0.4])
        self.say(state.message)


def _empty_figure() -> go.Figure:
    """Rows of dots, with a bar at their median and a diamond at the truth."""
    figure = go.Figure(layout={"title": {"text": "Importances of 20 studies", "y": 0.97, "yref": "container"}})
    markers = ({"color": plots.SKY, "size": 5}, {"color": plots.BLUE, "symbol": "line-ns-open", "size": 22},
               {"color": plots.VERMILLION, "symbol": "diamond", "size": 10})  # fmt: skip
    for name, marker in zip(TRACES, markers, strict=True):
        figure.add_scatter(name=name, mode="markers", marker=marker)
    figure.update_traces(marker_line_width=3, selector={"name": TRACES[1]})
    figure.update_xaxes(title="importance (all together: 1)", range=[-0.02, 1.02])
    return figure.update_layout(legend=LEGEND, margin_l=120)
