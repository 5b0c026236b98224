"""What every explorable is: controls, and a figure and a sentence that one pure function makes of their values."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets
import plotly.graph_objects as go

from helpers import plots
from helpers.accessible import ANNOUNCED, AccessibleNames

Drawing = tuple[go.Figure, str]  # a figure, and what it shows in a sentence
WIDE: dict[str, Any] = {"style": {"description_width": "165px"}, "layout": {"width": "505px"}}


class _Figure(go.FigureWidget):
    """A figure inside another widget."""

    data: Any
    _before: Mapping[str, Any] = {"data": [], "layout": {}}  # the last drawing

    def become(self, new: go.Figure) -> None:
        """Changes what differs from the drawing before; where they agree, what was zoomed or hidden stays so."""
        before, now = self._before, json.loads(new.to_json())
        self._before = now
        known, wanted = ([(trace["type"], trace.get("name")) for trace in one["data"]] for one in (before, now))
        with self.batch_update():
            if known != wanted:
                self.data = ()
                self.add_traces(new.data)
                before = {**before, "data": now["data"]}
            for shown, fresh, was, wanted in (
                *zip(self.data, new.data, before["data"], now["data"], strict=True),
                (self.layout, new.layout, before["layout"], now["layout"]),
            ):
                for key in was.keys() | wanted.keys():
                    if was.get(key) != wanted.get(key):
                        shown[key] = fresh[key]
        # Plotly starts a later view (another cell, a page loaded again) from what was last displayed by itself.
        self._repr_mimebundle_()


class Explorable(widgets.VBox):
    """Controls, a sentence for the screen reader and for those who read without a kernel, and a figure.

    Args:
        draw: pure; takes the controls' values by their names, and returns the drawing without a kernel or a widget.
        rows: what stands above the sentence; by default the controls, one below the other.
        announces: the sentence is read out when it changes; not wanted where it changes by itself.
        controls: widgets by name.
    """

    TWO_LINES = False  # whether the sentence gets room for two, so that the figure stands still when it grows

    def __init__(
        self, draw: Callable[..., Drawing], rows: Sequence | None = None, announces: bool = True, **controls: Any
    ) -> None:
        self.draw, self.controls, self.message = draw, controls, ""
        room = {"width": f"{plots.WIDTH}px", "min_height": "60px"} if self.TWO_LINES else {}
        self.figure, self.status = _Figure(), widgets.HTML(layout=room)
        if announces:
            self.status.add_class(ANNOUNCED)
        above = controls.values() if rows is None else rows
        super().__init__([*above, self.status, self.figure, AccessibleNames()])
        for control in controls.values():
            control.observe(self.show, "value")
        self.show()

    @property
    def values(self) -> dict[str, Any]:
        """What the controls ask for."""
        return {name: control.value for name, control in self.controls.items()}

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


def add(figure: go.Figure, traces: Mapping[str, tuple], **place: Any) -> go.Figure:
    """Adds traces by their names: x, y and style of each."""
    for name, (x, y, style) in traces.items():
        figure.add_scatter(x=x, y=y, name=name, **style, **place)
    return figure


def line(colour: str, **more: object) -> dict:
    """The style of a line."""
    return {"mode": "lines", "line": {"color": colour, **more}}


def dots(colour: str, **more: object) -> dict:
    """The style of dots."""
    return {"mode": "markers", "marker": {"color": colour, "size": 10, "line": {"color": "white", "width": 1}, **more}}


def end_label(said: str, y: Sequence[float], place: str, colour: str) -> dict:
    """The style of a line with its last value written at its end, where there is one."""
    text = [""] * (len(y) - 1) + [said.format(last) for last in y[-1:]]
    return {"mode": "lines+text", "text": text, "textposition": place, "textfont_color": plots.LABELS[colour]}
