"""Names for the screen reader, where ipywidgets gives a control none."""

from __future__ import annotations

from pathlib import Path

import anywidget
import ipywidgets as widgets

ANNOUNCED = "announced"


class AccessibleNames(anywidget.AnyWidget):
    """Shows nothing; names its box's controls by description or tooltip and figures by title, whenever they change."""

    _esm = Path(__file__).with_suffix(".js")

    def __init__(self) -> None:
        super().__init__(layout={"display": "none"})


def announced(line: widgets.DOMWidget) -> widgets.DOMWidget:
    """A line of text that a screen reader reads out when it changes; it lies in a box with AccessibleNames."""
    return line.add_class(ANNOUNCED)
