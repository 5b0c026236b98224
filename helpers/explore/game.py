"""The game "be the sampler": you set the knobs, a network is really trained, and you see only its score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go

from helpers import plots
from helpers.explore.explorable import Drawing, Explorable, add, dots, legend_above, line, slider

Settings = Mapping[str, float]


def _three_digits(levels: np.ndarray) -> list[float]:
    return [float(f"{level:.3g}") for level in levels]


KNOBS: dict[str, list[float]] = {  # all that can be chosen, from the lowest on
    "learning_rate": _three_digits(np.geomspace(1e-4, 1.0, 51)),
    "momentum": _three_digits(np.linspace(0.0, 0.95, 51)),
    "width": sorted({round(level) for level in np.geomspace(4, 128, 51)}),
    "dropout": _three_digits(np.linspace(0.0, 0.8, 51)),
}
START = {"learning_rate": 0.01, "momentum": 0.0, "width": 8, "dropout": 0.4}


def draw(trials: Sequence[tuple[Settings, float]], budget: int) -> Drawing:
    """The score of each trial, and the best so far, after some of `budget` trials (settings and score each)."""
    numbers, scores = list(range(len(trials))), [score for _, score in trials]
    best, left = list(accumulate(scores, max)), budget - len(trials)
    figure = go.Figure(layout={"title": "Your search", "margin_t": 80, "legend": legend_above("")["legend"]})
    text = ["<br>".join(f"{name} = {value:g}" for name, value in settings.items()) for settings, _ in trials]
    hover = {"text": text, "hovertemplate": "trial %{x}: %{y:.3f}<br>%{text}<extra></extra>", "zorder": 1}
    dot, steps = dots(plots.BLUE) | hover, line(plots.VERMILLION, shape="hv")
    add(figure, {"a trial": (numbers, scores, dot), "best so far": (numbers, best, steps)})
    figure.update_xaxes(title="trial", range=[-0.5, budget - 0.5], dtick=1)
    figure.update_yaxes(title="validation accuracy", range=[0, 1.02])
    if not trials:
        return figure, f"Set the knobs and press Train. You have {left} trials."
    said = f"Trial {numbers[-1]} scored {scores[-1]:.3f}. "
    said += f"Best so far: {best[-1]:.3f} (trial {scores.index(best[-1])}). "
    return figure, said + (f"Trials left: {left}." if left else "Your budget is spent.")


class BeTheSampler(Explorable):
    """Sliders, a Train button and the scores of `budget` trials; trial 0 is played with the knobs where they stand.

    `objective` takes the settings as keyword arguments and returns a validation accuracy.
    """

    def __init__(self, objective: Callable[..., float], budget: int) -> None:
        self.objective, self.budget = objective, budget
        self.trials: list[tuple[Settings, float]] = []
        self._sliders: dict[str, widgets.SelectionSlider] = {}
        for name, settings in KNOBS.items():
            options = [(f"{setting:g}", setting) for setting in settings]
            self._sliders[name] = slider(widgets.SelectionSlider, name, options=options, value=START[name])
        self._train = widgets.Button(description="Train", button_style="primary", icon="play")
        self._train.on_click(self.play)
        super().__init__(lambda: draw(self.trials, budget), [*self._sliders.values(), self._train])
        self.play()

    @property
    def best_so_far(self) -> list[float]:
        """The best score after each trial."""
        return list(accumulate((score for _, score in self.trials), max))

    @property
    def played(self) -> bool:
        """True once the whole budget is spent."""
        return len(self.trials) == self.budget

    def play(self, _: object = None) -> None:
        """Trains once with the present settings, while the budget lasts; a training that raises costs no trial."""
        if self.played:
            return
        settings, self._train.disabled = {name: knob.value for name, knob in self._sliders.items()}, True
        self.say("Training ...")
        try:
            self.trials.append((settings, self.objective(**settings)))
        finally:
            self._train.disabled = self.played
            self.show()
