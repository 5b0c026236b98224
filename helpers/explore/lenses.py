"""Lenses: what studies seem to say, importances and the best of a search, beside the truth, which is on record."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from helpers import plots
from helpers.errors import BadInput
from helpers.explore.explorable import Drawing, Explorable, add, legend_above, line, menu, slider
from helpers.problems.table import load_benchmark
from helpers.races import importance

TRIALS, SEEDS, TOP, FRESH, SEARCHES = (10, 30, 100, 300, 1000), (1, 2, 3, 5, 10), (1, 2, 3, 5, 10), 5, 200
ROWS = ("best seen", "worth of it", "after the re-run", "best there was")
CLOSE = 0.05  # the left picture shows as much below the best, and what is run again


def draw_importances(problem: str, sampler: str, evaluator: str, trials: int) -> Drawing:
    """A dot for each study, a bar at their median and a diamond at the truth; the most important at the top."""
    recorded = importance.load_importances(problem).loc[sampler, evaluator, trials]
    truth = importance.true_importances(problem)[importance.ESTIMATES[evaluator]].sort_values()
    shares, rows = recorded[truth.index], np.arange(len(truth))
    jitter = rows[:, None] + np.linspace(-0.25, 0.25, len(shares))
    figure = go.Figure(layout=legend_above(f"{evaluator} on {trials} {sampler} trials, {problem}", margin_l=120))
    bar = {"color": plots.BLUE, "symbol": "line-ns-open", "size": 22, "line_width": 3}
    traces = {
        "one study": (shares.to_numpy().T.ravel(), jitter.ravel(), {"marker": {"color": plots.SKY, "size": 5}}),
        "median": (shares.median(), rows, {"marker": bar}),
        "the truth": (truth, rows, {"marker": {"color": plots.VERMILLION, "symbol": "diamond", "size": 10}}),
    }
    add(figure, traces, mode="markers").update_xaxes(title="importance (all together: 1)", range=[-0.02, 1.02])
    figure.update_yaxes(tickvals=rows, ticktext=list(truth.index), range=[-0.6, len(truth) - 0.4])
    named, right = recorded.idxmax(axis=1).value_counts(), truth.index[-1]
    said = f"{right} is the most important; {named.get(right, 0)} of {len(shares)} studies say so."
    if len(wrong := named.drop(right, errors="ignore")):
        said += f" {wrong.index[0]} is named by {wrong.iloc[0]}."
    return figure, said


class ImportanceLens(Explorable):
    """Menus for the problem, who searched and who judges, and a slider for the number of trials."""

    def __init__(self, problem: str = "digits") -> None:
        super().__init__(
            draw_importances,
            problem=menu("problem", tuple(importance.PROBLEMS), value=problem),
            sampler=menu("sampler", tuple(importance.SAMPLERS)),
            evaluator=menu("evaluator", tuple(importance.EVALUATORS)),
            trials=slider(widgets.SelectionSlider, "trials", options=importance.BUDGETS, value=50),
        )


class Outcomes(NamedTuple):
    """What random searches end at: validation accuracies, as shares of 1."""

    seen: np.ndarray  # (trials,) of the first search: the mean over its seeds
    worth: np.ndarray  # (trials,) of the first search: the mean to be expected
    chosen: np.ndarray  # the trials of the first search that are run again, best seen first
    kept: int  # the one of them that is kept
    ends: np.ndarray  # (4, searches), in the order of ROWS


def random_searches(trials: int, seeds: int = 1, top: int = 1, seed: int = 0) -> Outcomes:
    """Random searches in a world in which each training of a configuration ends as one of its recorded ones.

    A trial is the mean over `seeds` trainings. The `top` best are trained with 5 fresh seeds more, and the one whose
    mean over these is highest is kept; with 1 there is no re-run. A number below 1 or a `top` above `trials`: BadInput.
    """
    if min(trials, seeds, top) < 1:
        raise BadInput("Trials, seeds and top are whole numbers of at least 1: choose others.")
    if top > trials:
        raise BadInput(f"top is {top}, but there are only {trials} trials: choose at most as many.")
    rng, ends = np.random.default_rng(seed), load_benchmark().curves["validation_accuracy"][:, :, -1]
    drawn = rng.integers(len(ends), size=(SEARCHES, trials))
    worth = ends.mean(axis=1)[drawn]
    seen = _trained(ends, drawn, seeds, rng)
    order = np.argsort(-seen - 1e-9 * rng.random(seen.shape), axis=1)[:, :top]  # ties fall as chance has it
    again = _trained(ends, np.take_along_axis(drawn, order, axis=1), FRESH, rng).argmax(axis=1)
    searches, first = np.arange(SEARCHES), order[:, 0]
    kept = order[searches, again]
    picked = [seen[searches, first], worth[searches, first], worth[searches, kept], worth.max(axis=1)]
    return Outcomes(seen[0], worth[0], order[0], int(kept[0]), np.stack(picked))


def _trained(ends: np.ndarray, drawn: np.ndarray, seeds: int, rng: np.random.Generator) -> np.ndarray:
    """The mean over `seeds` trainings of each configuration drawn; one at a time, for the memory."""
    return sum(ends[drawn, rng.integers(ends.shape[1], size=drawn.shape)] for _ in range(seeds)) / seeds


def draw_optimism(trials: int, seeds: int = 1, top: int = 1, seed: int = 0) -> Drawing:
    """Left one search, seen against worth; right the means of all searches with 95 % intervals, and both in words."""
    found = random_searches(trials, seeds, top, seed)
    means, spread = found.ends.mean(axis=1), found.ends.std(axis=1, ddof=1)
    titles = ("one search, its best trials", f"{SEARCHES} searches, their means")
    figure = make_subplots(cols=2, subplot_titles=titles, horizontal_spacing=0.24).update_annotations(font_size=14)
    again, kept = list(found.chosen if top > 1 else []), [found.kept]
    ring = {"color": plots.ORANGE, "size": 9, "symbol": "circle-open", "line_width": 2}
    diamond = {"color": plots.VERMILLION, "size": 11, "symbol": "diamond"}
    equal = line(plots.INK, dash="dot", width=1) | {"hoverinfo": "skip"}
    traces = {
        "a trial": (found.worth, found.seen, {"mode": "markers", "marker": {"color": plots.SKY, "size": 5}}),
        "run again": (found.worth[again], found.seen[again], {"mode": "markers", "marker": ring}),
        "kept": (found.worth[kept], found.seen[kept], {"mode": "markers", "marker": diamond}),
        "seen = worth": ([0, 1], [0, 1], equal),
    }
    add(figure, traces, row=1, col=1)
    half = {"array": 1.96 * spread / np.sqrt(SEARCHES), "width": 5}
    look = {"mode": "markers", "marker": {"color": plots.BLUE, "size": 9}, "showlegend": False}
    figure.add_scatter(x=means, y=ROWS, error_x=half, **look, row=1, col=2)
    best = np.sort(found.seen)[::-1]
    low = min(best[0] - CLOSE, best[4], found.seen[found.chosen].min(), found.worth[found.chosen].min())
    shown = [low - (room := (best[0] - low) / 12), best[0] + room]
    figure.update_xaxes(title="worth", range=shown, col=1).update_yaxes(title="seen", range=shown, col=1)
    figure.update_xaxes(title="validation accuracy", range=[0.95, 0.992], dtick=0.01, col=2)
    figure.update_yaxes(autorange="reversed", categoryarray=ROWS, categoryorder="array", col=2)
    figure.update_layout(legend={"orientation": "h", "y": -0.22, "yanchor": "top"}, margin_b=90)
    seen, worth, rerun, _ = means
    said = f"{trials * seeds} trainings. On average the best is seen at {seen:.4f} and is worth {worth:.4f}: "
    said += f"{seen - worth:.4f} too good to be true."
    if top > 1:
        said += f" {top * FRESH} trainings more, for the re-run of the top {top}, give one worth {rerun:.4f}."
    return figure, said


class OptimismLens(Explorable):
    """Sliders for the trials, the seeds a trial, and how many of the best are run again."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(
            partial(draw_optimism, seed=seed),
            trials=slider(widgets.SelectionSlider, "trials", options=TRIALS, value=100),
            seeds=slider(widgets.SelectionSlider, "seeds a trial", options=SEEDS, value=1),
            top=slider(widgets.SelectionSlider, "top k run again", options=TOP, value=1),
        )
