"""What the windows into samplers share: a slider through the steps of a recorded run, and a menu of functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral
from typing import Any

import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from helpers import plots
from helpers.errors import BadInput
from helpers.explore.explorable import Explorable, menu, slider
from helpers.inside import check_function, fixed
from helpers.problems.functions import Function, find_function


@dataclass(frozen=True, eq=False)
class Shown:
    """What a window shows: (x, y) or (x, y, z) of each trace by its name, the range of each axis, and a sentence.

    `seen` is what the sampler knew.
    """

    seen: Any
    traces: Mapping[str, tuple]
    ranges: Mapping[str, tuple[float, float]]
    message: str


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


def line(colour: str, **more: object) -> dict:
    """The style of a line."""
    return {"mode": "lines", "line": {"color": colour, **more}}


def dots(colour: str, **more: object) -> dict:
    """The style of dots."""
    return {"mode": "markers", "marker": {"color": colour, "size": 10, "line": {"color": "white", "width": 1}, **more}}


STAR = dots(plots.GREEN, symbol="star", size=15)


def two_panels(title: str, above: dict[str, dict], below: dict[str, dict], below_title: str, room: int) -> go.Figure:
    """Two panels over one x axis, empty; each trace by its name and style, with a legend beside its panel."""
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.55, 0.45])
    for row, styles in enumerate((above, below), start=1):
        for name, style in styles.items():
            figure.add_scatter(name=name, legend=("legend", "legend2")[row - 1], **style, row=row, col=1)
    figure.update_yaxes(title="value", row=1).update_yaxes(title=below_title, row=2).update_xaxes(title="x", row=2)
    place = {"x": 1.01, "traceorder": "normal"}
    return figure.update_layout(title=title, margin_r=room, legend={"y": 1, **place}, legend2={"y": 0.42, **place})


def pick(steps: Sequence, number: int) -> Any:
    """Step `number` of a recorded run; BadInput when there is no such step."""
    if isinstance(number, bool) or not isinstance(number, Integral) or not 0 <= number < len(steps):
        raise BadInput(f"There is no step {number!r}: choose a whole number from 0 to {len(steps) - 1}.")
    return steps[number]


class Stepper(Explorable):
    """A slider through the steps, a menu of functions, and a figure that shows the state and nothing else.

    Args:
        functions: Functions for the menu, your own too; by default some of the course's.
        seed: of the sampler.

    Raises:
        BadInput: something that is not a Function, has other dimensions, or has no finite value somewhere.
    """

    NAMES: tuple[str, ...]
    DIMENSIONS: int
    STEPS: tuple[str, int, int]  # what is stepped through, the first step that is shown, the last there is
    state_of: Callable[[Function, int, int], Shown]

    def __init__(self, functions: Sequence[Function] | None = None, seed: int = 0) -> None:
        self.seed = seed
        offered = [find_function(name) for name in self.NAMES] if functions is None else list(functions)
        if not offered:
            raise BadInput("There is nothing to choose from: give at least one Function.")
        for function in offered:
            check_function(function, self.DIMENSIONS)
        self._function = menu("function", [(function.name, function) for function in offered])
        step, first, last = self.STEPS
        self._step = slider(widgets.IntSlider, step, min=0, max=last, value=first)
        super().__init__([self._function, self._step], self.empty_figure())
        self.figure.update_layout(height=540)
        for chosen in (self._function, self._step):
            chosen.observe(self._draw, names="value")
        self._draw()

    @property
    def state(self) -> Shown:
        """What the picture shows."""
        return self.state_of(self._function.value, self._step.value, self.seed)

    def _draw(self, _: object = None) -> None:
        state = self.state
        with self.figure.batch_update():
            for trace in self.figure.data:
                trace.update(dict(zip("xyz", state.traces[trace.name], strict=False)))
            self.figure.update_layout({f"{axis}_range": bounds for axis, bounds in state.ranges.items()})
        self.say(state.message)
