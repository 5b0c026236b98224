"""A worker that anyone can start, on any machine that reaches the storage:

    python -m helpers.worker --storage URL --study NAME --objective MODULE:FUNCTION --trials N

The URL may come from the environment variable LEARN_OPTUNA_STORAGE instead, and must when it holds a password: every
user of a machine can read arguments. A URL without password works with PGPASSWORD or ~/.pgpass. The study must exist.
Each trial's user attribute "worker" says who ran it (host-pid).

No two workers draw the same: their streams are seeded with --seed (or with entropy) mixed with host, process id and
clock. With several workers the order of trials is chance anyway, so a run cannot be repeated to the letter.

| exit code | meaning |
|---|---|
| 0 | done: the trials were run, or the study is full |
| 1 | the objective raised an error, or failed ten times in a row |
| 2 | bad input: one sentence says what to correct |
| 3 | the storage was lost in mid-run |
| 130, 143 | stopped by Ctrl-C (SIGINT), by SIGTERM |
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from types import FrameType

import numpy as np
import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial, TrialState
from tqdm import tqdm

from helpers.errors import BadInput
from helpers.fleet.slots import Filled, Slots
from helpers.fleet.storage import VARIABLE, StorageLost, causes, hide, open_storage

DONE, FAILED, BAD_INPUT, LOST = 0, 1, 2, 3
PATIENCE = 10


def name() -> str:
    """How this worker signs its trials."""
    return f"{socket.gethostname()}-{os.getpid()}"


class Stopped(KeyboardInterrupt):
    """A signal arrived; Optuna tells the running trial to fail."""


class Worker:
    """Runs trials until enough are done or a signal arrives; as a callable it is the objective with that care."""

    def __init__(self, study: optuna.Study, objective: Callable[[Trial], float], on_stop: str, bar: tqdm) -> None:
        self.study, self.objective, self.on_stop, self.bar = study, objective, on_stop, bar
        self.signal = self.failures = self.troubles = self.done = 0
        self.inside = False
        self.slots: Slots | None = None

    def __call__(self, trial: Trial) -> float:
        self.inside = True
        try:
            if self.signal and self.on_stop == "fail":
                self.stop(self.signal)
            trial.set_user_attr("worker", name())
            if torch := sys.modules.get("torch"):
                torch.set_num_threads(1)  # workers share the processors already
            return self.objective(trial)
        finally:
            self.inside = False

    def stop(self, number: int, frame: FrameType | None = None) -> None:
        """Handles a signal. It interrupts the objective, never the report of its result; --on-stop=finish waits for
        the objective, unless a second signal comes."""
        again, self.signal = bool(self.signal), self.signal or number
        if self.inside and (again or self.on_stop == "fail"):
            raise Stopped

    def check(self) -> None:
        """Raises `Stopped` if a signal has arrived."""
        if self.signal:
            raise Stopped

    def run(self, trials: int | None) -> int:
        """Runs up to `trials` trials; returns the exit code."""
        while trials is None or self.done < trials:
            try:
                self.check()
                self.study.optimize(self, n_trials=1, callbacks=[self.after])
            except Filled:
                break
            except KeyboardInterrupt:
                number = signal.Signals(self.signal or signal.SIGINT)
                return _say(128 + number, f"Stopped by {number.name}; trials done: {self.done}.")
            except Exception as error:
                if (code := self.judge(error)) is not None:
                    return code
            if self.failures >= PATIENCE:
                return _say(FAILED, f"The objective failed {PATIENCE} times in a row: it returns no number.")
        return DONE

    def after(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Counts a finished trial; None and NaN make it fail."""
        self.done, self.troubles = self.done + 1, 0
        self.failures = self.failures + 1 if trial.state == TrialState.FAIL else 0
        self.bar.n = self.slots.completed() if self.slots else self.done
        self.bar.refresh()

    def judge(self, error: Exception) -> int | None:
        """The exit code for an error, or None when the worker should go on; `StorageLost` if there is no storage."""
        chain = list(causes(error))
        if lost := next((cause for cause in chain if isinstance(cause, StorageLost)), None):
            return _say(LOST, str(lost))
        if any(isinstance(cause, StorageInternalError) for cause in chain):
            self.troubles += 1
            if self.troubles >= PATIENCE:
                said = " ".join(str(chain[-1]).split())
                return _say(LOST, f"The storage failed {PATIENCE} times in a row: {said}")
            self.study.get_trials(deepcopy=False)  # Optuna's search for stale trials waits for no server; this does
            return None
        told = any(isinstance(cause, UpdateFinishedTrialError) for cause in chain)
        if told or any(str(cause).startswith("Cannot tell a ") for cause in chain):
            _say(DONE, "A trial of this worker was given up for dead by another one: its result is dropped.")
            return None
        where = "".join(traceback.format_tb(error.__traceback__, limit=-3))
        return _say(FAILED, f"{where}The objective raised {type(error).__name__}: {error}")


def main(arguments: list[str] | None = None) -> int:
    """Runs a worker; returns the exit code of the table above."""
    options = _parser().parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # what goes wrong is said here, in one sentence
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    try:
        worker, storage = _prepare(options)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, worker.stop)
        threading.excepthook = _quiet
        if options.leashed:
            threading.Thread(target=_end_with_stdin, daemon=True).start()
        if options.total is not None:
            worker.slots = Slots(worker.study, storage, options.total, worker.check)
            worker.study.ask = worker.slots.take  # type: ignore[assignment, method-assign]  # Optuna asks for places here
        with worker.bar:
            return worker.run(options.trials)
    except BadInput as error:
        return _say(BAD_INPUT, str(error))
    except StorageLost as error:
        return _say(LOST, str(error))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m helpers.worker", description="Works on a study that exists.")
    parser.add_argument("--storage", help=f"URL; default: the environment variable {VARIABLE}")
    parser.add_argument("--study", required=True)
    parser.add_argument("--objective", required=True, metavar="MODULE:FUNCTION")
    parser.add_argument("--trials", type=int, help="how many trials this worker runs")
    parser.add_argument("--total", type=int, help="all workers together: completed trials that the study shall have")
    parser.add_argument("--heartbeat", type=int, metavar="S", help="seconds between two signs of life")
    parser.add_argument("--grace", type=int, metavar="S", help="a trial silent for longer is run again (2 heartbeats)")
    parser.add_argument("--patience", type=float, default=60, metavar="S", help="how long to wait for a lost server")
    parser.add_argument("--on-stop", choices=("fail", "finish"), default="fail", help="what becomes of a running trial")
    parser.add_argument("--direction", choices=("minimize", "maximize"), help="refuse a study of another direction")
    parser.add_argument("--sampler", choices=("tpe", "random"), default="tpe")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--leashed", action="store_true", help="stop when standard input closes, with the parent")
    return parser


def _prepare(options: argparse.Namespace) -> tuple[Worker, BaseStorage]:
    """All that can go wrong before the first trial does so here, as BadInput."""
    counts = {count: getattr(options, count) for count in ("trials", "total")}
    if all(count is None for count in counts.values()):
        raise BadInput("Say how long to work: --trials N, --total N, or both.")
    if wrong := next((f"--{key} {count}" for key, count in counts.items() if count is not None and count < 1), None):
        raise BadInput(f"{wrong} is not possible: give at least 1.")
    if options.seed is not None and options.seed < 0:
        raise BadInput(f"--seed {options.seed} is not possible: give 0 or a positive whole number.")
    if options.storage and hide(options.storage) != options.storage:
        raise BadInput(f"Everybody can read a password in an argument: put the URL into {VARIABLE} instead.")
    url = options.storage or os.environ.get(VARIABLE)
    if not url:
        raise BadInput(f"Which storage? Give --storage URL, or put the URL into {VARIABLE}.")
    objective = _objective(options.objective)
    heartbeat = {"heartbeat_s": options.heartbeat, "grace_s": options.grace}
    storage = open_storage(url, **heartbeat, patience_s=options.patience, create=False)
    study = _study(storage, options, url)
    total = options.trials if options.total is None else options.total
    bar = tqdm(total=total, unit="trial", desc=name(), disable=options.quiet, file=sys.stderr)
    return Worker(study, objective, options.on_stop, bar), storage


def _objective(path: str) -> Callable[[Trial], float]:
    """The function MODULE:FUNCTION; modules of the current folder are found too."""
    module, _, attribute = path.partition(":")
    try:
        function = getattr(importlib.import_module(module), attribute) if module and attribute else None
    except Exception as error:  # whatever happens in a module of the learner's
        raise BadInput(f"The objective {path} cannot be imported: {type(error).__name__}: {error}.") from None
    if not callable(function):
        raise BadInput(f"{path!r} is not an objective: write MODULE:FUNCTION, as in helpers.fleet.objectives:branin.")
    return function


def _study(storage: BaseStorage, options: argparse.Namespace, url: str) -> optuna.Study:
    seeds = np.random.SeedSequence(options.seed, spawn_key=(*name().encode(), time.time_ns() % 2**32))
    seed = int(seeds.generate_state(1)[0])
    sampler = optuna.samplers.TPESampler(seed=seed) if options.sampler == "tpe" else optuna.samplers.RandomSampler(seed)
    try:
        study = optuna.load_study(study_name=options.study, storage=storage, sampler=sampler)
    except KeyError:
        known = f"There is no study {options.study!r} in {hide(url)}"
        raise BadInput(f"{known}: create it first, or correct the name.") from None
    directions = [direction.name.lower() for direction in study.directions]
    if options.direction and directions != [options.direction]:
        raise BadInput(f"The study {options.study!r} wants to {' and '.join(directions)}, not to {options.direction}.")
    return study


def _end_with_stdin() -> None:
    """Ends this process in an orderly way when its parent has closed the pipe, or by force if that does not help."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM) if os.name != "nt" else signal.raise_signal(signal.SIGTERM)
    time.sleep(10)
    os._exit(128 + signal.SIGTERM)


def _quiet(error: threading.ExceptHookArgs) -> None:
    """A heartbeat that finds its storage lost need not say so: the worker does."""
    if not issubclass(error.exc_type, StorageLost):
        threading.__excepthook__(error)


def _say(code: int, sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
