"""The whole-course test: that it finds what it looks for, and that its limits hold. `make course` fills the table."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
import pytest

from tests.harness import learner
from tests.harness.cage import Cage, Limits, caged
from tests.harness.copies import contents
from tests.harness.learner import WAYS, complaints, visit, with_solution
from tests.stress import whole_course
from tests.stress.whole_course import BINDER, ROWS, Finding, Row, Table, main, run_row, summary
from tests.tools.store_outputs import ROOT, all_notebooks

NOT_HERE = BINDER.impossible()
LEAVES_A_PROCESS = """
import subprocess, sys
left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)
"""
GREEDY = "taken = b'x' * 3_000_000_000"
FAMILY = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        taken = b'x' * 900_000_000
        time.sleep(3)
        os._exit(0)
print(sorted(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(3))[0])
"""


def notebook_of(folder: Path, *cells: str, name: str = "00_small") -> Path:
    """A notebook with these code cells, called cell-0, cell-1 and so on."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(cells)]
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


def test_each_way_runs_what_it_says() -> None:
    """In order; an exercise is run blank, then solved, twice."""
    cells = [("a", "1"), ("b", '...\ncheck("02.1", answer)')]
    solved = with_solution(cells[1][1])
    assert solved.endswith('check("02.1", answer)') and "..." not in solved
    assert list(WAYS["once"](cells)) == cells
    assert list(WAYS["all twice"](cells)) == cells * 2
    assert list(WAYS["each twice"](cells)) == [cells[0], cells[0], cells[1], ("b", solved), ("b", solved)]


@pytest.mark.parametrize("path", all_notebooks(), ids=lambda path: path.stem)
def test_no_stored_output_warns(path: Path) -> None:
    """Nothing of ours and no deprecated call."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert {cell.id: said for cell in cells if (said := complaints(cell.outputs))} == {}


def test_what_goes_wrong_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error, a warning, a deprecated call and a process that stays; a progress bar and print are no fault."""
    monkeypatch.setattr(learner, "GRACE_S", 1)
    cells = [
        "from tqdm.auto import tqdm; import time; print(len([time.sleep(0.5) for _ in tqdm(range(3))]))",
        "1 / 0",
        "import warnings; warnings.warn('beware')",
        "import optuna; optuna.logging.set_verbosity(optuna.logging.ERROR)\n"
        "optuna.create_study().optimize(lambda trial: trial.suggest_loguniform('x', 1, 2), n_trials=1)",
        LEAVES_A_PROCESS,
    ]
    found = visit(notebook_of(tmp_path, *cells), "once")
    assert [problem.split(":")[0] for problem in found.problems[:3]] == ["cell-1", "cell-2", "cell-3"]
    assert "ZeroDivisionError" in found.problems[0] and "beware" in found.problems[1]
    assert "FutureWarning" in found.problems[2] and "deprecated" in found.problems[2]
    assert [problem.split(":")[0] for problem in found.problems[3:]] == ["it left a process"]
    assert found.kernel_mb > 30 and found.seconds > 1


@pytest.mark.slow
def test_a_second_run_that_fails_is_found(tmp_path: Path) -> None:
    """Once all is well, and neither twice in a row nor cell by cell twice."""
    path = notebook_of(tmp_path, "if 'seen' in globals():\n    raise KeyError('twice')\nseen = True")
    assert {way: bool(visit(path, way).problems) for way in WAYS} == {
        "once": False,
        "all twice": True,
        "each twice": True,
    }


def test_a_kernel_that_dies_is_found(tmp_path: Path) -> None:
    """Without a result there is no silence."""
    assert visit(notebook_of(tmp_path, "import os; os._exit(1)", "1"), "once").problems == ["cell-0: the kernel died"]


@dataclass(frozen=True)
class Limited:
    """Runs a line of Python in a cage; called, it returns what was printed and the exit status."""

    cage: Cage

    def __call__(self, line: str) -> tuple[str, int]:
        process = self.cage.start([sys.executable, "-c", line], cwd=self.cage.home, stdout=subprocess.PIPE)
        return process.communicate(timeout=120)[0].strip(), process.returncode


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Limited]:
    """Binder's limits, around the folder of the test."""
    if NOT_HERE:
        pytest.skip(NOT_HERE)
    with caged(BINDER, tmp_path) as cage:
        yield Limited(cage)


@pytest.mark.slow
def test_more_memory_than_the_limit_is_not_to_be_had(limited: Limited) -> None:
    """One gigabyte is, three are not, neither for one process nor for three of its children together."""
    assert limited("taken = b'x' * 1_000_000_000; print(len(taken))") == ("1000000000", 0)
    assert limited.cage.killed() == 0
    assert limited(GREEDY) == ("", -9)
    assert limited.cage.killed() == 1
    assert limited(FAMILY) == ("-9", 0)
    assert limited.cage.killed() > 1


@pytest.mark.slow
def test_a_second_core_cannot_be_used(limited: Limited) -> None:
    """Not even by a program that asks for all."""
    code = "import os; os.sched_setaffinity(0, range(os.cpu_count())); print(len(os.sched_getaffinity(0)))"
    assert limited(code) == ("1", 0)


@pytest.mark.slow
def test_the_network_is_not_reached_but_this_machine_is(limited: Limited) -> None:
    """Kernels, the database and Dask need 127.0.0.1."""
    away = "import socket\ntry: socket.create_connection(('192.0.2.1', 80), 5)\nexcept OSError as error: print(error)"
    assert limited(away) == ("[Errno 101] Network is unreachable", 0)
    home = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(socket.create_connection(s.getsockname()))"
    assert limited(home)[1] == 0


@pytest.mark.slow
def test_nothing_is_written_outside_the_home(limited: Limited, tmp_path: Path) -> None:
    """By an ordinary user, who can read, write at home, and use the usual devices."""
    places = ["/tmp", "/var/tmp", "/etc", "/root", str(ROOT), str(Path(sys.prefix))]
    code = f"import os; print([p for p in {places} if os.access(p, os.W_OK)], os.getuid(), os.path.expanduser('~'))"
    assert limited(code) == (f"[] 1000 {tmp_path}", 0)
    assert limited("open('note', 'w').write('kept'); open('/dev/null', 'w').write('gone')") == ("", 0)
    assert (tmp_path / "note").read_text() == "kept"
    assert limited("import getpass; print(getpass.getuser())") == ("learner", 0)


@pytest.mark.slow
def test_without_limits_nothing_is_limited(tmp_path: Path) -> None:
    """The other rows run as the one who starts them, with a home of their own."""
    assert Limits().impossible() == ""
    with caged(Limits(), tmp_path) as cage:
        process = cage.start(
            [sys.executable, "-c", "import os, sys; sys.exit(os.environ['HOME'] != sys.argv[1])", str(tmp_path)]
        )
        assert process.wait(60) == 0 and cage.killed() == 0


@pytest.fixture
def small_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose notebooks stand for the course's; the copies hold what it takes to run them."""
    source = tmp_path / "course"
    (source / "notebooks").mkdir(parents=True)

    def copy(home: Path) -> None:
        for name in ("tests/__init__.py", "tests/harness/__init__.py", "tests/harness/learner.py"):
            (home / name).parent.mkdir(exist_ok=True)
            (home / name).write_bytes((ROOT / name).read_bytes())
        (home / "notebooks").mkdir()
        for path in (source / "notebooks").iterdir():
            (home / "notebooks" / path.name).write_bytes(path.read_bytes())

    monkeypatch.setattr(whole_course, "copy_course", copy)
    return source / "notebooks"


@pytest.mark.slow
def test_a_row_tells_notebooks_apart(small_course: Path) -> None:
    """In sequence: one that is well, one that leaves a file, one that changes what it found."""
    paths = [
        notebook_of(small_course, "import os; assert os.environ['LEARN_OPTUNA_SEED'] == '3'", name="00_well"),
        notebook_of(small_course, "open('left.txt', 'w').write('1')", name="01_leaves"),
        notebook_of(small_course, "open('00_well.ipynb', 'a').write(' ')", name="02_changes"),
    ]
    findings = list(run_row(Row("x", seed=3, together=True), paths, sys.executable))
    assert [finding.result for finding in findings] == [
        "ok",
        "it left or changed notebooks/left.txt",
        "it left or changed notebooks/00_well.ipynb",
    ]
    assert all(finding.family_mb > finding.kernel_mb > 30 for finding in findings)


@pytest.mark.slow
def test_a_notebook_that_does_not_end_is_ended(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all that it has started, and the next one is run."""
    monkeypatch.setattr(whole_course, "RUN_TIMEOUT_S", 15)
    endless = notebook_of(small_course, LEAVES_A_PROCESS + "print(left.pid)\nleft.wait()", name="00_endless")
    before = set(psutil.Process().children(recursive=True))  # of the test run itself
    (finding,) = run_row(Row("x"), [endless], sys.executable)
    assert finding.result == "not finished after 15 s"
    assert set(psutil.Process().children(recursive=True)) <= before


@pytest.mark.slow
@pytest.mark.skipif(bool(NOT_HERE), reason=NOT_HERE)
def test_a_notebook_that_takes_too_much_memory_is_found(small_course: Path) -> None:
    """Under Binder's limits and beside JupyterLab; a modest one is well there."""
    modest = notebook_of(small_course, "import os; os.getuid()", name="00_modest")
    greedy = notebook_of(small_course, GREEDY, name="01_greedy")
    row = Row("x", limits=BINDER, lab=True, together=True)
    found = [finding.result for finding in run_row(row, [modest, greedy], sys.executable)]
    assert found == ["ok", "memory: 1 killed"]


def test_the_table_is_kept_and_outdated_findings_are_not_used(tmp_path: Path) -> None:
    """What is ok and still the same course is not run again."""
    notebook, row = all_notebooks()[0], ROWS[0]
    digest = whole_course.digest(notebook)
    table = Table(tmp_path / "t.csv")
    for result, course, done in (("ok", digest, True), ("cell-3: KeyError", digest, False), ("ok", "other", False)):
        table.add(Finding(row.name, notebook.stem, "3.11.7", 1.0, 2, 3, result, course))
        kept = Table(tmp_path / "t.csv")
        assert kept.findings == table.findings
        assert kept.is_done(row, notebook) is done
        assert not kept.is_done(ROWS[1], notebook)
    assert len(kept.findings) == 1


def test_the_summary_names_what_went_wrong(tmp_path: Path) -> None:
    """A failure is not to be missed, and is told with its cell."""
    table = Table(tmp_path / "t.csv")
    table.add(Finding(ROWS[0].name, "00_a", "3.11.7", 5.0, 200, 300, "ok", "x"))
    assert "Nothing went wrong." in summary(table) and "5 s 200 MB" in summary(table)
    table.add(Finding(ROWS[0].name, "01_b", "3.11.7", 5.0, 200, 300, "cell-3: KeyError: 'a'", "x"))
    assert "FAILED" in summary(table) and f"{ROWS[0].name} | 01_b | cell-3: KeyError: 'a'" in summary(table)


def test_a_row_that_cannot_be_run_is_skipped_with_a_reason(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """And the command does not end well."""
    arguments = ["--rows", "Python 3.13", "--notebooks", "00", "--table", str(tmp_path / "t.csv")]
    if sys.version_info[:2] == (3, 13):
        arguments[1] = "Python 3.12"
    assert main(arguments) == 1
    assert "skipped: no Python 3.1" in capsys.readouterr().out or NOT_HERE


def test_rows_are_told_apart() -> None:
    """By their names; every row of the issue is among them."""
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert {row.seed for row in ROWS if row.name.startswith("alone")} == set(range(5))
    assert {row.python for row in ROWS} == {"", "3.12", "3.13"} and {row.way for row in ROWS} == set(WAYS)


def test_contents_see_every_change(tmp_path: Path) -> None:
    """A new file, a changed one and a removed one; caches and hidden folders do not count."""
    (tmp_path / "a").write_text("1")
    before = contents(tmp_path)
    for name in ("__pycache__/x.pyc", ".jupyter/x"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("x")
    assert contents(tmp_path) == before
    (tmp_path / "a").write_text("2")
    assert contents(tmp_path) != before


@pytest.mark.slow
@pytest.mark.parametrize("way", ["all twice", "each twice"])
def test_a_real_notebook_can_be_run_twice(way: str) -> None:
    """The search-spaces notebook, the quickest with exercises of every kind."""
    (path,) = (ROOT / "notebooks").glob("02_*.ipynb")
    assert visit(path, way).problems == []
