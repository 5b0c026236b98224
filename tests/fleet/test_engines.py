"""Workers past one machine, as far as they go without a cluster; and programs of three kinds in one study."""

from __future__ import annotations

import ast
import asyncio
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import kubernetes_validate
import nbformat
import optuna
import psutil
import pytest
import yaml
from distributed import LocalCluster
from distributed.comm import connect
from optuna.trial import TrialState
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers.fleet.engines import other_program
from helpers.fleet.postgres import start_postgres
from helpers.fleet.storage import VARIABLE, open_storage
from tests.harness.accounts import as_another
from tests.harness.lab import doors
from tests.tools.store_outputs import ROOT

ENGINES = Path(other_program.__file__).parent
SLURM, MANIFEST, DOCKER = ENGINES / "slurm_array.sh", ENGINES / "kubernetes_job.yaml", ENGINES / "Dockerfile"
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


@pytest.mark.slow
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
    assert all(re.fullmatch(r"#SBATCH --[a-z-]+(=\S+)?", line) for line in options.values())


@pytest.mark.parametrize(
    ("missing", "sentence"), [("OPTUNA_STORAGE", "export the URL"), ("task", "start me with sbatch")]
)
def test_slurm_says_what_is_missing(missing: str, sentence: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No storage, or no SLURM: one line, no worker."""
    monkeypatch.setenv("OPTUNA_STORAGE", "journal:///study.log")
    if missing == "OPTUNA_STORAGE":
        monkeypatch.delenv("OPTUNA_STORAGE")
    task = slurm("--trials", "1", task=None if missing == "task" else 0)
    _, errors = task.communicate(timeout=20)
    assert task.returncode != 0 and sentence in errors and errors.count("\n") == 1


# Kubernetes


def manifest() -> dict:
    """The Job."""
    return yaml.safe_load(MANIFEST.read_text())


def test_the_manifest_is_a_job() -> None:
    """Against the published schema, which refuses a word it does not know; and three rules that it does not hold."""
    job, version = manifest(), kubernetes_validate.latest_version()
    kubernetes_validate.validate(job, version, strict=True)
    spec = job["spec"]
    assert (spec["completionMode"], spec["template"]["spec"]["restartPolicy"]) == ("Indexed", "Never")
    assert spec["parallelism"] == spec["completions"] and "backoffLimit" not in spec
    assert spec["activeDeadlineSeconds"] > spec["template"]["spec"]["terminationGracePeriodSeconds"]
    (container,) = spec["template"]["spec"]["containers"]
    container["resources"]["limits"]["nvidia.com/gpu"] = 1  # as the comment says
    kubernetes_validate.validate(job, version, strict=True)
    spec["paralelism"] = spec.pop("parallelism")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, version, strict=True)


@pytest.mark.slow
def test_the_container_works(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its command, arguments and environment, with a secret in place, in a Python that has what the Dockerfile installs
    and nothing else: the study is filled, and only then it ends."""
    study = new_study("sqlite:///study.db", monkeypatch, "maximize")
    (container,) = manifest()["spec"]["template"]["spec"]["containers"]
    secret = {"optuna-storage": {"password": "hush"}}
    variables = {
        entry["name"]: entry.get("value") or secret[(key := entry["valueFrom"]["secretKeyRef"])["name"]][key["key"]]
        for entry in container["env"]
    }
    assert variables["PGPASSWORD"] == "hush"
    variables["OPTUNA_STORAGE"] = os.environ["OPTUNA_STORAGE"]
    monkeypatch.delenv(VARIABLE)
    (place / "bare.py").write_text(BARE.format(absent=not_installed()))
    (place / "training.py").write_text("def objective(trial):\n    return trial.suggest_float('x', 0, 1)\n")
    words = [variables["OPTUNA_STORAGE"] if word == "$(OPTUNA_STORAGE)" else word for word in container["args"]]
    words[words.index("--total") + 1] = "3"
    assert container["command"] == ["python", "-m", "helpers.worker"]
    command = [sys.executable, "bare.py", *words]
    pod = subprocess.run(command, env={**os.environ, **variables}, timeout=60, capture_output=True, text=True)
    assert pod.returncode == 0, pod.stderr
    assert numbers(study) == [0, 1, 2]
    command[command.index("--study") + 1] = "unknown"
    pod = subprocess.run(command, env={**os.environ, **variables}, timeout=60, capture_output=True)
    (rule,) = [rule for rule in manifest()["spec"]["podFailurePolicy"]["rules"] if rule["action"] == "FailJob"]
    assert pod.returncode in rule["onExitCodes"]["values"] and rule["onExitCodes"]["containerName"] == container["name"]


BARE = """
import importlib.abc, runpy, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in {absent}:
            raise ModuleNotFoundError(f"No module named {{top!r}}", name=top)

sys.meta_path.insert(0, Absent())
runpy.run_module("helpers.worker", run_name="__main__", alter_sys=True)
"""


def not_installed() -> set[str]:
    """The modules of this environment that the Dockerfile's first line does not bring, needs of needs included."""
    line = next(line for line in DOCKER.read_text().splitlines() if "pip install" in line)
    wanted, found = [Requirement(word.strip('"')) for word in line.split() if word[0] == '"' or word == "psutil"], set()
    assert {one.name for one in wanted} == {"optuna", "psycopg", "psutil"}
    while wanted:
        one = wanted.pop()
        if one.name in found:
            continue
        found.add(one.name)
        needs = [Requirement(text) for text in metadata.requires(one.name) or []]
        extras = [{"extra": extra} for extra in one.extras or {""}]
        wanted += [need for need in needs if not need.marker or any(map(need.marker.evaluate, extras))]
    names = {canonicalize_name(name) for name in found | {"learn-optuna"}}
    modules = metadata.packages_distributions().items()
    return {module for module, owners in modules if not names & set(map(canonicalize_name, owners))}


# Dask


def cell(holds: str) -> str:
    """The code cell of notebook 07 with these words."""
    cells = nbformat.read(ROOT / "notebooks" / "07_scale_up.ipynb", as_version=4).cells
    (found,) = [cell.source for cell in cells if cell.cell_type == "code" and holds in cell.source]
    return found


def notebook_work(command: list[str]) -> Callable[..., int]:
    """The notebook's function for Dask, with another command before its words; it can be sent to other processes."""
    (function,) = [line for line in ast.parse(cell("LocalCluster(")).body if isinstance(line, ast.FunctionDef)]
    names: dict[str, Any] = {"subprocess": subprocess, "WORKER": command, "__name__": "__main__"}
    exec(compile(ast.Module([function], []), "<notebook>", "exec"), names)
    return names[function.name]


def wait_until(condition, seconds: float = 30) -> None:
    """Fails when it does not come true in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


@pytest.mark.slow
def test_the_cell_of_dask(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands in the notebook: two workers fill the study. Meanwhile no port takes code from anybody, this account
    included, and no page shows anything; no command line shows a password; then nothing is left behind."""
    monkeypatch.setenv("LEARN_OPTUNA_SLEEP", "0.4")
    study, known = new_study("sqlite:///study.db", monkeypatch), doors([psutil.Process()])
    names: dict[str, Any] = {
        "WORKER": [sys.executable, "-m", "helpers.worker", "--quiet", "--storage", "sqlite:///study.db"],
        "ENVIRONMENT": dict(os.environ),
        "subprocess": subprocess,
        "sys": sys,
        "os": os,
        "mock": mock,
        "place": SimpleNamespace(name=str(place)),
        "fresh": lambda name: study,
        "states": lambda study: numbers(study),
    }
    source = cell("LocalCluster(").replace('"--study", "dask"', '"--study", "letters"')
    lesson = threading.Thread(target=exec, args=(source, names), daemon=True)
    lesson.start()
    wait_until(lambda: sum(trial.state == TrialState.RUNNING for trial in study.trials) == 2)
    workers = [one for one in psutil.Process().children(recursive=True) if "helpers.worker" in " ".join(one.cmdline())]
    assert len(workers) == 2
    open_ports = set(doors([psutil.Process(), *workers])) - set(known)
    assert {address for address, _ in open_ports} == {"127.0.0.1"}
    pages = ("info/main/workers.html", "info/logs.html", "json/counts.json", "metrics", "health")
    asked = [f"http://127.0.0.1:{port}/{page}" for _, port in open_ports for page in pages]
    if not os.geteuid():
        assert set(as_another(codes_of, asked)) == {404}
    assert not any(asyncio.run(speaks_dask(f"tcp://127.0.0.1:{port}")) for _, port in open_ports)
    lesson.join(60)
    assert names["codes"] == [0, 0] and len(numbers(study)) == 12
    assert len({trial.user_attrs["worker"] for trial in study.trials}) == 2
    assert psutil.wait_procs(workers, timeout=15)[1] == [] and not set(doors([psutil.Process()])) - set(known)


async def speaks_dask(address: str) -> bool:
    """Whether a cluster would take tasks there."""
    try:
        async with asyncio.timeout(3):
            await (await connect(address, timeout=2)).close()
    except OSError:
        return False
    return True


def test_a_port_of_dask_is_noticed() -> None:
    """Over TCP, as a cluster is by default."""
    with LocalCluster(n_workers=0, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0") as cluster:
        assert asyncio.run(speaks_dask(cluster.scheduler_address))


def codes_of(pages: list[str]) -> list[int]:
    """What the pages answer."""
    found = []
    for page in pages:
        try:
            with urllib.request.urlopen(page, timeout=5) as answer:
                found.append(answer.status)
        except urllib.error.HTTPError as refusal:
            found.append(refusal.code)
    return found


@pytest.mark.slow
def test_a_worker_of_dask_ends_with_its_process(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster that is lost takes its workers along: their standard input closes."""
    study = new_study("sqlite:///study.db", monkeypatch)
    monkeypatch.setenv("LEARN_OPTUNA_SLEEP", "30")
    command = [sys.executable, "-m", "helpers.worker", "--quiet", "--storage", "sqlite:///study.db"]
    owner = multiprocessing.get_context("fork").Process(
        target=notebook_work(command), args=("--study", "letters", "--objective", SLEEPING, "--trials", "5")
    )
    owner.start()
    wait_until(lambda: study.trials and study.trials[0].params)
    (worker,) = psutil.Process(owner.pid).children()
    owner.kill()
    owner.join()
    assert psutil.wait_procs([worker], timeout=20)[1] == []
    assert study.trials[0].state != TrialState.RUNNING


# Different programs


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, place: Path) -> Iterator[str]:
    """The meeting point."""
    if request.param == "sqlite":
        yield "sqlite:///study.db"
    else:
        with start_postgres() as database:
            yield database.url


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_worker_in_plain_optuna(url: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notebook's very cell, without a line of the course. Three of it overshoot by two at most. One that is killed
    (the signs of life come every second here) leaves a trial that fails, and the same parameters are run again."""
    program = cell("%%writefile search.py").partition("\n")[2]
    assert "helpers" not in program
    for usual, quick in {'": 60': '": 1', '": 120': '": 2', "sleep(0.3)": "sleep(0.8)"}.items():
        assert usual in program
        program = program.replace(usual, quick)
    (place / "search.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    new_study(url, monkeypatch)
    study = optuna.create_study(storage=open_storage(url), study_name="search")
    running = [subprocess.Popen([sys.executable, "search.py"], stderr=subprocess.DEVNULL) for _ in range(3)]
    wait_until(lambda: sum(len(t.params) == 2 for t in study.get_trials(states=(TrialState.RUNNING,))) == 3)
    running[0].kill()
    assert [program.wait(60) for program in running] == [-signal.SIGKILL, 0, 0]
    found = [trial.state for trial in study.trials]
    assert 12 <= found.count(TrialState.COMPLETE) <= 14 and found.count(TrialState.FAIL) == 1
    (again,) = [trial for trial in study.trials if "failed_trial" in trial.system_attrs]
    assert again.params == study.trials[found.index(TrialState.FAIL)].params


def test_the_other_program_stands_alone() -> None:
    """Not one line of the course is imported, so the file can be copied anywhere."""
    code = f"import sys; sys.path.insert(0, {str(ENGINES)!r}); import other_program; print('helpers' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert run.stdout.strip() == "False"


@pytest.mark.slow
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


def test_the_shell_and_the_program_share_a_space() -> None:
    """The search space is written twice, once as JSON: it is the same."""
    text = re.search(r"space='(.*?)'", (ENGINES / "ask_and_tell.sh").read_text(), re.DOTALL)[1]
    space = {name: optuna.distributions.json_to_distribution(json.dumps(d)) for name, d in json.loads(text).items()}
    assert space == other_program.SPACE
