"""What a room sees: the leaderboard with the ladder's plans and what luck alone reaches, and the gain in the quiz."""

from __future__ import annotations

import os
from html import escape
from math import sqrt

import ipywidgets as widgets
import optuna
import pandas as pd
import plotly.graph_objects as go
from optuna.trial import create_trial
from scipy.stats import t as student

from helpers import plots
from helpers.explore.explorable import Drawing, Explorable, add, legend_above
from helpers.fleet.leaderboard import Entry, Leaderboard
from helpers.fleet.storage import VARIABLE, open_storage
from helpers.learn.notes import Note
from helpers.learn.quiz import Quiz, answers_before
from helpers.problems.capstone import BUDGET

A_NAME, YOU, PLAN = "a name", "you", "a plan, and what luck alone reaches"
KINDS = {A_NAME: (plots.BLUE, "circle"), YOU: (plots.VERMILLION, "star"), PLAN: (plots.INK, "diamond")}
MOST, QUIZ = 20, "Learn Optuna, quiz"


def draw(entries: list[Entry], ladder: pd.DataFrame, me: str = "", budget: int = BUDGET) -> Drawing:
    """Dots with bars, the best at the top: the best names, you wherever you are, and every plan of a ladder.

    A plan's row of the ladder has the mean `score` of its `runs` and their standard deviation, `spread`.
    """
    me = " ".join(me.split())
    rows = [  # label, kind, score, half of its interval
        (f"{place}. {entry.name}", YOU if entry.name == me else A_NAME, entry.score.mean, entry.score.margin)
        for place, entry in enumerate(entries, start=1)
        if place <= MOST or entry.name == me
    ] + [(str(name), PLAN, rung["score"], luck(rung, len(entries))) for name, rung in ladder.iterrows()]
    rows.sort(key=lambda row: -row[2])
    labels, traces = [escape(label) for label, *_ in rows], {}
    for kind, (colour, symbol) in KINDS.items():
        own = [n for n, row in enumerate(rows) if row[1] == kind]
        bars = {"type": "data", "thickness": 1.5, "array": [rows[n][3] for n in own]}
        marker, hover = {"color": colour, "symbol": symbol, "size": 11}, [labels[n] for n in own]
        traces[kind] = [rows[n][2] for n in own], own, {"error_x": bars, "customdata": hover, "marker": marker}
    figure = go.Figure(layout=legend_above("Leaderboard", showlegend=True))
    add(figure, traces, mode="markers", hovertemplate="%{customdata}: %{x:.4f}<extra></extra>")
    figure.update_xaxes(title="accuracy on the test images, held-back seeds").update_yaxes(automargin=True)
    figure.update_yaxes(range=[max(len(rows), 1) - 0.4, -0.6], tickvals=[*range(len(rows))], ticktext=labels)
    return figure, _said(entries, ladder, me, budget)


def luck(rung: pd.Series, names: int) -> float:
    """How far from its mean one of so many single runs of a plan ends in only one room of twenty (Bonferroni)."""
    bound = student.isf(0.025 / max(names, 1), rung["runs"] - 1)
    return float(bound * rung["spread"] * sqrt(1 + 1 / rung["runs"]))


def _said(entries: list[Entry], ladder: pd.DataFrame, me: str, budget: int) -> str:
    """Who leads, where you stand, and what of it is more than luck."""
    if not entries:
        return "Nobody has submitted yet."
    names, first = len(entries), entries[0]
    said = f"{names} on the board; {first.name} leads with {first.score.mean:.4f}."
    for place, entry in enumerate(entries, start=1):
        if entry.name == me:
            score = entry.score.mean
            sure = [str(plan) for plan, rung in ladder.iterrows() if score > rung["score"] + luck(rung, names)]
            said += f" You stand at place {place} with {score:.4f}, {entry.epochs} of {budget} epochs. "
            return f"{said}Above what luck reaches with so many names: {', '.join(sure) or 'no plan'}."
    return said + (f" {me} has not submitted." if me else "")


class LeaderboardView(Explorable):
    """Type your name to see yourself among the others; the button looks whether somebody has submitted since."""

    def __init__(self, board: Leaderboard, ladder: pd.DataFrame) -> None:
        name = widgets.Text(description="your name", placeholder="as submitted", continuous_update=False)
        refresh = widgets.Button(description="Refresh", icon="refresh")
        refresh.on_click(self.show)
        row = widgets.HBox([name, refresh])
        super().__init__(lambda me: draw(board.entries(), ladder, me, board.problem.budget), [row], me=name)


def gain(quiz: Quiz) -> Note:
    """Of the questions answered before the course and now, how many were right then, and how many are.

    Where LEARN_OPTUNA_STORAGE names the room's storage, both numbers are added to the study QUIZ there, without a name.
    """
    before, pairs = answers_before(), zip(quiz.questions, quiz.answers, strict=True)
    both = [(one.answer, before[one.key], given) for one, given in pairs if given and one.key in before]
    then, now = (sum(row[0] == row[n] for row in both) for n in (1, 2))
    if both and (url := os.environ.get(VARIABLE)):
        room = optuna.create_study(study_name=QUIZ, storage=open_storage(url), load_if_exists=True)
        room.add_trial(create_trial(value=now - then, user_attrs={"who": before["who"], "then": then, "now": now}))
    said = f"Of {len(both)} questions answered before the course and now, {then} were right then, {now} are right now."
    return Note("open", said, "" if both else "Notebook 00 asks ten of them, in its last cell.")
