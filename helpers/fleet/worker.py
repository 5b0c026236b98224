"""A worker that anyone can start, on any machine that reaches the storage:

    python -m helpers.worker --storage URL --study NAME --objective MODULE:FUNCTION --trials N

The URL may come from the environment variable LEARN_OPTUNA_STORAGE instead, and must when it holds a password: every
user of a machine can read arguments. A URL without password works with PGPASSWORD or ~/.pgpass. The study must exist.
Each trial's user attribute "worker" says who ran it (host-pid).

Who prunes and who samples is not stored in a database: without --pruner nothing is pruned, without --sampler it is TPE
(unseeded: no two workers draw the same). All workers of a study have the --heartbeat of its first one, which its user
attribute "heartbeat_s" keeps: one that beats every second would take those that beat twice a minute for dead. PyTorch
works with one thread, unless OMP_NUM_THREADS says otherwise: workers share the processors.

| exit code | meaning |
|---|---|
| 0 | done: the trials were run, the study is full, or the time is up |
| 1 | the objective raised an error, ended the process, or gave no result at all, or none ten times in a row |
| 2 | bad input: one sentence says what to correct |
| 3 | the storage, or the study in it, was lost in mid-run |
| 4 | the trials that are missing run elsewhere and give no sign of life |
| 130, 143 | stopped by Ctrl-C (SIGINT), by SIGTERM; after SIGTERM the trial's parameters wait for another worker |
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from pkgutil import resolve_name
from types import FrameType, ModuleType
from typing import Any, NoReturn

import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, Trial, TrialState
from tqdm import tqdm

from helpers.errors import BadInput, one_of
from helpers.fleet.slots import DONE, Ended, FilledStudy
from helpers.fleet.storage import VARIABLE, StorageLost, causes, hide, keeps_heartbeat, open_storage

FAILED, BAD_INPUT, LOST = 1, 2, 3
PATIENCE, EXIT = 10, os._exit
HEARTBEAT_S, BEATS = 30, "heartbeat_s"
ALARM: Any = getattr(signal, "SIGALRM", None)
LEAVE_S = 5  # what a thread of the objective's gets to end, and a trial in native code that its time is up for

DROPPED = "A trial was told by its objective, or given up for dead by another worker: what it returned is dropped."


class TookTooLong(Exception):
    """The trial ran for longer than --trial-timeout."""


class Worker:
    """Runs trials until enough are done or a signal arrives; as a callable it is the objective with that care."""

    def __init__(self, study: FilledStudy, objective: Callable[[Trial], Any], options: argparse.Namespace) -> None:
        self.study, self.objective, self.options = study, objective, options
        self.signal = self.failures = self.done = 0
        self.inside, self.end = False, time.monotonic() + (options.timeout or float("inf"))
        self.pid = os.getpid()
        self.name = f"{socket.gethostname()}-{self.pid}"  # signs its trials
        named = [_named("error", path if ":" in path else f"builtins:{path}") for path in options.catch]
        self.caught = (TookTooLong, *named)
        self.raised: BaseException | None = None
        self.bar = tqdm(total=options.total or options.trials, unit="trial", desc=self.name, disable=options.quiet)
        study.check = self.check

    def __call__(self, trial: Trial) -> Any:
        self.trial, self.raised, self.inside = trial, None, True
        try:
            if self.signal:
                raise KeyboardInterrupt
            trial.set_user_attr("worker", self.name)
            self._limit(self.options.trial_timeout or 0)
            value, wanted = self.objective(trial), len(self.study.directions)
            self.why = f"it returned {value!r:.80} instead of {'a number' if wanted == 1 else f'{wanted} numbers'}"
            return value
        except (KeyboardInterrupt, SystemExit, Exception) as error:
            self.raised, self.why = error, f"it raised {type(error).__name__}: {error}"
            if isinstance(error, SystemExit):  # Optuna would leave the trial running
                raise RuntimeError(f"it called sys.exit({error.code!r}) where it should return a result") from error
            raise
        finally:
            self.inside = False
            self._limit(0)

    def _limit(self, seconds: float) -> None:
        """Lets an alarm interrupt the objective, and ends the process if it hears none, in native code; 0: no more."""
        if self.options.trial_timeout:
            signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
            faulthandler.cancel_dump_traceback_later()
        if seconds:
            faulthandler.dump_traceback_later(seconds + LEAVE_S, exit=True)

    def hear(self, number: int, frame: FrameType | None = None) -> None:
        """Handles a signal, or --trial-timeout's alarm: it interrupts the objective, never the report of its result."""
        if number != ALARM:
            self.signal = number
        if self.inside:
            raise KeyboardInterrupt() if self.signal else TookTooLong(f"longer than {self.options.trial_timeout} s")

    def check(self) -> None:
        """Raises KeyboardInterrupt if a signal has arrived, `Ended` when the time is up."""
        if self.signal:
            raise KeyboardInterrupt
        if time.monotonic() > self.end:
            raise Ended(DONE, f"The time is up; trials done: {self.done}.")

    def run(self) -> None:
        """Runs up to `--trials` trials; `Ended` or `StorageLost` when the work ends before, or without a result."""
        while self.done < (self.options.trials or float("inf")) and self.failures < PATIENCE:
            try:
                self.check()
                self.study.optimize(self, n_trials=1, catch=self.caught, callbacks=[self.after])
            except KeyboardInterrupt as error:
                number = signal.Signals(self.signal or signal.SIGINT)
                if self.raised is error and number == signal.SIGTERM:  # the machine was taken away: the trial waits
                    trial = self.study._storage.get_trial(self.trial._trial_id)
                    RetryHeartbeatStaleTrialCallback()(self.study, trial)
                raise Ended(128 + number, f"Stopped by {number.name}; trials done: {self.done}.") from None
            except Exception as error:
                self.judge(error)
        if self.failures in (PATIENCE, self.done):
            raise Ended(FAILED, f"None of {self.failures} trials in a row has a result, the last one since {self.why}.")

    def after(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Counts a finished trial; None and NaN make it fail."""
        self.done += 1
        self.failures = self.failures + 1 if trial.state == TrialState.FAIL else 0
        self.bar.n = self.study.completed() if self.options.total else self.done
        self.bar.refresh()

    def judge(self, error: Exception) -> None:
        """Says whose fault an error was, by `Ended` or `StorageLost`; after a result that came too late it goes on."""
        chain = list(causes(error))
        if lost := next((cause for cause in chain if isinstance(cause, StorageLost)), None):
            raise lost
        try:
            self.study._storage.get_study_name_from_id(self.study._study_id)
        except KeyError:
            raise Ended(LOST, f"The study {self.study.study_name!r} was deleted; trials done: {self.done}.") from None
        if any(isinstance(cause, StorageInternalError) for cause in chain):
            raise Ended(LOST, f"The storage failed: {' '.join(str(chain[-1]).split())}")
        if any(isinstance(one, UpdateFinishedTrialError) or str(one).startswith("Cannot tell a ") for one in chain):
            self.done, self.failures = self.done + 1, 0  # it was run
            _say(DONE, DROPPED)
        else:
            where = "".join(traceback.format_tb(error.__traceback__, limit=-3))
            who = "The objective" if self.raised in chain else "Optuna, and not the objective,"
            raise Ended(FAILED, f"{where}{who} raised {type(error).__name__}: {error}")

    def exit(self, status: int) -> NoReturn:
        """Stands in for `os._exit`: an objective that ends its process has not done its work, whatever it says."""
        if self.inside and os.getpid() == self.pid:  # not a process that it has forked
            status = _say(status or FAILED, f"The objective has ended the process, by os._exit({status}).")
        EXIT(status)


def main(arguments: list[str] | None = None) -> int:
    """Runs a worker; returns the exit code of the table above."""
    options = _parser().parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # what goes wrong is said here, in one sentence
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        worker = _prepare(options)
        for number in (signal.SIGINT, signal.SIGTERM, *([ALARM] if options.trial_timeout else [])):
            signal.signal(number, worker.hear)
        threading.excepthook, os._exit = _quiet, worker.exit
        if options.leashed:
            threading.Thread(target=_end_with_stdin, daemon=True).start()
        with worker.bar:
            worker.run()
        return DONE
    except Ended as end:
        return _say(*end.args)
    except BadInput as error:
        return _say(BAD_INPUT, str(error))
    except StorageLost as error:
        return _say(LOST, str(error))
    except KeyboardInterrupt:  # before the first trial
        return 128 + signal.SIGINT


def leave(code: int) -> NoReturn:
    """Ends the process; Python alone would wait for every thread that the objective has left behind."""
    others = [each for each in threading.enumerate() if each is not threading.current_thread() and not each.daemon]
    for thread in others:
        thread.join(LEAVE_S / len(others))
    if any(thread.is_alive() for thread in others):
        _say(code, f"The objective has left {len(others)} threads at work: they end now, {LEAVE_S} s after it.")
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m helpers.worker", description="Works on a study that exists.")
    parser.add_argument("--storage", help=f"URL; default: the environment variable {VARIABLE}")
    parser.add_argument("--study", required=True)
    parser.add_argument("--objective", required=True, metavar="MODULE:FUNCTION")
    parser.add_argument("--trials", type=int, help="how many trials this worker runs")
    parser.add_argument("--total", type=int, help="all workers together: completed trials that the study shall have")
    parser.add_argument("--timeout", type=float, metavar="S", help="begin no trial after so many seconds")
    parser.add_argument("--trial-timeout", type=float, metavar="S", help="longer trials fail (not on Windows)")
    parser.add_argument("--catch", nargs="+", default=(), metavar="ERROR", help="or MODULE:ERROR: fails the trial only")
    parser.add_argument("--heartbeat", type=int, metavar="S", help=f"a sign of life every S s ({HEARTBEAT_S}; 0: none)")
    parser.add_argument("--patience", type=float, default=60, metavar="S", help="how long to wait for a lost server")
    parser.add_argument("--sampler", default="TPESampler", metavar="NAME", help="of optuna.samplers (TPESampler)")
    parser.add_argument("--pruner", default="NopPruner", metavar="NAME", help="of optuna.pruners (NopPruner: none)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--leashed", action="store_true", help="stop when standard input closes, with the parent")
    return parser


def _prepare(options: argparse.Namespace) -> Worker:
    """All that can go wrong before the first trial does so here, as BadInput."""
    limits = {name: getattr(options, name) for name in ("trials", "total", "timeout", "trial_timeout")}
    if all(limits[name] is None for name in ("trials", "total", "timeout")):
        raise BadInput("Say how long to work: --trials N, --total N, or both, or --timeout S.")
    if wrong := next((key for key, value in limits.items() if value is not None and value <= 0), None):
        raise BadInput(f"--{wrong.replace('_', '-')} {limits[wrong]} is not possible: give at least 1.")
    if options.storage and hide(options.storage) != options.storage:
        raise BadInput(f"Everybody can read a password in an argument: put the URL into {VARIABLE} instead.")
    url = options.storage or os.environ.get(VARIABLE)
    if not url:
        raise BadInput(f"Which storage? Give --storage URL, or put the URL into {VARIABLE}.")
    objective = _named("objective", options.objective)
    if not callable(objective):
        raise BadInput(f"{options.objective!r} is not an objective: write MODULE:FUNCTION, as in training:objective.")
    return Worker(_study(options, url), objective, options)


def _named(what: str, path: str) -> Any:
    """What MODULE:NAME names; modules of the current folder are found too."""
    try:
        return resolve_name(path) if all(path.partition(":")) else None
    except (Exception, SystemExit) as error:  # whatever happens in a module of the learner's
        said = f"The {what} {path} cannot be imported: {type(error).__name__}: {error}"
        if isinstance(error, SystemExit):
            said += ': what reads arguments or ends the program belongs under `if __name__ == "__main__":`'
        raise BadInput(f"{said}.") from None


def _study(options: argparse.Namespace, url: str) -> FilledStudy:
    beats = HEARTBEAT_S if options.heartbeat is None and keeps_heartbeat(url) else options.heartbeat or None
    storage = open_storage(url, heartbeat_s=beats, patience_s=options.patience, create=False)
    sampler = _made(optuna.samplers, "Sampler", options.sampler)
    pruner = _made(optuna.pruners, "Pruner", options.pruner)
    try:
        study = FilledStudy(options.total, study_name=options.study, storage=storage, sampler=sampler, pruner=pruner)
    except KeyError:
        known = f"There is no study {options.study!r} in {hide(url)}"
        raise BadInput(f"{known}: create it first, or correct the name.") from None
    agreed = study.user_attrs.get(BEATS, beats)
    if beats and beats != agreed:
        options.heartbeat = agreed
        return _study(options, url)
    if beats:
        study.set_user_attr(BEATS, beats)
    return study


def _made(package: ModuleType, kind: str, name: str) -> Any:
    """A sampler or pruner of Optuna by the name of its class."""
    one_of(kind, name, tuple(each for each in package.__all__ if each.endswith(kind)))
    try:
        return getattr(package, name)()
    except (TypeError, ValueError, ImportError) as error:
        raise BadInput(f"{name} cannot be had by its name alone: {error}") from None


def _end_with_stdin() -> None:
    """Ends this process in order when its parent has closed the pipe, or by force if that does not help."""
    sys.stdin.read()
    faulthandler.dump_traceback_later(10, exit=True)
    if os.name == "nt":
        signal.raise_signal(signal.SIGTERM)
    else:  # to the thread that works: another one would not wake it
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def _quiet(error: threading.ExceptHookArgs) -> None:
    """A heartbeat that finds its storage lost need not say so: the worker does."""
    if not issubclass(error.exc_type, StorageLost):
        threading.__excepthook__(error)


def _say(code: int, sentence: str) -> int:
    if sentence:
        print(sentence, file=sys.stderr)
    return code


if __name__ == "__main__":
    leave(main())
