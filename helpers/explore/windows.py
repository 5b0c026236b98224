"""Windows into samplers: a slider through a recorded run and a menu of functions; and where samplers look next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from numbers import Integral
from typing import Any, ClassVar

import ipywidgets as widgets
import numpy as np
import optuna
import pandas as pd
import plotly.graph_objects as go
from optuna.samplers import BaseSampler
from optuna.search_space import intersection_search_space
from plotly.subplots import make_subplots
from threadpoolctl import threadpool_limits

from helpers import plots
from helpers.errors import BadInput
from helpers.explore.explorable import Drawing, Explorable, dots, line, menu, slider
from helpers.inside import check_function, fixed
from helpers.inside.cmaes import CmaStep, observe_cmaes
from helpers.inside.gp import START as GP_START
from helpers.inside.gp import observe_gp
from helpers.inside.tpe import START as TPE_START
from helpers.inside.tpe import observe_tpe
from helpers.problems.functions import Function, find_function
from helpers.races.simulate import sampler_of

TPE_TRIALS, GP_TRIALS, GENERATIONS = 60, 20, 20
BAND, TALL = "mean ± 2 deviations", 540
Traces = dict[str, tuple]  # x, y and the style of each trace by its name


@lru_cache(maxsize=32)
def landscape(function: Function) -> tuple[np.ndarray, ...]:
    """(x, y) of a function of one dimension, each (401,); (x, y, z) of one of two, z of shape (61, 61).

    z is log(1 + distance from the optimum), so that a deep and a shallow valley can both be seen.
    """
    if len(function.low) == 1:
        x = np.linspace(function.low[0], function.high[0], 401)
        return fixed(x), fixed(function.formula(np.array([place])) for place in x)
    x, y = (np.linspace(*bounds, 61) for bounds in zip(function.low, function.high, strict=True))
    height = np.array([[function.formula(np.array([a, b])) for a in x] for b in y])
    return fixed(x), fixed(y), fixed(np.log1p(np.abs(height - function.optimum)))


def contour(function: Function) -> go.Contour:
    """A function of two dimensions as a pale map, darker where it is better."""
    line, shades = {"width": 0.5, "color": "#8fa6b8"}, [[0, "#a9c0d3"], [1, "#ffffff"]]
    style = {"colorscale": shades, "showscale": False, "hoverinfo": "skip", "ncontours": 14, "line": line}
    return go.Contour(dict(zip("xyz", landscape(function), strict=True)), name="function", **style)


STAR, THIN = dots(plots.GREEN, symbol="star", size=15), line("#888888", width=1)


def pick(steps: Sequence, number: int) -> Any:
    """Step `number` of a recorded run; BadInput when there is no such step."""
    if isinstance(number, bool) or not isinstance(number, Integral) or not 0 <= number < len(steps):
        raise BadInput(f"There is no step {number!r}: choose a whole number from 0 to {len(steps) - 1}.")
    return steps[number]


def _two_panels(title: str, above: Traces, below: Traces, function: Function, room: int) -> go.Figure:
    """Two panels over the function's x axis, with a legend beside each; `room` is for these, in pixels."""
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.55, 0.45])
    for row, traces in enumerate((above, below), start=1):
        for name, (x, y, style) in traces.items():
            figure.add_scatter(x=x, y=y, name=name, legend=("legend", "legend2")[row - 1], **style, row=row, col=1)
    place, bounds = {"x": 1.01, "traceorder": "normal"}, (function.low[0], function.high[0])
    figure.update_yaxes(title="value", row=1).update_xaxes(range=bounds).update_xaxes(title="x", row=2)
    legends = {"legend": {"y": 1, **place}, "legend2": {"y": 0.42, **place}}
    return figure.update_layout(title=title, height=TALL, margin_r=room, **legends)


def draw_tpe(function: Function, step: int, seed: int = 0) -> Drawing:
    """What TPE knew before trial `step` (0 to 59) of its run on `function`, and what it took.

    Raises:
        BadInput: not a function of one dimension, or no such step.
    """
    seen = pick(observe_tpe(function, TPE_TRIALS, seed), step)
    groups = {"good": list(seen.good), "bad": list(seen.bad), "random": [] if seen.good else list(range(step))}
    x, y = ({name: values[group] for name, group in groups.items()} for values in (seen.x, seen.y))
    good, bad, grid, best = np.exp(seen.log_l), np.exp(seen.log_g), (), slice(0)
    said = f"Trial {step}: no model yet, the first {TPE_START} trials are random. "
    if seen.good:
        grid, best = seen.grid, slice(winner := int(np.argmax(seen.scores)), winner + 1)
        said = f"Trial {step}: groups of {len(seen.good)} good and {len(seen.bad)} bad. Of {len(seen.candidates)} "
        said += f"candidates the best has l(x) {np.exp(seen.scores[winner]):.3g} times g(x). "
    above = {
        "function": (*landscape(function), THIN),
        "random": (x["random"], y["random"], dots(plots.INK)),
        "bad": (x["bad"], y["bad"], dots(plots.ORANGE, symbol="square")),
        "good": (x["good"], y["good"], dots(plots.BLUE)),
        "next trial": ([seen.taken], [seen.value], STAR),
    }
    below = {
        "l(x)": (grid, good, line(plots.BLUE)),
        "g(x)": (grid, bad, line(plots.ORANGE, dash="dash")),
        "l(x) / g(x)": (grid, np.exp(np.subtract(seen.log_l, seen.log_g)), line(plots.INK, dash="dot")),
        "candidates": (seen.candidates, np.exp(seen.scores), dots(plots.INK, symbol="line-ns-open", size=12)),
        "the best": (seen.candidates[best], np.exp(seen.scores[best]), STAR),
    }
    top = max((max(y, default=1) for name, (_, y, _) in below.items() if "(x)" in name), default=1)
    figure = _two_panels("What TPE sees", above, below, function, room=150)
    figure.update_yaxes(title="density, ratio", range=(0, 1.08 * top), row=2)
    return figure, f"{said}It takes x = {seen.taken:.4g} and scores {seen.value:.4g}."


def draw_gp(function: Function, step: int, seed: int = 0) -> Drawing:
    """What the Gaussian process knew before trial `step` (0 to 19) of its run on `function`, and what it took.

    LogEI is shown down to 12 below its top, which is a factor of 160,000.

    Raises:
        BadInput: not a function of one dimension, or no such step.
    """
    seen = pick(observe_gp(function, GP_TRIALS, seed), step)
    x, y = landscape(function)
    grid, mean, twice = seen.grid[: len(seen.mean)], np.array(seen.mean), 2 * np.array(seen.deviation)
    said = f"Trial {step}: no model yet, the first {GP_START} trials are random. It takes x = {seen.taken:.4g}."
    top = 0.0
    highest: tuple[Sequence[float], Sequence[float]] = ((), ())
    if len(grid):
        top, highest = seen.taken_log_ei, ([seen.taken], [seen.taken_log_ei])
        expected, unsure = (np.interp(seen.taken, grid, height) for height in (mean, twice))
        said = f"Trial {step}: LogEI is highest, {top:.3g}, at x = {seen.taken:.4g}. "
        said += f"The model expected {expected:.3g} ± {unsure:.2g} there; the function gave {seen.value:.3g}."
    edge = {"mode": "lines", "line_width": 0, "hoverinfo": "skip"}
    above = {
        "lower": (grid, mean - twice, edge | {"showlegend": False}),
        BAND: (grid, mean + twice, edge | {"fill": "tonexty", "fillcolor": "rgba(0,114,178,0.18)"}),
        "function": (x, y, THIN),
        "mean": (grid, mean, line(plots.BLUE)),
        "trials": (seen.x, seen.y, dots(plots.INK)),
        "next trial": ([seen.taken], [seen.value], STAR),
    }
    below = {"LogEI": (grid, seen.log_ei, line(plots.VERMILLION)), "the highest": (*highest, STAR)}
    room = 0.3 * np.ptp(y)
    figure = _two_panels("What the Gaussian process sees", above, below, function, room=200)
    figure.update_yaxes(range=(min(y) - room, max(y) + room), row=1)
    return figure.update_yaxes(title="LogEI", range=(top - 12, top + 2), row=2), said


def draw_cma(function: Function, step: int, seed: int = 0) -> Drawing:
    """Generation `step` (0 to 20) of CMA-ES on `function`; generation 0 is one trial drawn at random.

    Raises:
        BadInput: not a function of two dimensions, or no such generation.
    """
    steps = observe_cmaes(function, GENERATIONS, seed)
    seen = pick(steps, step)
    path = np.array([earlier.mean for earlier in steps[1 : step + 1]]).reshape(-1, 2).T
    said = "Generation 0: no model yet, one trial drawn at random. CMA-ES begins in the middle of the box."
    if step:
        far, near = 2 * np.sqrt(np.linalg.eigvalsh(seen.covariance)[::-1])
        said = f"Generation {step}: {len(seen.values)} trials around ({seen.mean[0]:.3g}, {seen.mean[1]:.3g}), "
        said += f"the best {seen.values.min():.3g}. The outer ellipse reaches {far:.2g} along and {near:.2g} across."
    figure = go.Figure(contour(function))
    for name, (x, y), style in (
        ("2 sigma", ellipse(seen, 2), line(plots.BLUE, dash="dot")),
        ("1 sigma", ellipse(seen, 1), line(plots.BLUE)),
        ("path of the mean", path, line(plots.VERMILLION, width=1)),
        ("population", seen.points.T, dots(plots.INK, size=9)),
        ("mean", path[:, -1:], dots(plots.VERMILLION, symbol="diamond", size=12)),
        ("optimum", ([function.best[0]], [function.best[1]]), dots(plots.GREEN, symbol="x", size=13)),
    ):
        figure.add_scatter(x=x, y=y, name=name, **style)
    across, up = zip(function.low, function.high, strict=True)
    figure.update_xaxes(title="x0", range=across, constrain="domain")
    figure.update_yaxes(title="x1", range=up, scaleanchor="x", constrain="domain")  # so that a circle is round
    figure.update_layout(title="What CMA-ES sees", height=TALL, margin_r=190, legend={"y": 1, "x": 1.01})
    return figure, said


def ellipse(step: CmaStep, sigmas: float) -> np.ndarray:
    """The outline so many standard deviations around the mean, shape (2, 73); nothing in generation 0, (2, 0)."""
    if not step.generation:
        return np.empty((2, 0))
    angle = np.linspace(0, 2 * np.pi, 73)
    circle = np.array([np.cos(angle), np.sin(angle)])
    return np.array(step.mean)[:, None] + sigmas * np.linalg.cholesky(step.covariance) @ circle


class Window(Explorable):
    """A menu of functions, and a slider through the steps of the sampler's run on one of them.

    Args:
        functions: Functions for the menu, your own too; by default some of the course's.
        seed: of the sampler.

    Raises:
        BadInput: something that is not a Function, has other dimensions, or has no finite value somewhere.
    """

    NAMES: ClassVar[tuple[str, ...]]
    DIMENSIONS: ClassVar[int]
    STEPS: ClassVar[tuple[str, int, int]]  # what is stepped through, the first step that is shown, the last there is
    drawing: Callable[..., Drawing]

    def __init__(self, functions: Sequence[Function] | None = None, seed: int = 0) -> None:
        offered = [find_function(name) for name in self.NAMES] if functions is None else list(functions)
        if not offered:
            raise BadInput("There is nothing to choose from: give at least one Function.")
        for function in offered:
            check_function(function, self.DIMENSIONS)
        step, first, last = self.STEPS
        super().__init__(
            lambda **values: self.drawing(**values, seed=seed),
            function=menu("function", [(function.name, function) for function in offered]),
            step=slider(widgets.IntSlider, step, min=0, max=last, value=first),
        )


class TpeWindow(Window):
    """Step through TPE's trials on a function of one dimension: above the trials, below what TPE makes of them."""

    NAMES, DIMENSIONS, STEPS = ("forrester", "gramacy_lee"), 1, ("trial", TPE_START, TPE_TRIALS - 1)
    drawing = staticmethod(draw_tpe)


class GpWindow(Window):
    """Step through the GP sampler's trials on a function of one dimension: above the model, below LogEI."""

    NAMES, DIMENSIONS, STEPS = ("forrester", "gramacy_lee"), 1, ("trial", GP_START, GP_TRIALS - 1)
    drawing = staticmethod(draw_gp)


class CmaWindow(Window):
    """Step through CMA-ES's generations on a function of two dimensions."""

    NAMES, DIMENSIONS, STEPS = ("ellipse", "rosenbrock2", "ackley", "branin"), 2, ("generation", 1, GENERATIONS)
    drawing = staticmethod(draw_cma)


def next_asks(
    study: optuna.Study, make_sampler: Callable[[int], BaseSampler], asks: int = 200, seed: int = 0
) -> pd.DataFrame:
    """The next suggestions, shape (asks, parameters): each from a copy of `study` with a sampler of its own seed.

    Args:
        study: is left as it is; the parameters are those that all its trials share.
        make_sampler: takes a seed and returns a new sampler, such as `lambda seed: TPESampler(seed=seed)`.
        seed: of the whole cloud.

    Raises:
        BadInput: `make_sampler` is something else, the study has no trials, or the sampler refuses its space.
    """
    trials = study.get_trials(deepcopy=False)
    space = intersection_search_space(trials)
    if not space:
        raise BadInput("The study has no finished trials, or they share no parameter: run some first.")
    if asks < 1:
        raise BadInput(f"{asks} asks give no cloud: ask at least once.")
    samplers = (sampler_of(make_sampler, asks * seed + n) for n in range(asks))
    with threadpool_limits(1):  # as in helpers.inside
        return pd.DataFrame([_ask(study, trials, space, sampler) for sampler in samplers])


def _ask(study: optuna.Study, trials: list, space: dict, sampler: BaseSampler) -> dict:
    copy = optuna.create_study(directions=study.directions, sampler=sampler)
    copy.add_trials(trials)
    try:
        return copy.ask(space).params
    except Exception as error:  # each sampler refuses in its own way
        raise BadInput(f"{type(sampler).__name__} cannot continue this study: {error}") from error


def next_asks_figure(
    clouds: Mapping[str, pd.DataFrame], function: Function, study: optuna.Study, title: str
) -> go.Figure:
    """Clouds of suggestions (tables from `next_asks`, by sampler) on the map of a function of two dimensions.

    Raises:
        BadInput: the function has other dimensions.
    """
    check_function(function, 2)
    figure = make_subplots(cols=len(clouds), subplot_titles=list(clouds), shared_yaxes=True, horizontal_spacing=0.02)
    past = study.trials_dataframe(attrs=("params",)).rename(columns=lambda name: name.removeprefix("params_"))
    crosses, pale = dots(plots.INK, size=6, symbol="x"), dots(plots.VERMILLION, size=6, opacity=0.6)
    for column, cloud in enumerate(clouds.values(), start=1):
        place = {"row": 1, "col": column}
        figure.add_trace(contour(function), **place)
        for name, table, style in (("trials so far", past, crosses), ("next suggestions", cloud.round(4), pale)):
            shown = {"name": name, "showlegend": column == 1, "cliponaxis": False}  # many suggestions lie on the edge
            figure.add_scatter(x=table["x0"], y=table["x1"], **shown, **style, **place)
    (low, bottom), (high, top) = function.low, function.high
    figure.update_xaxes(title="x0", range=(low, high), ticklabeloverflow="hide past domain")
    figure.update_yaxes(range=(bottom, top)).update_yaxes(title="x1", col=1)
    return figure.update_layout(title=title, legend={"orientation": "h", "y": -0.25}, margin_t=90)
