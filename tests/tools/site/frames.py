"""What an explorable shows, for a page without a kernel: its drawing is a pure function, so it can be made beforehand.

`record()` runs in a notebook's kernel before its first cell; each explorable's output then carries its frames.
"""

from __future__ import annotations

import itertools
import json
import math
import time
from typing import Any

import ipywidgets as widgets

from helpers.errors import BadInput
from helpers.explore.explorable import Explorable
from tests.harness.outputs import rounded

KIND = "application/vnd.learn-optuna.frames+json"
MOST, SECONDS = 150, 60.0  # drawings that sliders may ask for, and the time that all of an explorable's may take
CHOICES = 1000  # drawings where there is nothing but buttons and menus: most of them are the same


def settings(widget: Any) -> dict[str, Any] | None:
    """Labels and values that a control offers, and which it shows; None for one that a page cannot have."""
    if isinstance(widget, widgets.Checkbox | widgets.ToggleButton):
        values: list = [False, True]
        labels = ["no", "yes"]
    elif hasattr(widget, "_options_values") and not isinstance(widget, widgets.SelectMultiple):
        values, labels = list(widget._options_values), list(map(str, widget._options_labels))
    elif isinstance(widget, widgets.IntSlider | widgets.FloatSlider):
        steps = round((widget.max - widget.min) / widget.step)
        values = [widget.min + n * widget.step for n in range(steps + 1)]
        labels = [f"{value:g}" for value in values]
    else:
        return None
    is_slider = isinstance(widget, widgets.IntSlider | widgets.FloatSlider | widgets.SelectionSlider)
    return {"values": values, "labels": labels, "at": values.index(widget.value), "slider": is_slider}


def thinned(controls: dict[str, dict[str, Any]], most: int) -> dict[str, dict[str, Any]]:
    """The controls with at most `most` settings together: sliders lose every second value; what is shown stays."""
    controls = {name: dict(control) for name, control in controls.items()}
    while math.prod(len(control["values"]) for control in controls.values()) > most:
        long = [control for control in controls.values() if control["slider"] and len(control["values"]) > 3]
        if not long:
            break
        longest = max(long, key=lambda control: len(control["values"]))
        last, at = len(longest["values"]) - 1, longest["at"]
        keep = sorted({n for n in range(last + 1) if (n - at) % 2 == 0} | {0, last})
        longest |= {key: [longest[key][n] for n in keep] for key in ("values", "labels")} | {"at": keep.index(at)}
    return controls


def frames(explorable: Explorable) -> dict[str, Any] | None:
    """Controls, and a drawing for each setting in the order of `itertools.product`; None where nothing can be moved.

    A drawing is a layout, traces and a sentence by their places in the lists of those that differ.
    """
    offered = {name: settings(widget) for name, widget in explorable.controls.items()}
    begin = time.perf_counter()
    explorable.draw(**explorable.values)
    affordable = SECONDS / (time.perf_counter() - begin)
    controls = thinned({name: found for name, found in offered.items() if found}, int(min(affordable, MOST)))
    count = math.prod(len(control["values"]) for control in controls.values())
    if None in offered.values() or not 1 < count <= min(affordable, CHOICES):
        return None
    layouts, traces, said = Pool(), Pool(), Pool()
    drawings = []
    for values in itertools.product(*(control["values"] for control in controls.values())):
        try:
            figure, sentence = explorable.draw(**dict(zip(controls, values, strict=True)))
        except BadInput as error:  # a setting that the course refuses, in its words
            drawings.append([None, [], said.place(str(error))])
            continue
        plain = rounded(json.loads(figure.to_json(engine="json")))
        shown = [traces.place(trace) for trace in plain["data"]]
        drawings.append([layouts.place(plain["layout"]), shown, said.place(sentence)])
    kept = [
        {key: control[key] for key in ("labels", "at", "slider")} | {"name": named(explorable.controls[name], name)}
        for name, control in controls.items()
    ]
    return {"controls": kept, "layouts": layouts, "traces": traces, "said": said, "drawings": drawings}


class Pool(list):
    """Things that differ, each once."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[str, int] = {}

    def place(self, thing: Any) -> int:
        """Where a thing stands; it is added if it is new."""
        key = json.dumps(thing, sort_keys=True)
        if key not in self._places:
            self._places[key] = len(self)
            self.append(thing)
        return self._places[key]


def named(widget: Any, name: str) -> str:
    """What a control is called: its description, its tooltip, or its name in the drawing."""
    return str(widget.description or getattr(widget, "tooltip", None) or name)


def record() -> None:
    """From now on each explorable's output carries its frames."""
    show = Explorable._repr_mimebundle_

    def with_frames(self: Explorable, **kwargs: object) -> dict[str, Any]:
        found = frames(self)
        return show(self, **kwargs) | ({KIND: found} if found else {})

    Explorable._repr_mimebundle_ = with_frames  # type: ignore[method-assign]
