"""The tool that runs notebooks at any seeds: it goes on, lists what failed, and says how safely the rest holds."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.tools import seeds
from tests.tools.store_outputs import ROOT

# Its first claim fails at seed 5 alone; the cell below it raises there.
CELLS = [
    "from helpers.learn import claim, course_seed\nx = course_seed()\nclaim('It is below 5.', x, '<', 5)",
    "claim('One over what is left is positive.', 1 / (5 - x), '>', 0)",
    "display(claim('It is odd.', x % 2, '==', 1), claim('It is between 0 and 9.', float(x), 'within', (0, 9)))",
]


def tool(path: Path, *arguments: str) -> subprocess.CompletedProcess:
    """What the command prints of one throw-away notebook."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell, id=f"c{n}") for n, cell in enumerate(CELLS)]
    )
    nbformat.write(notebook, path)
    command = [sys.executable, "-m", "tests.tools.seeds", *arguments, "--notebooks", str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_it_goes_on_and_lists_all_that_failed(tmp_path: Path) -> None:
    """A claim that fails and a cell that raises at one of two seeds; the claims below are measured there too."""
    done = tool(tmp_path / "99_thrown_away.ipynb", "3", "5", "--keep", str(tmp_path / "kept"))
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "Seeds: 3 5"
    assert re.findall(r"^99 +(\S+) +(\d) +(\d)  (.+?)\.", done.stdout, re.MULTILINE) == [
        ("0.7", "2", "1", "It is below 5"),
        ("n/a", "1", "0", "One over what is left is positive"),
        ("n/a", "2", "0", "It is odd"),
        ("2.8", "2", "0", "It is between 0 and 9"),
    ]
    failed = done.stderr.split("2 failed:\n")[1].splitlines()
    assert failed[0] == "99 at seed 5: ✗ It is below 5. measured: 5 · test: < 5"
    assert failed[1] == "99 at seed 5: c1: ZeroDivisionError: division by zero"
    assert sorted(file.name for file in (tmp_path / "kept").iterdir()) == ["99-3.json", "99-5.json"]


def test_a_kept_run_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the code of the notebook is another one."""
    path = tmp_path / "99_thrown_away.ipynb"
    runs = iter([{"code": "old"}, {"code": "new"}])
    monkeypatch.setattr(seeds, "solved", lambda path: (path, []))
    monkeypatch.setattr(seeds, "fingerprint", lambda path: "old")
    monkeypatch.setattr(seeds, "record", lambda *one: next(runs))
    assert [seeds.kept(tmp_path, path, 7) for _ in range(3)] == [{"code": "old"}] * 3
    monkeypatch.setattr(seeds, "fingerprint", lambda path: "new")
    assert seeds.kept(tmp_path, path, 7) == {"code": "new"}


def test_seeds_are_drawn_anew_and_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    """Three each time, and each notebook is run at each of them."""
    asked: list[list] = []
    monkeypatch.setattr(seeds, "side_by_side", lambda work, runs, jobs: asked.append(runs) or [])
    for _ in range(2):
        seeds.main(["--notebooks", "06"])
    first, second = (line for line in capsys.readouterr().out.splitlines() if line.startswith("Seeds:"))
    assert first != second
    assert first.split()[1:] == [str(at) for _, at in asked[0]] and len(asked[0]) == 3


@pytest.mark.parametrize(
    ("figures", "wanted"),
    [
        ([("2", "> 1"), ("4", "> 1")], 2 / math.sqrt(2)),
        ([("2", "<= 7"), ("4", "<= 7")], 4 / math.sqrt(2)),
        ([("2", "> 1"), ("4", "> 3")], math.inf),
        ([("1", "> 1"), ("1", "> 1")], math.nan),
        ([("2", "within 1 to 9"), ("4", "within 1 to 9")], 2 / math.sqrt(2)),
        ([("2", "> 1")], math.nan),
        ([("True", "== True")] * 2, math.nan),
        ([("3", "== 3")] * 2, math.nan),
        ([("[1]", "< [2]")] * 2, math.nan),
    ],
)
def test_margins(figures: list[tuple[str, str]], wanted: float) -> None:
    """The mean distance from the nearer bound in standard deviations; nothing where that says nothing."""
    assert seeds.margin(figures) == pytest.approx(wanted, nan_ok=True)
