"""Worker processes on this machine, started, watched and killed from a notebook."""

from __future__ import annotations

import os
import signal as signals
import socket
import sys
import tempfile
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired
from typing import IO

from helpers.errors import BadInput
from helpers.fleet.storage import VARIABLE

KILL = getattr(signals, "SIGKILL", signals.SIGTERM)


@dataclass(frozen=True)
class WorkerState:
    """One worker as it is now; `name` is the trials' user attribute "worker", `code` the exit code, None if alive."""

    name: str
    pid: int
    alive: bool
    code: int | None


class Fleet:
    """Some `python -m helpers.worker` on one study, from now on; see there for the options.

    Each has a process group of its own, so that an interrupted kernel interrupts none of them, gets the URL by its
    environment, and ends when the kernel does: its standard input is a pipe that closes then.

    Raises:
        BadInput: fewer than one worker, neither `trials` nor `total`, or a helpers.py that is not the course's in the
            working folder. What else is not possible each worker says.
    """

    def __init__(
        self,
        url: str,
        study_name: str,
        objective: str,
        *,
        workers: int = 4,
        trials: int | None = None,
        total: int | None = None,
        heartbeat_s: int | None = None,
        options: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        if workers < 1 or (trials is None and total is None):
            raise BadInput("A fleet needs at least 1 worker, and trials= for each or total= for all together.")
        for own in (Path("helpers.py"), Path("helpers", "__init__.py")):
            if own.is_file() and not Path("helpers", "worker.py").is_file():
                raise BadInput(f"{own.absolute()} hides the course's helpers from its worker: rename it.")
        self.url, self.study_name = url, study_name
        self._processes: list[Popen] = []
        self._said: list[IO[bytes]] = []
        self._end = weakref.finalize(self, _end_processes, self._processes)
        numbers = {"trials": trials, "total": total, "heartbeat": heartbeat_s}
        flags = [f"--{name}={number}" for name, number in numbers.items() if number is not None]
        self._command = [sys.executable, "-m", "helpers.worker", f"--study={study_name}", f"--objective={objective}"]
        self._command += [*flags, "--quiet", "--leashed", *options]
        self._environment = {"OMP_NUM_THREADS": "1"} | os.environ | {VARIABLE: url} | dict(environment or {})
        for _ in range(workers):
            self.add()

    def add(self) -> WorkerState:
        """One worker more."""
        said = tempfile.TemporaryFile("a+b")  # noqa: SIM115 - gone with this process, however that ends
        self._processes.append(
            Popen(self._command, stdin=PIPE, stdout=said, stderr=said, env=self._environment, start_new_session=True)
        )
        self._said.append(said)
        return self.workers[-1]

    @property
    def workers(self) -> list[WorkerState]:
        """The state of each, in the order of their start."""
        return [
            WorkerState(f"{socket.gethostname()}-{process.pid}", process.pid, process.poll() is None, process.poll())
            for process in self._processes
        ]

    def said(self, n: int) -> str:
        """What worker n has written: nothing, or a sentence that explains its exit code."""
        self._said[n].seek(0)  # the worker appends, wherever we read
        return self._said[n].read().decode(errors="replace").strip()

    def kill(self, n: int, signal: int = KILL) -> None:
        """Sends a signal to worker n; SIGKILL leaves it no time for anything."""
        self._processes[n].send_signal(signal)

    def wait(self, timeout: float | None = None) -> list[int | None]:
        """Waits for all, `timeout` seconds at most; returns the exit codes, None for those that still run."""
        end = time.monotonic() + (float("inf") if timeout is None else timeout)
        while any(worker.alive for worker in self.workers) and time.monotonic() < end:
            time.sleep(0.05)
        return [worker.code for worker in self.workers]

    def stop(self) -> None:
        """Ends all workers in order, and by force those that have not ended after ten seconds."""
        _end_processes(self._processes)

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()


def _end_processes(processes: list[Popen], grace_s: float = 10) -> None:
    """Closes their pipes and leaves none of them running; one that was suspended is woken to hear of it."""
    for process in processes:
        if process.stdin:
            process.stdin.close()
        if os.name != "nt":
            process.send_signal(signals.SIGCONT)
    end = time.monotonic() + grace_s
    for process in processes:
        with suppress(TimeoutExpired):
            process.wait(max(0.1, end - time.monotonic()))
        process.kill()  # nothing happens to one that has ended
        process.wait()
