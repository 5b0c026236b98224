"""The GP sampler from the inside: what the Gaussian process expects, how sure it is, and what LogEI makes of both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from helpers import plots
from helpers.explore.stepper import STAR, Shown, Stepper, dots, landscape, line, pick, two_panels
from helpers.inside.gp import START, observe_gp
from helpers.problems.functions import Function

TRIALS = 20
BAND = "mean ± 2 deviations"


def gp_state(function: Function, step: int, seed: int = 0) -> Shown:
    """What the Gaussian process knew before trial `step` (0 to 19) of its run on `function`, and what it took.

    LogEI is shown down to 12 below its top, which is a factor of 160,000.

    Raises:
        BadInput: not a function of one dimension, or no such step.
    """
    seen = pick(observe_gp(function, TRIALS, seed), step)
    x, y = landscape(function)
    grid, mean, twice = seen.grid[: len(seen.mean)], np.array(seen.mean), 2 * np.array(seen.deviation)
    message = f"Trial {step}: no model yet, the first {START} trials are random. It takes x = {seen.taken:.4g}."
    top: float = 0
    highest: tuple[Sequence[float], Sequence[float]] = ((), ())
    if len(grid):
        top, highest = seen.taken_log_ei, ([seen.taken], [seen.taken_log_ei])
        expected, unsure = (np.interp(seen.taken, grid, height) for height in (mean, twice))
        message = f"Trial {step}: LogEI is highest, {top:.3g}, at x = {seen.taken:.4g}. "
        message += f"The model expected {expected:.3g} ± {unsure:.2g} there; the function gave {seen.value:.3g}."
    traces = {
        "function": (x, y),
        "lower": (grid, mean - twice),
        BAND: (grid, mean + twice),
        "mean": (grid, mean),
        "trials": (seen.x, seen.y),
        "next trial": ([seen.taken], [seen.value]),
        "LogEI": (grid, seen.log_ei),
        "the highest": highest,
    }
    room = 0.3 * np.ptp(y)
    ranges = {"xaxis": (x[0], x[-1]), "yaxis": (min(y) - room, max(y) + room), "yaxis2": (top - 12, top + 2)}
    return Shown(seen, traces, ranges | {"xaxis2": ranges["xaxis"]}, message)


class GpWindow(Stepper):
    """Step through the GP sampler's trials on a function of one dimension: above the model, below LogEI."""

    NAMES, DIMENSIONS, STEPS = ("forrester", "gramacy_lee"), 1, ("trial", START, TRIALS - 1)
    state_of = staticmethod(gp_state)

    @staticmethod
    def empty_figure() -> go.Figure:
        """The panels and their traces, with nothing in them."""
        edge, shade = {"mode": "lines", "line_width": 0, "hoverinfo": "skip"}, "rgba(0,114,178,0.18)"
        above = {
            "lower": edge | {"showlegend": False}, BAND: edge | {"fill": "tonexty", "fillcolor": shade},
            "function": line("#888888", width=1), "mean": line(plots.BLUE), "trials": dots(plots.INK),
            "next trial": STAR,
        }  # fmt: skip
        below = {"LogEI": line(plots.VERMILLION), "the highest": STAR}
        return two_panels("What the Gaussian process sees", above, below, "LogEI", room=200)
