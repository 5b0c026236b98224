"""The notebooks as documents, and as programs: with every exercise solved, at a seed other than the stored one."""

from __future__ import annotations

import re
import time

import nbformat
import pytest

from helpers.learn.exercises import read_solutions
from helpers.learn.seed import VARIABLE
from tests.harness.outputs import PLOTLY, WIDGET, is_progress_bar
from tests.tools.store_outputs import METADATA, ROOT, STILL, all_notebooks, run

NOTEBOOKS = all_notebooks()
EXPLORABLE = re.compile(
    "(BeTheSampler|Explorable|FleetMonitor|LeaderboardView|TrialPicker|[A-Z][a-z]+(Chooser|Explorer|Lab|Lens|Window)): "
)
CHECK = re.compile(r'^check\("(\d\d\.\d)"', re.MULTILINE)
# The kernel's own peak (the one that getrusage reports begins with that of the process it was started from), and what
# of it are pages of files: libraries, which kernels share and the system can drop; machines map more of them or less.
MEMORY = "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith(('VmHWM', 'RssFile'))])"
LIMIT_SECONDS, LIMIT_BYTES = {"03": 75, "07": 90, "09": 75, "10": 120}, 768 * 2**20  # else 60 s; memory without files
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def source(path, kind: str) -> list[str]:
    """The text of all cells of one kind."""
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def solved(path) -> tuple[nbformat.NotebookNode, list[str]]:
    """A notebook with its solutions in the place of the blanks, and the exercises it has."""
    notebook, keys = nbformat.read(path, as_version=4), []
    solutions = read_solutions(path.name[:2])
    for cell in notebook.cells:
        if cell.cell_type == "code" and (found := CHECK.search(cell.source)):
            keys.append(found[1])
            cell.source = solutions[found[1]] + "\n\n" + cell.source[found.start() :]
    assert sorted(solutions) == keys
    return notebook, keys


def measured_run(notebook: nbformat.NotebookNode, seed: int, arithmetic: str = "own") -> tuple[float, int, int]:
    """Runs a notebook at one seed: seconds, with the kernel's start, its peak, and what files take of it, in bytes."""
    notebook.cells.append(nbformat.v4.new_code_cell(MEMORY))
    begin = time.perf_counter()
    run(notebook, arithmetic, **{VARIABLE: str(seed)})
    seconds = time.perf_counter() - begin
    peak, files = (1024 * int(kilobytes) for kilobytes in notebook.cells.pop().outputs[0].text.split())
    return seconds, peak, files


def texts(notebook: nbformat.NotebookNode) -> str:
    """Every text output of a notebook that was run."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(output.data.get("text/plain", "") for output in outputs if "data" in output)


@each_notebook
@pytest.mark.slow
def test_claims_and_solutions_hold_at_another_seed(path):
    """Claims raise when they fail; each solution is found correct; seconds and memory stay inside their limits."""
    notebook, keys = solved(path)
    seconds, peak, files = measured_run(notebook, seed=1)
    said = texts(notebook)
    for key in keys:
        assert f"Exercise {key}: correct." in said
    print(f"{path.stem}: {seconds:.1f} s, {peak / 1e6:.0f} MB, of which {files / 1e6:.0f} MB are files")
    assert peak - files <= LIMIT_BYTES
    assert seconds <= LIMIT_SECONDS.get(path.name[:2], 60)


@each_notebook
def test_blanks_are_not_attempted(path):
    """As stored, every exercise says that it was not attempted, and there are at least three."""
    said = texts(nbformat.read(path, as_version=4))
    keys = CHECK.findall("\n".join(source(path, "code")))
    assert len(keys) >= 3
    for key in keys:
        assert f"Exercise {key}: not attempted yet." in said


@each_notebook
def test_outputs_are_of_one_run(path):
    """Execution counts are 1 to n, nothing went to stderr, nothing of widgets or progress bars is stored."""
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.get("name") == "stderr" or output.output_type == "error"]
    assert not [output for output in outputs if WIDGET in output.get("data", {}) or is_progress_bar(output)]
    assert notebook.metadata == METADATA
    assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)


@each_notebook
def test_every_figure_has_a_still_picture(path):
    """A PNG lies beside each Plotly figure and each explorable."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    pictured = [output.data for cell in cells for output in cell.outputs if PLOTLY in output.get("data", {})]
    explorables = [
        output.data
        for cell in cells
        for output in cell.outputs
        if EXPLORABLE.match(output.get("data", {}).get("text/plain", ""))
    ]
    assert pictured and (explorables or path.name.startswith(("01", "05")))
    assert all(len(data.get(STILL, "")) > 3_000 for data in pictured + explorables)


@each_notebook
def test_prose(path):
    """One title, objectives and minutes first, summary, exercises and next last; pictures have telling words."""
    markdown = source(path, "markdown")
    headings = re.findall(r"^(#+) (.+)$", "\n".join(markdown), re.MULTILINE)
    assert [title for hashes, title in headings if hashes == "#"] == [markdown[0].splitlines()[0][2:]]
    assert re.search(r"\d+ minutes", markdown[0]) and "After this notebook you" in markdown[0]
    assert [title for _, title in headings][-3:] == ["Summary", "Exercises", "Next"]
    for words, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", "\n".join(markdown)):
        assert len(words.split()) >= 6
        assert (path.parent / target).exists()


@each_notebook
def test_links_lead_somewhere(path):
    """Every relative link of the prose is a file."""
    for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^):#]+)\)", "\n".join(source(path, "markdown"))):
        assert (path.parent / target).exists(), target


@each_notebook
def test_code_can_be_read(path):
    """Lines fit the page; no shell, of magic only %%writefile, no path tricks, no star imports; at most 25 lines."""
    for cell in source(path, "code"):
        assert max(map(len, cell.splitlines())) <= 115
        assert len(cell.splitlines()) <= 25
        assert not re.search(r"^\s*(!|%(?!%writefile \w+\.py$))|sys\.path|import \*", cell, re.MULTILINE)


def test_no_notebook_is_left_out():
    """The folder holds numbered notebooks only, and the README names each."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{number:02}" for number in range(len(NOTEBOOKS))]
    assert all(f"notebooks/{path.name}" in readme for path in NOTEBOOKS)
