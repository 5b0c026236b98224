"""The course's one look: a Plotly template, a palette, and still pictures for those who read without a kernel.

The palette is the one of Okabe and Ito, "Color Universal Design" (2008), without its yellow, which is too faint on
white. Its orange and sky blue are faint, too, but darker ones would look like the vermillion and the blue to some
readers; so each colour has a symbol of its own, and letters are darker.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
from plotly.subplots import make_subplots

if TYPE_CHECKING:  # a notebook without images need not pay for their library
    from torch import Tensor

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = PALETTE
LABELS = dict(zip(PALETTE, (BLUE, "#B84F00", "#007A59", "#A8507F", "#9a6700", "#1f6fa8"), strict=True))
SIGNS = zip(("circle", "diamond", "triangle-up", "square", "cross", "x"), "●◆▲■✚✖", strict=True)
SYMBOLS = dict(zip(PALETTE, SIGNS, strict=True))  # Plotly's name, and the sign that stands before a label
SAMPLERS = ("Random", "QMC", "TPE", "CMA-ES", "GP")
SAMPLER_COLOURS = dict(zip(SAMPLERS, PALETTE, strict=False)) | {"NSGA-II": VERMILLION}
DASHES = ("solid", "dash", "dot", "dashdot")
Numbers = Sequence | np.ndarray
INK, WIDTH, HEIGHT, STILLS = "#222222", 760, 380, "LEARN_OPTUNA_STILLS"


def use_course_look() -> None:
    """Makes every Plotly figure of this session, Optuna's too, look like the course's."""
    template = go.layout.Template(pio.templates["plotly_white"])
    template.layout.update(colorway=PALETTE, height=HEIGHT, width=WIDTH, margin={"l": 70, "r": 30, "t": 60, "b": 60})
    axis = {"exponentformat": "power", "minorloglabels": "none"}  # 1, 10, 100 or 10^k, and no "2 5" between
    template.layout.update(xaxis=axis, yaxis=axis, font={"size": 13, "color": INK}, hoverlabel={"font": {"size": 12}})
    pio.templates["learn_optuna"] = template
    pio.templates.default = "learn_optuna"
    pio.renderers.default = "plotly_mimetype+png" if wants_stills() else "plotly_mimetype"


def wants_stills() -> bool:
    """True while the course's own outputs are stored (needs kaleido and a Chromium)."""
    return bool(os.environ.get(STILLS))


def best_so_far(runs: Mapping[str, Sequence[Sequence[float]]], title: str, floor: float = 0.0) -> go.Figure:
    """The incumbent's score against trials; `runs` maps a label to one or more lists of best-so-far scores.

    Several lists become their median and a band from the lowest to the highest. The axis begins at `floor`, so
    that late, small differences can be seen, or lower where a line ends below it.
    """
    figure = go.Figure(layout={"title": title, "showlegend": False})
    for colour, (label, lists) in zip(PALETTE * len(runs), runs.items(), strict=False):
        scores, trials = np.array(lists), np.arange(1, len(lists[0]) + 1)
        if len(lists) > 1:
            _band(figure, trials, scores.min(axis=0), scores.max(axis=0), colour)
        middle = np.median(scores, axis=0)
        _named_line(figure, trials, middle, label, colour, line_shape="hv")
        floor = min(floor, middle[-1] - 0.05)
    figure.update_xaxes(title="trials")
    figure.update_yaxes(title="best validation accuracy so far", range=[floor, 1 + 0.02 * (1 - floor)])
    return _spread_labels(figure)


class Race(Protocol):
    """What is drawn of a `races.race.Race`, which stands on a higher floor."""

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def regret(self) -> np.ndarray: ...


def regret_race(race: Race, title: str, emphasised: str | None = None) -> go.Figure:
    """Regret of a race against trials: medians, and a band from quartile to quartile.

    The scale is logarithmic; a regret of 0 is drawn at the lowest one above it. With `emphasised`, the others fade.
    """
    figure = go.Figure(layout={"title": title, "showlegend": False})
    floor = race.regret[race.regret > 0].min(initial=race.regret.max() or 1.0)
    trials = np.unique(np.geomspace(1, race.regret.shape[2], 150).astype(int))
    low, middle, high = np.quantile(race.regret[:, :, trials - 1], (0.25, 0.5, 0.75), axis=1).clip(floor)
    figure.update_xaxes(title="trials", range=[1, trials[-1]])
    figure.update_yaxes(title="regret (logarithmic)", type="log")
    for n, name in enumerate(race.names):
        colour = SAMPLER_COLOURS.get(name, PALETTE[n % len(PALETTE)])
        faded = emphasised not in (None, name)
        if not faded:
            _band(figure, trials, low[n], high[n], colour)
        look = {"line_shape": "hv", "line_width": 1 if faded else 2.5, "marker_maxdisplayed": 8}
        _named_line(figure, trials, middle[n], name, colour, **look)
    bottom, top = np.log10([min(trace.y.min() for trace in figure.data), middle.max()])
    room = 0.05 * (top - bottom) or 0.5
    ends = (bottom, np.floor(bottom)), (top, np.ceil(top))  # a power of ten gets a label: one that is near is shown
    bottom, top = (power if abs(power - end) < 0.3 < top - bottom else end for end, power in ends)
    figure.update_yaxes(range=[bottom - room, top + room])
    return _spread_labels(figure)


def image_row(images: Tensor, labels: Sequence[object]) -> go.Figure:
    """Grey images (n, 1, height, width) side by side, each with its label above."""
    figure = make_subplots(rows=1, cols=len(images), subplot_titles=[str(label) for label in labels])
    for column, image in enumerate(images, start=1):
        pixels = go.Heatmap(z=image[0].numpy(), colorscale="gray_r", showscale=False, hoverinfo="skip")
        figure.add_trace(pixels, row=1, col=column)
        figure.update_yaxes(scaleanchor=f"x{column}", autorange="reversed", col=column)
    figure.update_xaxes(visible=False, constrain="domain").update_yaxes(visible=False, constrain="domain")
    return figure.update_layout(height=140, margin={"t": 50, "b": 10, "l": 10, "r": 10})


def _band(figure: go.Figure, x: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str) -> None:
    """A shaded area between two lines."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    common = {"x": x, "mode": "lines", "line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip"}
    figure.add_scatter(y=low, **common)
    figure.add_scatter(y=high, fill="tonexty", fillcolor=f"rgba({red},{green},{blue},0.15)", **common)


def _named_line(figure: go.Figure, x: Numbers, y: Numbers, name: str, colour: str, **look: object) -> None:
    """A line with its colour's symbol, and its name at the right end."""
    symbol, sign = SYMBOLS[colour]
    look |= {"line_color": colour, "marker_symbol": symbol, "marker_size": 8}
    figure.add_scatter(x=x, y=y, name=name, mode="lines+markers", **look)
    end = np.log10(y[-1]) if figure.layout.yaxis.type == "log" else y[-1]
    label = {"font_color": LABELS[colour], "showarrow": False, "xanchor": "left", "xshift": 8, "name": "end"}
    figure.add_annotation(x=x[-1], y=end, text=f"{sign} {name}", **label)


def _spread_labels(figure: go.Figure, gap: int = 17, plot_height: int = 260) -> go.Figure:
    """Makes room for the names, and moves them apart, in pixels, where lines end close together."""
    low, high = figure.layout.yaxis.range
    ends = sorted((note for note in figure.layout.annotations if note.name == "end"), key=lambda note: note.y)
    wanted = [(note.y - low) / (high - low) * plot_height for note in ends]
    placed = list(wanted)
    for n in range(1, len(placed)):
        placed[n] = max(placed[n], placed[n - 1] + gap)
    ceiling = plot_height + gap
    for n in reversed(range(len(placed))):
        placed[n] = min(placed[n], ceiling)
        ceiling = placed[n] - gap
    for note, at, end in zip(ends, placed, wanted, strict=True):
        note.yshift = at - end
    return figure.update_layout(margin_r=170)
