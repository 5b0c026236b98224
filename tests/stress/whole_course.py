"""The whole course in every way a learner may run it: `make course`, or `python -m tests.stress.whole_course --help`.

Each notebook runs in a copy of the course, in a new kernel, under the conditions of each row. What was found is kept
after each run: the command can be stopped and started again. A run counts as failed when a cell raises or writes to
stderr, when a process or a file is left behind, or when the limit of memory ends a process.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd
import psutil

from helpers.learn.seed import VARIABLE
from tests.harness.cage import Cage, Limits, caged
from tests.harness.copies import ROOT, contents, copy_course, course_files

TABLE = ROOT / "tests" / "stress" / "whole_course.csv"
ANYTHING = Limits()
BINDER = Limits(network=False, cores=1, memory=2 * 10**9, home_only=True)
OFFLINE = Limits(network=False)
RUN_TIMEOUT_S = 1800
SETTINGS = ("JUPYTER", "IPYTHON", "PYTHON", "XDG_", "TMPDIR")  # of the one who runs the tests, not of the learner


@dataclass(frozen=True)
class Row:
    """A way in which every notebook is run.

    Attributes:
        way: what is run twice, see `learner.WAYS`.
        python: such as "3.12"; empty for the Python that runs this command.
        together: all notebooks in one copy, one after another, instead of each in a copy of its own.
        lab: a JupyterLab server runs beside the kernel, and its memory counts.
    """

    name: str
    seed: int = 0
    way: str = "once"
    python: str = ""
    limits: Limits = ANYTHING
    together: bool = False
    lab: bool = False


ROWS = [
    *(Row(f"alone, seed {seed}", seed=seed) for seed in range(5)),
    Row("in sequence, in one folder", together=True),
    Row("Run All twice in one kernel", way="all twice"),
    Row("each cell twice, exercises solved", way="each twice"),
    Row("Python 3.12, no network, seed 1", seed=1, python="3.12", limits=OFFLINE),
    Row("Python 3.13, no network, seed 2", seed=2, python="3.13", limits=OFFLINE),
    Row("1 core, 2 GB with JupyterLab, ordinary user, no network", limits=BINDER, lab=True),
]


@dataclass(frozen=True)
class Finding:
    """One notebook under one row; `result` is "ok", the first thing that went wrong, or why it was not run.

    Attributes:
        kernel_mb: the kernel's largest resident memory, in 10^6 bytes.
        family_mb: the largest of all processes together, as sampled twice a second: what each has for itself, and the
            largest part that one of them may share with others.
        course: a digest of the notebook and of all that it uses.
    """

    row: str
    notebook: str
    python: str
    seconds: float
    kernel_mb: float
    family_mb: float
    result: str
    course: str


class Table:
    """The findings so far, in a CSV file that is written anew after each."""

    def __init__(self, file: Path) -> None:
        self.file, self._lock = file, threading.Lock()
        records = pd.read_csv(file, dtype={"notebook": str, "python": str}).to_dict("records") if file.exists() else []
        self.findings = {(record["row"], record["notebook"]): Finding(**record) for record in records}

    def add(self, finding: Finding) -> None:
        """Keeps a finding in the place of an older one."""
        with self._lock:
            self.findings[finding.row, finding.notebook] = finding
            frame = pd.DataFrame(map(asdict, self.findings.values()), columns=[field.name for field in fields(Finding)])
            order = {row.name: number for number, row in enumerate(ROWS)}
            frame = frame.sort_values(["row", "notebook"], key=lambda column: column.map(lambda x: order.get(x, x)))
            waiting = self.file.with_suffix(".tmp")
            frame.to_csv(waiting, index=False)
            waiting.replace(self.file)

    def is_done(self, row: Row, notebook: Path) -> bool:
        """True when the notebook, as it is now, was found to be all right."""
        finding = self.findings.get((row.name, notebook.stem))
        return finding is not None and finding.result == "ok" and finding.course == digest(notebook)


def digest(notebook: Path) -> str:
    """Ten digits that change with the notebook and with anything of `helpers` or the pins."""
    files = [name for name in course_files() if name.startswith("helpers/") or name == "constraints.txt"]
    total = hashlib.sha256(notebook.read_bytes())
    for name in files:
        total.update((ROOT / name).read_bytes())
    return total.hexdigest()[:10]


def run_row(row: Row, notebooks: list[Path], python: str) -> Iterator[Finding]:
    """Runs notebooks one after another in one copy of the course, by the interpreter `python`."""
    with tempfile.TemporaryDirectory(prefix="learn-optuna-") as folder:
        home = Path(folder, "home")
        home.mkdir()
        Path(folder).chmod(0o755)
        copy_course(home)
        before, digests = contents(home), [digest(notebook) for notebook in notebooks]
        version = subprocess.run([python, "-V"], capture_output=True, text=True).stdout.split()[1]
        with caged(row.limits, home) as cage:
            for notebook, course in zip(notebooks, digests, strict=True):
                result, seconds, kernel_mb, family_mb = _run_one(cage, row, notebook, python)
                after = contents(home)
                if result == "ok" and (changed := dict(before.items() ^ after.items())):
                    result = f"it left or changed {', '.join(sorted(changed))}"
                before = after
                measured = (round(seconds, 1), round(kernel_mb), round(family_mb))
                yield Finding(row.name, notebook.stem, version, *measured, result, course)


def _run_one(cage: Cage, row: Row, notebook: Path, python: str) -> tuple[str, float, float, float]:
    """(result, seconds, MB of the kernel, MB of all its family) of one notebook in the cage."""
    lab = ["lab"] if row.lab else []
    command = [python, "-m", "tests.harness.learner", f"notebooks/{notebook.name}", row.way, *lab]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    environment = {**kept, VARIABLE: str(row.seed), "PYTHONPATH": str(cage.home)}
    killed = cage.killed()
    process = cage.start(command, cwd=cage.home, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    watch = MemoryWatch(process.pid)
    try:
        said, complained = process.communicate(timeout=RUN_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        for member in reversed(family(process.pid)):
            with suppress(psutil.NoSuchProcess):
                member.kill()
        process.communicate()
        return f"not finished after {RUN_TIMEOUT_S} s", RUN_TIMEOUT_S, 0, watch.end()
    family_mb = watch.end()
    if process.returncode:
        return f"it ended with {process.returncode}: {complained.strip()[-300:]}", 0, 0, family_mb
    visit = json.loads(said.splitlines()[-1])
    problems = [f"memory: {cage.killed() - killed} killed"] * (cage.killed() > killed) + visit["problems"]
    return " ".join((problems or ["ok"])[0].split())[:300], visit["seconds"], visit["kernel_mb"], family_mb


class MemoryWatch:
    """Samples the memory of a process and all below it, until `end`."""

    def __init__(self, pid: int, every_s: float = 0.5) -> None:
        self._pid, self._every, self._peak, self._stop = pid, every_s, 0, threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def end(self) -> float:
        """The largest sample, in 10^6 bytes."""
        self._stop.set()
        self._thread.join()
        return self._peak / 1e6

    def _sample(self) -> None:
        while not self._stop.wait(self._every):
            self._peak = max(self._peak, _memory(family(self._pid)))


def family(pid: int) -> list[psutil.Process]:
    """A process and everything below it."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _memory(processes: list[psutil.Process]) -> int:
    """Bytes; libraries and other files in memory that several processes share are counted once."""
    own, shared = 0, 0
    for process in processes:
        with suppress(psutil.Error):  # it has just ended
            found = process.memory_info()
            part = getattr(found, "shared", 0)  # Linux alone tells
            own, shared = own + found.rss - part, max(shared, part)
    return own + shared


def summary(table: Table) -> str:
    """Two tables as text, notebooks by rows and the rows in short; and all that went wrong."""
    frame = pd.DataFrame(map(asdict, table.findings.values()))
    ok = frame.result == "ok"
    frame["cell"] = frame.seconds.map("{:.0f} s ".format) + frame.kernel_mb.map("{:.0f} MB".format)
    frame.loc[~ok, "cell"] = "FAILED"
    frame.loc[frame.result.str.startswith("skipped"), "cell"] = "skipped"
    order = [row.name for row in ROWS if row.name in set(frame.row)]
    grid = frame.pivot(index="row", columns="notebook", values="cell").fillna("").loc[order]
    grid.columns = [name[:2] for name in grid.columns]
    short = (
        frame.assign(ok=ok)
        .groupby("row")
        .agg(
            notebooks=("ok", "size"),
            ok=("ok", "sum"),
            seconds=("seconds", "sum"),
            kernel_mb=("kernel_mb", "max"),
            family_mb=("family_mb", "max"),
        )
        .loc[order]
    )
    wrong = [f"{bad.row} | {bad.notebook} | {bad.result}" for bad in frame[~ok].itertuples()]
    return "\n".join([grid.to_string(), "", short.round().to_string(), "", *(wrong or ["Nothing went wrong."])])


def interpreters(paths: list[str]) -> dict[str, str]:
    """Path of an interpreter by its version, such as "3.12"; "" is the one that runs this command."""
    found = {"": sys.executable}
    for path in paths:
        code = "import sys; print('{}.{}'.format(*sys.version_info))"
        found[subprocess.run([path, "-c", code], capture_output=True, text=True, check=True).stdout.strip()] = path
    return found


def main(arguments: list[str]) -> int:
    """Runs what was asked for and is not known yet, prints the tables; 1 when anything went wrong."""
    options = _options(arguments)
    table, pythons = Table(options.table), interpreters(options.python)
    rows = [row for row in ROWS if any(part in row.name for part in options.rows)]
    notebooks = [path for path in sorted((ROOT / "notebooks").glob("*.ipynb")) if path.name[:2] in options.notebooks]

    def work(row: Row, group: list[Path]) -> None:
        reason = row.limits.impossible() or f"no Python {row.python}, see --python" * (row.python not in pythons)
        if reason:
            findings = (Finding(row.name, path.stem, "", 0, 0, 0, f"skipped: {reason}", "") for path in group)
        else:
            findings = run_row(row, group, pythons[row.python])
        for finding in findings:
            table.add(finding)
            print(f"{finding.row} | {finding.notebook} | {finding.seconds} s | {finding.result}", flush=True)

    groups = [(row, group) for row in rows for group in ([notebooks] if row.together else [[p] for p in notebooks])]
    wanted = [pair for pair in groups if options.again or not all(table.is_done(pair[0], path) for path in pair[1])]
    with ThreadPoolExecutor(options.jobs) as pool:
        running = [pool.submit(work, *pair) for pair in wanted]
    for done in running:
        done.result()  # raises what went wrong with the test itself
    print(summary(table))
    return int(any(finding.result != "ok" for finding in table.findings.values()))


def _options(arguments: list[str]) -> argparse.Namespace:
    numbers = [path.name[:2] for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    parser = argparse.ArgumentParser(prog="python -m tests.stress.whole_course", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="*", default=[""], help="parts of the names of rows; all without it")
    parser.add_argument("--notebooks", nargs="*", default=numbers, help="numbers such as 00 07; all without it")
    parser.add_argument("--python", nargs="*", default=[], help="interpreters of other versions, the course installed")
    parser.add_argument("--jobs", type=int, default=1, help="how many notebooks at a time")
    parser.add_argument("--again", action="store_true", help="run what was found to be all right as well")
    parser.add_argument("--table", type=Path, default=TABLE, help="the CSV file of what was found")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
