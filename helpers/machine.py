"""The machine check of notebook 00. It imports nothing but the standard library until it looks for it."""

from __future__ import annotations

import importlib
import os
import platform
import site
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

PROJECT, HEAD = "learn-optuna", {"Python": "Python", "optuna": "Optuna", "torch": "PyTorch"}
REINSTALL = "run `make lab` again in the course's folder (with conda: `conda env update -f environment.yml`)"
MODULES = {"grpcio": "grpc", "protobuf": "google.protobuf", "scikit-learn": "sklearn"}


@dataclass(frozen=True)
class Row:
    """One thing that was looked at; `mend` is empty when nothing is to be done."""

    what: str
    found: str
    mend: str = ""


@dataclass(frozen=True)
class MachineReport:
    """One line when the machine is ready, with the table folded behind it; else what is to be mended."""

    rows: tuple[Row, ...]

    def __repr__(self) -> str:
        if wrong := [f"✗ {row.what}: {row.found}; {row.mend}" for row in self.rows if row.mend]:
            head = "Your machine is not ready. Mend this, restart the kernel, and run this cell again:"
            return "\n".join([head, *wrong])
        versions = ", ".join(f"{HEAD[row.what]} {row.found}" for row in self.rows if row.what in HEAD)
        return f"Your machine is ready: {versions}."

    def _repr_markdown_(self) -> str:
        table = ["| | what | found | how to mend it |", "|---|---|---|---|"]
        for row in sorted(self.rows, key=lambda row: not row.mend):
            cells = ("✗" if row.mend else "✓", row.what, row.found, row.mend)
            table.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        unfolded, line = " open" if any(row.mend for row in self.rows) else "", repr(self).splitlines()[0]
        return "\n".join([f"<details{unfolded}><summary>{line}</summary>", "", *table, "", "</details>"])


def machine_check() -> MachineReport:
    """Looks at packages, memory and disk; never raises."""
    rows = [Row("Python", platform.python_version())]
    try:
        rows += [_package(name, need) for name, need in _requirements()]
        rows.append(_memory())
    except ImportError as error:  # of packaging or psutil, or the course itself is not installed
        rows.append(Row(PROJECT, str(error), REINSTALL))
    return MachineReport((*rows, _writing()))


def _requirements() -> list[tuple[str, Any]]:
    """(package, version range) of everything a learner needs, as the project declares it."""
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    lines, wanted = metadata.requires(PROJECT) or [], dict[str, Any]()
    with suppress(metadata.PackageNotFoundError):  # each torchvision is built for one torch
        lines += [line for line in metadata.requires("torchvision") or [] if line.startswith("torch=")]
    for need in map(Requirement, lines):
        if not need.marker or need.marker.evaluate({"extra": ""}):
            wanted[need.name] = wanted.get(need.name, SpecifierSet()) & need.specifier
    return list(wanted.items())


def _package(name: str, wanted: Any) -> Row:
    """What Python imports under this name, which may be an older copy elsewhere, or a file of the learner's."""
    module, spec = MODULES.get(name, name.replace("-", "_")), None
    with suppress(ModuleNotFoundError):
        spec = util.find_spec(module)
    if spec is None or spec.origin is None:
        return Row(name, "missing", REINSTALL)
    place = (file := Path(spec.origin)).parents[module.count(".") + bool(spec.submodule_search_locations)]
    known = [] if name in HEAD else [*metadata.distributions(name=name, path=[str(place)])]  # to import takes long
    try:
        version = known[0].version if known else importlib.import_module(module).__version__
        if wanted.contains(version, prereleases=True):
            return Row(name, version)
    except Exception as error:  # whatever is in the way
        version = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
    cure, paths = REINSTALL, os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if place == Path.cwd():
        cure = f"rename your {file.relative_to(place).parts[0]}, which hides it"
    elif place in [Path(entry).absolute() for entry in paths if entry]:
        cure = "remove the environment variable PYTHONPATH, and start the course again"
    elif str(place) == site.getusersitepackages():
        cure = "set the environment variable PYTHONNOUSERSITE to 1, and start the course again"
    return Row(name, f"{version}, from {place}", f"the course needs {name}{wanted}: {cure}")


def _memory() -> Row:
    free = importlib.import_module("psutil").virtual_memory().available / 2**30
    return Row("memory", f"free: {free:.1f} GB", "close other programs: a notebook needs up to 1" if free < 1 else "")


def _writing() -> Row:
    try:
        with tempfile.TemporaryFile(dir=Path.cwd()):
            return Row("writing files", "possible here")
    except OSError:
        return Row("writing files", "not possible here", "copy the course to a folder of your own")
