"""The SLURM file as it is shipped, on a real SLURM: an array, a task that is killed, one out of memory, one out of
time, one that is queued again, and a node that is drained."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from helpers.fleet import open_storage, start_postgres
from tests.fleet.test_engines import SLEEPING, SLURM, notebook_work, wait_until
from tests.harness.slurm import Slurm, impossible, slurm

pytestmark = [
    pytest.mark.slow,  # minutes: SLURM counts time limits in them
    pytest.mark.skipif(bool(impossible()), reason=impossible() or "none"),
]
ROOT = Path(__file__).parents[2]
HUNGRY = """
import os, time

def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    kept = b"x" * (10**9 if os.environ["SLURM_ARRAY_TASK_ID"] == "0" else 1)
    time.sleep(4 if len(kept) > 1 else 0.5)
    return x
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Slurm]:
    """One for all tests of this file."""
    with slurm() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A PostgreSQL for all of them."""
    with start_postgres() as database:
        yield database.url


@pytest.fixture
def study(request: pytest.FixtureRequest, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> optuna.Study:
    """A study of the test's name, and a folder with the file and an objective, from which one submits."""
    shutil.copy(SLURM, tmp_path)
    (tmp_path / "training.py").write_text(HUNGRY)
    monkeypatch.chdir(tmp_path)
    for variable, value in {"OPTUNA_STORAGE": url, "PYTHON": sys.executable, "LEARN_OPTUNA_SLEEP": "0.5"}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{tmp_path}")
    return optuna.create_study(storage=open_storage(url), study_name=request.node.name)


def words(study: optuna.Study, total: int = 12, objective: str = SLEEPING) -> list[str]:
    """What a learner writes behind `sbatch OPTIONS`."""
    file = ["slurm_array.sh", "--study", study.study_name, "--objective", objective]
    return [*file, "--total", str(total), "--heartbeat", "1"]


def complete(study: optuna.Study) -> int:
    """How many trials are."""
    return len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))


def left(study: optuna.Study) -> list[int]:
    """Trials that still run or wait."""
    return [trial.number for trial in study.trials if not trial.state.is_finished()]


def logs(job: str) -> str:
    """What the tasks of a job have written."""
    return "".join(file.read_text() for file in sorted(Path().glob(f"worker-{job}-*.log")))


def owners(study: optuna.Study) -> set[int]:
    """The process ids of the workers that run a trial now."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    names = {trial.user_attrs["worker"] for trial in running if "worker" in trial.user_attrs}
    return {int(name.removeprefix(f"{socket.gethostname()}-")) for name in names}


def test_an_array_with_a_task_that_is_killed(cluster: Slurm, study: optuna.Study) -> None:
    """The two others run its trial again and fill the study to the number; SLURM calls one task failed."""
    job = cluster.submit("--array=0-2", *words(study))
    wait_until(lambda: len(owners(study)) == 3)
    os.kill(min(owners(study)), signal.SIGKILL)
    ended = cluster.wait(job, {"COMPLETED", "FAILED"})
    assert sorted(ended.values()) == ["COMPLETED", "COMPLETED", "FAILED"], logs(job)
    assert complete(study) == 12 and not left(study)
    (again,) = [trial for trial in study.trials if "failed_trial" in trial.system_attrs]
    assert again.state == TrialState.COMPLETE


def test_a_task_out_of_memory(cluster: Slurm, study: optuna.Study) -> None:
    """SLURM ends what takes more than --mem; its trial runs elsewhere."""
    job = cluster.submit("--array=0-2", "--mem=700M", *words(study, objective="training:objective"))
    ended = cluster.wait(job, {"COMPLETED", "FAILED", "OUT_OF_MEMORY", "CANCELLED"})
    assert ended.pop("0") != "COMPLETED" and set(ended.values()) == {"COMPLETED"}, logs(job)
    assert complete(study) == 12 and not left(study)
    assert "memory limit" in logs(job)


def test_a_task_out_of_time(cluster: Slurm, study: optuna.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM comes before the limit, reaches the worker, and leaves no trial that seems to run."""
    monkeypatch.setenv("LEARN_OPTUNA_SLEEP", "600")
    job = cluster.submit("--array=0-0", "--time=2", "--signal=B:TERM@30", *words(study))  # up to a minute early
    wait_until(lambda: owners(study))
    ended = cluster.wait(job, {"FAILED", "TIMEOUT"}, timeout_s=150)
    assert ended == {"0": "FAILED"} and "Stopped by SIGTERM" in logs(job)
    assert TrialState.RUNNING not in {trial.state for trial in study.trials}


def test_a_task_that_is_queued_again(cluster: Slurm, study: optuna.Study) -> None:
    """`scontrol requeue` ends the worker and starts it anew; the study is filled, and the log has both."""
    job = cluster.submit("--array=0-0", *words(study))
    wait_until(lambda: complete(study) > 1)
    cluster.order("scontrol", "requeue", f"{job}_0")
    cluster.wait(job, {"PENDING"})
    cluster.order("scontrol", "update", f"JobId={job}_0", "StartTime=now")
    assert cluster.wait(job, {"COMPLETED"}) == {"0": "COMPLETED"}, logs(job)
    assert complete(study) == 12 and not left(study)
    assert logs(job).count("task 0 on") == 2


def test_a_node_is_drained(cluster: Slurm, study: optuna.Study) -> None:
    """The task that runs there is finished; the next one waits until the node is back."""
    first = cluster.submit("--array=0-0", *words(study, total=6))
    wait_until(lambda: owners(study))
    cluster.order("scontrol", "update", "NodeName=localhost", "State=DRAIN", "Reason=test")
    second = cluster.submit("--array=0-0", *words(study, total=8))
    assert cluster.wait(first, {"COMPLETED"}) == {"0": "COMPLETED"} and complete(study) == 6
    assert set(cluster.jobs(second).values()) == {"PENDING"}
    cluster.order("scontrol", "update", "NodeName=localhost", "State=RESUME")
    cluster.wait(second, {"COMPLETED"})
    assert complete(study) == 8 and not left(study)


def test_dask_on_slurm(cluster: Slurm, study: optuna.Study, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the cluster is another: the notebook's own function, on jobs that Dask submits, over TLS."""
    jobqueue = pytest.importorskip("dask_jobqueue", reason="pip install dask-jobqueue")
    pytest.importorskip("cryptography", reason="pip install cryptography")
    from dask.distributed import Client
    from distributed.security import Security

    monkeypatch.setenv("SLURM_CONF", cluster.configuration)
    here = {"interface": "lo", "scheduler_options": {"dashboard_address": "127.0.0.1:0"}, "local_directory": "."}
    tls = {"protocol": "tls", "security": Security.temporary(), "shared_temp_directory": "."}
    with jobqueue.SLURMCluster(cores=1, memory="1GB", python=sys.executable, **here, **tls) as nodes:
        nodes.scale(2)
        work = notebook_work([sys.executable, "-m", "helpers.worker", "--quiet", "--storage", url])
        task = ["--study", study.study_name, "--objective", SLEEPING, "--total", "8"]
        with Client(nodes) as client:
            assert nodes.scheduler_address.startswith("tls://127.0.0.1")
            client.wait_for_workers(2, timeout=60)
            assert client.gather([client.submit(work, *task, pure=False) for _ in range(2)]) == [0, 0]
    assert complete(study) == 8 and not left(study)
