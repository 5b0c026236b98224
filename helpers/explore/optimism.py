"""The optimism lens: what the best of a search was seen to score, beside what it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from numbers import Integral

import ipywidgets as widgets
import numpy as np
from plotly.subplots import make_subplots

from helpers import plots
from helpers.errors import BadInput
from helpers.explore.explorable import Drawing, Explorable, slider
from helpers.problems.table import load_benchmark

TRIALS, SEEDS, TOP, FRESH, SEARCHES = (10, 30, 100, 300, 1000), (1, 2, 3, 5, 10), (1, 2, 3, 5, 10), 5, 200
ROWS = ("best seen", "worth of it", "after the re-run", "best there was")
CLOSE = 0.05  # the left picture shows as much below the best, and what is run again


@dataclass(frozen=True)
class Outcomes:
    """What random searches end at: validation accuracies, as shares of 1.

    Attributes:
        seen, worth: (trials,), the first search's trials: the mean over their seeds, and the mean to be expected.
        chosen: the trials of the first search that are run again, best seen first.
        kept: the one of them that is kept.
        ends: (4, searches), in the order of ROWS.
    """

    seen: np.ndarray
    worth: np.ndarray
    chosen: np.ndarray
    kept: int
    ends: np.ndarray


def random_searches(trials: int, seeds: int = 1, top: int = 1, seed: int = 0) -> Outcomes:
    """Random searches in a world in which each training of a configuration ends as one of its recorded ones.

    A trial is the mean over `seeds` trainings. The `top` best are trained with 5 fresh seeds more, and the one whose
    mean over these is highest is kept; with 1 there is nothing to choose, and no re-run.

    Raises:
        BadInput: a number that is no whole number of at least 1, or a `top` above `trials`.
    """
    for name, number in {"trials": trials, "seeds": seeds, "top": top}.items():
        if isinstance(number, bool) or not isinstance(number, Integral) or number < 1:
            raise BadInput(f"{name} is {number!r}: give a whole number of at least 1.")
    if top > trials:
        raise BadInput(f"top is {top}, but there are only {trials} trials: choose at most as many.")
    rng, ends = np.random.default_rng(seed), load_benchmark().curves["validation_accuracy"][:, :, -1]
    drawn = rng.integers(len(ends), size=(SEARCHES, trials))
    worth = ends.mean(axis=1)[drawn]
    seen = _trained(ends, drawn, seeds, rng)
    order = np.argsort(-seen - 1e-9 * rng.random(seen.shape), axis=1)[:, :top]  # ties fall as chance has it
    again = _trained(ends, np.take_along_axis(drawn, order, axis=1), FRESH, rng).argmax(axis=1)
    first, kept = order[:, :1], np.take_along_axis(order, again[:, None], axis=1)
    picked = [np.take_along_axis(values, places, axis=1)[:, 0]
              for values, places in ((seen, first), (worth, first), (worth, kept))]  # fmt: skip
    return Outcomes(seen[0], worth[0], order[0], int(kept[0, 0]), np.stack([*picked, worth.max(axis=1)]))


def _trained(ends: np.ndarray, drawn: np.ndarray, seeds: int, rng: np.random.Generator) -> np.ndarray:
    """The mean over `seeds` trainings of each configuration drawn; one at a time, for the memory."""
    return sum(ends[drawn, rng.integers(ends.shape[1], size=drawn.shape)] for _ in range(seeds)) / seeds


def _said(trials: int, seeds: int, top: int, ends: np.ndarray) -> str:
    """The mean outcomes in a sentence."""
    seen, worth, rerun, _ = ends.mean(axis=1)
    said = (f"{trials * seeds} trainings. On average the best is seen at {seen:.4f} and is worth {worth:.4f}: "
            f"{seen - worth:.4f} too good to be true.")  # fmt: skip
    if top > 1:
        said += f" {top * FRESH} trainings more, for the re-run of the top {top}, give one worth {rerun:.4f}."
    return said


def draw(trials: int, seeds: int = 1, top: int = 1, seed: int = 0) -> Drawing:
    """Left one search, seen against worth; right the means of all searches with 95 % intervals.

    Raises:
        BadInput: as `random_searches`.
    """
    found = random_searches(trials, seeds, top, seed)
    titles = ("one search, its best trials", f"{SEARCHES} searches, their means")
    figure = make_subplots(cols=2, subplot_titles=titles, horizontal_spacing=0.24)
    figure.update_annotations(font_size=14)
    again = {"color": plots.ORANGE, "size": 9, "symbol": "circle-open", "line_width": 2}
    for name, dots, marker in (
        ("a trial", slice(None), {"color": plots.SKY, "size": 5}),
        ("run again", found.chosen if top > 1 else [], again),
        ("kept", [found.kept], {"color": plots.VERMILLION, "size": 11, "symbol": "diamond"}),
    ):
        x, y = found.worth[dots], found.seen[dots]
        figure.add_scatter(x=x, y=y, name=name, mode="markers", marker=marker, row=1, col=1)
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": plots.INK, "dash": "dot", "width": 1},
                       name="seen = worth", hoverinfo="skip", row=1, col=1)  # fmt: skip
    half = {"array": 1.96 * found.ends.std(axis=1, ddof=1) / np.sqrt(SEARCHES), "width": 5}
    means = {"x": found.ends.mean(axis=1), "y": ROWS, "error_x": half, "marker": {"color": plots.BLUE, "size": 9}}
    figure.add_scatter(**means, mode="markers", showlegend=False, row=1, col=2)
    best = np.sort(found.seen)[::-1]
    low = min(best[0] - CLOSE, best[4], found.seen[found.chosen].min(), found.worth[found.chosen].min())
    shown = [low - (room := (best[0] - low) / 12), best[0] + room]
    figure.update_xaxes(title="worth", range=shown, col=1).update_yaxes(title="seen", range=shown, col=1)
    figure.update_xaxes(title="validation accuracy", range=[0.95, 0.992], dtick=0.01, col=2)
    figure.update_yaxes(autorange="reversed", categoryarray=ROWS, categoryorder="array", col=2)
    legend = {"orientation": "h", "y": -0.22, "yanchor": "top"}
    return figure.update_layout(legend=legend, margin_b=90), _said(trials, seeds, top, found.ends)


class OptimismLens(Explorable):
    """Sliders for the trials, the seeds a trial, and how many of the best are run again."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(
            partial(draw, seed=seed),
            trials=slider(widgets.SelectionSlider, "trials", options=TRIALS, value=100),
            seeds=slider(widgets.SelectionSlider, "seeds a trial", options=SEEDS, value=1),
            top=slider(widgets.SelectionSlider, "top k run again", options=TOP, value=1),
        )
