"""Measures commands and writes their figures into both README.md: `python -m tests.tools.record_commands "make lab"`.

Each runs in a new clone, as a reader meets it. What is not named keeps the figures it has; without a name all run.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.harness.copies import ROOT
from tests.harness.lab import serving_lab

FILE = ROOT / "tests" / "tools" / "commands.json"
READMES = (ROOT / "README.md", ROOT / "tests" / "README.md")
LABS = ("make lab", "make lab INSTALLER=pip")
OTHERS = ("make test", "make slow", "make portable", "make seeds", "make course", "make benchmark")
HOURS = 6
CACHES = ("UV_CACHE_DIR", "PIP_CACHE_DIR")
CELL = "import torch, helpers\nprint(float(torch.ones(2).sum()))"
Record = dict[str, dict[str, float]]  # command; seconds, gigabytes, and seconds of another start


def load() -> Record:
    """What was measured."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def filled(text: str, record: Record) -> str:
    """A text with what is recorded of a command as the last cell of its line, and a dash where nothing is."""
    return re.sub(
        r"^(\| `(make [^`]+)` \| .* \| )[^|]+ \|$",
        lambda line: line[1] + (figures(**record[line[2]]) if line[2] in record else "–") + " |",
        text,
        flags=re.MULTILINE,
    )


def figures(seconds: float, gigabytes: float, again: float | None = None) -> str:
    """What was measured of a command, as it is read."""
    if again is None:
        return words(seconds)
    return f"{words(seconds)} from the clone to the first cell, {gigabytes:.1f} GB; afterwards {words(again)}"


def words(seconds: float) -> str:
    """A time with the unit that it needs."""
    return f"{seconds:.0f} seconds" if seconds < 100 else f"{seconds / 60:.0f} minutes"


def measure(command: str) -> dict[str, float]:
    """Runs one command in a new clone, from empty caches, without a GPU's or a test's settings.

    Raises:
        CalledProcessError: it fails.
    """
    with tempfile.TemporaryDirectory(prefix="learn-optuna-") as folder:
        Path(folder).chmod(0o755)  # as a clone lies: tests run programs of the environment by other accounts
        course, empty = Path(folder, "course"), {name: str(Path(folder, name)) for name in CACHES}
        begin = time.perf_counter()
        subprocess.run(["git", "clone", "-q", str(ROOT), str(course)], check=True)
        cloned = time.perf_counter() - begin
        if command in LABS:
            return lab_figures(course, cloned, command, empty)
        subprocess.run(["make", ".venv/installed-test"], cwd=course, env=os.environ | empty, check=True)
        begin = time.perf_counter()
        subprocess.run(command.split(), cwd=course, check=True, timeout=HOURS * 3600)
        return {"seconds": round(time.perf_counter() - begin), "gigabytes": gigabytes(course / ".venv")}


def lab_figures(course: Path, cloned: float, command: str, variables: dict[str, str]) -> dict[str, float]:
    """Seconds until a cell has its answer: the first time with the clone, and again; the size of the environment."""
    _, _, *settings = command.split()
    variables = variables | dict(setting.split("=") for setting in settings) | {"PYTHONDONTWRITEBYTECODE": ""}
    seconds = []
    for begin in (time.perf_counter() - cloned, None):
        begin = begin or time.perf_counter()
        with serving_lab(course=course, start_s=3600, **variables) as lab:
            assert lab.run_cell(CELL, 300) == "2.0\n"
            seconds.append(round(time.perf_counter() - begin))
    return {"seconds": seconds[0], "again": seconds[1], "gigabytes": gigabytes(course / ".venv")}


def gigabytes(folder: Path) -> float:
    """Size of a folder on the disk, in 10^9 bytes; what a cache shares with it counts."""
    sizes = {path.lstat().st_ino: path.lstat().st_blocks * 512 for path in folder.rglob("*")}
    return round(sum(sizes.values()) / 1e9, 1)


def main(commands: list[str]) -> None:
    """Measures, keeps the record and fills in both files."""
    for command in commands or (*LABS, *OTHERS):
        record: dict[str, Any] = load() | {command: measure(command)}
        print(command, record[command], flush=True)
        FILE.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for readme in READMES:
        readme.write_text(filled(readme.read_text(encoding="utf-8"), load()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
