"""The machine check: ready here, and a row with what to do wherever something is missing or broken."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from packaging.requirements import Requirement

from helpers import machine
from helpers.learn.seed import VARIABLE
from helpers.machine import MachineReport, Row, machine_check

ROOT = Path(__file__).parents[2]
FIXED = ("torch and torchvision", "PyTorch computes", "processor cores", "memory", "writing files", VARIABLE)


def declared() -> dict[str, str]:
    """The packages a learner needs and their ranges, as the project declares them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needs = map(Requirement, project["dependencies"])
    return {need.name: str(need.specifier) for need in needs}


def row_of(what: str) -> Row:
    """One line of a fresh check."""
    (row,) = (row for row in machine_check().rows if row.what == what)
    return row


def fake_version(monkeypatch: pytest.MonkeyPatch, package: str, version: str | None) -> None:
    """Makes one package look missing (None) or of another version."""
    real = metadata.version

    def pretended(name: str) -> str:
        if name != package:
            return real(name)
        if version is None:
            raise metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(metadata, "version", pretended)


def fake_requires(monkeypatch: pytest.MonkeyPatch, package: str, lines: list[str] | None) -> None:
    """Makes one package look missing (None) or as if it needed other packages."""
    real = metadata.requires

    def pretended(name: str) -> list[str] | None:
        if name == package and lines is None:
            raise metadata.PackageNotFoundError(name)
        return lines if name == package else real(name)

    monkeypatch.setattr(metadata, "requires", pretended)


def break_torch(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Makes the import of torch raise, as a missing package or a missing library of the system does."""
    real = importlib.import_module

    def pretended(name: str, *arguments: object) -> object:
        if name == "torch":
            raise error
        return real(name, *arguments)

    monkeypatch.setattr(importlib, "import_module", pretended)


def test_this_machine_is_ready() -> None:
    """Every row is there, the packages in the middle, and none has to be mended."""
    report = machine_check()
    python, *packages = (row.what for row in report.rows[: -len(FIXED)])
    assert python == "Python"
    assert sorted(packages) == sorted(declared())
    assert tuple(row.what for row in report.rows[-len(FIXED) :]) == FIXED
    assert report.ready, report


def test_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, and so is the command that installs it; nothing else is."""
    for package in declared():
        with monkeypatch.context() as patch:
            fake_version(patch, package, None)
            row = row_of(package)
        assert row.found == "missing" and "make lab" in row.mend


def test_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too old or new: the range that is needed is named. Before its release is in range; no version is a finding."""
    for package, version in (
        ("optuna", "4.9.0"),
        ("optuna", "6.0"),
        ("torch", "2.12.1+cpu"),
        ("optuna", "none at all"),
    ):
        with monkeypatch.context() as patch:
            fake_version(patch, package, version)
            row = row_of(package)
        assert "make lab" in row.mend
        if version[0].isdigit():
            assert row.found == version and f"the course needs {declared()[package]}" in row.mend
    for version in ("5.1.0.dev0", "5.0.1rc1"):
        with monkeypatch.context() as patch:
            fake_version(patch, "optuna", version)
            assert row_of("optuna") == Row("optuna", version)


@pytest.mark.parametrize("line", ["torch==2.14.0", "torch==2.14.0; python_version > '3'"])
def test_a_torchvision_built_for_another_torch(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """The torch it wants is named."""
    fake_requires(monkeypatch, "torchvision", ["numpy", line])
    row = row_of("torch and torchvision")
    assert row.found == "do not match"
    assert "torchvision wants torch 2.14.0" in row.mend
    assert "make lab" in row.mend


def test_a_cpu_build_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The local part of a version, such as +cpu, is no mismatch."""
    fake_version(monkeypatch, "torch", "2.14.0+cpu")
    fake_requires(monkeypatch, "torchvision", ["torch==2.14.0"])
    assert row_of("torch and torchvision") == Row("torch and torchvision", "match")


@pytest.mark.parametrize("error", [ImportError("no torch"), OSError("libtorch.so: cannot open\nshared object file")])
def test_torch_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Missing, or broken in its libraries: one line says what was met and what to do."""
    break_torch(monkeypatch, error)
    row = row_of("PyTorch computes")
    assert row.found == f"{type(error).__name__}: {' '.join(str(error).split())}"
    assert "make lab" in row.mend


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


def test_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below one gigabyte the learner is told to close other programs."""
    for gigabytes, enough in ((0.99, False), (1.0, True)):
        memory = SimpleNamespace(available=gigabytes * 2**30)
        monkeypatch.setattr(psutil, "virtual_memory", lambda memory=memory: memory)
        row = row_of("memory")
        assert row.found == f"free: {gigabytes:.1f} GB" and bool(row.mend) is not enough
        assert enough or "close other programs" in row.mend


def test_a_broken_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row says how to set the variable; installing the course again would not help."""
    for text in ("abc", "a|b", "x" * 500):
        monkeypatch.setenv(VARIABLE, text)
        assert "whole number" in (row := row_of(VARIABLE)).mend and "make lab" not in row.mend


def test_a_probe_that_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it ran into becomes its row, in one line; the other rows are as they were."""

    def broken() -> Row:
        raise RuntimeError("first line\n   second line " + "x" * 500)

    before = machine_check().rows
    monkeypatch.setattr(machine, "_cores", broken)
    after = machine_check().rows
    (changed,) = (row for row in after if row.what == "processor cores")
    assert changed.found.startswith("RuntimeError: first line second line x")
    assert len(changed.found) < 200
    assert changed.mend
    moving = ("processor cores", "memory")
    assert [row for row in after if row.what not in moving] == [row for row in before if row.what not in moving]


@pytest.mark.parametrize("missing", ["project", "packaging"])
def test_a_course_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """With its list of packages unknown the course is not ready, and the learner is told to install it."""
    if missing == "project":
        fake_requires(monkeypatch, machine.PROJECT, None)
        fake_version(monkeypatch, machine.PROJECT, None)
    else:
        monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    report = machine_check()
    assert not report.ready
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
    """Both forms hold the same rows with the same verdicts."""
    report = report or machine_check()
    text = repr(report).splitlines()
    table, verdict = report._repr_markdown_().split("\n\n")
    marks = {"✓": "ok", "✗": "mend"}
    assert len(table.splitlines()) - 2 == len(text) == len(report.rows)
    for row, line, written in zip(report.rows, text, table.splitlines()[2:], strict=True):
        mark, what, found, mend = cells(written)
        assert (what, found, mend) == (row.what, row.found, row.mend)
        assert line == f"{marks[mark]:4} {what}: {found} {mend}".rstrip()
        assert (mark == "✗") == bool(row.mend)
    assert ("ready" in verdict) == report.ready == ("mend" not in {line.split()[0] for line in text})


IMPORT = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
before = set(sys.modules)
from helpers.machine import machine_check
print(*{{name.split(".")[0] for name in set(sys.modules) - before}} - set(sys.stdlib_module_names))
"""


def python(code: str, *flags: str) -> str:
    """What a new interpreter prints."""
    command = [sys.executable, *flags, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True, timeout=120).stdout


@pytest.mark.parametrize("flags", [(), ("-S", "-E")], ids=["installed", "bare"])
def test_it_imports_the_standard_library_alone(flags: tuple[str, ...]) -> None:
    """Whether or not anything is installed."""
    assert python(IMPORT, *flags).split() == ["helpers"]


def test_a_bare_python_gets_its_table() -> None:
    """With no package at all the check still ends, and says how to install the course."""
    shown = python(IMPORT + "print(machine_check())", "-X", "utf8", "-S", "-E")
    for row in ("learn-optuna", "PyTorch computes", "memory"):
        assert re.search(rf"^mend {row}: .*make lab", shown, flags=re.MULTILINE)
