"""Workers past one machine, as far as they go without a cluster; and programs of three kinds in one study."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import kubernetes_validate
import optuna
import psutil
import pytest
import yaml
from distributed import Client, LocalCluster
from optuna.trial import TrialState

from helpers.errors import BadInput
from helpers.fleet.engines import other_program
from helpers.fleet.engines.dask_workers import run_workers
from helpers.fleet.postgres import start_postgres
from helpers.fleet.storage import VARIABLE, open_storage
from tests.harness.lab import commands, doors

ENGINES = Path(other_program.__file__).parent
SLURM, MANIFEST = ENGINES / "slurm_array.sh", ENGINES / "kubernetes_job.yaml"
BRANIN, SLEEPING = (f"helpers.fleet.objectives:{name}" for name in ("branin", "sleeping"))
TRAINING = """
from other_program import accuracy

def objective(trial):
    C = trial.suggest_float("C", 0.01, 100, log=True)
    return accuracy(C, trial.suggest_float("gamma", 1e-5, 0.1, log=True))
"""
pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="the files are for Linux"),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a learner's, with copies of the files and a training module; commands run there."""
    for file in ENGINES.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    (tmp_path / "training.py").write_text(TRAINING)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def new_study(url: str, monkeypatch: pytest.MonkeyPatch, direction: str = "minimize") -> optuna.Study:
    """The study "letters", in a storage that the environment names from now on."""
    for variable in (VARIABLE, "OPTUNA_STORAGE"):
        monkeypatch.setenv(variable, url)
    return optuna.create_study(storage=open_storage(url), study_name="letters", direction=direction)


def numbers(study: optuna.Study) -> list[int]:
    """Of the complete trials; fails where there are others."""
    trials = study.get_trials(deepcopy=False)
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    return [trial.number for trial in trials]


# SLURM


def slurm(*arguments: str, task: int | None = 0, objective: str = BRANIN) -> subprocess.Popen:
    """What SLURM does: runs the copied script with the task's variables."""
    command = ["bash", "slurm_array.sh", "--study", "letters", "--objective", objective, *arguments]
    task_variables = {} if task is None else {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_CPUS_PER_TASK": "1"}
    return subprocess.Popen(
        command, env={**os.environ, **task_variables}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_slurm_tasks_share_a_study(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tasks of three trials make six, of two workers, none of them twice."""
    study = new_study("journal:///study.log", monkeypatch)
    tasks = [slurm("--trials", "3", task=task) for task in range(2)]
    output = [task.communicate(timeout=60) for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], output
    assert numbers(study) == list(range(6)) and len({trial.params["x0"] for trial in study.trials}) == 6
    assert len({trial.user_attrs["worker"] for trial in study.trials}) == 2


def test_slurm_ends_a_worker_in_time(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal that SLURM sends to the script reaches the worker: its trial waits again, its code is SIGTERM's."""
    study = new_study("journal:///study.log", monkeypatch)
    monkeypatch.setenv("LEARN_OPTUNA_SLEEP", "30")
    task = slurm("--trials", "2", objective=SLEEPING)
    wait_until(lambda: study.trials and study.trials[0].params)
    task.send_signal(signal.SIGTERM)
    task.communicate(timeout=20)
    assert task.returncode == 128 + signal.SIGTERM
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.WAITING]


def test_slurm_reads_its_options() -> None:
    """bash can parse the script, and no line #SBATCH stands behind a command, where SLURM would not see it."""
    subprocess.run(["bash", "-n", SLURM], check=True)
    lines = SLURM.read_text().splitlines()
    commands = [n for n, line in enumerate(lines) if line and not line.startswith("#")]
    options = {n: line for n, line in enumerate(lines) if line.startswith("#SBATCH")}
    assert lines[0] == "#!/bin/bash" and len(options) >= 5 and max(options) < min(commands)
    assert all(re.fullmatch(r"#SBATCH --[a-z-]+=\S+", line) for line in options.values())


@pytest.mark.parametrize(("missing", "sentence"), [(VARIABLE, "export the URL"), ("task", "start me with sbatch")])
def test_slurm_says_what_is_missing(missing: str, sentence: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No storage, or no SLURM: one line, no worker."""
    monkeypatch.setenv(VARIABLE, "journal:///study.log")
    if missing == VARIABLE:
        monkeypatch.delenv(VARIABLE)
    task = slurm("--trials", "1", task=None if missing == "task" else 0)
    _, errors = task.communicate(timeout=20)
    assert task.returncode != 0 and sentence in errors and errors.count("\n") == 1


# Kubernetes


def manifest() -> dict:
    """The Job."""
    return yaml.safe_load(MANIFEST.read_text())


def test_the_manifest_is_a_job() -> None:
    """Against the published schema, which refuses a word it does not know; and two rules that it does not hold."""
    job, version = manifest(), kubernetes_validate.latest_version()
    kubernetes_validate.validate(job, version, strict=True)
    spec = job["spec"]
    assert (spec["completionMode"], spec["template"]["spec"]["restartPolicy"]) == ("Indexed", "Never")
    assert 1 <= spec["parallelism"] <= spec["completions"] and "backoffLimit" not in spec
    spec["paralelism"] = spec.pop("parallelism")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, version, strict=True)


def test_the_container_works(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its command, arguments and environment, with a secret in place: the study is filled, and only then it ends."""
    study = new_study("sqlite:///study.db", monkeypatch, "maximize")
    (container,) = manifest()["spec"]["template"]["spec"]["containers"]
    secret = {"optuna-storage": {"url": os.environ[VARIABLE]}}
    variables = {
        entry["name"]: entry.get("value") or secret[(key := entry["valueFrom"]["secretKeyRef"])["name"]][key["key"]]
        for entry in container["env"]
    }
    monkeypatch.delenv(VARIABLE)
    command = [sys.executable if word == "python" else word for word in container["command"] + container["args"]]
    command[command.index("--total") + 1] = "3"
    subprocess.run(command, env={**os.environ, **variables}, check=True, timeout=60, capture_output=True)
    assert numbers(study) == [0, 1, 2]
    command[command.index("--study") + 1] = "unknown"
    pod = subprocess.run(command, env={**os.environ, **variables}, timeout=60, capture_output=True)
    (rule,) = [rule for rule in manifest()["spec"]["podFailurePolicy"]["rules"] if rule["action"] == "FailJob"]
    assert pod.returncode in rule["onExitCodes"]["values"] and rule["onExitCodes"]["containerName"] == container["name"]


# Dask


@pytest.fixture
def client(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A real cluster of two processes, whose environment names a storage."""
    monkeypatch.setenv(VARIABLE, "journal:///hush.log")
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as client,
    ):
        yield client


def wait_until(condition, seconds: float = 30) -> None:
    """Fails when it does not come true in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def test_dask_runs_the_worker(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal calls run each; two at once; bad input comes back as its sentence; then the cluster leaves nothing behind.

    While workers run, no task and no command line shows the URL, and nobody else's machine can reach the cluster.
    """
    study = new_study(os.environ[VARIABLE], monkeypatch)
    arguments = ("--study", "letters", "--objective", BRANIN, "--trials")
    assert run_workers(client, 2, *arguments, "3") == [0, 0]
    assert numbers(study) == list(range(6)) and len({trial.user_attrs["worker"] for trial in study.trials}) == 2
    with pytest.raises(BadInput, match="There is no study 'other'"):
        run_workers(client, 1, "--study", "other", *arguments[2:], "3")
    with pytest.raises(BadInput, match="ask for at least 1"):
        run_workers(client, 0, *arguments, "3")

    monkeypatch.setenv("LEARN_OPTUNA_SLEEP", "0.1")
    endless = threading.Thread(target=cancelled, args=(client, *arguments[:3], SLEEPING, "--trials", "9999"))
    endless.start()
    wait_until(lambda: sum(trial.state == TrialState.RUNNING for trial in study.trials) == 2)
    family = psutil.Process().children(recursive=True)
    assert {address for address, _ in doors([psutil.Process(), *family])} == {"127.0.0.1"}
    words = commands(family)
    assert sum("helpers.worker" in command for command in words) == 2
    tasks = client.run_on_scheduler(
        lambda dask_scheduler: [repr(t.run_spec.args) for t in dask_scheduler.tasks.values()]
    )
    assert sum(SLEEPING in task for task in tasks) == 2 and "hush" not in " ".join([*tasks, *words])
    client.cluster.close()
    endless.join(20)
    family = [process for process in family if not is_tracker(process)]
    assert not endless.is_alive() and psutil.wait_procs(family, timeout=15)[1] == []
    assert all(trial.state.is_finished() for trial in study.trials)


def is_tracker(process: psutil.Process) -> bool:
    """Python's own, one for each program that starts others; it ends with that program, here pytest."""
    with suppress(psutil.NoSuchProcess):
        return "resource_tracker" in " ".join(process.cmdline())
    return False


def cancelled(client: Client, *arguments: str) -> None:
    """Two workers until the cluster is closed."""
    with suppress(Exception):
        run_workers(client, 2, *arguments)


# Different programs


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, place: Path) -> Iterator[str]:
    """The meeting point."""
    if request.param == "sqlite":
        yield "sqlite:///study.db"
    else:
        with start_postgres() as database:
            yield database.url


def test_three_programs_meet(url: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our worker, a program without our helpers, and the command `optuna`, all at once: one study, no number twice."""
    study = new_study(url, monkeypatch, "maximize")
    program, objective = [sys.executable, "other_program.py"], ("--objective", "training:objective")
    commands = [
        [sys.executable, "-m", "helpers.worker", "--study", "letters", *objective, "--trials", "3", "--quiet"],
        [*program, "letters", "3"],
        ["bash", "ask_and_tell.sh", "letters", *program],
    ]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    said = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 3, said
    assert numbers(study) == list(range(7))
    by = [set(trial.user_attrs) for trial in study.trials]
    assert [by.count({"worker"}), by.count({"program"}), by.count(set())] == [3, 3, 1]
    for trial in study.trials:
        assert trial.distributions == other_program.SPACE
        assert trial.value == pytest.approx(other_program.accuracy(**trial.params))


def test_the_other_program_stands_alone() -> None:
    """Not one line of the course is imported, so the file can be copied anywhere."""
    code = f"import sys; sys.path.insert(0, {str(ENGINES)!r}); import other_program; print('helpers' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert run.stdout.strip() == "False"


@pytest.mark.parametrize("stop", [False, True], ids=["fails", "is stopped"])
def test_a_trial_of_the_command_is_always_told(stop: bool, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else would end it: no heartbeat watches over a trial that was asked for."""
    study = new_study("sqlite:///study.db", monkeypatch)
    program = "import time; open('begun', 'w').close(); time.sleep(30)" if stop else "raise SystemExit(1)"
    shell = subprocess.Popen(
        ["bash", "ask_and_tell.sh", "letters", sys.executable, "-c", program], start_new_session=True
    )
    if stop:
        wait_until((place / "begun").exists)
        os.killpg(shell.pid, signal.SIGINT)
    assert shell.wait(30) != 0
    (trial,) = study.trials
    assert trial.state == TrialState.FAIL and trial.distributions == other_program.SPACE


def test_an_error_or_ctrl_c_is_told_too(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the program without our helpers: the trial fails, the error is seen, and the study can go on."""
    study = new_study("sqlite:///study.db", monkeypatch)
    for error in (ZeroDivisionError, KeyboardInterrupt):

        def broken(error: type[BaseException] = error, **parameters: float) -> float:
            raise error

        monkeypatch.setattr(other_program, "accuracy", broken)
        with pytest.raises(error):
            other_program.join("letters", 2)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL] * 2


@pytest.mark.parametrize("variable", [True, False])
def test_without_a_study_the_other_program_says_so(
    variable: bool, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, whether the storage or the study is missing."""
    monkeypatch.setenv("OPTUNA_STORAGE", "sqlite:///empty.db")
    if not variable:
        monkeypatch.delenv("OPTUNA_STORAGE")
    with pytest.raises(SystemExit, match="a storage that holds the study 'letters'"):
        other_program.join("letters", 1)


def test_the_shell_and_the_program_share_a_space() -> None:
    """The search space is written twice, once as JSON: it is the same."""
    text = re.search(r"space='(.*?)'", (ENGINES / "ask_and_tell.sh").read_text(), re.DOTALL)[1]
    space = {name: optuna.distributions.json_to_distribution(json.dumps(d)) for name, d in json.loads(text).items()}
    assert space == other_program.SPACE
