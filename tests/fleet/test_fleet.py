"""The fleet starts real workers, kills those it is told to, and leaves none behind, however its owner ends."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import psutil
import pytest
from optuna.trial import TrialState

from helpers.errors import BadInput
from helpers.fleet import Fleet, open_storage, start_postgres

SLEEPING, BRANIN = (f"helpers.fleet.objectives:{name}" for name in ("sleeping", "branin"))
OWNER = """
import sys, time
from helpers.fleet import Fleet
fleet = Fleet(sys.argv[1], "s", "helpers.fleet.objectives:sleeping", workers=2, trials=500)
print(*[worker.pid for worker in fleet.workers], flush=True)
time.sleep(60)
"""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A storage of each kind with a study in it."""
    if request.param == "sqlite":
        yield from _with_study(f"sqlite:///{tmp_path}/study.db")
    else:
        with start_postgres() as database:
            yield from _with_study(database.url)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[str]:
    """The lighter of the two."""
    yield from _with_study(f"sqlite:///{tmp_path}/study.db")


def _with_study(url: str) -> Iterator[str]:
    optuna.create_study(storage=open_storage(url), study_name="s")
    yield url


def study(url: str) -> optuna.Study:
    """The study of a test."""
    return optuna.load_study(storage=open_storage(url), study_name="s")


def until(true: Callable[[], object], seconds: float = 30) -> None:
    """Waits for it."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def running(url: str) -> Callable[[], bool]:
    """Whether a trial runs and has named its worker."""
    shared = study(url)
    return lambda: any(
        trial.state == TrialState.RUNNING and "worker" in trial.user_attrs for trial in shared.get_trials()
    )


def test_four_workers_fill_a_study_exactly(url: str) -> None:
    """Each signs its trials with the name that the fleet knows it by."""
    with Fleet(url, "s", SLEEPING, workers=4, total=20, environment={"LEARN_OPTUNA_SLEEP": "0.3"}) as fleet:
        names = {worker.name for worker in fleet.workers}
        assert len(names) == 4 and fleet.wait(60) == [0, 0, 0, 0]
    trials = study(url).trials
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 20
    assert {trial.user_attrs["worker"] for trial in trials} == names


@pytest.mark.slow
def test_one_is_killed_and_another_added(file: str) -> None:
    """The dead one is known to be dead; the others and the new one work on."""
    with Fleet(file, "s", SLEEPING, workers=2, trials=500, environment={"LEARN_OPTUNA_SLEEP": "0.1"}) as fleet:
        until(running(file))
        fleet.kill(0)
        until(lambda: not fleet.workers[0].alive)
        assert fleet.workers[0].code == -signal.SIGKILL and fleet.workers[1].alive
        added = fleet.add()
        assert added.alive and fleet.workers[2] == added
        until(lambda: added.name in {trial.user_attrs.get("worker") for trial in study(file).trials})
        fleet.kill(2, signal.SIGTERM)
        until(lambda: fleet.workers[2].code == 128 + signal.SIGTERM)
        assert fleet.workers[1].alive


def test_what_a_worker_says_is_kept(file: str) -> None:
    """One sentence, and the exit code of bad input."""
    with Fleet(file, "nobody", BRANIN, workers=1, trials=1) as fleet:
        assert fleet.wait(30) == [2]
        assert fleet.said(0) == f"There is no study 'nobody' in {file}: create it first, or correct the name."


@pytest.mark.parametrize("own", ["helpers.py", "helpers/__init__.py"])
def test_helpers_of_ones_own_are_named(own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every program of the course that is started where they lie would import them instead of the course's."""
    (mine := tmp_path / own).parent.mkdir(exist_ok=True)
    mine.touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=f"^{mine} hides the course's helpers from its worker: rename it.$"):
        Fleet("sqlite:///study.db", "s", BRANIN, trials=1)


def test_waiting_ends_in_time(file: str) -> None:
    """None for those that still work."""
    with Fleet(file, "s", SLEEPING, workers=1, trials=500) as fleet:
        begin = time.monotonic()
        assert fleet.wait(0.5) == [None] and 0.5 <= time.monotonic() - begin < 20  # 500 trials take 250 s


def test_stopping_tells_the_running_trial_to_fail(file: str) -> None:
    """SIGTERM, in order: no trial stays RUNNING, and its parameters wait."""
    with Fleet(file, "s", SLEEPING, workers=1, trials=500, environment={"LEARN_OPTUNA_SLEEP": "60"}) as fleet:
        until(running(file))
        fleet.stop()
        assert fleet.workers[0].code == 128 + signal.SIGTERM
    assert [trial.state for trial in study(file).trials] == [TrialState.FAIL, TrialState.WAITING]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["with", "forgotten"])
def test_no_worker_and_no_file_is_left(file: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither after a with block nor after the last reference is gone; a suspended worker ends, too."""
    (scratch := tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    fleet = Fleet(file, "s", SLEEPING, workers=2, trials=500)
    pids = [worker.pid for worker in fleet.workers]
    until(running(file))
    assert not list(scratch.iterdir())  # a killed kernel could not delete them
    fleet.kill(1, signal.SIGSTOP)
    if way == "with":
        with fleet:
            pass
    del fleet
    gc.collect()
    assert not any(psutil.pid_exists(pid) for pid in pids) and not list(scratch.iterdir())


@pytest.mark.slow
def test_workers_end_with_their_owner(file: str) -> None:
    """However it dies: nobody is left to stop them."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER, file], stdout=subprocess.PIPE, text=True)
    pids = [int(word) for word in owner.stdout.readline().split()]
    until(running(file))
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert len(pids) == 2
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


@pytest.mark.skipif(sys.platform != "linux", reason="Reads /proc.")
def test_no_password_can_be_read(file: str) -> None:
    """Neither in the arguments of a worker nor in what a notebook shows."""
    secret = "postgresql+psycopg://me:hunter2@127.0.0.1:1/optuna"
    with Fleet(secret, "s", BRANIN, workers=1, trials=1) as fleet:
        assert "hunter2" not in Path(f"/proc/{fleet.workers[0].pid}/cmdline").read_text()
        assert "hunter2" not in repr(fleet)
        assert fleet.wait(60) == [2] and "hunter2" not in fleet.said(0)


@pytest.mark.parametrize("numbers", [{"workers": 0, "trials": 1}, {"workers": 1}, {"workers": -1, "total": 3}])
def test_impossible_fleets_are_refused(file: str, numbers: dict[str, int]) -> None:
    """Before a process is started."""
    children = psutil.Process(os.getpid()).children()
    with pytest.raises(BadInput, match="at least 1 worker"):
        Fleet(file, "s", BRANIN, **numbers)
    assert psutil.Process(os.getpid()).children() == children
