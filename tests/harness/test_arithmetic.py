"""The reference arithmetic is the same on every x86 processor, and what is compared elsewhere still says something."""

from __future__ import annotations

import subprocess
import sys

import nbformat
import pytest

from tests.harness.arithmetic import ARITHMETICS, compute, environment, fingerprint, has_the_reference
from tests.harness.outputs import PLOTLY, rounded, statement
from tests.tools.store_outputs import ROOT

REFERENCE_DIGESTS = {  # of an emulated processor with SSE4.2 and no more, and of one with AVX-512
    "NumPy's functions": "3798cbd51e00",
    "NumPy's sums": "837e86791f96",
    "NumPy's order of equal values": "3e827ef7f55f",
    "BLAS and LAPACK": "3fca92644efd",
    "the C library": "e920b3d2b074",
    "PyTorch's functions": "f89d258a946d",
    "PyTorch's products": "75eb91bec6cf",
}
FIGURE = {
    "data": [{"type": "scatter", "mode": "lines", "name": "the best of 30", "y": [0.25]}],
    "layout": {
        "title": {"text": "30 trials"},
        "xaxis": {"title": {"text": "trial"}},
        "annotations": [{"text": "0.9 a"}],
    },
}


@pytest.mark.skipif(not has_the_reference(), reason="the reference arithmetic is of Linux on x86")
def test_the_reference_arithmetic_is_the_same_here():
    """Part by part, so that a failure names the library whose variable no longer does what it did."""
    assert compute("reference", fingerprint) == REFERENCE_DIGESTS


def test_settings_of_the_user_do_not_reach_the_reference(monkeypatch):
    """Another arithmetic around the tests leaves the notebooks' alone; "own" keeps it."""
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")
    monkeypatch.setenv("NPY_ENABLE_CPU_FEATURES", "X86_V3")
    assert environment("reference").items() >= ARITHMETICS["reference"].items()
    assert "NPY_ENABLE_CPU_FEATURES" not in environment("reference")
    assert environment("own")["OPENBLAS_CORETYPE"] == "Nehalem"


def output(text: str = "", figure: dict | None = None) -> dict:
    """A cell's output."""
    data = {PLOTLY: figure} if figure else {"text/plain": text}
    return nbformat.v4.new_output("execute_result", data=data)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("TPE  0.9750   12\nGP   0.25", "TPE 0.9 9\nGP 1.2e-05", True),
        ("measured: -0.1 · test: < 0", "measured: 0.12345 · test: < 0", True),
        ("TPE 0.9", "GP 0.9", False),
        ("ahead by 0.9", "behind by 0.9", False),
        ("0.9", "0.9 0.8", False),
        ("True", "False", False),
    ],
)
def test_a_statement_is_its_words(one, other, same):
    """Numbers may differ, words and how many numbers there are may not."""
    assert (statement(output(one)) == statement(output(other))) == same


@pytest.mark.parametrize(
    ("path", "value", "same"),
    [
        (("data", 0, "y"), [0.5, 0.75], True),
        (("data", 0, "name"), "the best of 31", True),
        (("data",), FIGURE["data"] * 3, True),  # a line a trial: how many is a number
        (("data", 0, "name"), "the worst of 30", False),
        (("data", 0, "mode"), "markers", False),
        (("layout", "title", "text"), "30 runs", False),
        (("layout", "xaxis", "title", "text"), "epoch", False),
        (("layout", "annotations", 0, "text"), "0.9 b", False),
        (("data",), [], False),
    ],
)
def test_a_figure_states_its_words(path, value, same):
    """The kinds and names of its traces, its titles and its annotations."""
    changed = nbformat.from_dict(FIGURE)
    part = changed
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    assert (statement(output(figure=FIGURE)) == statement(output(figure=changed))) == same


def test_digits_in_a_hover_text_are_rounded_like_the_others():
    """Optuna writes seventeen digits into the texts of its figures; versions and dates stay as they are."""
    assert rounded({"text": "value: 0.12345678901234567 at 1.2.3"}) == {"text": "value: 0.123457 at 1.2.3"}
    assert rounded("-1.2345678e-05") == "-1.23457e-05"


@pytest.mark.slow
def test_elsewhere_notebooks_are_compared_by_what_they_state(tmp_path):
    """Another number passes, another word and a failed claim do not; in the reference another number does not."""
    sources = ["0.25", "'ahead'", "from helpers.learn import claim\nclaim('It holds.', {}, '<', 1)"]
    stored = {"number": ("0.26", "'ahead'", 0), "word": ("0.25", "'behind'", 0), "claim": ("0.25", "'ahead'", 2)}
    for name, (number, word, measured) in stored.items():
        cells = [nbformat.v4.new_code_cell(source.format(measured), execution_count=1) for source in sources]
        for cell, text in zip(cells, (number, word), strict=False):
            cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": text}, execution_count=1)]
        cells[2].metadata["tags"] = ["nbval-ignore-output"]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    failed = {}
    for arithmetic in ("oldest", "reference"):
        command = [sys.executable, "-m", "pytest", "-q", "-rf", "--color=no", "-p", "no:cacheprovider", str(tmp_path)]
        command += ["-c", "pyproject.toml", "--arithmetic", arithmetic]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        failed[arithmetic] = {name for name in stored if f"{name}.ipynb::" in done.stdout}
    assert failed == {"oldest": {"word", "claim"}, "reference": set(stored)}


@pytest.mark.skipif(not has_the_reference(), reason="without the reference nbval itself compares by statement")
def test_a_notebook_states_the_same_in_older_arithmetic():
    """The one whose figures and searches differ most; `make portable` runs all, in every arithmetic."""
    command = [sys.executable, "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider", "--arithmetic", "oldest"]
    done = subprocess.run([*command, "notebooks/08_visualization.ipynb"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
