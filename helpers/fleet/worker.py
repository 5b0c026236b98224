"""A worker that anyone can start, on any machine that reaches the storage:

    python -m helpers.worker --storage URL --study NAME --objective MODULE:FUNCTION --trials N

The URL may come from the environment variable LEARN_OPTUNA_STORAGE instead, and must when it holds a password: every
user of a machine can read arguments. A URL without password works with PGPASSWORD or ~/.pgpass. The study must exist.
Each trial's user attribute "worker" says who ran it (host-pid).

No two workers draw the same: their streams are seeded with --seed (or with entropy) mixed with host, process id and
clock. With several workers the order of trials is chance anyway, so a run cannot be repeated to the letter.

Who prunes and who samples is not stored in a database: without --pruner nothing is pruned, without --sampler it is TPE.
All workers of a study have the --heartbeat of its first one, which its user attribute "heartbeat_s" keeps: one that
beats every second would take those that beat twice a minute for dead. PyTorch works with one thread, unless
OMP_NUM_THREADS says otherwise: workers share the processors.

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
import builtins
import faulthandler
import os
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from pkgutil import resolve_name
from types import FrameType, ModuleType
from typing import Any, NoReturn

import numpy as np
import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, Trial, TrialState
from tqdm import tqdm

from helpers.errors import BadInput
from helpers.fleet.slots import DONE, Ended, FilledStudy
from helpers.fleet.storage import VARIABLE, StorageLost, causes, hide, keeps_heartbeat, open_storage

FAILED, BAD_INPUT, LOST = 1, 2, 3
PATIENCE = 10
HEARTBEAT_S, BEATS = 30, "heartbeat_s"
ALARM: Any = getattr(signal, "SIGALRM", None)
LEAVE_S = 5  # what a thread of the objective's gets to end, and a trial in native code that its time is up for


DROPPED = "A trial of this worker was given up for dead by another one: its result is dropped."
TOLD = "The objective has told the result of its trial itself: let it return the result instead."


def name() -> str:
    """How this worker signs its trials."""
    return f"{socket.gethostname()}-{os.getpid()}"


class Stopped(KeyboardInterrupt):
    """A signal arrived; Optuna tells the running trial to fail."""


class TookTooLong(Exception):
    """The trial ran for longer than --trial-timeout."""


class Worker:
    """Runs trials until enough are done or a signal arrives; as a callable it is the objective with that care."""

    def __init__(self, study: FilledStudy, objective: Callable[[Trial], Any], options: argparse.Namespace) -> None:
        self.study, self.objective, self.options = study, objective, options
        self.signal = self.failures = self.failed = self.troubles = self.done = 0
        self.inside, self.end = False, time.monotonic() + (options.timeout or float("inf"))
        self.caught: tuple[type[Exception], ...] = (TookTooLong, *map(_error, options.catch))
        self.raised: BaseException | None = None
        self.why = ""  # the last trial without a result had none
        total = options.total or options.trials
        self.bar = tqdm(total=total, unit="trial", desc=name(), disable=options.quiet, file=sys.stderr)
        study.check = self.check

    def __call__(self, trial: Trial) -> Any:
        self.trial, self.raised, self.inside = trial, None, True
        try:
            if self.signal and self.options.on_stop == "fail":
                raise Stopped
            trial.set_user_attr("worker", name())
            if "torch" in sys.modules and "OMP_NUM_THREADS" not in os.environ:
                sys.modules["torch"].set_num_threads(1)
            self._limit(self.options.trial_timeout)
            return self._numbers(self.objective(trial))
        except SystemExit as error:
            self.why = f"it called sys.exit({error.code!r})"
            self.raised = RuntimeError(f"{self.why} where it should return a result")
            raise self.raised from error
        except (Stopped, Exception) as error:
            self.raised, self.why = error, f"it raised {type(error).__name__}: {error}"
            raise
        finally:
            self.inside = False
            self._limit(None)

    def _numbers(self, value: Any) -> list[float] | None:
        """What the objective returned; None and NaN make the trial fail. TypeError: it can never be a result."""
        wanted = len(self.study.directions)
        self.why = f"it returned {value!r:.80} instead of {'a number' if wanted == 1 else f'{wanted} numbers'}"
        with suppress(TypeError, ValueError):
            numbers = [float(each) for each in (value if isinstance(value, Sequence) else [value])]
            if len(numbers) == wanted and not isinstance(value, str):
                return numbers
        if value is not None:
            raise TypeError(self.why)
        return None

    def _limit(self, seconds: float | None) -> None:
        """Lets an alarm interrupt the objective, and ends the process if it hears none, in native code."""
        if self.options.trial_timeout:
            signal.setitimer(signal.ITIMER_REAL, seconds or 0, seconds or 0)
            if seconds:
                faulthandler.dump_traceback_later(seconds + LEAVE_S, exit=True)
            else:
                faulthandler.cancel_dump_traceback_later()

    def hear(self, number: int, frame: FrameType | None = None) -> None:
        """Handles a signal. It interrupts the objective, never the report of its result; --on-stop=finish waits for
        the objective, unless a second signal comes; the alarm of --trial-timeout does not end the worker."""
        if number == ALARM:
            if self.inside:
                raise TookTooLong(f"longer than {self.options.trial_timeout} s")
            return
        again, self.signal = bool(self.signal), self.signal or number
        if self.inside and (again or self.options.on_stop == "fail"):
            raise Stopped

    def check(self) -> None:
        """Raises `Stopped` if a signal has arrived, `Ended` when the time is up."""
        if self.signal:
            raise Stopped
        if time.monotonic() > self.end:
            raise Ended(DONE, f"The time is up; trials done: {self.done}.")

    def run(self) -> int:
        """Runs up to `--trials` trials; returns the exit code."""
        while self.options.trials is None or self.done < self.options.trials:
            try:
                self.check()
                self.study.optimize(self, n_trials=1, catch=self.caught, callbacks=[self.after])
            except Ended as end:
                return _say(*end.args)
            except KeyboardInterrupt as error:
                return self.stopped(error)
            except Exception as error:
                if (code := self.judge(error)) is not None:
                    return code
            if self.failures >= PATIENCE:
                return _say(FAILED, f"The objective failed {PATIENCE} times in a row, the last time since {self.why}.")
        if self.failed == self.done:
            return _say(FAILED, f"None of {self.done} trials has a result, the last one since {self.why}.")
        return DONE

    def after(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Counts a finished trial; None and NaN make it fail."""
        self.done, self.troubles = self.done + 1, 0
        failed = trial.state == TrialState.FAIL
        self.failed, self.failures = self.failed + failed, self.failures + 1 if failed else 0
        self.bar.n = self.study.completed() if self.options.total else self.done
        self.bar.refresh()

    def stopped(self, error: KeyboardInterrupt) -> int:
        """The exit code after a signal; a trial that SIGTERM interrupted, whose machine was taken away, waits again."""
        number = signal.Signals(self.signal or signal.SIGINT)
        if self.raised is error and number == signal.SIGTERM:
            trial = self.study._storage.get_trial(self.trial._trial_id)
            RetryHeartbeatStaleTrialCallback()(self.study, trial)
        return _say(128 + number, f"Stopped by {number.name}; trials done: {self.done}.")

    def judge(self, error: Exception) -> int | None:
        """The exit code for an error, or None when the worker should go on; `StorageLost` if there is no storage."""
        chain = list(causes(error))
        if lost := next((cause for cause in chain if isinstance(cause, StorageLost)), None):
            return _say(LOST, str(lost))
        if self.study.is_deleted():
            return _say(LOST, f"The study {self.study.study_name!r} was deleted; trials done: {self.done}.")
        if any(isinstance(cause, StorageInternalError) for cause in chain):
            self.troubles += 1
            if self.troubles >= PATIENCE:
                said = " ".join(str(chain[-1]).split())
                return _say(LOST, f"The storage failed {PATIENCE} times in a row: {said}")
            return None
        told = any(isinstance(cause, UpdateFinishedTrialError) for cause in chain)
        if told or any(str(cause).startswith("Cannot tell a ") for cause in chain):
            self.done += 1  # it was run
            failed = self.study._storage.get_trial(self.trial._trial_id).state == TrialState.FAIL
            _say(DONE, DROPPED if failed else TOLD)
            return None
        where = "".join(traceback.format_tb(error.__traceback__, limit=-3))
        who = "The objective" if self.raised in chain else "Optuna, and not the objective,"
        return _say(FAILED, f"{where}{who} raised {type(error).__name__}: {error}")


def main(arguments: list[str] | None = None) -> int:
    """Runs a worker; returns the exit code of the table above."""
    options = _parser().parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # what goes wrong is said here, in one sentence
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    try:
        worker = _prepare(options)
        for number in (signal.SIGINT, signal.SIGTERM, *([ALARM] if options.trial_timeout else [])):
            signal.signal(number, worker.hear)
        threading.excepthook = _quiet
        os._exit = _loud(worker, os._exit)  # type: ignore[assignment]
        if options.leashed:
            threading.Thread(target=_end_with_stdin, daemon=True).start()
        with worker.bar:
            return worker.run()
    except BadInput as error:
        return _say(BAD_INPUT, str(error))
    except StorageLost as error:
        return _say(LOST, str(error))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def leave(code: int) -> NoReturn:
    """Ends the process; Python alone would wait for every thread that the objective has left behind."""
    end = time.monotonic() + LEAVE_S
    others = [each for each in threading.enumerate() if each is not threading.current_thread() and not each.daemon]
    for thread in others:
        thread.join(max(0, end - time.monotonic()))
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
    parser.add_argument("--trial-timeout", type=float, metavar="S", help="a trial that takes longer fails")
    parser.add_argument("--catch", nargs="+", default=(), metavar="ERROR", help="errors that fail the trial only")
    parser.add_argument(
        "--heartbeat", type=int, metavar="S", help=f"seconds between two signs of life ({HEARTBEAT_S}; 0: none)"
    )
    parser.add_argument("--grace", type=int, metavar="S", help="a trial silent for longer is run again (2 heartbeats)")
    parser.add_argument("--patience", type=float, default=60, metavar="S", help="how long to wait for a lost server")
    parser.add_argument("--on-stop", choices=("fail", "finish"), default="fail", help="what becomes of a running trial")
    parser.add_argument("--direction", choices=("minimize", "maximize"), help="refuse a study of another direction")
    parser.add_argument("--sampler", default="TPESampler", metavar="NAME", help="of optuna.samplers (TPESampler)")
    parser.add_argument("--pruner", default="NopPruner", metavar="NAME", help="of optuna.pruners (NopPruner: none)")
    parser.add_argument("--seed", type=int)
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
    if options.seed is not None and options.seed < 0:
        raise BadInput(f"--seed {options.seed} is not possible: give 0 or a positive whole number.")
    if options.storage and hide(options.storage) != options.storage:
        raise BadInput(f"Everybody can read a password in an argument: put the URL into {VARIABLE} instead.")
    url = options.storage or os.environ.get(VARIABLE)
    if not url:
        raise BadInput(f"Which storage? Give --storage URL, or put the URL into {VARIABLE}.")
    if options.trial_timeout and ALARM is None:
        raise BadInput("--trial-timeout needs alarms, which Windows has not: leave it out.")
    objective = _named("objective", options.objective)
    if not callable(objective):
        raise BadInput(
            f"{options.objective!r} is not an objective: write MODULE:FUNCTION, as in helpers.fleet.objectives:branin."
        )
    return Worker(_study(options, url), objective, options)


def _named(what: str, path: str) -> Any:
    """What MODULE:NAME names; modules of the current folder are found too."""
    try:
        return resolve_name(path) if all(path.partition(":")) else None
    except (Exception, SystemExit) as error:  # whatever happens in a module of the learner's
        ends = isinstance(error, SystemExit)
        hint = ': what reads arguments or ends the program belongs under `if __name__ == "__main__":`' if ends else ""
        said = f"The {what} {path} cannot be imported: {type(error).__name__}: {error}{hint}."
    raise BadInput(said)


def _error(path: str) -> type[Exception]:
    """An error by its name, as ValueError, or MODULE:NAME, as torch:OutOfMemoryError."""
    found = _named("error", path) if ":" in path else getattr(builtins, path, None)
    if isinstance(found, type) and issubclass(found, Exception):
        return found
    raise BadInput(f"{path!r} is not an error: write its name, as in --catch ValueError torch:OutOfMemoryError.")


def _study(options: argparse.Namespace, url: str) -> FilledStudy:
    beats = HEARTBEAT_S if options.heartbeat is None and keeps_heartbeat(url) else options.heartbeat or None
    storage = open_storage(url, heartbeat_s=beats, grace_s=options.grace, patience_s=options.patience, create=False)
    seeds = np.random.SeedSequence(options.seed, spawn_key=(*name().encode(), time.time_ns() % 2**32))
    sampler = _made(optuna.samplers, "Sampler", options.sampler, seed=int(seeds.generate_state(1)[0]))
    pruner = _made(optuna.pruners, "Pruner", options.pruner)
    try:
        study = FilledStudy(
            options.total, lambda: None, study_name=options.study, storage=storage, sampler=sampler, pruner=pruner
        )
    except KeyError:
        known = f"There is no study {options.study!r} in {hide(url)}"
        raise BadInput(f"{known}: create it first, or correct the name.") from None
    directions = [direction.name.lower() for direction in study.directions]
    if options.direction and directions != [options.direction]:
        raise BadInput(f"The study {options.study!r} wants to {' and '.join(directions)}, not to {options.direction}.")
    agreed = study.user_attrs.get(BEATS, beats)
    if beats and beats != agreed:
        if options.heartbeat is not None:
            said = f"The workers of {options.study!r} beat every {agreed} s: leave --heartbeat out, to do the same"
            raise BadInput(f"{said}, or, when none is at work, study.set_user_attr({BEATS!r}, {beats}).")
        options.heartbeat = agreed
        return _study(options, url)
    if beats and BEATS not in study.user_attrs:
        study.set_user_attr(BEATS, beats)
    return study


def _made(package: ModuleType, kind: str, name: str, **options: Any) -> Any:
    """A sampler or pruner of Optuna by the name of its class; "tpe" is TPESampler."""
    known = [each for each in package.__all__ if each.endswith(kind) and not each.startswith("Base")]
    classes = {each.removesuffix(kind).lower(): each for each in known}
    try:
        return getattr(package, classes[name.removesuffix(kind).lower()])(**options)
    except KeyError:
        raise BadInput(f"Optuna has no {name!r}: choose one of {', '.join(known)}.") from None
    except (TypeError, ValueError, ImportError) as error:
        raise BadInput(f"{name} cannot be had by its name alone: {error}") from None


def _loud(worker: Worker, leave: Callable[[int], NoReturn]) -> Callable[[int], NoReturn]:
    """Stands in for `os._exit`: an objective that ends its process has not done its work, whatever it says."""
    process = os.getpid()

    def _exit(status: int) -> NoReturn:
        ours = os.getpid() == process and threading.current_thread() is threading.main_thread()  # no child, no leash
        if worker.inside and ours:
            status = _say(status or FAILED, f"The objective has ended the process, by os._exit({status}).")
        leave(status)

    return _exit


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
    if sentence:
        print(sentence, file=sys.stderr)
    return code


if __name__ == "__main__":
    leave(main())
