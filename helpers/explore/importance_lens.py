"""The importance lens: importances of twenty studies beside the true ones, at any budget."""

from __future__ import annotations

import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go

from helpers import plots
from helpers.errors import one_of
from helpers.explore.explorable import Drawing, Explorable, legend_above, menu, slider
from helpers.races.importance import (
    BUDGETS,
    ESTIMATES,
    EVALUATORS,
    PROBLEMS,
    SAMPLERS,
    load_importances,
    true_importances,
)


def draw(problem: str, sampler: str, evaluator: str, trials: int) -> Drawing:
    """A dot for each study, a bar at their median and a diamond at the truth; the most important at the top.

    Raises:
        BadInput: one of the settings is unknown.
    """
    recorded = load_importances(problem).loc[sampler, evaluator, trials]
    truth = true_importances(problem)[ESTIMATES[evaluator]].sort_values()
    shares, rows = recorded[truth.index], np.arange(len(truth))
    jitter = rows[:, None] + np.linspace(-0.25, 0.25, len(shares))
    figure = go.Figure(layout=legend_above(f"Importances of {len(shares)} studies", margin_l=120))
    bar = {"color": plots.BLUE, "symbol": "line-ns-open", "size": 22, "line_width": 3}
    for name, x, y, marker in (
        ("one study", shares.to_numpy().T.ravel(), jitter.ravel(), {"color": plots.SKY, "size": 5}),
        ("median", shares.median(), rows, bar),
        ("the truth", truth, rows, {"color": plots.VERMILLION, "symbol": "diamond", "size": 10}),
    ):
        figure.add_scatter(x=x, y=y, name=name, mode="markers", marker=marker)
    figure.update_xaxes(title="importance (all together: 1)", range=[-0.02, 1.02])
    figure.update_yaxes(tickvals=rows, ticktext=list(truth.index), range=[-0.6, len(truth) - 0.4])
    first = recorded.idxmax(axis=1).value_counts()
    right = int(first.get(truth.index[-1], 0))
    said = f"{truth.index[-1]} is the most important; {right} of {len(shares)} studies say so."
    if right < len(shares):
        wrong = first.drop(truth.index[-1], errors="ignore")
        said += f" {wrong.index[0]} is named by {wrong.iloc[0]}."
    return figure, said


class ImportanceLens(Explorable):
    """Menus for the problem, who searched and who judges, and a slider for the number of trials."""

    def __init__(self, problem: str = "digits") -> None:
        one_of("problem", problem, tuple(PROBLEMS))
        super().__init__(
            draw,
            problem=menu("problem", tuple(PROBLEMS), value=problem),
            sampler=menu("sampler", tuple(SAMPLERS)),
            evaluator=menu("evaluator", tuple(EVALUATORS)),
            trials=slider(widgets.SelectionSlider, "trials", options=BUDGETS, value=50),
        )
