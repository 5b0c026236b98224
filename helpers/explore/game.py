"""The game "be the sampler": you set the knobs, a network is really trained, and you see only its score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import ipywidgets as widgets
import plotly.graph_objects as go

from helpers import plots
from helpers.errors import BadInput
from helpers.explore.explorable import Drawing, Explorable, legend_above, slider

Settings = Mapping[str, float]


@dataclass(frozen=True)
class Knob:
    """One hyperparameter of the game, with its range; `log` moves in equal factors."""

    name: str
    low: float
    high: float
    start: float
    log: bool = False
    whole: bool = False

    def value(self, position: float) -> float:
        """The setting at a slider position from 0 to 1."""
        if self.log:
            setting = self.low * (self.high / self.low) ** position
        else:
            setting = self.low + (self.high - self.low) * position
        return round(setting) if self.whole else float(f"{setting:.3g}")


KNOBS = (
    Knob("learning_rate", 1e-4, 1.0, start=0.5, log=True),
    Knob("momentum", 0.0, 0.95, start=0.0),
    Knob("width", 4, 128, start=0.2, log=True, whole=True),
    Knob("dropout", 0.0, 0.8, start=0.5),
)


def draw(trials: Sequence[tuple[Settings, float]], budget: int) -> Drawing:
    """The score of each trial, and the best so far, after some of `budget` trials (settings and score each)."""
    numbers, scores = list(range(len(trials))), [score for _, score in trials]
    best, left = list(accumulate(scores, max)), budget - len(trials)
    figure = go.Figure(layout={"title": "Your search", "margin_t": 80, "legend": legend_above("")["legend"]})
    figure.add_scatter(
        x=numbers, y=scores, mode="markers", marker={"size": 10, "color": plots.BLUE}, name="a trial", zorder=1,
        text=["<br>".join(f"{name} = {value:g}" for name, value in settings.items()) for settings, _ in trials],
        hovertemplate="trial %{x}: %{y:.3f}<br>%{text}<extra></extra>",
    )  # fmt: skip
    steps = {"color": plots.VERMILLION, "shape": "hv"}
    figure.add_scatter(x=numbers, y=best, mode="lines", line=steps, name="best so far")
    figure.update_xaxes(title="trial", range=[-0.5, budget - 0.5], dtick=1)
    figure.update_yaxes(title="validation accuracy", range=[0, 1.02])
    if not trials:
        return figure, f"Set the knobs and press Train. You have {left} trials."
    said = f"Trial {numbers[-1]} scored {scores[-1]:.3f}. "
    said += f"Best so far: {best[-1]:.3f} (trial {scores.index(best[-1])}). "
    return figure, said + (f"Trials left: {left}." if left else "Your budget is spent.")


class BeTheSampler(Explorable):
    """Sliders, a Train button and the scores; trial 0 is played for you with the knobs where they stand.

    Args:
        objective: takes the settings as keyword arguments and returns a validation accuracy.
        budget: trials in all, trial 0 included; at least 2 (BadInput).
    """

    def __init__(self, objective: Callable[..., float], budget: int) -> None:
        if budget < 2:
            raise BadInput(f"The budget is {budget}: play with at least 2 trials.")
        self.objective, self.budget = objective, budget
        self.trials: list[tuple[Settings, float]] = []
        self._sliders, self._readouts, rows = {}, {}, []
        for knob in KNOBS:
            look = {"min": 0, "max": 1, "step": 0.02, "readout": False}
            self._sliders[knob.name] = slider(widgets.FloatSlider, knob.name, value=knob.start, **look)
            self._sliders[knob.name].observe(self._show_settings, "value")
            self._readouts[knob.name] = widgets.Label()
            rows.append(widgets.HBox([self._sliders[knob.name], self._readouts[knob.name]]))
        self._train = widgets.Button(description="Train", button_style="primary", icon="play")
        self._train.on_click(lambda _: self.play())
        super().__init__(lambda: draw(self.trials, self.budget), [*rows, self._train])
        self._show_settings()
        self.play()

    @property
    def settings(self) -> Settings:
        """What the sliders say now."""
        return {knob.name: knob.value(self._sliders[knob.name].value) for knob in KNOBS}

    @property
    def best_so_far(self) -> list[float]:
        """The best score after each trial."""
        return list(accumulate((score for _, score in self.trials), max))

    @property
    def played(self) -> bool:
        """True once the whole budget is spent."""
        return len(self.trials) == self.budget

    def play(self) -> None:
        """Trains once with the present settings and shows the score; does nothing when the budget is spent.

        A training that raises costs no trial.
        """
        if self.played:
            return
        settings = self.settings
        self._train.disabled = True
        self.say("Training ...")
        try:
            self.trials.append((settings, self.objective(**settings)))
        finally:
            self._train.disabled = self.played
            self.show()

    def _show_settings(self, _: object = None) -> None:
        """Writes each setting beside its slider."""
        for name, setting in self.settings.items():
            self._readouts[name].value = f"{setting:g}"
