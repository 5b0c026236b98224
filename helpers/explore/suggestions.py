"""What a suggestion draws: a thousand values from Optuna's own random sampler, for any range you set."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets
import numpy as np
import optuna
import plotly.graph_objects as go
from optuna.distributions import CategoricalDistribution

from helpers import plots
from helpers.errors import one_of
from helpers.explore.explorable import Explorable, slider

KINDS = ("float", "int", "categorical")
BINS = 40


@dataclass(frozen=True)
class SuggestionState:
    """The line of code, the values drawn, bar positions and shares, and a sentence.

    `edges` of the bars are given where a bar holds several values.
    """

    code: str
    values: tuple
    positions: tuple
    shares: tuple[float, ...]
    message: str
    log_axis: bool
    edges: tuple[float, ...] = ()


def suggestion_state(
    kind: str,
    low: float,
    high: float,
    *,
    log: bool = False,
    step: float | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> SuggestionState:
    """Draws from one suggestion, all names in one trial of a seeded RandomSampler.

    A range that Optuna refuses gives an empty state whose message is Optuna's own sentence. For "categorical",
    `low` and `high` are ignored and three optimizers are drawn.

    Raises:
        BadInput: unknown kind.
    """
    one_of("kind", kind, KINDS)
    code, suggest = _suggestion(kind, low, high, log, step)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            values = [suggest(trial, f"x{n}") for n in range(draws)]
        except ValueError as error:
            return SuggestionState(code, (), (), (), f"Optuna refuses: {error}", False)
    drawn_from: Any = trial.distributions["x0"]
    different = _different(drawn_from)
    if different <= BINS:
        edges = np.array([])
        positions, counts = np.unique(values, return_counts=True)
        message = "Only one value can come out." if different == 1 else f"Only {different} values can come out."
    else:
        edges = _edges(drawn_from.low, drawn_from.high, grid=drawn_from.step, log=log)
        counts, _ = np.histogram(values, bins=edges)
        positions = np.sqrt(edges[1:] * edges[:-1]) if log else (edges[1:] + edges[:-1]) / 2
        middle = (low + high) / 2
        message = f"{np.mean(np.asarray(values) < middle):.0%} of the values lie below the middle, {middle:.3g}."
    if caught:
        message = f"Optuna warns: {caught[0].message} {message}"
    shares = tuple((counts / draws).tolist())
    return SuggestionState(
        code, tuple(values), tuple(positions.tolist()), shares, message, log and different > BINS, tuple(edges.tolist())
    )


def _different(drawn_from: Any) -> float:
    """How many values can come out of a distribution."""
    if isinstance(drawn_from, CategoricalDistribution):
        return len(drawn_from.choices)
    if drawn_from.single():
        return 1
    return math.inf if drawn_from.step is None else round((drawn_from.high - drawn_from.low) / drawn_from.step) + 1


def _edges(low: float, high: float, *, grid: float | None, log: bool) -> np.ndarray:
    """Edges of at most BINS bars; bars over a grid hold equally many of its values, unless on a log axis."""
    if grid is None:
        return np.geomspace(low, high, BINS + 1) if log else np.linspace(low, high, BINS + 1)
    if log:
        return np.unique(np.ceil(np.geomspace(low, high + 1, BINS + 1))) - 0.5
    values = round((high - low) / grid) + 1
    each = math.ceil(values / BINS)
    return low + grid * (each * np.arange(math.ceil(values / each) + 1) - 0.5)


def _written(value: float) -> str:
    """A number as one would type it, with nothing lost."""
    short = f"{value:g}"
    return short if float(short) == value and not isinstance(value, int) else repr(value)


def _suggestion(
    kind: str, low: float, high: float, log: bool, step: float | None
) -> tuple[str, Callable[[optuna.Trial, str], Any]]:
    """The line as the learner would write it, and the call itself."""
    if kind == "categorical":
        choices = ["sgd", "adam", "adamw"]
        return f'trial.suggest_categorical("x", {choices})', lambda t, name: t.suggest_categorical(name, choices)
    options: dict[str, Any] = {"log": True} if log else {}
    if kind == "int":
        low, high = int(low), int(high)
        if step is not None:
            options["step"] = int(step)
    elif step is not None:
        options["step"] = step
    extra = "".join(f", {name}={value}" for name, value in options.items())
    code = f'trial.suggest_{kind}("x", {_written(low)}, {_written(high)}{extra})'
    if kind == "int":
        return code, lambda t, name: t.suggest_int(name, low, high, **options)
    return code, lambda t, name: t.suggest_float(name, low, high, **options)


class SuggestionExplorer(Explorable):
    """Choose a kind of suggestion and its range; the bars show where a thousand values fall."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._kind = widgets.ToggleButtons(
            options=KINDS, value="float", style={"button_width": "110px"}, tooltip="kind of suggestion"
        )
        exponents = [(f"1e{n}", float(f"1e{n}")) for n in range(-5, 4)]
        self._low = slider(widgets.SelectionSlider, "low", options=[("0", 0.0), *exponents], value=1e-5)
        self._high = slider(widgets.SelectionSlider, "high", options=exponents, value=1e-1)
        self._log = widgets.Checkbox(description="log=True", value=False)
        self._step = slider(widgets.SelectionSlider, "step", options=[("none", 0.0), *exponents], value=0.0)
        controls = [self._kind, self._low, self._high, self._step, self._log]
        super().__init__(controls, _empty_figure())
        for control in controls:
            control.observe(self._draw, names="value")
        self._draw()

    @property
    def state(self) -> SuggestionState:
        """What the picture shows."""
        return suggestion_state(
            self._kind.value, self._low.value, self._high.value,
            log=self._log.value, step=self._step.value or None, seed=self.seed,
        )  # fmt: skip

    def _draw(self, _: object = None) -> None:
        state = self.state
        kind = "category" if self._kind.value == "categorical" else "log" if state.log_axis else "linear"
        spans: dict[str, Any] = {"offset": None, "width": None}  # Plotly's own, where a bar is one value
        if state.edges:
            edges = np.array(state.edges)
            spans = {"offset": edges[:-1] - state.positions, "width": np.diff(edges)}
        with self.figure.batch_update():
            self.figure.data[0].update(x=state.positions, y=state.shares, **spans)
            self.figure.layout.title.text = state.code
            self.figure.layout.xaxis.type = kind
            self.figure.layout.xaxis.visible = self.figure.layout.yaxis.visible = bool(state.shares)
        self.say(state.message)


def _empty_figure() -> go.Figure:
    figure = go.Figure()
    marker = {"color": plots.BLUE, "line": {"color": "white", "width": 1}}
    figure.add_bar(marker=marker, hovertemplate="%{x}: %{y:.1%}<extra></extra>")
    figure.update_xaxes(title="value of x", ticklabelstandoff=6)
    figure.update_yaxes(title="share of 1,000 draws", tickformat=".1%", rangemode="tozero")
    figure.update_layout(title_font_family="monospace", bargap=0.05)
    return figure
