"""Runs notebooks top to bottom and stores their outputs: `make notebooks`, or NOTEBOOKS=notebooks/01_....ipynb.

Each Plotly figure gets a still picture beside it, so that a notebook reads well where nothing runs.
"""

from __future__ import annotations

import base64
import io
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

from helpers.learn.seed import VARIABLE
from helpers.plots import STILLS
from tests.harness.arithmetic import environment, has_the_reference
from tests.harness.outputs import WIDGET, without_progress_bars

ROOT = Path(__file__).parents[2]
STILL = "image/png"
# What Plotly asks a browser for, in this order, with the font that the browser takes for the same; and the one that all
# stored pictures show.
FAMILIES = {"Open Sans": "Open Sans", "Verdana": "Verdana", "Arial": "Liberation Sans"}
FONT = "Liberation Sans"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def all_notebooks() -> list[Path]:
    """Every notebook of the course, in order."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def run(
    notebook: nbformat.NotebookNode, arithmetic: str = "own", go_on: bool = False, **variables: str
) -> nbformat.NotebookNode:
    """Runs a notebook in place, in a new kernel in the notebooks' folder; a cell that raises ends it, or `go_on`."""
    resources = {"metadata": {"path": str(ROOT / "notebooks")}}
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources, allow_errors=go_on)
    return client.execute(env=environment(arithmetic) | variables)


def store(path: Path) -> None:
    """Runs one notebook at the course's default seed, in the reference arithmetic, and writes it back in one step."""
    notebook = nbformat.read(path, as_version=4)
    run(notebook, "reference", **{VARIABLE: "0", STILLS: "1"})
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = {"tags": cell.metadata.tags} if cell.metadata.get("tags") else {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in without_progress_bars(cell.outputs) if not _of_the_stills(output)]
            for output in cell.outputs:
                data = output.get("data", {})
                data.pop(WIDGET, None)
                if still := data.get(STILL):
                    data[STILL] = lighter(still)
    waiting = path.with_suffix(".tmp")
    nbformat.write(notebook, waiting)
    waiting.replace(path)


def lighter(png: str) -> str:
    """A PNG, in base64, with at most 256 colours: a third of the bytes and no difference to be seen."""
    picture, small = Image.open(io.BytesIO(base64.b64decode(png))), io.BytesIO()
    if picture.mode == "P":
        return png
    picture.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(small, "PNG")
    return base64.b64encode(small.getvalue()).decode()


def _of_the_stills(output: dict) -> bool:
    """What the maker of still pictures complains of when the machine is busy; it then asks again."""
    return output.get("name") == "stderr" and "choreographer" in output["text"]


def drawn_with() -> str:
    """The font that Plotly's pictures have on this machine, "" where none of its families is found."""
    if shutil.which("fc-match") is None:
        return ""
    for family, same in FAMILIES.items():
        ask = ["fc-match", "--format=%{family[0]}", family]
        if (found := subprocess.run(ask, capture_output=True, text=True).stdout) in (family, same):
            return found
    return ""


def main(arguments: list[str]) -> None:
    """Stores the notebooks named, or all; other arithmetics than the reference would store other digits."""
    if not has_the_reference():
        sys.exit("Outputs are stored on Linux on an x86 processor: only there the reference arithmetic can be had.")
    if drawn_with() != FONT:
        sys.exit(f"The stored pictures show {FONT}: install it (fonts-liberation), without Open Sans or Verdana.")
    for path in [Path(argument) for argument in arguments] or all_notebooks():
        begin = time.perf_counter()
        store(path)
        print(f"{path.name}: {time.perf_counter() - begin:.1f} s, {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
