"""The ways in which a learner goes through a notebook, run in a new kernel: `python -m tests.harness.learner FILE WAY`.

Runs in the environment and under the limits that it is started in, and prints what it found as JSON. Light on purpose:
its memory counts where the memory is limited. With a third argument "lab" a JupyterLab server runs beside the kernel.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

ROOT = Path(__file__).parents[2]
CHECK = re.compile(r'^check\("(\d\d\.\d)"', re.MULTILINE)
WARNED = re.compile(r"\b\w*Warning: |\bdeprecated\b")
MARK = "LEARN_OPTUNA_VISIT"  # in the environment of everything that a notebook starts
CELL_TIMEOUT_S, GRACE_S, LAB_S = 600, 10, 120
Cells = list[tuple[str, str]]  # (id, source) of code cells


@dataclass
class Visit:
    """What a run of one notebook was like.

    Attributes:
        seconds: from before the kernel's start to its end.
        kernel_mb: the kernel's largest resident memory, in 10^6 bytes.
        problems: "cell-12: what went wrong", of every cell that raised or warned; empty when all is well.
    """

    seconds: float = 0.0
    kernel_mb: float = 0.0
    problems: list[str] = field(default_factory=list)


def once(cells: Cells) -> Iterator[tuple[str, str]]:
    """Run All."""
    yield from cells


def all_twice(cells: Cells) -> Iterator[tuple[str, str]]:
    """Run All, and again in the same kernel."""
    yield from cells
    yield from cells


def each_twice(cells: Cells) -> Iterator[tuple[str, str]]:
    """Every cell run again before the next; an exercise first as it is stored, then with its solution, twice."""
    for name, source in cells:
        yield name, source
        yield name, with_solution(source)
        if with_solution(source) != source:
            yield name, with_solution(source)


WAYS: dict[str, Callable[[Cells], Iterator[tuple[str, str]]]] = {
    "once": once,
    "all twice": all_twice,
    "each twice": each_twice,
}


def with_solution(source: str) -> str:
    """The cell of an exercise with the solution in the place of the blanks; other cells as they are."""
    if not (found := CHECK.search(source)):
        return source
    text = (ROOT / "helpers" / "exercises" / "solutions" / f"nb{found[1][:2]}.py").read_text(encoding="utf-8")
    solution = text.split(f"# Exercise {found[1]}\n")[1].split("# Exercise ")[0].strip()
    return f"{solution}\n\n{source[found.start() :]}"


def visit(path: Path, way: str) -> Visit:
    """Runs one notebook in its own folder and a new kernel; goes on after a cell that fails, to see what else does."""
    notebook = nbformat.read(path, as_version=4)
    cells = [(cell.id, cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    tags = {cell.id: cell.metadata.get("tags", []) for cell in notebook.cells}
    result, begin = Visit(), time.perf_counter()
    client = NotebookClient(
        notebook, timeout=CELL_TIMEOUT_S, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    mark = uuid.uuid4().hex
    with client.setup_kernel(env={**os.environ, MARK: mark}):
        for name, source in WAYS[way](cells):
            cell = nbformat.v4.new_code_cell(source, id=name, metadata={"tags": tags[name]})
            notebook.cells = [cell]
            try:
                client.execute_cell(cell, 0)
            except CellExecutionError as error:
                result.problems.append(f"{name}: {error.ename}: {error.evalue}")
            except DeadKernelError:
                result.problems.append(f"{name}: the kernel died")
                break
            result.problems += [f"{name}: {words}" for words in complaints(cell.outputs)]
        else:
            result.kernel_mb = _peak_mb(client.km.provisioner.pid)
    result.seconds = time.perf_counter() - begin
    for process in left_behind(mark):
        with suppress(psutil.NoSuchProcess):  # a moment later than it should
            result.problems.append(f"it left a process: {' '.join(process.cmdline())[:200]}")
            process.kill()
    return result


def complaints(outputs: list) -> list[str]:
    """Everything on stderr, and warnings anywhere else in a cell's outputs."""
    found = []
    for output in outputs:
        texts = [text for kind, text in output.get("data", {}).items() if kind.startswith("text/")]
        text = " ".join([output.get("text", ""), *texts])
        if output.get("name") == "stderr" or WARNED.search(text):
            found.append(f"it says {' '.join(text.split())}")
    return found


def left_behind(mark: str) -> list[psutil.Process]:
    """The processes that carry the mark in their environment and have not ended after ten seconds."""
    until = time.monotonic() + GRACE_S
    while (found := [process for process in psutil.process_iter() if _has(process, mark)]) and time.monotonic() < until:
        time.sleep(0.2)
    return found


def _has(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(MARK) == mark
    except psutil.Error:  # it has just ended, or is another user's
        return False


@contextmanager
def jupyterlab() -> Iterator[None]:
    """A JupyterLab server that answers, for as long as the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + LAB_S
        while socket.socket().connect_ex(("127.0.0.1", port)):
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError("JupyterLab does not start")
            time.sleep(0.2)
        yield
    finally:
        server.terminate()
        server.wait()


def _peak_mb(pid: int) -> float:
    """VmHWM: the peak that getrusage reports begins with that of the process it was started from."""
    status = Path("/proc", str(pid), "status")
    if not status.exists():  # not on macOS
        return 0.0
    return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) * 1024 / 1e6


def main(file: str, way: str, beside: str = "") -> None:
    """Visits one notebook and prints the result as the last line."""
    with jupyterlab() if beside == "lab" else nullcontext():
        print(json.dumps(asdict(visit(Path(file).absolute(), way))))


if __name__ == "__main__":
    main(*sys.argv[1:])
