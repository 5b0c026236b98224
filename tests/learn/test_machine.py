"""The machine check: ready here, and a row with what to do wherever something is missing or broken."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from importlib import metadata, util
from pathlib import Path
from types import SimpleNamespace

import nbformat
import psutil
import pytest
from packaging.requirements import Requirement

from helpers import machine
from helpers.machine import HEAD, MODULES, MachineReport, Row, machine_check

ROOT = Path(__file__).parents[2]
FIRST = ROOT / "notebooks" / "00_start_here.ipynb"
NOT_READY = "Your machine is not ready. Mend this, restart the kernel, and run this cell again:"


def declared() -> dict[str, str]:
    """The packages a learner needs and their ranges, as the project declares them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needs = map(Requirement, project["dependencies"])
    return {need.name: str(need.specifier) for need in needs}


def row_of(what: str) -> Row:
    """One line of a fresh check."""
    (row,) = (row for row in machine_check().rows if row.what == what)
    return row


def ready(report: MachineReport) -> bool:
    """Whether nothing is left to mend."""
    return not any(row.mend for row in report.rows)


def fake_version(monkeypatch: pytest.MonkeyPatch, package: str, version: str | None) -> None:
    """Makes one package look missing (None) or of another version."""
    module = MODULES.get(package, package.replace("-", "_"))
    if version is None:
        real = util.find_spec
        monkeypatch.setattr(util, "find_spec", lambda name: None if name == module else real(name))
    elif package in HEAD:
        monkeypatch.setattr(importlib.import_module(module), "__version__", version)
    else:
        found = metadata.distributions
        mine = [SimpleNamespace(version=version)]
        monkeypatch.setattr(metadata, "distributions", lambda **o: mine if o["name"] == package else found(**o))


def fake_requires(monkeypatch: pytest.MonkeyPatch, package: str, lines: list[str] | None) -> None:
    """Makes one package look missing (None) or as if it needed other packages."""
    real = metadata.requires

    def pretended(name: str) -> list[str] | None:
        if name == package and lines is None:
            raise metadata.PackageNotFoundError(name)
        return lines if name == package else real(name)

    monkeypatch.setattr(metadata, "requires", pretended)


def break_torch(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Makes the import of torch raise, as a missing library of the system does."""
    real = importlib.import_module

    def pretended(name: str, *arguments: object) -> object:
        if name == "torch":
            raise error
        return real(name, *arguments)

    monkeypatch.setattr(importlib, "import_module", pretended)


def test_this_machine_is_ready() -> None:
    """Every row is there, the packages in the middle, and none has to be mended."""
    report = machine_check()
    python, *packages, memory, files = (row.what for row in report.rows)
    assert (python, memory, files) == ("Python", "memory", "writing files")
    assert sorted(packages) == sorted(declared())
    assert ready(report), report
    assert all(metadata.version(row.what) == row.found.split("+")[0] for row in report.rows[1:-2])


@pytest.mark.parametrize("package", declared())
def test_a_missing_package(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """It is named, and so is the command that installs it."""
    fake_version(monkeypatch, package, None)
    row = row_of(package)
    assert row.found == "missing"
    assert "make lab" in row.mend


@pytest.mark.parametrize(
    ("package", "version"), [("optuna", "4.9.0"), ("optuna", "6.0"), ("torch", "2.12.1+cpu"), ("pandas", "1.5")]
)
def test_a_version_out_of_range(monkeypatch: pytest.MonkeyPatch, package: str, version: str) -> None:
    """Too old and too new: the range that is needed is named."""
    fake_version(monkeypatch, package, version)
    row = row_of(package)
    assert row.found.startswith(f"{version}, from /")
    assert "the course needs " in row.mend and declared()[package] in row.mend
    assert "make lab" in row.mend


@pytest.mark.parametrize("version", ["5.1.0.dev0", "5.0.1rc1"])
def test_a_version_before_its_release_is_in_range(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """Who tries Optuna's next version early is not sent back."""
    fake_version(monkeypatch, "optuna", version)
    assert row_of("optuna") == Row("optuna", version)


@pytest.mark.parametrize("package", ["optuna", "tqdm"])
@pytest.mark.parametrize("version", ["not a version", ""])
def test_a_version_that_is_none(monkeypatch: pytest.MonkeyPatch, package: str, version: str) -> None:
    """Damaged metadata of a package is a finding."""
    fake_version(monkeypatch, package, version)
    assert "make lab" in row_of(package).mend


@pytest.mark.parametrize("line", ["torch==2.14.0", "torch==2.14.0; python_version > '3'"])
def test_a_torchvision_built_for_another_torch(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """The torch it wants is named; the local part of a version, such as +cpu, is no mismatch."""
    fake_requires(monkeypatch, "torchvision", ["numpy", line])
    fake_version(monkeypatch, "torch", "2.15.0")
    row = row_of("torch")
    assert row.found.startswith("2.15.0, from ")
    assert "the course needs torch==2.14.0,>=2.13: " in row.mend and "make lab" in row.mend
    fake_version(monkeypatch, "torch", "2.14.0+cpu")
    assert row_of("torch") == Row("torch", "2.14.0+cpu")


@pytest.mark.parametrize("error", [ImportError("no torch"), OSError("libtorch.so: cannot open\nshared object file")])
def test_torch_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Broken in its libraries: one line says what was met and what to do."""
    break_torch(monkeypatch, error)
    row = row_of("torch")
    assert row.found.startswith(f"{type(error).__name__}: {' '.join(str(error).split())}, from ")
    assert "make lab" in row.mend


OLD = {  # where an older Optuna lies in wait, and what helps
    "PYTHONPATH": "remove the environment variable PYTHONPATH, and start the course again",
    "user": "set the environment variable PYTHONNOUSERSITE to 1, and start the course again",
    "working folder": "rename your optuna, which hides it",
}


@pytest.mark.parametrize("where", OLD)
@pytest.mark.parametrize("told", [True, False], ids=["installed", "unpacked"])
def test_an_older_optuna_that_hides_ours(where: str, told: bool, tmp_path: Path) -> None:
    """What is imported counts, with or without metadata beside it; then the cure is another than installing again."""
    (tmp_path / "optuna").mkdir()
    (tmp_path / "optuna" / "__init__.py").write_text("__version__ = '4.2.1'")
    if told:
        (tmp_path / "optuna-4.2.1.dist-info").mkdir()
        (tmp_path / "optuna-4.2.1.dist-info" / "METADATA").write_text("Name: optuna\nVersion: 4.2.1\n")
    user = (
        f"import site, sys; site.getusersitepackages = lambda: {str(tmp_path)!r}; sys.path.insert(1, {str(tmp_path)!r})"
    )
    code = f"{user if where == 'user' else ''}\nfrom helpers import machine\n"
    code += "machine._requirements = lambda real=dict(machine._requirements()): [('optuna', real['optuna'])]\n"  # quick
    code += "print(machine.machine_check())"
    folders = [str(ROOT)] + [str(tmp_path)] * (where == "PYTHONPATH")
    said = python(
        code, cwd=tmp_path if where == "working folder" else ROOT, env={"PYTHONPATH": os.pathsep.join(folders)}
    )
    wrong = f"✗ optuna: 4.2.1, from {tmp_path}; the course needs optuna<6,>=5: {OLD[where]}"
    assert said.splitlines() == [NOT_READY, wrong]


def test_a_file_that_hides_a_package(tmp_path: Path) -> None:
    """A learner's own torch.py, beside the notebook."""
    (tmp_path / "torch.py").write_text("answer = 42")
    said = python(
        "from helpers.machine import machine_check\nprint(machine_check())", cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}
    )
    assert re.search(r"^✗ torch: AttributeError: .*: rename your torch.py, which hides it$", said, re.MULTILINE)


@pytest.mark.parametrize("error", [PermissionError("read-only"), FileNotFoundError("the folder is gone")])
def test_a_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    """The learner is told to copy the course."""

    def refuse(**options: object) -> None:
        raise error

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    row = row_of("writing files")
    assert row.found == "not possible here"
    assert "copy the course" in row.mend


def test_a_folder_that_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A notebook whose folder was moved away still gets its table."""
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert "copy the course" in row_of("writing files").mend


def test_the_check_leaves_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Trying whether files can be written leaves none behind."""
    monkeypatch.chdir(tmp_path)
    assert row_of("writing files").mend == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("gigabytes", "enough"), [(0.5, False), (0.99, False), (1.0, True), (64, True)])
def test_little_memory(monkeypatch: pytest.MonkeyPatch, gigabytes: float, enough: bool) -> None:
    """Below one gigabyte the learner is told to close other programs."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=gigabytes * 2**30))
    row = row_of("memory")
    assert row.found == f"free: {gigabytes:.1f} GB"
    assert bool(row.mend) is not enough
    assert enough or "close other programs" in row.mend


@pytest.mark.parametrize("missing", ["project", "packaging"])
def test_a_course_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """With its list of packages unknown the course is not ready, and the learner is told to install it."""
    if missing == "project":
        fake_requires(monkeypatch, machine.PROJECT, None)
        fake_version(monkeypatch, machine.PROJECT, None)
    else:
        monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    report = machine_check()
    assert not ready(report)
    assert any("make lab" in row.mend for row in report.rows)


REPORTS = [
    MachineReport((Row("Python", "3.11.7"), Row("optuna", "5.0.0"))),
    MachineReport((Row("Python", "3.11.7"), Row("optuna", "missing", "run `make lab`"))),
    MachineReport((Row("seed", "'a|b'", "set it, as in `export X=1 | cat`"),)),
]


def cells(line: str) -> list[str]:
    """The cells of one row of a Markdown table; a bar after a backslash belongs to its cell."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


@pytest.mark.parametrize("report", [*REPORTS, None], ids=["ready", "mend", "bars", "here"])
def test_text_and_table_agree(report: MachineReport | None) -> None:
    """The table holds all rows, those to mend first, and is folded when there are none; the text holds only those."""
    report = report or machine_check()
    line, *wrong = repr(report).splitlines()
    head, _, *table, _, end = report._repr_markdown_().splitlines()
    assert head == f"<details{'' if ready(report) else ' open'}><summary>{line}</summary>" and end == "</details>"
    rows = sorted(report.rows, key=lambda row: row.mend == "")
    assert [cells(written) for written in table[2:]] == [
        ["✗" if row.mend else "✓", row.what, row.found, row.mend] for row in rows
    ]
    assert wrong == [f"✗ {row.what}: {row.found}; {row.mend}" for row in rows if row.mend]
    assert line.startswith("Your machine is ready: Python 3.") if ready(report) else line == NOT_READY


IMPORT = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
before = set(sys.modules)
from helpers.machine import machine_check
print(*{{name.split(".")[0] for name in set(sys.modules) - before}} - set(sys.stdlib_module_names))
"""


def python(code: str, *flags: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """What a new interpreter prints."""
    command, env = [sys.executable, "-X", "utf8", *flags, "-c", code], os.environ | (env or {})
    options = {"capture_output": True, "text": True, "encoding": "utf-8", "check": True, "timeout": 120}
    return subprocess.run(command, cwd=cwd, env=env, **options).stdout


@pytest.mark.parametrize("flags", [(), ("-S", "-E")], ids=["installed", "bare"])
def test_it_imports_the_standard_library_alone(flags: tuple[str, ...]) -> None:
    """Whether or not anything is installed."""
    assert python(IMPORT, *flags).split() == ["helpers"]


def test_a_bare_python_gets_its_table() -> None:
    """With no package at all the check still ends, and says how to install the course."""
    shown = python(IMPORT + "print(machine_check())", "-S", "-E")
    assert re.search(r"^✗ learn-optuna: .*make lab", shown, flags=re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("own", ["", "helpers.py", "helpers/__init__.py", "helpers/machine.py"])
def test_the_first_cell_of_the_course(own: str, tmp_path: Path) -> None:
    """The report; what hides the course, by its path; and how to start where there is no course."""
    cell = next(cell for cell in nbformat.read(FIRST, as_version=4).cells if cell.cell_type == "code").source
    (mine := tmp_path / own).parent.mkdir(exist_ok=True)
    if own:
        mine.touch()
    at_home = python(f"display = print\n{cell}", cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}) if own else NOT_READY
    elsewhere = python(f"display = print\n{cell}", "-S", cwd=tmp_path, env={"PYTHONPATH": ""})
    hidden = f"{mine} hides the helpers of the course:\nrename it, restart the kernel, and run this cell again.\n"
    if own in ("helpers.py", "helpers/__init__.py"):
        assert at_home == elsewhere == hidden
    else:  # a folder without __init__.py gives way to a package
        assert at_home.startswith(("Your machine is ready: ", NOT_READY))
        assert "`make lab` in the course's folder" in elsewhere
