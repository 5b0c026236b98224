"""Lenses: what studies seem to say, importances, the best and a contour plot, beside the truth, which is on record."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
import optuna
import plotly.graph_objects as go
from optuna.samplers import PartialFixedSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial
from plotly.subplots import make_subplots
from scipy.ndimage import convolve

from helpers import plots
from helpers.explore.explorable import Drawing, Explorable, add, dots, legend_above, line, menu, slider
from helpers.problems.table import SPACE, load_benchmark
from helpers.races import importance

TRIALS, SEEDS, TOP, FRESH, SEARCHES = (10, 30, 100, 300, 1000), (1, 2, 3, 5, 10), (1, 2, 3, 5, 10), 5, 200
ROWS = ("best seen", "worth of it", "after the re-run", "best there was")
CLOSE = 0.05  # of accuracy: optimism's left picture shows as much below the best; a map that is off by more is wrong
PAIR = ("learning_rate", "width")
SEARCHED = ("these two, the others at their best", "all seven")
SAMPLERS: dict[str, Callable] = {"TPE": TPESampler, "random": RandomSampler}
SWEEPS, NEIGHBOURS = 2_000, ((0, 1, 0), (1, 0, 1), (0, 1, 0))


def draw_importances(problem: str, sampler: str, evaluator: str, trials: int) -> Drawing:
    """A dot for each study, a bar at their median and a diamond at the truth; the most important at the top."""
    recorded = importance.load_importances(problem).loc[sampler, evaluator, trials]
    truth = importance.true_importances(problem)[importance.ESTIMATES[evaluator]].sort_values()
    shares, rows = recorded[truth.index], np.arange(len(truth))
    jitter = rows[:, None] + np.linspace(-0.25, 0.25, len(shares))
    figure = go.Figure(layout=legend_above(f"{evaluator} on {trials} {sampler} trials, {problem}", margin_l=120))
    traces = {
        "one study": (shares.to_numpy().T.ravel(), jitter.ravel(), dots(plots.SKY, size=5, line=None)),
        "median": (shares.median(), rows, dots(plots.BLUE, symbol="line-ns-open", size=22, line={"width": 3})),
        "the truth": (truth, rows, dots(plots.VERMILLION, symbol="diamond", line=None)),
    }
    add(figure, traces).update_xaxes(title="importance (all together: 1)", range=[-0.02, 1.02])
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
            evaluator=menu("evaluator", tuple(importance.ESTIMATES)),
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
    mean over these is highest is kept; with 1 there is no re-run.
    """
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
    means, half = found.ends.mean(axis=1), 1.96 * found.ends.std(axis=1, ddof=1) / np.sqrt(SEARCHES)
    titles = ("one search, its best trials", f"{SEARCHES} searches, their means")
    figure = make_subplots(cols=2, subplot_titles=titles, horizontal_spacing=0.24).update_annotations(font_size=14)
    again, kept = list(found.chosen if top > 1 else []), [found.kept]
    ring = dots(plots.ORANGE, size=9, symbol="circle-open", line={"width": 2})
    traces = {
        "a trial": (found.seen, found.worth, dots(plots.SKY, size=5, line=None)),
        "run again": (found.seen[again], found.worth[again], ring),
        "kept": (found.seen[kept], found.worth[kept], dots(plots.VERMILLION, size=11, symbol="diamond", line=None)),
        "seen = worth": ([0, 1], [0, 1], line(plots.INK, dash="dot", width=1) | {"hoverinfo": "skip"}),
    }
    add(figure, traces, row=1, col=1)
    look = dots(plots.BLUE, size=9, line=None) | {"showlegend": False, "error_x": {"array": half, "width": 5}}
    figure.add_scatter(x=means, y=ROWS, **look, row=1, col=2)
    best = np.sort(found.seen)[::-1]
    low = min(best[0] - CLOSE, best[4], found.seen[found.chosen].min(), found.worth[found.chosen].min())
    shown = [low - (room := (best[0] - low) / 12), best[0] + room]
    figure.update_xaxes(title="seen", range=shown, constrain="domain", col=1)
    figure.update_yaxes(title="worth", range=shown, scaleanchor="x", constrain="domain", col=1)
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


def optuna_map(found: list[FrozenTrial]) -> tuple[np.ndarray, ...]:
    """Learning rates, widths, and what Optuna's contour plot knows there, (widths, rates): nan where no dot lies."""
    study = optuna.create_study(direction="maximize")
    study.add_trials(found)
    contour = optuna.visualization.plot_contour(study, params=list(PAIR)).data[0]
    return tuple(np.array(part, dtype=float) for part in (contour.x, contour.y, contour.z))


def misread(trials: int, search: str = SEARCHED[0], sampler: str = "TPE", seed: int = 0) -> np.ndarray:
    """(widths, learning rates): how far the colours of Optuna's contour plot are from the record."""
    x, y, z = optuna_map(first_trials(trials, search, sampler, seed))
    rates, widths = (np.log(SPACE[name]) for name in PAIR)
    rows = np.array([np.interp(rates, np.log(x), row) for row in fill_gaps(z)])  # linear, on logarithmic axes
    return np.abs(np.array([np.interp(widths, np.log(y), column) for column in rows.T]).T - true_surface(search))


def held(search: str) -> dict[str, float]:
    """The hyperparameters that do not move, at the best's levels: the other five, or none."""
    best = load_benchmark().best
    return {name: best[name] for name in best if name not in PAIR} if search == SEARCHED[0] else {}


def true_surface(search: str) -> np.ndarray:
    """(widths, learning rates): the recorded accuracy, the other five at the best's levels or each at its best."""
    rows = load_benchmark().frame()
    for name, level in held(search).items():
        rows = rows[rows[name] == level]
    return rows.pivot_table(index=PAIR[1], columns=PAIR[0], values="validation_accuracy", aggfunc="max").to_numpy()


def fill_gaps(z: np.ndarray) -> np.ndarray:
    """Each gap becomes the mean of its neighbours in the table, over and over (plotly.js, heatmap/interp2d.js)."""
    known = np.isfinite(z)
    filled = np.where(known, z, z[known].mean())
    count = convolve(np.ones_like(z), NEIGHBOURS, mode="constant")
    for _ in range(SWEEPS):
        new = np.where(known, z, convolve(filled, NEIGHBOURS, mode="constant") / count)
        if np.abs(new - filled).max() < 1e-4:
            break
        filled = new
    return filled


@cache
def first_trials(trials: int, search: str = SEARCHED[0], sampler: str = "TPE", seed: int = 0) -> list[FrozenTrial]:
    """The first trials of one of SEARCHED on the recorded benchmark by one of SAMPLERS."""
    moving = PartialFixedSampler(held(search), SAMPLERS[sampler](seed=seed))
    study = optuna.create_study(direction="maximize", sampler=moving)
    study.optimize(load_benchmark(), n_trials=trials)
    return study.trials


def draw_contours(trials: int, search: str = SEARCHED[0], sampler: str = "TPE", seed: int = 0) -> Drawing:
    """Optuna's map of the first trials beside the recorded one, with the dots; crosses: they differ by over CLOSE."""
    found, off = first_trials(trials, search, sampler, seed), misread(trials, search, sampler, seed)
    x, y, z = optuna_map(found)
    titles = ("Optuna's plot_contour", "what was recorded")
    figure = make_subplots(cols=2, shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.04)
    colours = {"colorscale": "Cividis", "zmin": 0, "zmax": 1}
    known = {"x": x, "y": y, "z": np.ma.masked_invalid(z).tolist(), "connectgaps": True}  # JSON knows no nan
    figure.add_contour(**colours, **known, line_width=0.5, showscale=False, hoverinfo="skip", col=1, row=1)
    grid = [np.array(SPACE[name]) for name in PAIR]
    levels = {"x": grid[0], "y": grid[1], "z": true_surface(search), "hovertemplate": "%{z:.3f}<extra></extra>"}
    figure.add_heatmap(**colours, **levels, colorbar={"title": "accuracy", "thickness": 14}, col=2, row=1)
    rates, widths = ([trial.params[name] for trial in found] for name in PAIR)
    look = dots("white", size=6, line={"color": plots.INK, "width": 1}) | {"showlegend": False, "hoverinfo": "x+y"}
    figure.add_scatter(x=rates, y=widths, **look, row="all", col="all")
    rows, columns = np.nonzero(off > CLOSE)
    look |= dots(plots.VERMILLION, size=9, symbol="x", line={"color": "white", "width": 1})
    figure.add_scatter(x=grid[0][columns], y=grid[1][rows], **look, row=1, col=2)
    figure.update_xaxes(type="log", title="learning rate", range=np.log10([0.0007, 1.4]), dtick=1)
    figure.update_yaxes(type="log", range=np.log10([3.3, 78]), tickvals=SPACE[PAIR[1]])
    worst = np.unravel_index(np.argmax(off), off.shape)
    said = f"{trials} dots: wrong by {off.mean():.2f} on average, by over {CLOSE} at {len(rows)} of {off.size} places "
    said += f"(crosses), by {off[worst]:.2f} at rate {grid[0][worst[1]]:g}, width {grid[1][worst[0]]}."
    return figure.update_yaxes(title="width", col=1), said


class ContourLens(Explorable):
    """A slider for the number of trials, and menus for what is searched and by whom."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(
            partial(draw_contours, seed=seed),
            trials=slider(widgets.IntSlider, "trials", value=20, min=5, max=100, step=5),
            search=menu("searched", SEARCHED),
            sampler=menu("sampler", tuple(SAMPLERS)),
        )
