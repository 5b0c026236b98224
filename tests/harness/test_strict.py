"""The comparison of stored outputs fails when it should, and only then."""

from __future__ import annotations

import copy
import re
import subprocess
import sys

import nbformat
import pytest

from tests.harness.outputs import PLOTLY, rounded
from tests.tools.store_outputs import ROOT, run

CELLS = (
    "import plotly.graph_objects as go, plotly.io as pio\npio.renderers.default = 'plotly_mimetype'\n0.25",
    "go.Figure().add_scatter(x=[1, 2], y=[0.1, 1 / 3])",
    "from tqdm.auto import tqdm\nfor _ in tqdm(range(2)): pass\nprint('done')",
    "from helpers.machine import MachineReport, Row\n"
    "MachineReport((Row('Python', '3.11.7'), Row('optuna', '5.0.0'), Row('memory', 'free: 8.0 GB')))",
)


@pytest.fixture(scope="module")
def stored() -> nbformat.NotebookNode:
    """A small notebook with outputs of every sort the course stores."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    return run(notebook)


def figure(notebook: nbformat.NotebookNode) -> dict:
    """The stored scatter."""
    return notebook.cells[1].outputs[0].data[PLOTLY]["data"][0]


def last_bit(notebook: nbformat.NotebookNode) -> None:
    """As on another processor."""
    figure(notebook)["y"] = [0.1 + 1e-12, 1 / 3]


def without_bar(notebook: nbformat.NotebookNode) -> None:
    """As it is stored."""
    notebook.cells[2].outputs = [out for out in notebook.cells[2].outputs if out.output_type == "stream"]


def other_version(notebook: nbformat.NotebookNode) -> None:
    """As with another Python, another Optuna and less memory."""
    data = notebook.cells[3].outputs[0].data
    for kind in data:
        data[kind] = data[kind].replace("3.1", "9.9").replace("5.0.0", "5.1.0.dev1").replace("8.0", "4.25")


def other_text(notebook: nbformat.NotebookNode) -> None:
    notebook.cells[0].outputs[0].data["text/plain"] = "0.26"


def other_point(notebook: nbformat.NotebookNode) -> None:
    figure(notebook)["y"] = [0.1001, 1 / 3]


def no_output(notebook: nbformat.NotebookNode) -> None:
    notebook.cells[0].outputs = []


def other_stream(notebook: nbformat.NotebookNode) -> None:
    notebook.cells[2].outputs[-1].text = "undone\n"


def not_ready(notebook: nbformat.NotebookNode) -> None:
    data = notebook.cells[3].outputs[0].data
    data["text/plain"] = data["text/plain"].replace("is ready", "is not ready")


def a_row_less(notebook: nbformat.NotebookNode) -> None:
    data = notebook.cells[3].outputs[0].data
    data["text/markdown"] = data["text/markdown"].replace("| ✓ | optuna | 5.0.0 |  |\n", "")


def never_run(notebook: nbformat.NotebookNode) -> None:
    notebook.cells[0].update(outputs=[], execution_count=None)


def all_that_may(notebook: nbformat.NotebookNode) -> None:
    """Each alone would pass where all together do."""
    last_bit(notebook)
    without_bar(notebook)
    other_version(notebook)


MAY_NOT = (other_text, other_point, no_output, other_stream, not_ready, a_row_less)


def rejected(stored: nbformat.NotebookNode, changes, folder) -> tuple[set[str], str]:
    """The names of the changed notebooks that the project's own options reject, and what was printed."""
    for change in changes:
        notebook = copy.deepcopy(stored)
        change(notebook)
        nbformat.write(notebook, folder / f"{change.__name__}.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--color=no", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run([*command, "-c", "pyproject.toml"], cwd=ROOT, capture_output=True, text=True)
    return set(re.findall(r"^FAILED .*?(\w+)\.ipynb", done.stdout, re.MULTILINE)), done.stdout + done.stderr


@pytest.mark.slow
def test_what_may_differ_and_what_not(stored, tmp_path):
    """Versions, progress bars and the last bits of a figure may; everything else may not."""
    names, printed = rejected(stored, (all_that_may, *MAY_NOT), tmp_path)
    assert names == {change.__name__ for change in MAY_NOT}
    assert f"{len(CELLS) * (1 + len(MAY_NOT)) - len(MAY_NOT)} passed" in printed


def test_a_cell_that_was_never_run_fails(stored, tmp_path):
    """nbval alone would pass it."""
    assert "has no stored output" in rejected(stored, [never_run], tmp_path)[1]


def test_packed_arrays_are_compared_by_value():
    """Plotly's base64 arrays become numbers, so that their last bits can be rounded."""
    packed = {"y": {"bdata": "AAAAAAAA8D8=", "dtype": "f8"}}
    assert rounded(packed) == {"y": [1.0, ""]}


def test_a_gap_is_a_gap():
    """nan is not equal to itself, but a map with the same gaps is the same map."""
    gap = float("nan")
    assert rounded({"z": [[gap, 0.5]]}) == rounded({"z": [[gap, 0.5]]}) != rounded({"z": [[0.5, gap]]})
