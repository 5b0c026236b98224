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
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from helpers.errors import BadInput
from helpers.fleet import slots, worker
from helpers.fleet.postgres import start_postgres
from helpers.fleet.slots import Ended, FilledStudy
from helpers.fleet.storage import VARIABLE, StorageLost, open_storage
from tests.fleet.test_postgres import needs_wheel

BRANIN = "--objective=helpers.fleet.objectives:branin"
SLEEPING = "--objective=helpers.fleet.objectives:sleeping"
MISTAKES = """
import os, threading, time
import optuna
def none(trial): return None
def broken(trial): return 1 / trial.suggest_int("zero", 0, 0)
def pruned(trial): raise optuna.TrialPruned
def exits(trial): raise SystemExit
def text(trial): return "good"
def two(trial): return 1.0, 2.0
async def coroutine(trial): return 1.0
def ends(trial): trial.suggest_float("x", 0, 1); os._exit(0)
def tells(trial): trial.study.tell(trial, 1.0)
def careless(trial):
    for step in range(3):
        trial.report(trial.number + step, step)
        if trial.should_prune(): raise optuna.TrialPruned
    return trial.number
def hangs(trial):
    while trial.number % 2: pass
    return 1.0
def native(trial): return sum(range(10**13))
def leaves(trial):
    threading.Thread(target=time.sleep, args=(600,)).start()
    return 1.0
def some(trial): return None if trial.number % 2 else trial.suggest_float("x", 0, 1)
def threads(trial):
    import torch
    return torch.get_num_threads()
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
    (tmp_path / "script.py").write_text("import argparse\nargparse.ArgumentParser().parse_args()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """`main` sets what a process of its own may set."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    verbosity, threads = optuna.logging.get_verbosity(), os.environ.get("OMP_NUM_THREADS")
    yield
    os._exit = worker.EXIT
    if threads is None:
        os.environ.pop("OMP_NUM_THREADS", None)
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
    command = [sys.executable, "-m", "helpers.worker", "--study=s", BRANIN, "--trials=3"]
    result = subprocess.run(command, env=os.environ | {VARIABLE: url}, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout) == (0, "") and "3/3" in result.stderr
    assert states(study) == {"COMPLETE": 3}
    assert len({trial.user_attrs["worker"] for trial in study.trials}) == 1
    study._storage.delete_study(study._storage.get_study_id_from_name("s"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([BRANIN], "Say how long to work: --trials N, --total N, or both, or --timeout S."),
        ([BRANIN, "--trials=0"], "--trials 0 is not possible"),
        ([BRANIN, "--total=-1"], "--total -1 is not possible"),
        ([BRANIN, "--trials=1", "--storage=study.db"], "'study.db' is not the URL of a storage"),
        ([BRANIN, "--trials=1", "--storage=postgresql+psycopg://me:secret@h/d"], f"put the URL into {VARIABLE}"),
        (
            [BRANIN, "--trials=1", "--storage=postgresql+psycopg://me@127.0.0.1:1/d"],
            "me@127.0.0.1:1/d cannot be opened (Is the server",
        ),
        ([BRANIN, "--trials=1", "--storage=sqlite:///slip.db"], "There is no file slip.db"),
        ([BRANIN, "--trials=1", "--storage=journal:///x", "--heartbeat=1"], "There is no file x"),
        ([BRANIN, "--trials=1", "--study=t"], "There is no study 't' in sqlite:////"),
        (["--objective=branin", "--trials=1"], "'branin' is not an objective: write MODULE:FUNCTION"),
        (["--objective=mistakes:number", "--trials=1"], "'mistakes:number' is not an objective"),
        (["--objective=mistakes:other", "--trials=1"], "mistakes:other cannot be imported: AttributeError"),
        (["--objective=missing:other", "--trials=1"], "missing:other cannot be imported: ModuleNotFoundError"),
        (["--objective=typo:objective", "--trials=1"], "typo:objective cannot be imported: SyntaxError"),
        ([BRANIN, "--timeout=0"], "--timeout 0.0 is not possible"),
        ([BRANIN, "--trials=1", "--sampler=Best"], "Unknown Sampler 'Best': choose one of 'BaseSampler'"),
        ([BRANIN, "--trials=1", "--sampler=GridSampler"], "GridSampler cannot be had by its name alone"),
        ([BRANIN, "--trials=1", "--pruner=ThresholdPruner"], "ThresholdPruner cannot be had by its name alone"),
        ([BRANIN, "--trials=1", "--catch", "Oops"], "The error builtins:Oops cannot be imported"),
        ([BRANIN, "--trials=1", "--catch", "missing:Error"], "The error missing:Error cannot be imported"),
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
    assert 'failed for user "learner"): put the right one into' in said and "secret" not in said


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
        (
            "none",
            worker.FAILED,
            {"FAIL": 10},
            "None of 10 trials in a row has a result, the last one since it returned None",
        ),
        ("exits", worker.FAILED, {"FAIL": 1}, "it called sys.exit(None) where it should return a result"),
        ("text", worker.FAILED, {"FAIL": 10}, "it returned 'good' instead of a number"),
        ("two", worker.FAILED, {"FAIL": 10}, "it returned (1.0, 2.0) instead of a number"),
        ("coroutine", worker.FAILED, {"FAIL": 10}, "it returned <coroutine object coroutine at"),
        ("tells", worker.DONE, {"COMPLETE": 12}, "A trial was told by its objective, or given up for dead by"),
        ("careless", worker.DONE, {"COMPLETE": 12}, ""),
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "left"),
    [(signal.SIGINT, 130, {"FAIL": 1}), (signal.SIGTERM, 143, {"FAIL": 1, "WAITING": 1})],
)
def test_a_clean_stop(number: int, code: int, left: dict, tmp_path: Path, start: Start) -> None:
    """The running trial fails; none is left running, and the sentence is one line. Where a machine is taken away, by
    SIGTERM, its parameters wait for another worker."""
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(storage=open_storage(url), study_name="s")
    process = start(url, SLEEPING, "--trials=5")
    until_running(study)
    process.send_signal(number)
    said = process.communicate(timeout=20)[1]
    assert process.returncode == code
    assert states(study) == left and len({str(trial.params) for trial in study.trials}) == 1
    assert said.startswith(f"Stopped by {signal.Signals(number).name}; trials done: ") and said.count("\n") == 1


def test_no_two_workers_draw_the_same(study: optuna.Study) -> None:
    """Three workers, three different first points."""
    for _ in range(3):
        assert run(BRANIN, "--trials=1", "--sampler=RandomSampler") == worker.DONE
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 3


def _fill(name: str, url: str) -> int:
    os.environ[VARIABLE] = url
    return worker.main([f"--study={name}", BRANIN, "--total=7", "--sampler=RandomSampler", "--quiet"])


def _open_once() -> None:
    worker.open_storage = functools.cache(open_storage)


@pytest.fixture(scope="module")
def four() -> Iterator[ProcessPoolExecutor]:
    """Four processes that have imported the worker, and open a storage once. They end when they are told that no more
    is to do; `multiprocessing.Pool` would send SIGTERM, which a worker takes as the wish to finish its trial."""
    with ProcessPoolExecutor(4, multiprocessing.get_context("spawn"), _open_once) as pool:
        yield pool


@pytest.mark.slow
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


@pytest.mark.slow
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
    monkeypatch.setattr(slots, "LOOKS", 20)
    optuna.create_study(storage=study._storage, study_name="s" + slots.LOCK)
    waiting(study)
    assert states(study) == {"RUNNING": 1}
    assert [summary.study_name for summary in study._storage.get_all_studies()] == ["s"]


def waiting(study: optuna.Study, check: Callable[[], None] = lambda: None) -> None:
    """Wants a place where none is free."""
    FilledStudy(1, check, study_name="s", storage=study._storage).ask()


def test_a_worker_that_ends_leaves_no_place_behind(study: optuna.Study) -> None:
    """Without a total it takes the place that it has made at once; signals are heard before or after."""
    heard: list[int] = []
    FilledStudy(None, lambda: heard.append(len(study.trials)), study_name="s", storage=study._storage).ask()
    assert heard == [0] and states(study) == {"RUNNING": 1}


def test_a_full_queue_is_waited_for_until_a_signal(study: optuna.Study) -> None:
    """While others run the last trials a worker waits, and hears signals."""
    study.ask()
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) > 3:
            raise BadInput("enough")

    with pytest.raises(BadInput, match="enough"):
        waiting(study, check)
    assert states(study) == {"RUNNING": 1}


def test_without_heartbeat_waiting_has_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """It is said for whom, again and again, and after a while what to do."""
    monkeypatch.setattr(slots, "SAY_S", 0.2)
    monkeypatch.setattr(slots, "LONG_S", 1.5)
    study = optuna.create_study(storage=open_storage(f"journal:///{tmp_path}/j"), study_name="s")
    study.ask().set_user_attr("worker", "host-7")
    with pytest.raises(Ended, match=r"No sign of life of trial 0 of host-7 for . s.*`study.tell\(0, state="):
        waiting(study)
    said = capsys.readouterr().err.splitlines()
    assert len(said) >= 2 and all(line.startswith("Nothing to do but to wait for trial 0 of host-7") for line in said)


def test_a_worker_that_waits_for_the_dead_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an exit code of its own."""
    monkeypatch.setattr(slots, "LONG_S", 0.5)
    monkeypatch.setenv(VARIABLE, f"journal:///{tmp_path}/j")
    optuna.create_study(storage=open_storage(f"journal:///{tmp_path}/j"), study_name="s").ask()
    assert run(BRANIN, "--total=1") == slots.ALONE


@pytest.mark.parametrize(
    ("words", "beat"), [([], worker.HEARTBEAT_S), (["--heartbeat=7"], 7), (["--heartbeat=0"], None)]
)
def test_a_worker_beats(words: list[str], beat: int | None, study: optuna.Study, tmp_path: Path) -> None:
    """Without being asked, wherever a storage keeps it."""
    options = worker._parser().parse_args(["--study=s", BRANIN, *words])
    assert worker._study(options, f"sqlite:///{tmp_path}/study.db")._storage.get_heartbeat_interval() == beat
    optuna.create_study(storage=open_storage(journal := f"journal:///{tmp_path}/j"), study_name="s")
    if beat != 7:
        assert worker._study(options, journal)._storage.get_heartbeat_interval() is None


def test_the_workers_of_a_study_beat_alike(study: optuna.Study) -> None:
    """The one that beats oftener would take the others for dead."""
    assert run(BRANIN, "--trials=1", "--heartbeat=2") == worker.DONE
    options = worker._parser().parse_args(["--study=s", BRANIN])
    assert worker._study(options, os.environ[VARIABLE])._storage.get_heartbeat_interval() == 2
    assert run(BRANIN, "--trials=1", "--heartbeat=0") == worker.DONE
    options = worker._parser().parse_args(["--study=s", BRANIN, "--heartbeat=1"])
    assert worker._study(options, os.environ[VARIABLE])._storage.get_heartbeat_interval() == 2
    study.set_user_attr("heartbeat_s", 1)
    assert worker._study(options, os.environ[VARIABLE])._storage.get_heartbeat_interval() == 1


@pytest.mark.slow  # a minute of waiting
def test_a_fleet_without_options_goes_on(tmp_path: Path, start: Start) -> None:
    """Three workers, one is killed, as the SLURM file starts them: the study is filled all the same."""
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(storage=open_storage(url), study_name="s")
    three = [start(url, SLEEPING, "--total=6") for _ in range(3)]
    until_running(study, 3)
    three[0].kill()
    said = [process.communicate(timeout=160)[1] for process in three[1:]]
    assert [process.wait() for process in three] == [-9, 0, 0]
    assert states(study) == {"COMPLETE": 6, "FAIL": 1}
    assert all("Nothing to do but to wait for trial " in text for text in said)


def test_a_program_that_asked_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody beats for a trial of ask and tell: it is not given up for dead, also after a look for stale ones."""
    url = f"sqlite:///{tmp_path}/study.db"
    monkeypatch.setenv(VARIABLE, url)
    study = optuna.create_study(storage=open_storage(url, heartbeat_s=1), study_name="s")
    optuna.storages.fail_stale_trials(study)
    trial = study.ask()
    time.sleep(3)
    assert run(BRANIN, "--trials=1", "--heartbeat=1") == worker.DONE
    study.tell(trial, 1.0)
    assert states(study) == {"COMPLETE": 2}


def test_a_trial_beats_before_its_sampler_thinks(tmp_path: Path) -> None:
    """Killed while it does, a worker's trial would never be stale otherwise."""
    storage = open_storage(f"sqlite:///{tmp_path}/study.db", heartbeat_s=1)

    class Dies(optuna.samplers.RandomSampler):
        def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
            raise KeyboardInterrupt

    for queued in (False, True):
        optuna.create_study(storage=storage, study_name=f"s{queued}")
        study = FilledStudy(None, study_name=f"s{queued}", storage=storage, sampler=Dies())
        if queued:
            study.enqueue_trial({})
        with pytest.raises(KeyboardInterrupt):
            study.optimize(lambda trial: 0.0, n_trials=1)
        assert states(study) == {"RUNNING": 1}
    time.sleep(3)
    for queued in (False, True):
        study = optuna.load_study(storage=storage, study_name=f"s{queued}")
        optuna.storages.fail_stale_trials(study)
        assert states(study) == {"FAIL": 1, "WAITING": 1}


def one_trial(url: str, objective: str, start: Start) -> tuple[str, int]:
    """What a worker of a new study says to standard error about one of the mistakes, and its exit code."""
    optuna.create_study(storage=open_storage(url), study_name="s")
    process = start(url, f"--objective=mistakes:{objective}", "--trials=1")
    return process.communicate(timeout=40)[1], process.returncode


def test_the_end_of_the_process_is_not_the_end_of_the_work(tmp_path: Path, mistakes: None, start: Start) -> None:
    """`os._exit(0)` in an objective."""
    said, code = one_trial(f"sqlite:///{tmp_path}/study.db", "ends", start)
    assert "The objective has ended the process, by os._exit(0)." in said and code == worker.FAILED


def test_time_is_up(study: optuna.Study, mistakes: None, capsys: pytest.CaptureFixture) -> None:
    """For a worker: no trial more; alone it is enough to say how long to work."""
    assert run(BRANIN, "--timeout=0.2") == worker.DONE
    assert capsys.readouterr().err.startswith("The time is up; trials done: ")
    study.ask()  # waiting ends, too
    assert run(BRANIN, "--timeout=0.5", f"--total={len(study.trials)}") == worker.DONE


@pytest.mark.slow
def test_a_trial_that_hangs(tmp_path: Path, mistakes: None, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails, and the worker goes on; one that hears no alarm ends its worker, which says where it hung."""
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(storage=open_storage(url), study_name="s")
    assert start(url, "--objective=mistakes:hangs", "--trials=3", "--trial-timeout=1").wait(30) == worker.DONE
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL", "COMPLETE"]
    process = start(url, "--objective=mistakes:native", "--trials=3", "--trial-timeout=0.5")
    said = process.communicate(timeout=40)[1]
    assert process.returncode == worker.FAILED and "in native" in said


def test_errors_that_are_caught(study: optuna.Study, mistakes: None, capsys: pytest.CaptureFixture) -> None:
    """The trial fails, and the worker goes on; a run without any result is no success."""
    broken = ("--objective=mistakes:broken", "--trials=3", "--catch", "ZeroDivisionError", "optuna:TrialPruned")
    assert run(*broken) == worker.FAILED and states(study) == {"FAIL": 3}
    assert (
        "None of 3 trials in a row has a result, the last one since it raised ZeroDivision" in capsys.readouterr().err
    )


def test_a_pruner_that_was_chosen(study: optuna.Study, mistakes: None) -> None:
    """By the library's name; without it nothing is pruned (see test_objectives_that_fail)."""
    chosen = ("--pruner=MedianPruner", "--sampler=RandomSampler")
    assert run("--objective=mistakes:careless", "--trials=12", *chosen) == worker.DONE
    assert states(study) == {"COMPLETE": 5, "PRUNED": 7}


@pytest.mark.parametrize(("said", "threads"), [(None, 1), ("2", 2)])
def test_threads_of_pytorch(
    said: str | None, threads: int, tmp_path: Path, mistakes: None, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One, as workers share the processors, unless the environment says how many."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if said:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    url = f"sqlite:///{tmp_path}/study.db"
    assert one_trial(url, "threads", start) == ("", worker.DONE)
    assert optuna.load_study(storage=url, study_name=None).best_value == threads


@pytest.mark.slow
def test_threads_that_are_left_behind(tmp_path: Path, mistakes: None, start: Start) -> None:
    """They keep no finished worker alive."""
    said, code = one_trial(f"sqlite:///{tmp_path}/study.db", "leaves", start)
    assert "The objective has left 1 threads at work" in said and code == worker.DONE


@pytest.mark.slow
def test_a_study_deleted_under_its_workers(url: str, start: Start) -> None:
    """They say so, and it is gone: Optuna alone leaves it there, in silence, when somebody writes at that moment."""
    storage = open_storage(url)
    study = optuna.create_study(storage=storage, study_name="s")
    processes = [start(url, SLEEPING, "--trials=500") for _ in range(3)]
    until_running(study, 3)
    optuna.delete_study(study_name="s", storage=storage)
    for process in processes:
        assert process.communicate(timeout=30)[1].startswith("The study 's' was deleted; trials done: ")
        assert process.returncode == worker.LOST
    assert "s" not in optuna.get_all_study_names(open_storage(url))


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
    assert sleeper.returncode == 0 and "given up for dead by another worker: what it returned is dropped" in said
    assert states(study) == {"COMPLETE": 5, "FAIL": 1}
    optuna.delete_study(study_name="s", storage=study._storage)


@pytest.mark.slow
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


def working(study: optuna.Study, storage: BaseStorage, trials: int) -> worker.Worker:
    """A worker on a study, in this process."""
    options = worker._parser().parse_args(["--study=s", "--objective=", "--quiet", f"--trials={trials}"])
    return worker.Worker(FilledStudy(None, lambda: None, study_name="s", storage=storage), lambda trial: 0.0, options)


@pytest.mark.slow
@needs_wheel
def test_a_storage_lost_between_trials() -> None:
    """The search for stale trials, with which each trial of a worker with a heartbeat begins, waits as well."""
    with start_postgres() as db:
        storage = open_storage(db.url, heartbeat_s=1, patience_s=1)
        study = optuna.create_study(storage=storage, study_name="s")
        db.stop()
        with pytest.raises(StorageLost, match="The storage is gone: "):
            optuna.storages.fail_stale_trials(study)
        db.start()
        working(study, storage, 1).run()
        assert states(study) == {"COMPLETE": 1}


def test_a_storage_that_errs(study: optuna.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors that waiting does not explain: it is the storage's fault, and says why."""
    erring = working(study, study._storage, 3)

    def err(*arguments: object, **options: object) -> None:
        raise optuna.exceptions.StorageInternalError("An exception is raised.") from OSError("odd\n  thing")

    monkeypatch.setattr(erring.study, "optimize", err)
    with pytest.raises(Ended) as end:
        erring.run()
    assert end.value.args == (worker.LOST, "The storage failed: odd thing")


def test_a_sampler_that_errs(study: optuna.Study) -> None:
    """It is not the objective's fault."""
    erring = working(study, study._storage, 1)
    erring.study.sampler = None  # type: ignore[assignment]
    with pytest.raises(Ended) as end:
        erring.run()
    assert end.value.args[0] == worker.FAILED
    assert "Optuna, and not the objective, raised AttributeError" in end.value.args[1]


def test_a_heartbeat_keeps_silent_about_a_lost_storage(capsys: pytest.CaptureFixture) -> None:
    """The worker itself says it; other errors of threads are shown."""
    for error in (StorageLost("gone"), ValueError("other")):
        worker._quiet(worker.threading.ExceptHookArgs((type(error), error, None, None)))
    said = capsys.readouterr().err
    assert "ValueError: other" in said and "gone" not in said


@pytest.mark.slow
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


@pytest.mark.slow
def test_torch_is_not_imported() -> None:
    """A worker is light: it loads neither torch nor pandas nor plots nor widgets unless the objective does."""
    heavy = ("torch", "pandas", "plotly", "ipywidgets")
    code = f"import sys, helpers.worker; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
