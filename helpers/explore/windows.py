"""Windows into samplers: a slider through a recorded run and a menu of functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import ClassVar

import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from helpers import plots
from helpers.explore.explorable import Drawing, Explorable, add, dots, line, menu, slider
from helpers.inside import cmaes, gp, tpe
from helpers.problems.functions import Function, find_function

TPE_TRIALS, GP_TRIALS, GENERATIONS, TALL = 60, 20, 20, 540
Traces = dict[str, tuple]  # x, y and the style of each trace by its name
STAR, THIN = dots(plots.GREEN, symbol="star", size=15), line("#888888", width=1)


@lru_cache(maxsize=32)
def landscape(function: Function) -> tuple[np.ndarray, ...]:
    """(x, y) of a function of one dimension, each (401,); (x, y, z) of one of two, z of shape (61, 61).

    z is log(1 + distance from the optimum), so that a deep and a shallow valley can both be seen.
    """
    if len(function.low) == 1:
        x = np.linspace(function.low[0], function.high[0], 401)
        return x, np.array([function.formula(np.array([place])) for place in x])
    x, y = (np.linspace(*bounds, 61) for bounds in zip(function.low, function.high, strict=True))
    height = np.array([[function.formula(np.array([a, b])) for a in x] for b in y])
    return x, y, np.log1p(np.abs(height - function.optimum))


def contour(function: Function) -> go.Contour:
    """A function of two dimensions as a pale map, darker where it is better."""
    line, shades = {"width": 0.5, "color": "#8fa6b8"}, [[0, "#a9c0d3"], [1, "#ffffff"]]
    style = {"colorscale": shades, "showscale": False, "hoverinfo": "skip", "ncontours": 14, "line": line}
    return go.Contour(dict(zip("xyz", landscape(function), strict=True)), name="function", **style)


def _two_panels(title: str, above: Traces, below: Traces, function: Function, room: int) -> go.Figure:
    """Two panels over the function's x axis, with a legend beside each; `room` is for these, in pixels."""
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.55, 0.45])
    add(figure, above, legend="legend", row=1, col=1)
    add(figure, below, legend="legend2", row=2, col=1)
    place, bounds = {"x": 1.01, "traceorder": "normal"}, (function.low[0], function.high[0])
    figure.update_yaxes(title="value", row=1).update_xaxes(range=bounds).update_xaxes(title="x", row=2)
    legends = {"legend": {"y": 1, **place}, "legend2": {"y": 0.42, **place}}
    return figure.update_layout(title=title, height=TALL, margin_r=room, **legends)


def draw_tpe(function: Function, step: int, seed: int = 0) -> Drawing:
    """What TPE knew before trial `step` (0 to 59) of its run on a function of one dimension, and what it took."""
    seen = tpe.observe_tpe(function, TPE_TRIALS, seed)[step]
    grid, best, random = seen.grid[: len(seen.log_l)], [int(np.argmax(seen.scores))] if seen.good else [], step
    said = f"Trial {step}: no model yet, the first {tpe.START} trials are random. "
    if seen.good:
        random = 0
        said = f"Trial {step}: groups of {len(seen.good)} good and {len(seen.bad)} bad. Of {len(seen.candidates)} "
        said += f"candidates the best has l(x) {np.exp(max(seen.scores)):.3g} times g(x). "
    good, bad = list(seen.good), list(seen.bad)
    ratio, scores = np.exp(np.subtract(seen.log_l, seen.log_g)), np.exp(seen.scores)
    above = {
        "function": (*landscape(function), THIN),
        "random": (seen.x[:random], seen.y[:random], dots(plots.INK)),
        "bad": (seen.x[bad], seen.y[bad], dots(plots.ORANGE, symbol="square")),
        "good": (seen.x[good], seen.y[good], dots(plots.BLUE)),
        "next trial": ([seen.taken], [seen.value], STAR),
    }
    below = {
        "l(x)": (grid, np.exp(seen.log_l), line(plots.BLUE)),
        "g(x)": (grid, np.exp(seen.log_g), line(plots.ORANGE, dash="dash")),
        "l(x) / g(x)": (grid, ratio, line(plots.INK, dash="dot")),
        "candidates": (seen.candidates, scores, dots(plots.INK, symbol="line-ns-open", size=12)),
        "the best": ([seen.candidates[n] for n in best], scores[best], STAR),
    }
    top = max(max(y, default=1) for _, y, _ in list(below.values())[:3])
    figure = _two_panels("True: the grey line. TPE sees: good and bad trials", above, below, function, room=150)
    figure.update_yaxes(title="density, ratio", range=(0, 1.08 * top), row=2)
    return figure, f"{said}It takes x = {seen.taken:.4g} and scores {seen.value:.4g}."


def draw_gp(function: Function, step: int, seed: int = 0) -> Drawing:
    """What the Gaussian process knew before trial `step` (0 to 19) on a function of one dimension, and what it took."""
    seen = gp.observe_gp(function, GP_TRIALS, seed)[step]
    x, y = landscape(function)
    grid, mean, twice = seen.grid[: len(seen.mean)], np.array(seen.mean), 2 * np.array(seen.deviation)
    said = f"Trial {step}: no model yet, the first {gp.START} trials are random. It takes x = {seen.taken:.4g}."
    top, highest = 0.0, slice(0)
    if len(grid):
        top, highest = seen.taken_log_ei, slice(1)
        expected, unsure = (np.interp(seen.taken, grid, height) for height in (mean, twice))
        said = f"Trial {step}: LogEI is highest, {top:.3g}, at x = {seen.taken:.4g}. "
        said += f"The model expected {expected:.3g} ± {unsure:.2g} there; the function gave {seen.value:.3g}. "
        said += f"Fitted: length scale {seen.scale:.2f}, noise {seen.noise:.2g}."
    edge = {"mode": "lines", "line_width": 0, "hoverinfo": "skip"}
    above = {
        "lower": (grid, mean - twice, edge | {"showlegend": False}),
        "mean ± 2 deviations": (grid, mean + twice, edge | {"fill": "tonexty", "fillcolor": "rgba(0,114,178,0.18)"}),
        "function": (x, y, THIN),
        "mean": (grid, mean, line(plots.BLUE)),
        "trials": (seen.x, seen.y, dots(plots.INK)),
        "next trial": ([seen.taken], [seen.value], STAR),
    }
    below = {
        "LogEI": (grid, seen.log_ei, line(plots.VERMILLION)),
        "the highest": ([seen.taken][highest], [seen.taken_log_ei][highest], STAR),
    }
    room = 0.3 * np.ptp(y)
    figure = _two_panels("True: the grey line. The GP sees: the trials", above, below, function, room=200)
    figure.update_yaxes(range=(min(y) - room, max(y) + room), row=1)
    return figure.update_yaxes(title="LogEI", range=(top - 12, top + 2), row=2), said  # 12: a factor of 160,000


def draw_cma(function: Function, step: int, seed: int = 0) -> Drawing:
    """Generation `step` (0 to 20) of CMA-ES on a function of two dimensions; generation 0 is one random trial."""
    steps = cmaes.observe_cmaes(function, GENERATIONS, seed)
    seen = steps[step]
    path = np.array([earlier.mean for earlier in steps[1 : step + 1]]).reshape(-1, 2).T
    said = "Generation 0: no model yet, one trial drawn at random. CMA-ES begins in the middle of the box."
    if step:
        far, near = 2 * np.sqrt(np.linalg.eigvalsh(seen.covariance)[::-1])
        said = f"Generation {step}: {len(seen.values)} trials around ({seen.mean[0]:.3g}, {seen.mean[1]:.3g}), "
        said += f"the best {seen.values.min():.3g}. The outer ellipse reaches {far:.2g} along and {near:.2g} across."
    traces = {
        "2 sigma": (*ellipse(seen, 2), line(plots.BLUE, dash="dot")),
        "1 sigma": (*ellipse(seen, 1), line(plots.BLUE)),
        "path of the mean": (*path, line(plots.VERMILLION, width=1)),
        "population": (*seen.points.T, dots(plots.INK, size=9)),
        "mean": (*path[:, -1:], dots(plots.VERMILLION, symbol="diamond", size=12)),
        "optimum": ([function.best[0]], [function.best[1]], dots(plots.GREEN, symbol="x", size=13)),
    }
    across, up = zip(function.low, function.high, strict=True)
    figure = add(go.Figure(contour(function)), traces).update_xaxes(title="x0", range=across, constrain="domain")
    figure.update_yaxes(title="x1", range=up, scaleanchor="x", constrain="domain")  # so that a circle is round
    figure.update_layout(height=TALL, margin_r=190, legend={"y": 1, "x": 1.01})
    return figure.update_layout(title="True: the map. CMA-ES sees: which dots are better"), said


def ellipse(step: cmaes.CmaStep, sigmas: float) -> np.ndarray:
    """The outline so many standard deviations around the mean, shape (2, 73); nothing in generation 0, (2, 0)."""
    if not step.generation:
        return np.empty((2, 0))
    angle = np.linspace(0, 2 * np.pi, 73)
    circle = np.array([np.cos(angle), np.sin(angle)])
    return np.array(step.mean)[:, None] + sigmas * np.linalg.cholesky(step.covariance) @ circle


class Window(Explorable):
    """A menu of functions, and a slider through the steps of the sampler's run on one of them, with its seed."""

    NAMES: ClassVar[tuple[str, ...]]
    STEPS: ClassVar[tuple[str, int, int]]  # what is stepped through, the first step that is shown, the last there is
    drawing: Callable[..., Drawing]

    def __init__(self, seed: int = 0) -> None:
        step, first, last = self.STEPS
        super().__init__(
            partial(self.drawing, seed=seed),
            function=menu("function", [(name, find_function(name)) for name in self.NAMES]),
            step=slider(widgets.IntSlider, step, min=0, max=last, value=first),
        )


class TpeWindow(Window):
    """Step through TPE's trials on a function of one dimension: above the trials, below what TPE makes of them."""

    NAMES, STEPS = ("forrester", "gramacy_lee"), ("trial", tpe.START, TPE_TRIALS - 1)
    drawing = staticmethod(draw_tpe)


class GpWindow(Window):
    """Step through the GP sampler's trials on a function of one dimension: above the model, below LogEI."""

    NAMES, STEPS = ("forrester", "gramacy_lee"), ("trial", gp.START, GP_TRIALS - 1)
    drawing = staticmethod(draw_gp)


class CmaWindow(Window):
    """Step through CMA-ES's generations on a function of two dimensions."""

    NAMES, STEPS = ("ellipse", "rosenbrock2", "ackley", "branin"), ("generation", 1, GENERATIONS)
    drawing = staticmethod(draw_cma)
