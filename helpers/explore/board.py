"""The leaderboard as a figure that can be refreshed: names with intervals, and the ladder's plans between them."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import ipywidgets as widgets
import pandas as pd
import plotly.graph_objects as go

from helpers import plots
from helpers.explore.explorable import LEGEND, Explorable
from helpers.fleet.leaderboard import Entry, Leaderboard
from helpers.problems.capstone import BUDGET

A_NAME, YOU, PLAN = "a name", "you", "a plan of the ladder, mean of its runs"
KINDS = {A_NAME: (plots.BLUE, "circle"), YOU: (plots.VERMILLION, "star"), PLAN: (plots.INK, "diamond")}
MOST = 20


@dataclass(frozen=True)
class BoardState:
    """Rows of the figure, the best first: label, kind, score and half of its interval; and a sentence."""

    labels: tuple[str, ...]
    kinds: tuple[str, ...]
    scores: tuple[float, ...]
    margins: tuple[float, ...]
    message: str


def board_state(
    entries: list[Entry], ladder: pd.DataFrame | None = None, me: str = "", budget: int = BUDGET
) -> BoardState:
    """What is drawn: the best names, you wherever you are, and every plan of a `ladder_table`."""
    me = " ".join(me.split())
    places = {entry.name: n for n, entry in enumerate(entries, start=1)}
    rows = [
        (f"{places[entry.name]}. {entry.name}", YOU if entry.name == me else A_NAME, entry.score.mean,
         entry.score.margin)
        for entry in entries
        if places[entry.name] <= MOST or entry.name == me
    ]  # fmt: skip
    rungs = pd.DataFrame() if ladder is None else ladder
    for name, rung in rungs.iterrows():
        rows.append((str(name), PLAN, rung["score"], (rung["high"] - rung["low"]) / 2))
    rows.sort(key=lambda row: -row[2])
    labels, kinds, scores, margins = zip(*rows, strict=True) if rows else ((), (), (), ())
    return BoardState(labels, kinds, scores, margins, _said(entries, rungs, me, budget))


def _said(entries: list[Entry], rungs: pd.DataFrame, me: str, budget: int) -> str:
    """Who leads, and where you stand."""
    if not entries:
        return "Nobody has submitted yet."
    said = f"{len(entries)} on the board; {entries[0].name} leads with {entries[0].score.mean:.4f}."
    for place, entry in enumerate(entries, start=1):
        if entry.name == me:
            beaten = [str(name) for name, rung in rungs.iterrows() if entry.score.mean > rung["score"]]
            said += f" You stand at place {place} with {entry.score.mean:.4f}, {entry.epochs} of {budget} epochs, "
            return f"{said}above {', '.join(beaten) or 'no plan of the ladder'}."
    return said + (f" {me} has not submitted." if me else "")


class LeaderboardView(Explorable):
    """Type your name to see yourself among the others; the button looks whether somebody has submitted since."""

    def __init__(self, board: Leaderboard, ladder: pd.DataFrame | None = None, me: str = "") -> None:
        self.board, self.ladder = board, ladder
        self._me = widgets.Text(value=me, description="your name", placeholder="as submitted", continuous_update=False)
        self._button = widgets.Button(description="Refresh", icon="refresh")
        super().__init__([widgets.HBox([self._me, self._button])], _empty_figure())
        self._me.observe(lambda _: self.refresh(), "value")
        self._button.on_click(lambda _: self.refresh())
        self.refresh()

    @property
    def state(self) -> BoardState:
        """What the storage holds now."""
        return board_state(self.board.entries(), self.ladder, self._me.value, self.board.problem.budget)

    def refresh(self) -> None:
        """Reads the board again and draws it."""
        state = self.state
        rows = range(len(state.labels))
        with self.figure.batch_update():
            for trace in self.figure.data:
                own = [n for n in rows if state.kinds[n] == trace.name]
                trace.update(x=[state.scores[n] for n in own], y=own)
                trace.error_x.array = [state.margins[n] for n in own]
                trace.customdata = [escape(state.labels[n]) for n in own]
            labels = [escape(label) for label in state.labels]
            self.figure.update_yaxes(tickvals=list(rows), ticktext=labels, range=[max(len(rows), 1) - 0.4, -0.6])
        self.say(state.message)


def _empty_figure() -> go.Figure:
    """Dots with bars, the best at the top."""
    figure = go.Figure(layout={"title": {"text": "Leaderboard", "y": 0.97, "yref": "container"}})
    for name, (colour, symbol) in KINDS.items():
        figure.add_scatter(
            name=name, mode="markers", marker={"color": colour, "symbol": symbol, "size": 11},
            error_x={"type": "data", "thickness": 1.5}, hovertemplate="%{customdata}: %{x:.4f}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="accuracy on the test images, held-back seeds").update_yaxes(automargin=True)
    return figure.update_layout(legend=LEGEND, showlegend=True)
