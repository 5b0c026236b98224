"""Names for the screen reader, where ipywidgets gives a control none."""

from __future__ import annotations

from pathlib import Path

import anywidget
import ipywidgets as widgets

ANNOUNCED = "announced"


class AccessibleNames(anywidget.AnyWidget):
    """Shows nothing; names the controls of the box that it lies in, now and whenever they change.

    A slider's handle, the number beside it and a group of buttons by their description, or else by their tooltip; a
    figure by its title.
    """

    _esm = Path(__file__).with_suffix(".js")

    def __init__(self) -> None:
        super().__init__(layout={"display": "none"})


def announced(line: widgets.DOMWidget) -> widgets.DOMWidget:
    """A line of text that a screen reader reads out when it changes; it lies in a box with AccessibleNames."""
    return line.add_class(ANNOUNCED)
