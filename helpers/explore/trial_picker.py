"""A plot of trials that answers: click a dot, draw a box, or type a number, and the trials are chosen."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from helpers import plots
from helpers.errors import BadInput
from helpers.explore.explorable import Drawing, Explorable

HOW = "Click a dot (again: it is free), draw a box around several, or type their numbers."


def draw(
    dots: Mapping[int, tuple[Any, Any]], chosen: Collection[int], across: str, value_name: str, log: bool = False
) -> Drawing:
    """Dots (x and y by the trial's number); those chosen have another colour, size and shape."""
    x, y = zip(*dots.values(), strict=True)
    picked = np.isin(list(dots), sorted(chosen))
    marker = {
        "opacity": 1, "color": np.where(picked, plots.VERMILLION, plots.BLUE), "size": np.where(picked, 13, 8),
        "symbol": np.where(picked, "diamond", "circle"),
    }  # fmt: skip
    figure = go.Figure(layout={"dragmode": "select", "showlegend": False, "title": "Choose trials"})
    figure.add_scatter(
        x=x, y=y, mode="markers", marker=marker, customdata=list(dots),
        hovertemplate="trial %{customdata}<br>%{x}, %{y:.4g}<extra></extra>",
        selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}},
    )  # fmt: skip
    figure.update_xaxes(title=across, type="log" if log else None).update_yaxes(title=value_name)
    return figure, f"Chosen: {_listed(chosen)}." if chosen else HOW


class TrialPicker(Explorable):
    """Completed trials as dots over a hyperparameter or over their number; `answer` is what was chosen.

    Args:
        across: the hyperparameter on the horizontal axis, or "trial" for the trials' numbers.
        value: what the vertical axis shows, by default the objective's value.

    Raises:
        BadInput: no completed trial has that hyperparameter.
    """

    def __init__(
        self,
        study: Study,
        across: str = "trial",
        *,
        value: Callable[[FrozenTrial], float] | None = None,
        value_name: str = "value",
        log: bool = False,
    ) -> None:
        trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        dots = {
            trial.number: (trial.params.get(across, trial.number), value(trial) if value else trial.value)
            for trial in trials if across == "trial" or across in trial.params
        }  # fmt: skip
        if not dots:
            raise BadInput(f"No completed trial has {across!r}: run some, or correct the name.")
        self.numbers = list(dots)
        self._chosen: set[int] = set()
        self._typed = widgets.Text(description="trials", placeholder="such as 3, 17", continuous_update=False)
        self._clear = widgets.Button(description="Choose none", icon="eraser")
        super().__init__(
            lambda: draw(dots, self._chosen, across, value_name, log), [widgets.HBox([self._typed, self._clear])]
        )
        self.figure.data[0].on_click(self._on_click)
        self.figure.data[0].on_selection(self._on_box)
        self._typed.observe(self._on_text, "value")
        self._clear.on_click(lambda _: self.choose())

    @property
    def answer(self) -> list[int] | object:
        """The numbers of the chosen trials, in order; the dots of an unanswered exercise while there are none."""
        return sorted(self._chosen) or ...

    def choose(self, *numbers: int) -> TrialPicker:
        """Chooses exactly these trials, from code.

        Raises:
            BadInput: one of them is not shown.
        """
        if unknown := sorted(set(numbers) - set(self.numbers)):
            raise BadInput(f"There is no dot for trial {unknown[0]}: those shown are {_listed(self.numbers)}.")
        self._chosen = set(numbers)
        self._typed.value = _listed(numbers)
        self.show()
        return self

    def _on_click(self, trace: object, points: Any, state: object) -> None:
        self.choose(*self._chosen ^ {self.numbers[n] for n in points.point_inds})

    def _on_box(self, trace: object, points: Any, selector: object) -> None:
        self.choose(*self._chosen | {self.numbers[n] for n in points.point_inds})

    def _on_text(self, change: dict) -> None:
        """Numbers in the text field; what is not one is named, and nothing changes."""
        if change["new"] == _listed(self._chosen):
            return
        words = [word for word in re.split(r"[\s,;]+", change["new"]) if word]
        wrong = [word for word in words if not word.isdecimal() or int(word) not in self.numbers]
        if wrong:
            self.say(f"{wrong[0]!r} is not the number of a dot. {self.draw()[1]}")
        else:
            self.choose(*map(int, words))


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
