"""Workers killed at random moments of a trial, and the trials that go on from their checkpoints:

    python -m tests.stress.resume --kills 20

Each study has one trial. A process of its own works on it and is killed (SIGKILL) at a random moment; when all are
dead and silent for longer than the grace period, a second process takes each study over. The trial that is left must
be, to the bit, what a run without a break is: every intermediate value, the final value, and the weights.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import optuna
import torch
from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState

from helpers.fleet import open_storage
from helpers.fleet.resume import keep_checkpoint, newest_checkpoint, resume_or_start
from helpers.training.data import Dataset, load_dataset
from helpers.training.train import Training, TrainingConfig

HEARTBEAT_S, GRACE_S, AT_ONCE = 1, 2, 2
NAME = "killed"
BASE = {"model": "cnn", "width": 4, "depth": 2, "batch_size": 128, "epochs": 8, "dropout": 0.2, "schedule": "cosine"}


@dataclass(frozen=True)
class Case:
    """One study: its folder, and the configuration of its trial."""

    folder: Path
    config: TrainingConfig

    @property
    def store(self) -> FileSystemArtifactStore:
        """Where its checkpoints are."""
        return FileSystemArtifactStore(self.folder)

    def study(self) -> optuna.Study:
        """The study, in a database with a heartbeat; opened by each process for itself."""
        storage = open_storage(f"sqlite:///{self.folder}/study.db", heartbeat_s=HEARTBEAT_S, grace_s=GRACE_S)
        return optuna.create_study(study_name=NAME, storage=storage, direction="maximize", load_if_exists=True)

    def objective(self, data: Dataset, begun: Callable[[], None]) -> Callable[[optuna.Trial], float]:
        """What both workers run."""

        def objective(trial: optuna.Trial) -> float:
            begun()
            training = resume_or_start(trial, self.config, data, self.store)
            for epoch in training:
                keep_checkpoint(trial, training, self.store)
                trial.report(epoch.validation_loss, epoch.number + 1)
            return epoch.validation_accuracy

        return objective


def work(case: Case, data: Dataset, begun: Callable[[], None] = lambda: None) -> None:
    """Runs one trial of the case's study."""
    case.study().optimize(case.objective(data, begun), n_trials=1)


def kill_at(case: Case, data: Dataset, delay: float, context) -> bool:
    """Starts a worker and kills it `delay` seconds after its trial has begun; false if the trial was whole by then."""
    begun = context.Event()
    process = context.Process(target=work, args=(case, data, begun.set))
    process.start()
    begun.wait(30)
    time.sleep(delay)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    return case.study().trials[0].state != TrialState.COMPLETE  # a process may have told it, and had yet to leave


def together(jobs: list[Callable[[], None]], context) -> None:
    """Runs them in processes, a few at a time."""
    for start in range(0, len(jobs), AT_ONCE):
        running = [context.Process(target=job) for job in jobs[start : start + AT_ONCE]]
        for process in running:
            process.start()
        for process in running:
            process.join()


def difference(case: Case, data: Dataset) -> str:
    """What the resumed trial does not share with a run without a break; empty when all is the same."""
    whole = Training(case.config, data)
    wanted = {epoch.number + 1: epoch.validation_loss for epoch in whole}
    study = case.study()
    trial = study.trials[-1]
    if [each.state for each in study.trials] != [TrialState.FAIL, TrialState.COMPLETE]:
        return f"states {[each.state.name for each in study.trials]}"
    if RetryHeartbeatStaleTrialCallback.retried_trial_number(trial) != 0:
        return "the second trial does not repeat the first"
    if trial.intermediate_values != wanted or trial.value != whole.curve[-1].validation_accuracy:
        return f"curve {trial.intermediate_values}, value {trial.value}"
    return weights_differ(case, data, trial, whole)


def weights_differ(case: Case, data: Dataset, trial: FrozenTrial, whole: Training) -> str:
    """The network in the artifact store against the one of the run without a break."""
    storage = open_storage(f"sqlite:///{case.folder}/study.db")
    kept = newest_checkpoint(trial, data, case.store, storage=storage)
    pairs = zip(kept.model.parameters(), whole.model.parameters(), strict=True)
    return "" if all(torch.equal(one, other) for one, other in pairs) else "weights"


def run(kills: int, seed: int, folder: Path) -> list[tuple[int, str]]:
    """For each kill the epochs that its checkpoint held, and what is not the same afterwards."""
    data, rng, context = load_dataset(), random.Random(seed), multiprocessing.get_context("fork")
    Training(TrainingConfig(**BASE), data)  # what is imported once only, before the processes part
    Case(folder, TrainingConfig(**BASE)).study()  # tables are made once, and copied
    seconds = _seconds_alone(folder, data, context)
    cases = []
    while len(cases) < kills:
        case = _case(folder, len(cases), seed=rng.randrange(1000))
        if kill_at(case, data, rng.uniform(0, seconds), context):
            cases.append(case)
    time.sleep(GRACE_S + 1)
    together([lambda case=case: work(case, data) for case in cases], context)
    return [(case.study().trials[-1].user_attrs.get("resumed_at", -1), difference(case, data)) for case in cases]


def _case(folder: Path, number: int, seed: int) -> Case:
    place = Path(tempfile.mkdtemp(prefix=f"{number:03}-", dir=folder))
    shutil.copy(folder / "study.db", place)
    return Case(place, TrainingConfig(**BASE, optimizer=("adam", "sgd")[number % 2], seed=seed))


def _seconds_alone(folder: Path, data: Dataset, context) -> float:
    """How long a trial takes in a process of its own."""
    case, times = _case(folder, 0, seed=0), context.SimpleQueue()
    process = context.Process(target=lambda: (work(case, data, lambda: times.put(time.monotonic())), times.put(0)))
    process.start()
    begin = times.get()
    times.get()
    process.join()
    return time.monotonic() - begin


def main(arguments: list[str] | None = None) -> int:
    """Prints one line for each kill; returns 0 when nothing differs anywhere."""
    parser = argparse.ArgumentParser(prog="python -m tests.stress.resume")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    with tempfile.TemporaryDirectory() as folder:
        results = run(options.kills, options.seed, Path(folder))
    for held, differs in results:
        print(f"resumed at epoch {held}: {differs or 'the same'}")
    same = sum(not differs for _, differs in results)
    print(f"{same} of {len(results)} are the same to the bit.")
    return int(same < len(results))


if __name__ == "__main__":
    sys.exit(main())
