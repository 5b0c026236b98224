"""The contour lens: Optuna's contour plot of the first trials beside the true surface of the recorded benchmark."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import ipywidgets as widgets
import numpy as np
import optuna
from optuna.samplers import PartialFixedSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial
from plotly.subplots import make_subplots
from scipy.ndimage import convolve

from helpers import plots
from helpers.explore.explorable import Drawing, Explorable, dots, menu, slider
from helpers.problems.table import SPACE, load_benchmark

PAIR = ("learning_rate", "width")
SEARCHES = ("these two, the others at their best", "all seven")
SAMPLERS: dict[str, Callable] = {"TPE": TPESampler, "random": RandomSampler}
TRIALS, SWEEPS = (5, 100), 2_000
NEIGHBOURS = ((0, 1, 0), (1, 0, 1), (0, 1, 0))
Map = tuple[np.ndarray, np.ndarray, np.ndarray]  # learning rates, widths, and (widths, rates) accuracies


def optuna_map(found: list[FrozenTrial]) -> Map:
    """What Optuna's contour plot knows of these trials: nan where no dot lies."""
    study = optuna.create_study(direction="maximize")
    study.add_trials(found)
    contour = optuna.visualization.plot_contour(study, params=list(PAIR)).data[0]
    x, y, z = (np.array(part, dtype=float) for part in (contour.x, contour.y, contour.z))
    return x, y, z


def misread(trials: int, search: str = SEARCHES[0], sampler: str = "TPE", seed: int = 0) -> np.ndarray:
    """(widths, learning rates): how far the map's colours are from the record."""
    x, y, z = optuna_map(first_trials(trials, search, sampler, seed))
    rates, widths = (np.log(SPACE[name]) for name in PAIR)
    rows = np.array([np.interp(rates, np.log(x), row) for row in fill_gaps(z)])  # linear, on logarithmic axes
    read = np.array([np.interp(widths, np.log(y), column) for column in rows.T]).T
    return np.abs(read - true_surface(search))


def held(search: str) -> dict[str, float]:
    """The hyperparameters that do not move, at the best's levels: the other five, or none."""
    best = load_benchmark().best
    return {name: best[name] for name in best if name not in PAIR} if search == SEARCHES[0] else {}


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
def first_trials(trials: int, search: str = SEARCHES[0], sampler: str = "TPE", seed: int = 0) -> list[FrozenTrial]:
    """The first trials of one of SEARCHES on the recorded benchmark by one of SAMPLERS."""
    moving = PartialFixedSampler(held(search), SAMPLERS[sampler](seed=seed))
    study = optuna.create_study(direction="maximize", sampler=moving)
    study.optimize(load_benchmark(), n_trials=trials)
    return study.trials


def draw(trials: int, search: str = SEARCHES[0], sampler: str = "TPE", seed: int = 0) -> Drawing:
    """Optuna's map of the first trials, and the recorded one, in the same colours over the same axes, with the dots."""
    found, off = first_trials(trials, search, sampler, seed), misread(trials, search, sampler, seed)
    x, y, z = optuna_map(found)
    titles = ("Optuna's plot_contour", "what was recorded")
    figure = make_subplots(cols=2, shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.04)
    colours = {"colorscale": "Cividis", "zmin": 0, "zmax": 1}
    gaps = np.where(np.isfinite(z), z, None).tolist()  # JSON knows no nan
    known = {"x": x, "y": y, "z": gaps, "connectgaps": True, "line_width": 0.5, "hoverinfo": "skip"}
    figure.add_contour(**colours, **known, showscale=False, col=1, row=1)
    levels = {"x": SPACE[PAIR[0]], "y": SPACE[PAIR[1]], "z": true_surface(search)}
    bar = {"title": "accuracy", "thickness": 14}
    figure.add_heatmap(**colours, **levels, colorbar=bar, hovertemplate="%{z:.3f}<extra></extra>", col=2, row=1)
    rates, widths = ([trial.params[name] for trial in found] for name in PAIR)
    look = dots("white", size=6, line={"color": plots.INK, "width": 1}) | {"showlegend": False, "hoverinfo": "x+y"}
    figure.add_scatter(x=rates, y=widths, **look, row="all", col="all")
    figure.update_xaxes(type="log", title="learning rate", range=np.log10([0.0007, 1.4]), dtick=1)
    figure.update_yaxes(type="log", range=np.log10([3.3, 78]), tickvals=SPACE[PAIR[1]])
    worst = np.unravel_index(np.argmax(off), off.shape)
    place = f"learning rate {SPACE[PAIR[0]][worst[1]]:g}, width {SPACE[PAIR[1]][worst[0]]}"
    said = f"{trials} dots. Over the recorded grid the colours are wrong by {off.mean():.2f} on average, "
    return figure.update_yaxes(title="width", col=1), f"{said}and by {off[worst]:.2f} at {place}."


class ContourLens(Explorable):
    """A slider for the number of trials, and menus for what is searched and by whom."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(
            partial(draw, seed=seed),
            trials=slider(widgets.IntSlider, "trials", value=20, min=TRIALS[0], max=TRIALS[1], step=5),
            search=menu("searched", SEARCHES),
            sampler=menu("sampler", tuple(SAMPLERS)),
        )
