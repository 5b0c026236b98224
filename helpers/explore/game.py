"""The game "be the sampler": you set the knobs, a network is really trained, and you see only its score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ipywidgets as widgets
import plotly.graph_objects as go

from helpers import plots
from helpers.errors import BadInput
from helpers.explore.explorable import LEGEND, Explorable, slider

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


@dataclass(frozen=True)
class GameState:
    """What the picture shows after some trials: scores, the best so far, and a sentence."""

    scores: tuple[float, ...]
    best_so_far: tuple[float, ...]
    left: int
    message: str


def game_state(scores: tuple[float, ...], budget: int) -> GameState:
    """The state after `scores` (validation accuracies, in trial order) of `budget` trials."""
    best_so_far = tuple(max(scores[: n + 1]) for n in range(len(scores)))
    left = budget - len(scores)
    if not scores:
        return GameState((), (), left, f"Set the knobs and press Train. You have {left} trials.")
    where = scores.index(best_so_far[-1])
    message = f"Trial {len(scores) - 1} scored {scores[-1]:.3f}. Best so far: {best_so_far[-1]:.3f} (trial {where}). "
    message += f"Trials left: {left}." if left else "Your budget is spent."
    return GameState(tuple(scores), best_so_far, left, message)


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
        self._sliders = {
            knob.name: slider(widgets.FloatSlider, knob.name, min=0, max=1, step=0.02, value=knob.start, readout=False)
            for knob in KNOBS
        }
        self._readouts = {knob.name: widgets.Label() for knob in KNOBS}
        self._train = widgets.Button(description="Train", button_style="primary", icon="play")
        rows = [widgets.HBox([self._sliders[name], self._readouts[name]]) for name in self._sliders]
        super().__init__([*rows, self._train], _empty_figure(budget))
        for control in self._sliders.values():
            control.observe(self._show_settings, names="value")
        self._train.on_click(lambda _: self.play())
        self._show_settings()
        self.play()

    @property
    def settings(self) -> Settings:
        """What the sliders say now."""
        return {knob.name: knob.value(self._sliders[knob.name].value) for knob in KNOBS}

    @property
    def state(self) -> GameState:
        """What the picture shows."""
        return game_state(tuple(score for _, score in self.trials), self.budget)

    @property
    def played(self) -> bool:
        """True once the whole budget is spent."""
        return self.state.left == 0

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
            self._draw()

    def _show_settings(self, _: object = None) -> None:
        """Writes each setting beside its slider."""
        for name, setting in self.settings.items():
            self._readouts[name].value = f"{setting:g}"

    def _draw(self) -> None:
        state = self.state
        numbers = list(range(len(state.scores)))
        hints = ["<br>".join(f"{k} = {v:g}" for k, v in settings.items()) for settings, _ in self.trials]
        with self.figure.batch_update():
            self.figure.data[0].update(x=numbers, y=state.scores, text=hints)
            self.figure.data[1].update(x=numbers, y=state.best_so_far)
        self.say(state.message)


def _empty_figure(budget: int) -> go.Figure:
    figure = go.Figure(layout={"title": "Your search", "margin_t": 80})
    figure.update_layout(legend=LEGEND)
    figure.add_scatter(
        mode="markers", marker={"size": 10, "color": plots.BLUE}, name="a trial", zorder=1,
        hovertemplate="trial %{x}: %{y:.3f}<br>%{text}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(mode="lines", line={"color": plots.VERMILLION, "shape": "hv"}, name="best so far")
    figure.update_xaxes(title="trial", range=[-0.5, budget - 0.5], dtick=1)
    figure.update_yaxes(title="validation accuracy", range=[0, 1.02])
    return figure
