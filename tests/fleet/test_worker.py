"""The worker that anyone can start: its exit codes, its sentences, its streams, and studies filled exactly."""

from __future__ import annotations

import collections
import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from helpers.errors import BadInput
from helpers.fleet import worker
from helpers.fleet.postgres import start_postgres
from helpers.fleet.slots import Slots, alone
from helpers.fleet.storage import VARIABLE, StorageLost, open_storage
from tests.fleet.test_postgres import needs_wheel

BRANIN = "--objective=helpers.fleet.objectives:branin"
SLEEPING = "--objective=helpers.fleet.objectives:sleeping"
MISTAKES = """
import os, optuna
def none(trial): return None
def broken(trial): return 1 / trial.suggest_int("zero", 0, 0)
def pruned(trial): raise optuna.TrialPruned
def some(trial): return None if trial.number % 2 else trial.suggest_float("x", 0, 1)
number = 3
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> optuna.Study:
    """A study in a file, which the environment names."""
    monkeypatch.setenv(VARIABLE, f"sqlite:///{tmp_path}/study.db")
    return optuna.create_study(storage=open_storage(f"sqlite:///{tmp_path}/study.db"), study_name="s")


@pytest.fixture
def mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of the learner's, and one that does not load."""
    (tmp_path / "mistakes.py").write_text(MISTAKES)
    (tmp_path / "typo.py").write_text("def objective(trial:\n")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """`main` sets what a process of its own may set."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    verbosity = optuna.logging.get_verbosity()
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    optuna.logging.set_verbosity(verbosity)


def run(*arguments: str) -> int:
    """The exit code of a worker in this process."""
    return worker.main(["--study=s", "--quiet", *arguments])


Start = Callable[..., subprocess.Popen]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts workers in processes of their own; whatever happens none is left."""
    processes = []

    def begin(url: str, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "helpers.worker", "--study=s", "--quiet", *arguments]
        environment = os.environ | {VARIABLE: url, "LEARN_OPTUNA_SLEEP": "1"}
        processes.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.wait()
        process.stderr.close()


def until_running(study: optuna.Study, count: int = 1, parameters: int = 2) -> None:
    """Waits until so many trials sit in the objective."""
    for _ in range(600):
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if sum(len(trial.params) == parameters for trial in running) >= count:
            return
        time.sleep(0.05)
    raise AssertionError("no trial began to run")


def states(study: optuna.Study) -> dict[str, int]:
    """How many trials there are of each state."""
    return dict(collections.Counter(trial.state.name for trial in study.trials))


def test_a_worker_from_the_command_line(url: str) -> None:
    """It runs its trials, signs them, shows a progress bar, and exits with 0; the URL comes from the environment."""
    study = optuna.create_study(storage=open_storage(url), study_name="s")
    command = [sys.executable, "-m", "helpers.worker", "--study=s", BRANIN, "--trials=3", "--direction=minimize"]
    result = subprocess.run(command, env=os.environ | {VARIABLE: url}, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout) == (0, "") and "3/3" in result.stderr
    assert states(study) == {"COMPLETE": 3}
    assert len({trial.user_attrs["worker"] for trial in study.trials}) == 1
    study._storage.delete_study(study._storage.get_study_id_from_name("s"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([BRANIN], "Say how long to work: --trials N, --total N, or both."),
        ([BRANIN, "--trials=0"], "--trials 0 is not possible"),
        ([BRANIN, "--total=-1"], "--total -1 is not possible"),
        ([BRANIN, "--trials=1", "--seed=-1"], "--seed -1 is not possible"),
        ([BRANIN, "--trials=1", "--storage=study.db"], "'study.db' is not the URL of a storage"),
        ([BRANIN, "--trials=1", "--storage=postgresql+psycopg://me:secret@h/d"], f"put the URL into {VARIABLE}"),
        ([BRANIN, "--trials=1", "--storage=postgresql+psycopg://me@127.0.0.1:1/d"], "No database answers at"),
        ([BRANIN, "--trials=1", "--storage=sqlite:///slip.db"], "There is no file slip.db"),
        ([BRANIN, "--trials=1", "--storage=journal:///x", "--heartbeat=1"], "There is no file x"),
        ([BRANIN, "--trials=1", "--study=t"], "There is no study 't' in sqlite:////"),
        ([BRANIN, "--trials=1", "--direction=maximize"], "The study 's' wants to minimize, not to maximize."),
        (["--objective=branin", "--trials=1"], "'branin' is not an objective: write MODULE:FUNCTION"),
        (["--objective=mistakes:number", "--trials=1"], "'mistakes:number' is not an objective"),
        (["--objective=mistakes:other", "--trials=1"], "mistakes:other cannot be imported: AttributeError"),
        (["--objective=missing:other", "--trials=1"], "missing:other cannot be imported: ModuleNotFoundError"),
        (["--objective=typo:objective", "--trials=1"], "typo:objective cannot be imported: SyntaxError"),
    ],
)
def test_bad_input(
    arguments: list[str], sentence: str, study: optuna.Study, mistakes: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, exit code 2, no password, and no trial."""
    assert run(*arguments) == worker.BAD_INPUT
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1 and "secret" not in said
    assert study.trials == []


def test_no_storage_at_all(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence names both ways to give one."""
    monkeypatch.delenv(VARIABLE, raising=False)
    assert run(BRANIN, "--trials=1") == worker.BAD_INPUT
    assert f"Give --storage URL, or put the URL into {VARIABLE}" in capsys.readouterr().err


@needs_wheel
def test_a_wrong_password(postgres: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """From the environment it is refused by the server, in a sentence without it."""
    monkeypatch.setenv(VARIABLE, postgres.replace("learner@", "learner:secret@"))
    assert run(BRANIN, "--trials=1") == worker.BAD_INPUT
    said = capsys.readouterr().err
    assert "refuses this password of learner" in said and "secret" not in said


@needs_wheel
def test_the_password_from_the_environment(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PGPASSWORD completes a URL that holds none."""
    passfile = Path(postgres.split("passfile=")[1])
    monkeypatch.setenv(VARIABLE, postgres.split("&passfile=")[0])
    monkeypatch.setenv("PGPASSWORD", passfile.read_text().strip().split(":")[-1])
    study = optuna.create_study(storage=open_storage(postgres), study_name="by-environment")
    assert run(BRANIN, "--trials=1", "--study=by-environment") == worker.DONE
    assert states(study) == {"COMPLETE": 1}


@pytest.mark.parametrize(
    ("objective", "code", "found", "sentence"),
    [
        ("broken", worker.FAILED, {"FAIL": 1}, "The objective raised ZeroDivisionError: division by zero"),
        ("none", worker.FAILED, {"FAIL": 10}, "The objective failed 10 times in a row: it returns no number."),
        ("some", worker.DONE, {"FAIL": 6, "COMPLETE": 6}, ""),
        ("pruned", worker.DONE, {"PRUNED": 12}, ""),
    ],
)
def test_objectives_that_fail(
    objective: str,
    code: int,
    found: dict,
    sentence: str,
    study: optuna.Study,
    mistakes: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An error ends the worker, and shows where it was; a None now and then does not; pruning is no failure."""
    assert run(f"--objective=mistakes:{objective}", "--trials=12") == code
    said = capsys.readouterr().err
    assert sentence in said and ("in broken" in said) == (objective == "broken")
    assert states(study) == found


@pytest.mark.parametrize(("on_stop", "state"), [("fail", "FAIL"), ("finish", "COMPLETE")])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_clean_stop(on_stop: str, state: str, number: int, code: int, tmp_path: Path, start: Start) -> None:
    """The running trial fails or is finished, as asked; none is left running, and the sentence is one line."""
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(storage=open_storage(url), study_name="s")
    process = start(url, SLEEPING, "--trials=5", f"--on-stop={on_stop}")
    until_running(study)
    process.send_signal(number)
    said = process.communicate(timeout=20)[1]
    assert process.returncode == code
    assert states(study) == {state: 1}
    assert said.startswith(f"Stopped by {signal.Signals(number).name}; trials done: ") and said.count("\n") == 1


def test_a_second_signal_does_not_wait(tmp_path: Path, start: Start) -> None:
    """Who asked to finish the trial may change their mind."""
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(storage=open_storage(url), study_name="s")
    process = start(url, SLEEPING, "--trials=5", "--on-stop=finish")
    until_running(study)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 143 and states(study) == {"FAIL": 1}


def test_no_two_workers_draw_the_same(study: optuna.Study) -> None:
    """The same --seed for all, ten workers, ten different first points."""
    for _ in range(10):
        assert run(BRANIN, "--trials=1", "--seed=0", "--sampler=random") == worker.DONE
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 10


def _fill(name: str, url: str) -> int:
    os.environ[VARIABLE] = url
    return worker.main([f"--study={name}", BRANIN, "--total=7", "--sampler=random", "--quiet"])


def _open_once() -> None:
    worker.open_storage = functools.cache(open_storage)


@pytest.fixture(scope="module")
def four() -> Iterator[ProcessPoolExecutor]:
    """Four processes that have imported the worker, and open a storage once. They end when they are told that no more
    is to do; `multiprocessing.Pool` would send SIGTERM, which a worker takes as the wish to finish its trial."""
    with ProcessPoolExecutor(4, multiprocessing.get_context("spawn"), _open_once) as pool:
        yield pool


def test_a_study_is_filled_exactly(url: str, four: ProcessPoolExecutor) -> None:
    """Twenty times four workers fill a study to 7 completed trials: never 6, never 9, and no other trial is left."""
    storage = open_storage(url)
    before = len(storage.get_all_studies())
    for repeat in range(20):
        study = optuna.create_study(storage=storage, study_name=f"full-{repeat}")
        codes = [*four.map(_fill, [study.study_name] * 4, [url] * 4, timeout=60)]
        assert (codes, states(study)) == ([0] * 4, {"COMPLETE": 7})
        assert [trial.number for trial in study.trials] == list(range(7))
    assert len(storage.get_all_studies()) == before + 20  # no lock is left


def test_what_is_there_counts(study: optuna.Study, mistakes: None) -> None:
    """Trials that are complete or wait count, those that failed are replaced; a full study is left alone."""
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    study.enqueue_trial({"x": 0.25})
    assert run("--objective=mistakes:some", "--total=8") == worker.DONE
    assert states(study) == {"COMPLETE": 8, "FAIL": study.trials[-1].number - 7}
    assert study.trials[3].system_attrs["fixed_params"] == {"x": 0.25}
    assert run("--objective=mistakes:some", "--total=8") == run(BRANIN, "--total=2") == worker.DONE
    assert states(study)["COMPLETE"] == 8


def test_no_more_than_its_own_trials(study: optuna.Study) -> None:
    """With both limits the first one that is reached ends the work."""
    assert run(BRANIN, "--trials=2", "--total=5") == worker.DONE
    assert states(study) == {"COMPLETE": 2, "WAITING": 3}
    assert run(BRANIN, "--trials=9", "--total=5") == worker.DONE
    assert states(study) == {"COMPLETE": 5}


def test_places_beyond_the_total_stay_empty(study: optuna.Study, tmp_path: Path) -> None:
    """However many trials wait, those with low numbers go first and no more are taken than are wanted."""
    for _ in range(5):
        study.enqueue_trial({})
    assert run(BRANIN, "--total=3") == worker.DONE
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 3 + ["WAITING"] * 2


def test_the_lock_of_a_dead_worker_is_broken(study: optuna.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that was killed while it held the lock does not block the others for good."""
    storage = study._storage
    monkeypatch.setattr("helpers.fleet.slots.random.uniform", lambda low, high: 0)
    alone(storage, "s").__enter__()
    with alone(storage, "s"):
        pass
    assert [summary.study_name for summary in storage.get_all_studies()] == ["s"]


def test_a_full_queue_is_waited_for_until_a_signal(study: optuna.Study) -> None:
    """While others run the last trials a worker waits, and hears signals."""
    study.ask()
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) > 3:
            raise BadInput("enough")

    with pytest.raises(BadInput, match="enough"):
        Slots(study, study._storage, 1, check).take()
    assert states(study) == {"RUNNING": 1}


@needs_wheel
def test_a_killed_worker_is_replaced(postgres: str, start: Start) -> None:
    """Its trial stays RUNNING; a worker with a heartbeat fails it after the grace period and runs it again, with the
    same parameters, in its own name."""
    study = optuna.create_study(storage=open_storage(postgres), study_name="s")
    first = start(postgres, SLEEPING, "--trials=5", "--heartbeat=1")
    until_running(study)
    first.kill()
    first.communicate()
    assert first.returncode == -9 and states(study) == {"RUNNING": 1}
    second = start(postgres, SLEEPING, "--total=2", "--heartbeat=1")
    assert second.communicate(timeout=30)[1] == "" and second.returncode == 0
    assert states(study) == {"FAIL": 1, "COMPLETE": 2}
    lost, retried = (
        next(trial for trial in study.trials if trial.state == TrialState.FAIL),
        next(trial for trial in study.trials if "failed_trial" in trial.system_attrs),
    )
    assert retried.params == lost.params and retried.state == TrialState.COMPLETE
    assert retried.user_attrs["worker"] != lost.user_attrs["worker"]
    optuna.delete_study(study_name="s", storage=study._storage)


@needs_wheel
def test_a_suspended_worker_comes_back(postgres: str, start: Start) -> None:
    """Suspended past the grace period it finds its trial taken away, says so, and goes on working."""
    study = optuna.create_study(storage=open_storage(postgres), study_name="s")
    sleeper = start(postgres, SLEEPING, "--total=5", "--heartbeat=1")
    until_running(study)
    sleeper.send_signal(signal.SIGSTOP)
    try:
        other = start(postgres, SLEEPING, "--trials=3", "--total=5", "--heartbeat=1")
        assert other.communicate(timeout=30)[1] == "" and other.returncode == 0
    finally:
        sleeper.send_signal(signal.SIGCONT)
    said = sleeper.communicate(timeout=30)[1]
    assert sleeper.returncode == 0 and "given up for dead by another one: its result is dropped" in said
    assert states(study) == {"COMPLETE": 5, "FAIL": 1}
    optuna.delete_study(study_name="s", storage=study._storage)


@needs_wheel
def test_a_lost_storage(start: Start) -> None:
    """A worker waits for its server as long as it was told to, and then exits with 3 and a sentence."""
    with start_postgres() as db:
        study = optuna.create_study(storage=open_storage(db.url), study_name="s")
        process = start(db.url, SLEEPING, "--trials=50", "--patience=1")
        until_running(study)
        db.stop()
        said = process.communicate(timeout=30)[1]
        assert process.returncode == worker.LOST and said.startswith("The storage is gone: ") and said.count("\n") == 1
        db.start()
        assert set(states(study)) <= {"COMPLETE", "RUNNING"}


@needs_wheel
def test_a_storage_lost_between_trials() -> None:
    """The search for stale trials, with which each trial of a worker with a heartbeat begins, waits for no server."""
    with start_postgres() as db:
        storage = open_storage(db.url, heartbeat_s=1, patience_s=1)
        study = optuna.create_study(storage=storage, study_name="s")
        db.stop()
        with pytest.raises(StorageLost, match="The storage is gone: "):
            worker.Worker(study, lambda trial: 0.0, "fail", worker.tqdm(disable=True)).run(1)
        db.start()
        assert worker.Worker(study, lambda trial: 0.0, "fail", worker.tqdm(disable=True)).run(1) == worker.DONE


@pytest.mark.parametrize("faults", [worker.PATIENCE - 1, worker.PATIENCE])
def test_a_storage_that_errs(faults: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    """Errors that waiting does not explain: it tries again, ten times; then it is the storage's fault, and says why."""
    study, left = optuna.create_study(), [*range(faults)]
    optimize = study.optimize

    def erring(*arguments: object, **options: object) -> None:
        if left:
            left.pop()
            raise optuna.exceptions.StorageInternalError("An exception is raised.") from OSError("odd\n  thing")
        optimize(*arguments, **options)

    monkeypatch.setattr(study, "optimize", erring)
    code = worker.Worker(study, lambda trial: 0.0, "fail", worker.tqdm(disable=True)).run(3)
    enough = faults < worker.PATIENCE
    assert (code, len(study.trials)) == ((worker.DONE, 3) if enough else (worker.LOST, 0))
    assert capsys.readouterr().err == ("" if enough else "The storage failed 10 times in a row: odd thing\n")


def test_a_heartbeat_keeps_silent_about_a_lost_storage(capsys: pytest.CaptureFixture) -> None:
    """The worker itself says it; other errors of threads are shown."""
    for error in (StorageLost("gone"), ValueError("other")):
        worker._quiet(worker.threading.ExceptHookArgs((type(error), error, None, None)))
    said = capsys.readouterr().err
    assert "ValueError: other" in said and "gone" not in said


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's prlimit")
@pytest.mark.parametrize("scheme", ["sqlite", "journal"])
def test_a_file_that_cannot_grow(scheme: str, tmp_path: Path, start: Start) -> None:
    """As on a full disk: a lost storage, and what was written is still there."""
    import resource

    url = f"{scheme}:///{tmp_path}/study"
    study = optuna.create_study(storage=open_storage(url), study_name="s")
    process = start(url, SLEEPING, "--trials=50")
    until_running(study)
    size = (tmp_path / "study").stat().st_size if scheme == "journal" else 0  # SQLite begins with a file of its own
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, size))
    said = process.communicate(timeout=30)[1]
    assert process.returncode == worker.LOST
    assert said.startswith("The storage is gone: ") and said.count("\n") == 1
    assert states(optuna.load_study(study_name="s", storage=open_storage(url))) == {"RUNNING": 1}


def test_torch_is_not_imported() -> None:
    """A worker is light: it loads neither torch nor pandas nor plots nor widgets unless the objective does."""
    heavy = ("torch", "pandas", "plotly", "ipywidgets")
    code = f"import sys, helpers.worker; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
