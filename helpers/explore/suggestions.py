"""What a suggestion draws: a thousand values from Optuna's own random sampler, for any range you set."""

from __future__ import annotations

import math
import warnings
from functools import partial
from typing import Any, NamedTuple

import ipywidgets as widgets
import numpy as np
import optuna
import plotly.graph_objects as go
from optuna.distributions import CategoricalDistribution

from helpers import plots
from helpers.explore.explorable import Drawing, Explorable, slider

KINDS = ("float", "int", "categorical")
DRAWS, BINS, OPTIMIZERS = 1000, 40, ["sgd", "adam", "adamw"]


class Suggested(NamedTuple):
    """Draws from one suggestion."""

    code: str  # the line that a learner would write
    values: tuple  # none where Optuna refuses the range
    drawn_from: Any  # the distribution
    told: str  # what Optuna said


def suggested(kind: str, low: float, high: float, step: float = 0, log: bool = False, seed: int = 0) -> Suggested:
    """Draws from one suggestion, all names in one trial of a seeded RandomSampler; no step where `step` is 0.

    For "categorical", `low` and `high` are ignored and three optimizers are drawn.
    """
    number: Any = int if kind == "int" else float
    arguments: list[Any] = [number(low), number(high)]
    options: dict[str, Any] = ({"log": True} if log else {}) | ({"step": number(step)} if step else {})
    if kind == "categorical":
        arguments, options = [OPTIMIZERS], {}
    written = [*map(repr, arguments), *(f"{name}={value}" for name, value in options.items())]
    code = f'trial.suggest_{kind}("x", {", ".join(written)})'
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask()
    suggest = getattr(trial, f"suggest_{kind}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            values = tuple(suggest(f"x{n}", *arguments, **options) for n in range(DRAWS))
        except ValueError as error:
            return Suggested(code, (), None, f"Optuna refuses: {error}")
    told = f"Optuna warns: {caught[0].message} " if caught else ""
    return Suggested(code, values, trial.distributions["x0"], told)


def bars(found: Suggested) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions and shares of at most BINS bars; and their edges, empty where each bar is a single value."""
    if not found.values or _different(found.drawn_from) <= BINS:
        positions, counts = np.unique(found.values, return_counts=True)
        return positions, counts / DRAWS, np.array([])
    edges, log = _edges(found.drawn_from), found.drawn_from.log
    counts, _ = np.histogram(found.values, bins=edges)
    positions = np.sqrt(edges[1:] * edges[:-1]) if log else (edges[1:] + edges[:-1]) / 2
    return positions, counts / DRAWS, edges


def draw(kind: str, low: float, high: float, step: float = 0, log: bool = False, seed: int = 0) -> Drawing:
    """Bars where the values fall, under the line that draws them; nothing but the line where Optuna refuses it."""
    found = suggested(kind, low, high, step, log, seed)
    positions, shares, edges = bars(found)
    figure = go.Figure(layout={"title": {"text": found.code, "font_family": "monospace"}, "bargap": 0.05})
    spans = {"offset": edges[:-1] - positions, "width": np.diff(edges)} if len(edges) else {}
    marker = {"color": plots.BLUE, "line": {"color": "white", "width": 1}}
    figure.add_bar(x=positions, y=shares, marker=marker, hovertemplate="%{x}: %{y:.1%}<extra></extra>", **spans)
    axis = "category" if kind == "categorical" else "log" if log and len(edges) else "linear"
    figure.update_xaxes(title="value of x", ticklabelstandoff=6, type=axis, visible=bool(found.values))
    figure.update_yaxes(title="share of 1,000 draws", tickformat=".1%", rangemode="tozero", visible=bool(found.values))
    return figure, found.told + (_said(found, (low + high) / 2) if found.values else "")


def _said(found: Suggested, middle: float) -> str:
    """How many values can come out, or on which side of the middle they lie."""
    different = _different(found.drawn_from)
    if different <= BINS:
        return "Only one value can come out." if different == 1 else f"Only {different} values can come out."
    return f"{np.mean(np.asarray(found.values) < middle):.0%} of the values lie below the middle, {middle:.3g}."


def _different(drawn_from: Any) -> float:
    """How many values can come out of a distribution."""
    if isinstance(drawn_from, CategoricalDistribution):
        return len(drawn_from.choices)
    if drawn_from.single():
        return 1
    return math.inf if drawn_from.step is None else round((drawn_from.high - drawn_from.low) / drawn_from.step) + 1


def _edges(wide: Any) -> np.ndarray:
    """Edges of at most BINS bars; bars over a grid hold equally many of its values, unless on a log axis."""
    if wide.step is None:
        return (np.geomspace if wide.log else np.linspace)(wide.low, wide.high, BINS + 1)
    if wide.log:
        return np.unique(np.ceil(np.geomspace(wide.low, wide.high + 1, BINS + 1))) - 0.5
    each = math.ceil(_different(wide) / BINS)
    return wide.low + wide.step * (each * np.arange(math.ceil(_different(wide) / each) + 1) - 0.5)


class SuggestionExplorer(Explorable):
    """Choose a kind of suggestion and its range; the bars show where a thousand values fall."""

    def __init__(self, seed: int = 0) -> None:
        exponents = [(f"1e{n}", float(f"1e{n}")) for n in range(-5, 4)]
        wide, kind = {"button_width": "110px"}, "kind of suggestion"
        super().__init__(
            partial(draw, seed=seed),
            kind=widgets.ToggleButtons(options=KINDS, value="float", style=wide, tooltip=kind),
            low=slider(widgets.SelectionSlider, "low", options=[("0", 0.0), *exponents], value=1e-5),
            high=slider(widgets.SelectionSlider, "high", options=exponents, value=1e-1),
            step=slider(widgets.SelectionSlider, "step", options=[("none", 0.0), *exponents], value=0.0),
            log=widgets.Checkbox(description="log=True", value=False),
        )
