"""What every explorable is: controls, and a figure and a sentence that one pure function makes of their values."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any, Self

import ipywidgets as widgets
import plotly.graph_objects as go

from helpers import plots
from helpers.accessible import AccessibleNames, announced
from helpers.errors import one_of

Drawing = tuple[go.Figure, str]  # a figure, and what it shows in a sentence
WIDE: dict[str, Any] = {"style": {"description_width": "140px"}, "layout": {"width": "480px"}}


class _Figure(go.FigureWidget):
    """A figure whose later views show what it shows: in another cell, or after the page is loaded again.

    Plotly starts a new view from what the figure was when it was last displayed by itself, which ours never are.
    """

    data: Any
    _before: dict[str, Any] | None = None  # the last drawing

    @contextmanager
    def batch_update(self) -> Iterator[None]:
        with super().batch_update():
            yield
        self._repr_mimebundle_()  # as if it were displayed: brings what a view starts from up to date

    def become(self, new: go.Figure) -> None:
        """Changes what differs from the drawing before; where they agree, what was zoomed or hidden stays so."""
        before, now = self._before or {"data": [], "layout": {}}, json.loads(new.to_json())
        self._before = now
        with self.batch_update():
            if _traces(before) != _traces(now):
                self.data = ()
                self.add_traces(new.data)
                before = before | {"data": now["data"]}
            for shown, fresh, was, wanted in (
                *zip(self.data, new.data, before["data"], now["data"], strict=True),
                (self.layout, new.layout, before["layout"], now["layout"]),
            ):
                for key in was.keys() | wanted.keys():
                    if was.get(key) != wanted.get(key):
                        shown[key] = fresh[key]


def _traces(figure: dict[str, Any]) -> list[tuple]:
    """By what a figure's traces are known again."""
    return [(trace["type"], trace.get("name")) for trace in figure["data"]]


class Explorable(widgets.VBox):
    """Controls, a sentence for the screen reader and for those who read without a kernel, and a figure.

    Args:
        draw: pure; takes the controls' values by their names, and returns the drawing without a kernel or a widget.
        rows: what stands above the sentence; by default the controls, one below the other.
        controls: widgets by name, of which `offered` says what values they have.
    """

    ANNOUNCES = True  # the sentence is read out when it changes; not where it changes by itself

    def __init__(
        self, draw: Callable[..., Drawing], rows: Sequence[widgets.Widget] | None = None, **controls: widgets.Widget
    ) -> None:
        self.draw, self.controls, self.message = draw, controls, ""
        self.figure, self.status = _Figure(), widgets.HTML()
        if self.ANNOUNCES:
            announced(self.status)
        above = controls.values() if rows is None else rows
        super().__init__([*above, self.status, self.figure, AccessibleNames()])
        for control in controls.values():
            control.observe(self.show, "value")
        self.show()

    @property
    def values(self) -> dict[str, Any]:
        """What the controls ask for."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values: object) -> Self:
        """Moves controls by name, from code; BadInput for an unknown control, or for a value that it does not offer."""
        for name, value in values.items():
            one_of("control", name, tuple(self.controls))
            one_of(name, value, offered(self.controls[name]))
            self.controls[name].value = value
        return self

    def show(self, _: object = None) -> None:
        """Draws what the controls ask for."""
        figure, sentence = self.draw(**self.values)
        self.figure.become(figure.update_layout(width=plots.WIDTH, height=figure.layout.height or plots.HEIGHT))
        self.say(sentence)

    def say(self, text: str) -> None:
        """Puts one line of plain text under the controls."""
        self.message = text
        self.status.value = escape(text)

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        bundle = super()._repr_mimebundle_(**kwargs) | {"text/plain": f"{type(self).__name__}: {self.message}"}
        if plots.wants_stills():
            bundle["image/png"] = base64.b64encode(go.Figure(self.figure).to_image("png")).decode()
        return bundle


def offered(control: widgets.Widget) -> tuple:
    """All values of a menu, a row of buttons, a slider or a checkbox."""
    if isinstance(control, widgets.Checkbox):
        return False, True
    if hasattr(control, "options"):
        return tuple(option[1] if isinstance(option, tuple) else option for option in control.options)
    steps = round((control.max - control.min) / control.step)
    return tuple(control.min + n * control.step for n in range(steps + 1))


def slider(cls: type, description: str, **options: Any) -> widgets.Widget:
    """A slider that speaks on release or key press, wide enough for its name."""
    return cls(description=description, continuous_update=False, **WIDE, **options)


def menu(description: str, options: Sequence[Any], **more: Any) -> widgets.Dropdown:
    """A menu as wide as the sliders."""
    return widgets.Dropdown(description=description, options=options, **WIDE, **more)


def legend_above(title: str, **layout: Any) -> dict[str, Any]:
    """The layout of a figure with its legend in one line between title and picture."""
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    return {"title": {"text": title, "y": 0.97, "yref": "container"}, "legend": legend, **layout}


def line(colour: str, **more: object) -> dict:
    """The style of a line."""
    return {"mode": "lines", "line": {"color": colour, **more}}


def dots(colour: str, **more: object) -> dict:
    """The style of dots."""
    return {"mode": "markers", "marker": {"color": colour, "size": 10, "line": {"color": "white", "width": 1}, **more}}
