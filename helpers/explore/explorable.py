"""What every explorable shares: controls above a figure, a line of text, and a still picture."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

import ipywidgets as widgets
import plotly.graph_objects as go

from helpers import plots
from helpers.accessible import AccessibleNames, announced
from helpers.errors import one_of


class _Figure(go.FigureWidget):
    """A figure whose later views show what it shows: in another cell, or after the page is loaded again.

    Plotly starts a new view from what the figure was when it was last displayed by itself, which ours never are.
    """

    @contextmanager
    def batch_update(self) -> Iterator[None]:
        with super().batch_update():
            yield
        self._repr_mimebundle_()  # as if it were displayed: brings what a view starts from up to date


class Explorable(widgets.VBox):
    """Controls, a figure and a status line for the screen reader and for those who read without a kernel."""

    ANNOUNCES = True  # the line is read out when it changes; not where it changes by itself

    def __init__(self, controls: list[widgets.Widget], figure: go.Figure) -> None:
        self.figure = _Figure(figure).update_layout(height=plots.HEIGHT, width=plots.WIDTH)
        self.status, self.message = widgets.HTML(), ""
        if self.ANNOUNCES:
            announced(self.status)
        super().__init__([*controls, self.status, self.figure, AccessibleNames()])

    def say(self, text: str) -> None:
        """Puts one line of plain text under the controls."""
        self.message = text
        self.status.value = escape(text)

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        bundle = super()._repr_mimebundle_(**kwargs) | {"text/plain": f"{type(self).__name__}: {self.message}"}
        if plots.wants_stills():
            bundle["image/png"] = base64.b64encode(go.Figure(self.figure).to_image("png")).decode()
        return bundle


LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom"}  # above the figure, in one line
WIDE: dict[str, Any] = {"style": {"description_width": "140px"}, "layout": {"width": "480px"}}


def move(controls: Mapping[str, widgets.Widget], settings: Mapping[str, object]) -> None:
    """Moves controls by name, from code; BadInput for an unknown control, or for a value that it does not offer."""
    for name, value in settings.items():
        one_of("control", name, tuple(controls))
        one_of(name, value, tuple(controls[name].options))
        controls[name].value = value


def slider(cls: type, description: str, **options: Any) -> widgets.Widget:
    """A slider that speaks on release or key press, wide enough for its name."""
    return cls(description=description, continuous_update=False, **WIDE, **options)


def menu(description: str, options: Sequence[Any], **more: Any) -> widgets.Dropdown:
    """A menu as wide as the sliders."""
    return widgets.Dropdown(description=description, options=options, **WIDE, **more)
