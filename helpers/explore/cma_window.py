"""CMA-ES from the inside: a cloud that walks, shrinks and turns."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from helpers import plots
from helpers.explore.stepper import Shown, Stepper, contour, dots, landscape, line, pick
from helpers.inside.cmaes import CmaStep, observe_cmaes
from helpers.problems.functions import Function, find_function

GENERATIONS = 20


def cma_state(function: Function, step: int, seed: int = 0) -> Shown:
    """Generation `step` (0 to 20) of CMA-ES on `function`; generation 0 is one trial drawn at random.

    Raises:
        BadInput: not a function of two dimensions, or no such generation.
    """
    steps = observe_cmaes(function, GENERATIONS, seed)
    seen = pick(steps, step)
    path = np.array([earlier.mean for earlier in steps[1 : step + 1]]).reshape(-1, 2).T
    message = "Generation 0: no model yet, one trial drawn at random. CMA-ES begins in the middle of the box."
    if step:
        far, near = 2 * np.sqrt(np.linalg.eigvalsh(seen.covariance)[::-1])
        message = f"Generation {step}: {len(seen.values)} trials around ({seen.mean[0]:.3g}, {seen.mean[1]:.3g}), "
        message += f"the best {seen.values.min():.3g}. The outer ellipse reaches {far:.2g} along and {near:.2g} across."
    traces = {
        "function": landscape(function),
        "2 sigma": ellipse(seen, 2),
        "1 sigma": ellipse(seen, 1),
        "path of the mean": path,
        "mean": path[:, -1:],
        "population": seen.points.T,
        "optimum": tuple(function.best[n : n + 1] for n in (0, 1)),
    }
    ranges = {f"{axis}axis": (function.low[n], function.high[n]) for n, axis in enumerate("xy")}
    return Shown(seen, {name: tuple(trace) for name, trace in traces.items()}, ranges, message)


def ellipse(step: CmaStep, sigmas: float) -> np.ndarray:
    """The outline so many standard deviations around the mean, shape (2, 73); nothing in generation 0, (2, 0)."""
    if not step.generation:
        return np.empty((2, 0))
    angle = np.linspace(0, 2 * np.pi, 73)
    circle = np.array([np.cos(angle), np.sin(angle)])
    return np.array(step.mean)[:, None] + sigmas * np.linalg.cholesky(step.covariance) @ circle


class CmaWindow(Stepper):
    """Step through CMA-ES's generations on a function of two dimensions."""

    NAMES, DIMENSIONS = ("ellipse", "rosenbrock2", "ackley", "branin"), 2
    STEPS, state_of = ("generation", 1, GENERATIONS), staticmethod(cma_state)

    @staticmethod
    def empty_figure() -> go.Figure:
        """The map and its traces, with nothing on it."""
        figure = go.Figure(contour(find_function(CmaWindow.NAMES[0])))
        for name, style in {
            "2 sigma": line(plots.BLUE, dash="dot"), "1 sigma": line(plots.BLUE),
            "path of the mean": line(plots.VERMILLION, width=1), "population": dots(plots.INK, size=9),
            "mean": dots(plots.VERMILLION, symbol="diamond", size=12),
            "optimum": dots(plots.GREEN, symbol="x", size=13),
        }.items():  # fmt: skip
            figure.add_scatter(name=name, **style)
        figure.update_xaxes(title="x0", constrain="domain")
        figure.update_yaxes(title="x1", scaleanchor="x", constrain="domain")  # so that a circle is round
        return figure.update_layout(title="What CMA-ES sees", margin_r=190, legend={"y": 1, "x": 1.01})
