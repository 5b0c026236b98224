"""What of a notebook's outputs is stored and compared. Used when outputs are stored and when they are checked."""

from __future__ import annotations

import base64
import math
import re
from itertools import groupby
from typing import Any

import nbformat
import numpy as np

WIDGET = "application/vnd.jupyter.widget-view+json"
PLOTLY = "application/vnd.plotly.v1+json"
BAR = re.compile(r"^([^|\n]*: )?\s*\d+%\|")
LONG = re.compile(r"(?<![\w.])-?\d+\.\d{6,}(?:e[-+]?\d+)?")
NUMBER = re.compile(r"(?<![\w.])[-+−]?\d[\d_,]*(?:\.\d*)?(?:e[-+]?\d+)?%?")


def is_progress_bar(output: dict) -> bool:
    """True for what tqdm shows: it is a timing, and says nothing once it is full."""
    return bool(BAR.match("".join(output.get("data", {}).get("text/plain", ""))))


def without_progress_bars(outputs: list) -> list:
    """The outputs that are stored and compared."""
    return [output for output in outputs if not is_progress_bar(output)]


def rounded(value: Any) -> Any:
    """Figures with every float at six significant digits, in their texts too: processors differ in the last bits.

    Plotly packs arrays as {"bdata": base64, "dtype": ..., "shape": ...}; they become lists.
    """
    if isinstance(value, dict):
        if "bdata" in value:
            array = np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
            return [*rounded(array.tolist()), value.get("shape", "")]
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(part) for part in value]
    if isinstance(value, str):
        return LONG.sub(lambda found: f"{float(found[0]):.6g}", value)
    if isinstance(value, float):
        return "nan" if math.isnan(value) else float(f"{value:.6g}")  # nan, a gap in a map, is not equal to itself
    return value


def comparable(output: dict) -> dict:
    """One output as it is compared: Plotly figures rounded, all else untouched."""
    if PLOTLY not in output.get("data", {}):
        return output
    return nbformat.from_dict({**output, "data": {**output["data"], PLOTLY: rounded(output["data"][PLOTLY])}})


def statement(output: dict) -> dict:
    """What one output says, without its numbers: the words, and of a figure its traces' kinds and names, and its words.

    A seeded search may part on another processor, so that numbers and the best category differ; a sentence does not.
    """
    data = {kind: figure_words(part) if kind == PLOTLY else part for kind, part in output.get("data", {}).items()}
    return nbformat.from_dict(masked({**output, "data": data} if data else dict(output)))


def masked(value: Any) -> Any:
    """Texts with # for each number, and one space or dash for the many that align a table; of lists each part."""
    if isinstance(value, dict):
        return {key: masked(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [masked(part) for part in value]
    return re.sub(r"([\s─-])[\s─-]+", r"\1", NUMBER.sub("#", value)) if isinstance(value, str) else value


def figure_words(figure: dict) -> list:
    """Of each trace its type, mode and name, once where many are alike: a search that parts has more or fewer lines,
    one a trial; of the layout its titles and annotations."""
    layout = figure["layout"]
    kinds = [[trace.get(key) for key in ("type", "mode", "name")] for trace in figure["data"]]
    traces = [kind for kind, _ in groupby(kinds)]
    axes = [axis.get("title", {}).get("text") for key, axis in sorted(layout.items()) if "axis" in key]
    notes = [note.get("text") for note in layout.get("annotations", [])]
    return masked([traces, layout.get("title", {}).get("text"), axes, notes])
