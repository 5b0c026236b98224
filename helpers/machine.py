"""The machine check of notebook 00. It imports nothing but the standard library until it looks for it."""

from __future__ import annotations

import importlib
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from helpers.errors import BadInput

PROJECT = "learn-optuna"
REINSTALL = "run `make lab` again in the course's folder (with conda: `conda env update -f environment.yml`)"


@dataclass(frozen=True)
class Row:
    """One line of the table; `mend` is empty when nothing is to be done."""

    what: str
    found: str
    mend: str = ""


@dataclass(frozen=True)
class MachineReport:
    """The rows of the check, shown as a table."""

    rows: tuple[Row, ...]

    @property
    def ready(self) -> bool:
        """True when nothing is left to mend."""
        return not any(row.mend for row in self.rows)

    def __repr__(self) -> str:
        return "\n".join(f"{'mend' if r.mend else 'ok':4} {r.what}: {r.found} {r.mend}".rstrip() for r in self.rows)

    def _repr_markdown_(self) -> str:
        lines = ["| | what | found | how to mend it |", "|---|---|---|---|"]
        cells = [("✗" if r.mend else "✓", r.what, r.found, r.mend) for r in self.rows]
        lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells]
        verdict = "Your machine is ready." if self.ready else "Mend what is marked ✗, then run this cell again."
        return "\n".join([*lines, "", f"**{verdict}**"])


def machine_check() -> MachineReport:
    """Looks at Python, packages, memory, disk and the course's seed; never raises."""
    probes: list[tuple[str, Callable[[], Row]]] = [("Python", _python)]
    probes += [(name, _package(name, wanted)) for name, wanted in _requirements()] or [(PROJECT, _not_installed)]
    probes += [
        ("torch and torchvision", _torch_pair),
        ("PyTorch computes", _torch_computes),
        ("processor cores", _cores),
        ("memory", _memory),
        ("writing files", _writing),
        ("LEARN_OPTUNA_SEED", _seed),
    ]
    return MachineReport(tuple(_guarded(what, probe) for what, probe in probes))


def _guarded(what: str, probe: Callable[[], Row]) -> Row:
    """The probe's row, or a row that says what it ran into."""
    try:
        return probe()
    except Exception as error:  # a check that breaks is a finding, not a crash
        sentence = " ".join(str(error).split())[:120]
        return Row(what, f"{type(error).__name__}: {sentence}", REINSTALL)


def _python() -> Row:
    good = sys.version_info >= (3, 11)
    return Row("Python", platform.python_version(), "" if good else "install Python 3.11 or newer, then `make lab`")


def _requirements() -> list[tuple[str, str]]:
    """(package, version range) of everything a learner needs, as the project declares it."""
    try:
        from packaging.requirements import Requirement

        declared = [Requirement(line) for line in metadata.requires(PROJECT) or []]
    except ImportError:  # of packaging, or the course itself is not installed
        return []
    return list({need.name: str(need.specifier) for need in declared if need.marker is None}.items())


def _not_installed() -> Row:
    return Row(PROJECT, "its list of packages cannot be read", REINSTALL)


def _package(name: str, wanted: str) -> Callable[[], Row]:
    def probe() -> Row:
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            return Row(name, "missing", REINSTALL)
        if wanted:
            from packaging.specifiers import SpecifierSet

            if not SpecifierSet(wanted).contains(version, prereleases=True):
                return Row(name, version, f"the course needs {wanted}: {REINSTALL}")
        return Row(name, version)

    return probe


def _torch_pair() -> Row:
    """Each torchvision is built for one torch, and says so in its metadata."""
    needs = [line for line in metadata.requires("torchvision") or [] if line.split(";")[0].startswith("torch=")]
    wanted = needs[0].split(";")[0].split("==")[1].strip() if needs else ""
    found = metadata.version("torch").split("+")[0]
    if wanted and found != wanted.split("+")[0]:
        return Row("torch and torchvision", "do not match", f"torchvision wants torch {wanted}: {REINSTALL}")
    return Row("torch and torchvision", "match")


def _torch_computes() -> Row:
    torch = importlib.import_module("torch")
    total = float((torch.ones(3, 3) @ torch.ones(3, 3)).sum())
    where = "with a GPU" if torch.cuda.is_available() else "on the CPU (all the course needs)"
    return Row("PyTorch computes", where, "" if total == 27 else REINSTALL)


def _cores() -> Row:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Row("processor cores", f"cores: {count}")


def _memory() -> Row:
    free = importlib.import_module("psutil").virtual_memory().available / 2**30
    mend = "" if free >= 1 else "close other programs and notebooks: a notebook takes up to 1 GB"
    return Row("memory", f"free: {free:.1f} GB", mend)


def _writing() -> Row:
    try:
        with tempfile.TemporaryFile(dir=Path.cwd()):
            return Row("writing files", "possible here")
    except OSError:
        return Row("writing files", "not possible here", "copy the course to a folder of your own")


def _seed() -> Row:
    from helpers.learn.seed import VARIABLE, course_seed

    try:
        return Row(VARIABLE, str(course_seed()))
    except BadInput:
        mend = "set it to a whole number such as 0, or remove it, and restart the kernel"
        return Row(VARIABLE, repr(os.environ[VARIABLE][:20]), mend)
