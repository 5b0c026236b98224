"""The leaderboard as a figure that can be refreshed: names with intervals, and the ladder's plans between them."""

from __future__ import annotations

from html import escape

import ipywidgets as widgets
import pandas as pd
import plotly.graph_objects as go

from helpers import plots
from helpers.explore.explorable import Drawing, Explorable, add, legend_above
from helpers.fleet.leaderboard import Entry, Leaderboard
from helpers.problems.capstone import BUDGET

A_NAME, YOU, PLAN = "a name", "you", "a plan of the ladder, mean of its runs"
KINDS = {A_NAME: (plots.BLUE, "circle"), YOU: (plots.VERMILLION, "star"), PLAN: (plots.INK, "diamond")}
MOST = 20


def draw(entries: list[Entry], ladder: pd.DataFrame, me: str = "", budget: int = BUDGET) -> Drawing:
    """Dots with bars, the best at the top: the best names, you wherever you are, and every plan of a ladder."""
    me = " ".join(me.split())
    rows = [  # label, kind, score, half of its interval
        (f"{place}. {entry.name}", YOU if entry.name == me else A_NAME, entry.score.mean, entry.score.margin)
        for place, entry in enumerate(entries, start=1)
        if place <= MOST or entry.name == me
    ] + [(str(name), PLAN, rung["score"], (rung["high"] - rung["low"]) / 2) for name, rung in ladder.iterrows()]
    rows.sort(key=lambda row: -row[2])
    labels, traces = [escape(label) for label, *_ in rows], {}
    for kind, (colour, symbol) in KINDS.items():
        own = [n for n, row in enumerate(rows) if row[1] == kind]
        bars = {"type": "data", "thickness": 1.5, "array": [rows[n][3] for n in own]}
        marker, hover = {"color": colour, "symbol": symbol, "size": 11}, [labels[n] for n in own]
        traces[kind] = [rows[n][2] for n in own], own, {"error_x": bars, "customdata": hover, "marker": marker}
    figure = go.Figure(layout=legend_above("Leaderboard", showlegend=True))
    add(figure, traces, mode="markers", hovertemplate="%{customdata}: %{x:.4f}<extra></extra>")
    ticks = {"tickvals": list(range(len(rows))), "ticktext": labels}
    figure.update_xaxes(title="accuracy on the test images, held-back seeds")
    figure.update_yaxes(automargin=True, range=[max(len(rows), 1) - 0.4, -0.6], **ticks)
    return figure, _said(entries, ladder, me, budget)


def _said(entries: list[Entry], ladder: pd.DataFrame, me: str, budget: int) -> str:
    """Who leads, and where you stand."""
    if not entries:
        return "Nobody has submitted yet."
    said = f"{len(entries)} on the board; {entries[0].name} leads with {entries[0].score.mean:.4f}."
    for place, entry in enumerate(entries, start=1):
        if entry.name == me:
            beaten = [str(name) for name, rung in ladder.iterrows() if entry.score.mean > rung["score"]]
            said += f" You stand at place {place} with {entry.score.mean:.4f}, {entry.epochs} of {budget} epochs, "
            return f"{said}above {', '.join(beaten) or 'no plan of the ladder'}."
    return said + (f" {me} has not submitted." if me else "")


class LeaderboardView(Explorable):
    """Type your name to see yourself among the others; the button looks whether somebody has submitted since."""

    def __init__(self, board: Leaderboard, ladder: pd.DataFrame) -> None:
        name = widgets.Text(description="your name", placeholder="as submitted", continuous_update=False)
        refresh = widgets.Button(description="Refresh", icon="refresh")
        refresh.on_click(self.show)
        row = widgets.HBox([name, refresh])
        super().__init__(lambda me: draw(board.entries(), ladder, me, board.problem.budget), [row], me=name)
