"""How many trials a second the storages take, and what more workers bring: `python -m tests.bench.storages`.

Workers are real processes on this machine. Each waits in its first trial until all are there; then they start
together, and the clock runs until the last trial of all has ended. First trials do not count. Where trials sleep, all
for the same time, workers start one after the other: else they would come to the storage as one crowd again and again.
Storages and numbers of workers take turns, so that a busy moment of the computer does not hit one of them alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from statistics import median
from uuid import uuid4

import optuna
from optuna.trial import TrialState

from helpers.errors import BadInput
from helpers.fleet import Fleet, open_storage, start_postgres
from helpers.fleet.objectives import SECONDS, sleeping
from helpers.fleet.postgres import free_port
from tests.harness.hosts import PROXY

WORKERS, TRIALS = (1, 2, 4, 8), {1: 100, 2: 60, 4: 40, 8: 25}
WANTED_OF_LINEAR, SLEEP_S, SLEEPS = 0.9, 0.5, 20
GATE, CROWD, PATIENCE_S = "LEARN_OPTUNA_GATE", "LEARN_OPTUNA_CROWD", 60


def objective(trial: optuna.Trial) -> float:
    """Branin after LEARN_OPTUNA_SLEEP seconds; the first one in a process waits for all workers."""
    _wait_for_all()
    return sleeping(trial)


@cache
def _wait_for_all() -> None:
    """Returns when all workers are there; where trials take a while, one after the other within the first of them."""
    gate, crowd = Path(os.environ[GATE]), int(os.environ[CROWD])
    (gate / str(os.getpid())).touch()
    end = time.monotonic() + PATIENCE_S
    while len(there := sorted(gate.iterdir())) < crowd and time.monotonic() < end:
        time.sleep(0.005)
    time.sleep(float(os.environ[SECONDS]) * there.index(gate / str(os.getpid())) / crowd)


@contextmanager
def storages() -> Iterator[dict[str, str]]:
    """A URL for each storage that processes can share, each new and empty."""
    with tempfile.TemporaryDirectory() as folder, start_postgres() as database, proxy(database.url) as door:
        yield {
            "SQLite": f"sqlite:///{folder}/study.db",
            "journal file": f"journal:///{folder}/journal.log",
            "PostgreSQL": database.url,
            "gRPC proxy": door,
        }


@contextmanager
def proxy(url: str) -> Iterator[str]:
    """A gRPC proxy on loopback before a database."""
    port = free_port()
    program = subprocess.Popen([sys.executable, "-W", "ignore", "-c", PROXY, url, "127.0.0.1", str(port)])
    try:
        for patience in range(20, -1, -1):
            try:
                open_storage(f"grpc://127.0.0.1:{port}")
                break
            except BadInput:
                if not patience or program.poll() is not None:
                    raise
        yield f"grpc://127.0.0.1:{port}"
    finally:
        program.terminate()
        program.wait(10)


def rate(url: str, workers: int, trials: int, *, sleep_s: float = 0.0, sampler: str = "RandomSampler") -> float:
    """Trials a second when so many workers run `trials` trials each, their first ones not counted.

    Raises:
        RuntimeError: a worker failed, or a trial was lost or came twice.
    """
    ends = _ends(url, workers, trials, sleep_s, sampler)
    if sleep_s:  # the workers began at different moments: each by its own clock
        return sum((len(moments) - 1) / (moments[-1] - moments[0]).total_seconds() for moments in ends)
    gun, last = min(moments[0] for moments in ends), max(moments[-1] for moments in ends)
    return sum(len(moments) - 1 for moments in ends) / (last - gun).total_seconds()


def _ends(url: str, workers: int, trials: int, sleep_s: float, sampler: str) -> list[list[datetime]]:
    """When each worker's trials ended, in order."""
    name = f"bench {uuid4().hex}"
    study = optuna.create_study(storage=open_storage(url), study_name=name)
    with tempfile.TemporaryDirectory() as gate:
        environment = {GATE: gate, CROWD: str(workers), SECONDS: str(sleep_s)}
        arguments = {"workers": workers, "trials": trials, "options": ("--sampler", sampler)}
        with Fleet(url, name, "tests.bench.storages:objective", environment=environment, **arguments) as fleet:
            codes = fleet.wait(300)
            if codes != [0] * workers:
                raise RuntimeError(f"Workers ended with {codes}: {fleet.said(0)}")
    found = study.get_trials(deepcopy=False)
    complete = [trial for trial in found if trial.state == TrialState.COMPLETE]
    if sorted(trial.number for trial in complete) != list(range(workers * trials)) or len(found) != len(complete):
        raise RuntimeError(f"{len(complete)} of {workers * trials} trials are complete, of {len(found)} in all.")
    ends: dict[str, list[datetime]] = {}
    for trial in complete:
        ends.setdefault(trial.user_attrs["worker"], []).append(trial.datetime_complete)
    return [sorted(moments) for moments in ends.values()]


def measure(repetitions: int = 3, counts: tuple[int, ...] = WORKERS) -> dict[str, dict[int, float]]:
    """Median trials a second, by storage and by number of workers."""
    found: dict[tuple[str, int], list[float]] = {}
    with storages() as urls:
        for _ in range(repetitions):
            for workers in counts:
                for name, url in urls.items():
                    found.setdefault((name, workers), []).append(rate(url, workers, TRIALS[workers]))
    return {name: {workers: median(found[name, workers]) for workers in counts} for name in urls}


def of_linear(workers: int = 8, trials: int = SLEEPS, sampler: str = "RandomSampler") -> float:
    """Trials a second of so many workers on PostgreSQL, over so many times that of one; half a second a trial.

    One worker is timed before and after, and the faster counts: its slow moments would speak for the many.
    """
    with start_postgres() as database:
        before, many, after = (rate(database.url, n, trials, sleep_s=SLEEP_S, sampler=sampler) for n in (1, workers, 1))
    return many / (workers * max(before, after))


def main() -> None:
    """Measures and prints."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    print(f"\n{'trials a second':<16}" + "".join(f"{n:>4} worker{'s' * (n > 1):<2}" for n in WORKERS))
    for name, rates in measure().items():
        print(f"{name:<16}" + "".join(f"{rates[n]:>13.0f}" for n in WORKERS))
    storage, thinking = of_linear(), of_linear(sampler="TPESampler")
    wanted = f"(at least {WANTED_OF_LINEAR:g} wanted)"
    print(f"PostgreSQL, {SLEEP_S:g} s a trial, 8 workers: {storage:.2f} of linear {wanted}")
    print(f"The same with TPE, which thinks on the same processors: {thinking:.2f} of linear")


if __name__ == "__main__":
    main()
