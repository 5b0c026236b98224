"""What of a notebook's outputs is stored and compared. Used when outputs are stored and when they are checked."""

from __future__ import annotations

import base64
import math
import re
from typing import Any

import nbformat
import numpy as np

WIDGET = "application/vnd.jupyter.widget-view+json"
PLOTLY = "application/vnd.plotly.v1+json"
BAR = re.compile(r"^([^|\n]*: )?\s*\d+%\|")


def is_progress_bar(output: dict) -> bool:
    """True for what tqdm shows: it is a timing, and says nothing once it is full."""
    return bool(BAR.match("".join(output.get("data", {}).get("text/plain", ""))))


def without_progress_bars(outputs: list) -> list:
    """The outputs that are stored and compared."""
    return [output for output in outputs if not is_progress_bar(output)]


def rounded(value: Any) -> Any:
    """Figures with every float at six significant digits: processors differ in the last bits.

    Plotly packs arrays as {"bdata": base64, "dtype": ..., "shape": ...}; they become lists.
    """
    if isinstance(value, dict):
        if "bdata" in value:
            array = np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
            return [*rounded(array.tolist()), value.get("shape", "")]
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(part) for part in value]
    if isinstance(value, float):
        return "nan" if math.isnan(value) else float(f"{value:.6g}")  # nan, a gap in a map, is not equal to itself
    return value


def comparable(output: dict) -> dict:
    """One output as it is compared: Plotly figures rounded, all else untouched."""
    if PLOTLY not in output.get("data", {}):
        return output
    return nbformat.from_dict({**output, "data": {**output["data"], PLOTLY: rounded(output["data"][PLOTLY])}})
