"""Names for the screen reader, where ipywidgets gives a control none."""

from __future__ import annotations

from pathlib import Path

import anywidget

ANNOUNCED = "announced"  # the class of a line that a screen reader reads out when it changes; it lies in the same box


class AccessibleNames(anywidget.AnyWidget):
    """Shows nothing; names its box's controls by description or tooltip and figures by title, whenever they change."""

    _esm = Path(__file__).with_suffix(".js")

    def __init__(self) -> None:
        super().__init__(layout={"display": "none"})
