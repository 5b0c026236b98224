"""Trials with checkpoints in an artifact store: what is kept, what is passed over, and workers that are killed."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.artifacts import FileSystemArtifactStore, get_all_artifact_meta
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from helpers.fleet import Fleet, open_storage
from helpers.fleet.resume import keep_checkpoint, newest_checkpoint, resume_or_start
from helpers.training.data import Dataset
from helpers.training.train import Training, TrainingConfig
from tests.bench.training import one_thread
from tests.stress import resume
from tests.tools.store_outputs import ROOT

SMALL = TrainingConfig(width=4, batch_size=64, epochs=4, learning_rate=0.1)
KILLS = 20
HAS_FORK = "fork" in multiprocessing.get_all_start_methods()


@pytest.fixture(scope="module", autouse=True)
def thread() -> Iterator[None]:
    """One thread, and no line for every trial."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with one_thread():
        yield


class Watched(FileSystemArtifactStore):
    """A store that writes down what is done to it, and can die in the middle of a write."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder, self.done, self.dies = folder, [], False

    def write(self, artifact_id: str, content_body) -> None:
        self.done.append("write")
        if self.dies:
            (self.folder / artifact_id).write_bytes(content_body.read(700))
            raise KeyboardInterrupt
        super().write(artifact_id, content_body)

    def remove(self, artifact_id: str) -> None:
        super().remove(artifact_id)
        self.done.append("remove")


@pytest.fixture
def store(tmp_path: Path) -> Watched:
    """An empty one."""
    return Watched(tmp_path)


@pytest.fixture
def trial() -> optuna.Trial:
    """One that runs."""
    return optuna.create_study(storage=InMemoryStorage()).ask()


def run(trial: optuna.Trial, data: Dataset, store: Watched, epochs: int) -> Training:
    """Trains and keeps so many epochs of the trial's run."""
    training = resume_or_start(trial, SMALL, data, store)
    for _ in zip(range(epochs), training, strict=False):
        keep_checkpoint(trial, training, store)
    return training


def files(store: Watched) -> list[Path]:
    """What lies in the store, the newest last."""
    return sorted(store.folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)


def test_the_newest_is_kept_and_the_older_one_removed_after_it(
    trial: optuna.Trial, few: Dataset, store: Watched
) -> None:
    """Never a moment without a file."""
    run(trial, few, store, 3)
    assert store.done == ["write", "write", "remove", "write", "remove"]
    assert len(files(store)) == 1 and len(newest_checkpoint(trial, few, store).curve) == 3


def test_a_resumed_trial_goes_through_every_epoch_once(trial: optuna.Trial, few: Dataset, store: Watched) -> None:
    """The epochs that it holds come again, and are not saved again; the curve is that of a run without a break."""
    first = run(trial, few, store, 3)
    store.done.clear()
    resumed = run(trial, few, store, SMALL.epochs)
    assert first.curve == resumed.curve[:3] and resumed.curve == list(Training(SMALL, few))
    assert store.done == ["write", "remove"] and trial.user_attrs["resumed_at"] == 3


def test_a_worker_that_dies_while_it_writes_leaves_the_older_one(
    trial: optuna.Trial, few: Dataset, store: Watched
) -> None:
    """Half a file and an entry that belongs to it: the run goes on from the file before."""
    run(trial, few, store, 2)
    store.dies = True
    with pytest.raises(KeyboardInterrupt):
        run(trial, few, store, 3)
    store.dies = False
    assert len(files(store)) == 2 and len(get_all_artifact_meta(trial)) == 3
    resumed = run(trial, few, store, SMALL.epochs)
    assert trial.user_attrs["resumed_at"] == 2 and resumed.curve == list(Training(SMALL, few))
    assert len(files(store)) == 1


def test_with_nothing_to_go_on_from_the_run_begins_anew(trial: optuna.Trial, few: Dataset, store: Watched) -> None:
    """No checkpoint, one that is gone, one that is damaged, one of another configuration."""
    assert resume_or_start(trial, SMALL, few, store).curve == []
    run(trial, few, store, 2)
    assert resume_or_start(trial, replace(SMALL, dropout=0.1), few, store).curve == []
    (only,) = files(store)
    only.write_bytes(only.read_bytes()[:-5])
    assert resume_or_start(trial, SMALL, few, store).curve == [] and trial.user_attrs["resumed_at"] == 0
    only.unlink()
    assert resume_or_start(trial, SMALL, few, store).curve == []


def test_the_network_of_a_finished_trial_can_be_had(few: Dataset, store: Watched) -> None:
    """With the storage, as Optuna asks for it; other artifacts of the trial are no checkpoints."""
    storage = InMemoryStorage()
    study = optuna.create_study(storage=storage)
    trial = study.ask()
    note = store.folder / "note.txt"
    note.write_text("zzz")
    optuna.artifacts.upload_artifact(artifact_store=store, file_path=str(note), study_or_trial=trial)
    training = run(trial, few, store, SMALL.epochs)
    study.tell(trial, 1.0)
    assert newest_checkpoint(study.trials[0], few, store, storage=storage).curve == training.curve


@pytest.mark.skipif(not HAS_FORK, reason="processes cannot be forked here")
@pytest.mark.slow  # twenty kills
def test_killed_trials_are_resumed_as_if_nothing_had_happened() -> None:
    """Twenty kills at random moments, others in each run; `python -m tests.stress.resume` shows them."""
    command = [sys.executable, "-m", "tests.stress.resume", f"--kills={KILLS}", f"--seed={os.getpid()}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.stdout.splitlines()[-1:] == [f"{KILLS} of {KILLS} are the same to the bit."], done.stdout + done.stderr


@pytest.mark.skipif(not HAS_FORK, reason="processes cannot be forked here")
@pytest.mark.parametrize("state", [TrialState.COMPLETE, TrialState.RUNNING])
def test_a_kill_counts_when_it_hits_a_running_trial(
    few: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: TrialState
) -> None:
    """A process may be killed after its trial was told and before it leaves: there is nothing left to resume."""

    def lingers(case: resume.Case, data: Dataset, begun: Callable[[], None]) -> None:
        trial = case.study().ask()
        if state == TrialState.COMPLETE:
            case.study().tell(trial, 0.5)
        begun()
        time.sleep(60)

    monkeypatch.setattr(resume, "work", lingers)
    case = resume.Case(tmp_path, TrainingConfig(**resume.BASE))
    case.study()
    hit = resume.kill_at(case, few, 0, multiprocessing.get_context("fork"))
    assert (hit, case.study().trials[0].state) == (state == TrialState.RUNNING, state)


WHERE = """
import os
def objective(trial):
    trial.set_user_attr("gpu", os.environ.get("CUDA_VISIBLE_DEVICES"))
    return trial.suggest_float("x", 0, 1)
"""


def test_each_worker_sees_the_gpu_that_it_is_given(tmp_path: Path) -> None:
    """The environment that a fleet is started with reaches the objective, one GPU for each worker."""
    (tmp_path / "where.py").write_text(WHERE)
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(study_name="gpus", storage=open_storage(url))
    fleets = [
        Fleet(
            url,
            "gpus",
            "where:objective",
            workers=1,
            trials=1,
            environment={"CUDA_VISIBLE_DEVICES": str(gpu), "PYTHONPATH": str(tmp_path)},
        )
        for gpu in (0, 1)
    ]
    for fleet in fleets:
        with fleet:
            assert fleet.wait(60) == [0], fleet.said(0)
    assert sorted(trial.user_attrs["gpu"] for trial in study.trials) == ["0", "1"]
