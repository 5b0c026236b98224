"""The contour lens: Optuna's contour plot of the first trials beside the true surface of the recorded benchmark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import isfinite

import ipywidgets as widgets
import numpy as np
import optuna
import plotly.graph_objects as go
from optuna.samplers import RandomSampler, TPESampler
from optuna.trial import FrozenTrial
from plotly.subplots import make_subplots
from scipy.ndimage import convolve

from helpers import plots
from helpers.errors import BadInput, one_of
from helpers.explore.explorable import Explorable, menu, slider
from helpers.problems.table import SPACE, load_benchmark

PAIR = ("learning_rate", "width")
SEARCHES = ("these two, the others at their best", "all seven")
SAMPLERS: dict[str, Callable] = {"TPE": TPESampler, "random": RandomSampler}
TRIALS, SWEEPS = (5, 100), 2_000
NEIGHBOURS = ((0, 1, 0), (1, 0, 1), (0, 1, 0))


@dataclass(frozen=True)
class LensState:
    """What is shown; accuracies are shares of the validation images.

    Attributes:
        x, y, z: Optuna's contour: the values at which dots lie, and (len(y), len(x)) accuracies, nan between the dots.
        filled: z with the gaps filled as the browser fills them.
        dots: (trials, 2), learning rate and width of each trial.
        truth: (widths, learning rates), the accuracies that are recorded: where all seven are searched, the highest
            over the other five.
        off: (widths, learning rates), how far `filled` is from the truth at the recorded configurations.
    """

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    filled: np.ndarray
    dots: np.ndarray
    truth: np.ndarray
    off: np.ndarray
    message: str


def lens_state(trials: int, search: str = SEARCHES[0], sampler: str = "TPE", seed: int = 0) -> LensState:
    """The picture after so many trials (from 5 to 100) of a search on the recorded benchmark.

    Raises:
        BadInput: unknown search or sampler, or another number of trials.
    """
    one_of("search", search, SEARCHES)
    one_of("sampler", sampler, tuple(SAMPLERS))
    if not TRIALS[0] <= trials <= TRIALS[1]:
        raise BadInput(f"trials is {trials}: choose from {TRIALS[0]} to {TRIALS[1]}.")
    found = _trials(search, sampler, seed)[:trials]
    study = optuna.create_study(direction="maximize")
    study.add_trials(found)
    contour = optuna.visualization.plot_contour(study, params=list(PAIR)).data[0]
    x, y = np.array(contour.x, dtype=float), np.array(contour.y, dtype=float)
    z = np.array(contour.z, dtype=float)
    filled, truth = fill_gaps(z), true_surface(search)
    off = np.abs(_read(x, y, filled) - truth)
    row, column = np.unravel_index(np.argmax(off), off.shape)
    place = f"learning rate {SPACE[PAIR[0]][column]:g}, width {SPACE[PAIR[1]][row]}"
    said = (f"{trials} dots. Over the recorded grid the colours are wrong by {off.mean():.2f} on average, "
            f"and by {off[row, column]:.2f} at {place}.")  # fmt: skip
    dots = np.array([[trial.params[name] for name in PAIR] for trial in found])
    return LensState(x, y, z, filled, dots, truth, off, said)


def true_surface(search: str) -> np.ndarray:
    """(widths, learning rates): the recorded accuracy, the other five at the best's levels or each at its best."""
    benchmark = load_benchmark()
    rows = benchmark.frame()
    if search == SEARCHES[0]:
        for name in SPACE.keys() - set(PAIR):
            rows = rows[rows[name] == benchmark.best[name]]
    return rows.pivot_table(index=PAIR[1], columns=PAIR[0], values="validation_accuracy", aggfunc="max").to_numpy()


def fill_gaps(z: np.ndarray) -> np.ndarray:
    """Each gap becomes the mean of its neighbours in the table, over and over (plotly.js, heatmap/interp2d.js).

    Neighbours in the table: how far apart they are on the axis does not count.
    """
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
def _trials(search: str, sampler: str, seed: int) -> list[FrozenTrial]:
    """A search of as many trials as the slider has."""
    benchmark = load_benchmark()
    study = optuna.create_study(direction="maximize", sampler=SAMPLERS[sampler](seed=seed))

    def objective(trial: optuna.Trial) -> float:
        if search == SEARCHES[1]:
            return benchmark(trial)
        rates, widths = (SPACE[name] for name in PAIR)
        chosen = {
            "learning_rate": trial.suggest_float("learning_rate", rates[0], rates[-1], log=True),
            "width": trial.suggest_int("width", int(widths[0]), int(widths[-1]), log=True),
        }
        return benchmark.value(benchmark.nearest({**benchmark.best, **chosen}))

    study.optimize(objective, n_trials=TRIALS[1])
    return study.trials


def _read(x: np.ndarray, y: np.ndarray, filled: np.ndarray) -> np.ndarray:
    """What the colours say at the recorded levels: linear between the table's lines, on logarithmic axes."""
    levels = [np.log(SPACE[name]) for name in PAIR]
    rows = np.array([np.interp(levels[0], np.log(x), row) for row in filled])
    return np.array([np.interp(levels[1], np.log(y), column) for column in rows.T]).T


class ContourLens(Explorable):
    """A slider for the number of trials, and menus for what is searched and by whom."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._trials = slider(widgets.IntSlider, "trials", value=20, min=TRIALS[0], max=TRIALS[1], step=5)
        self._search = menu("searched", SEARCHES)
        self._sampler = menu("sampler", tuple(SAMPLERS))
        controls = [self._trials, self._search, self._sampler]
        super().__init__(controls, _empty_figure())
        for control in controls:
            control.observe(self._draw, "value")
        self._draw()

    @property
    def state(self) -> LensState:
        """What the controls ask for."""
        return lens_state(self._trials.value, self._search.value, self._sampler.value, self.seed)

    def set(self, **settings: object) -> ContourLens:
        """Moves controls by name, from code: trials, search, sampler.

        Raises:
            BadInput: unknown control or value.
        """
        controls = {"trials": self._trials, "search": self._search, "sampler": self._sampler}
        for name, value in settings.items():
            one_of("control", name, tuple(controls))
            now = {key: control.value for key, control in controls.items()} | {name: value}
            lens_state(**now, seed=self.seed)
            controls[name].value = value
        return self

    def _draw(self, _: object = None) -> None:
        state = self.state
        with self.figure.batch_update():
            gaps = [[z if isfinite(z) else None for z in row] for row in state.z.tolist()]  # JSON knows no nan
            self.figure.data[0].update(x=state.x, y=state.y, z=gaps)
            self.figure.data[1].update(z=state.truth)
            for dots in self.figure.data[2:]:
                dots.update(x=state.dots[:, 0], y=state.dots[:, 1])
        self.say(state.message)


def _empty_figure() -> go.Figure:
    """Two maps of the same two axes, in the same colours."""
    titles = ("Optuna's plot_contour", "what was recorded")
    figure = make_subplots(cols=2, shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.04)
    colours = {"colorscale": "Cividis", "zmin": 0, "zmax": 1}
    figure.add_contour(**colours, connectgaps=True, line_width=0.5, hoverinfo="skip", showscale=False, col=1, row=1)
    levels = {"x": SPACE[PAIR[0]], "y": SPACE[PAIR[1]], "z": true_surface(SEARCHES[0])}
    bar = {"title": "accuracy", "thickness": 14}
    figure.add_heatmap(**colours, **levels, colorbar=bar, hovertemplate="%{z:.3f}<extra></extra>", col=2, row=1)
    for column in (1, 2):
        dots = {"color": "white", "size": 6, "line": {"color": plots.INK, "width": 1}}
        figure.add_scatter(mode="markers", marker=dots, showlegend=False, hoverinfo="x+y", col=column, row=1)
    figure.update_xaxes(type="log", title="learning rate", range=np.log10([0.0007, 1.4]), dtick=1)
    figure.update_yaxes(type="log", range=np.log10([3.3, 78]), tickvals=SPACE[PAIR[1]])
    return figure.update_yaxes(title="width", col=1)
