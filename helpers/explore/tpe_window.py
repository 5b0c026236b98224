"""TPE from the inside: two groups of trials, their densities, and the candidate with the best ratio."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from helpers import plots
from helpers.explore.stepper import STAR, Shown, Stepper, dots, landscape, line, pick, two_panels
from helpers.inside.tpe import START, observe_tpe
from helpers.problems.functions import Function

TRIALS = 60


def tpe_state(function: Function, step: int, seed: int = 0) -> Shown:
    """What TPE knew before trial `step` (0 to 59) of its run on `function`, and what it took.

    Raises:
        BadInput: not a function of one dimension, or no such step.
    """
    seen = pick(observe_tpe(function, TRIALS, seed), step)
    x, y = landscape(function)
    groups = {"good": list(seen.good), "bad": list(seen.bad), "random": [] if seen.good else list(range(step))}
    ratio, grid, best = np.exp(np.subtract(seen.log_l, seen.log_g)), (), slice(0)
    message = f"Trial {step}: no model yet, the first {START} trials are random. "
    if seen.good:
        grid, best = seen.grid, slice(winner := int(np.argmax(seen.scores)), winner + 1)
        message = f"Trial {step}: groups of {len(seen.good)} good and {len(seen.bad)} bad. Of {len(seen.candidates)} "
        message += f"candidates the best has l(x) {np.exp(seen.scores[winner]):.3g} times g(x). "
    traces = {name: (seen.x[group], seen.y[group]) for name, group in groups.items()} | {
        "function": (x, y),
        "next trial": ([seen.taken], [seen.value]),
        "l(x)": (grid, np.exp(seen.log_l)),
        "g(x)": (grid, np.exp(seen.log_g)),
        "l(x) / g(x)": (grid, ratio),
        "candidates": (seen.candidates, np.exp(seen.scores)),
        "the best": (seen.candidates[best], np.exp(seen.scores[best])),
    }
    top = max((max(height, default=1) for name, (_, height) in traces.items() if "(x)" in name), default=1)
    ranges = {"xaxis": (x[0], x[-1]), "xaxis2": (x[0], x[-1]), "yaxis2": (0, 1.08 * top)}
    return Shown(seen, traces, ranges, message + f"It takes x = {seen.taken:.4g} and scores {seen.value:.4g}.")


class TpeWindow(Stepper):
    """Step through TPE's trials on a function of one dimension: above the trials, below what TPE makes of them."""

    NAMES, DIMENSIONS, STEPS = ("forrester", "gramacy_lee"), 1, ("trial", START, TRIALS - 1)
    state_of = staticmethod(tpe_state)

    @staticmethod
    def empty_figure() -> go.Figure:
        """The panels and their traces, with nothing in them."""
        above = {
            "function": line("#888888", width=1), "random": dots(plots.INK), "bad": dots(plots.ORANGE, symbol="square"),
            "good": dots(plots.BLUE), "next trial": STAR,
        }  # fmt: skip
        below = {
            "l(x)": line(plots.BLUE), "g(x)": line(plots.ORANGE, dash="dash"),
            "l(x) / g(x)": line(plots.INK, dash="dot"),
            "candidates": dots(plots.INK, symbol="line-ns-open", size=12), "the best": STAR,
        }  # fmt: skip
        return two_panels("What TPE sees", above, below, "density, ratio", room=150)
