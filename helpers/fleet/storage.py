"""Opening the database that several programs share: one URL, one clear sentence when it cannot be.

The ladder: sqlite:///FILE, journal:///FILE, postgresql+psycopg://USER@HOST/DATABASE, grpc://HOST:PORT. As in every
SQLAlchemy URL, three slashes start a relative path and four an absolute one.
"""

from __future__ import annotations

import json
import os
import random
import re
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, GrpcStorageProxy, JournalStorage, RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, PendingRollbackError

from helpers.errors import BadInput

VARIABLE = "LEARN_OPTUNA_STORAGE"
USER = "learner"  # of the servers that start_postgres makes; only their URLs name this user and a passfile
FORMS = "sqlite:///FILE, journal:///FILE, postgresql+psycopg://USER@HOST/DATABASE or grpc://HOST:PORT"
# A link that is cut in silence would block a worker for a quarter of an hour (PostgreSQL documentation, 34.1.2).
CONNECT = {"connect_timeout": 10, "tcp_user_timeout": 15000, "keepalives_idle": 5, "keepalives_interval": 5}
WATCHFUL = {
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 5_000,
    "grpc.min_reconnect_backoff_ms": 5_000,
    "grpc.max_reconnect_backoff_ms": 2_000,
    "grpc.enable_http_proxy": 0,  # what stands between us and the world knows nothing of this machine or its network
    "grpc.max_receive_message_length": -1,  # as Optuna sets it
}
# What passes by itself: another program that makes the tables, a server that starts, or one that is full for a moment.
FULL = "too many clients|connection slots are reserved|too many connections"
PASSES = f"already exists|duplicate key|UNIQUE constraint|deadlock|starting up|shutting down|{FULL}"
PASSES_S = 30
REFUSALS = {  # what a driver's message means to a learner
    "authentication failed": "The database server refuses this password of {user}: correct it in the URL, in "
    "PGPASSWORD or in ~/.pgpass.",
    "no password supplied": "The server wants the password of {user}: put it into the URL, PGPASSWORD or ~/.pgpass.",
    '" does not exist': "The server has no database {database}, or no user {user}: create it, or correct the URL.",
    "database is locked": "Another program keeps {database} locked: try again when it has finished.",
    "not a database": "{database} is not an SQLite database: choose another file.",
    FULL: "The server at {url} is full: end a program that uses it, or let its owner raise max_connections.",
    "": "No database answers at {url}: start its server, or correct the URL ({reason}).",
}
_LIBPQ = threading.RLock()
PASSWORD = r"([^:]+://[^:@/?]*:)(.*)@"
FIRST = b'{"op_code":'  # how a line of a journal begins


class StorageLost(Exception):
    """The storage was there once and is no longer; `__cause__` says why."""


def hide(url: str) -> str:
    """The URL with *** for its password, fit to be shown."""
    return re.sub(r"(password=)[^&]*", r"\1***", re.sub(f"^{PASSWORD}", r"\1***@", url))


def check_helpers() -> None:
    """BadInput where the working folder has helpers of its own: Python programs that start there would import those."""
    if not Path("helpers", "worker.py").is_file():
        for other in (Path("helpers.py"), Path("helpers", "__init__.py")):
            if other.is_file():
                raise BadInput(f"{other.absolute()} hides the course's helpers from its worker: rename it.")


def open_storage(
    url: str,
    *,
    heartbeat_s: int | None = None,
    grace_s: int | None = None,
    patience_s: float = 60,
    create: bool = True,
) -> BaseStorage:
    """The storage behind a URL; every later call raises `StorageLost` when the storage has gone.

    Args:
        heartbeat_s: running trials report every so many seconds that they are alive; only databases keep that.
        grace_s: a trial silent for longer is failed and, once, queued again; default 2 * heartbeat_s.
        patience_s: how long each call waits for a server that was restarted.
        create: whether a file that is not there is made.

    Raises:
        BadInput: it cannot be opened; the sentence never holds a password.
    """
    kinds = {"sqlite": _database, "postgresql": _database, "journal": _journal, "grpc": _grpc}
    scheme, _, rest = url.partition("://")
    path, scheme = rest.removeprefix("/"), scheme.removesuffix("+psycopg")
    is_file = scheme in ("sqlite", "journal")
    if scheme not in kinds or (is_file and path in ("", rest)):
        raise BadInput(f"{hide(url)!r} is not the URL of a storage: write {FORMS}.")
    if is_file:
        _check_file(Path(path.split("?")[0]), create)
    if heartbeat_s and not keeps_heartbeat(url):
        raise BadInput(f"{hide(url)} keeps no heartbeat: leave it out, or use a database (sqlite or postgresql).")
    if heartbeat_s is not None and (heartbeat_s < 1 or (grace_s or heartbeat_s + 1) <= heartbeat_s):
        raise BadInput("A heartbeat is a whole number of seconds from 1, and the grace period is longer.")
    heartbeat: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if heartbeat_s:
            retry = RetryHeartbeatStaleTrialCallback(max_retry=1)
            heartbeat = dict(heartbeat_interval=heartbeat_s, grace_period=grace_s, heartbeat_stale_trial_callback=retry)
        behind = kinds[scheme](url, heartbeat)
    return cast(BaseStorage, PatientStorage(behind, 0 if is_file else patience_s))


def keeps_heartbeat(url: str) -> bool:
    """Whether a storage can hold signs of life."""
    return url.startswith(("sqlite:", "postgresql"))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and all that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class PatientStorage:
    """Another storage, whose calls wait up to `patience_s` for it when it has gone away, and repeat what was
    interrupted. Can be pickled where the other one can."""

    def __init__(self, behind: BaseStorage, patience_s: float) -> None:
        self.behind, self.patience_s = behind, patience_s
        self._optimizing: set[int] = set()  # threads that are about to ask for a trial in `study.optimize`

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # pickle looks for some before anything is behind
            raise AttributeError(name)
        return partial(self.call, name)

    def call(self, name: str, *args: Any, **options: Any) -> Any:
        """What the storage behind answers.

        Raises:
            StorageLost: it is gone for longer than `patience_s`.
        """
        end, again = time.monotonic() + self.patience_s, False
        while True:
            try:
                return getattr(self.behind, name)(*args, **options)
            except UpdateFinishedTrialError:
                claimed = TrialState.RUNNING in (*args, *options.values())  # and finished by another one meanwhile
                if claimed or not again or name != "set_trial_state_values":
                    raise
                return True  # the interrupted call had arrived
            except Exception as error:
                if not _is_gone(error):
                    raise
                if time.monotonic() > end:
                    raise StorageLost(f"The storage is gone: {_reason(error)}") from error
            again = True
            time.sleep(0.3)

    def delete_study(self, study_id: int) -> None:
        """Where workers write at the same moment, a database leaves the study there, and Optuna does not say so.

        Raises:
            BadInput: it is still there after ten times.
        """
        for _ in range(10):
            self.call("delete_study", study_id)
            try:
                self.call("get_study_name_from_id", study_id)
            except KeyError:
                return
            time.sleep(0.1)
        raise BadInput("The study cannot be deleted while workers write to it: stop them first.")

    # Optuna's first sign of life comes when the objective starts. Who is killed before, while the sampler thinks, has
    # given none, and a trial that never gave one is never stale: it would run for ever. So trials of `optimize` beat
    # from their start. Those that a program asked for must not: nobody would go on beating for them.

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """As in Optuna; a trial of `study.optimize` has given a sign of life."""
        trial_id = self.call("create_new_trial", study_id, template_trial)
        if template_trial is None and threading.get_ident() in self._optimizing:
            self.call("record_heartbeat", trial_id)
        return trial_id

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """As in Optuna; a waiting trial that `study.optimize` takes has given a sign of life."""
        if state == TrialState.RUNNING and threading.get_ident() in self._optimizing:
            self.call("record_heartbeat", trial_id)
        return self.call("set_trial_state_values", trial_id, state, values)

    def get_heartbeat_interval(self) -> int | None:
        """Seconds, or None: this storage keeps no heartbeat. `study.ask` looks here when it is not in `optimize`."""
        self._optimizing.discard(threading.get_ident())
        return self.call("get_heartbeat_interval") if hasattr(self.behind, "record_heartbeat") else None

    def _get_stale_trial_ids(self, study_id: int) -> list[int]:
        self._optimizing.add(threading.get_ident())  # `study.optimize` comes here before it asks for a trial
        return self.call("_get_stale_trial_ids", study_id)


for kind in RDBStorage.__bases__:  # what Optuna takes for a storage, and for one that may keep a heartbeat
    kind.register(PatientStorage)  # type: ignore[attr-defined]


def _database(url: str, heartbeat: dict[str, Any]) -> BaseStorage:
    """An RDBStorage with Optuna's cache in front. Two programs that open an empty database at once both make its
    tables, and the slower one tries again; so does one that finds a server full."""
    parts, end = _parts(url), time.monotonic() + PASSES_S
    if parts.get_backend_name() == "sqlite":
        options: dict[str, Any] = {"connect_args": {"timeout": 60, "isolation_level": None}}  # see _Database
    else:  # one connection is kept between calls and not five: a server has about 100 for everybody in the room
        options = {"pool_pre_ping": True, "pool_size": 1, "creator": partial(_connect, parts)}
    while True:
        try:
            return optuna.storages.get_storage(_Database(parts, engine_kwargs=options, **heartbeat))
        except (DBAPIError, StorageInternalError) as error:
            reason = _reason(error)
            if time.monotonic() > end or not re.search(PASSES, reason):
                said = next(sentence for words, sentence in REFUSALS.items() if re.search(words, reason))
                known = {"user": parts.username, "database": parts.database, "url": hide(url)}
                reason = reason.replace(str(parts.password or hide), "***")
                raise BadInput(said.format(reason=reason, **known)) from None
        except (RuntimeError, ImportError) as error:
            raise BadInput(f"{hide(url)} cannot be used: {error}") from None
        time.sleep(random.uniform(0.1, 1))  # those who came at once do not come back at once


def _parts(url: str) -> URL:
    """The URL of a database, taken apart; BadInput where it cannot be."""
    url = re.sub("^postgresql:", "postgresql+psycopg:", url)
    password = re.match(PASSWORD, url)
    if password and re.search("[@/#?]", password[2]):
        raise BadInput(
            f"The password in {hide(url)} has a character with a meaning in URLs: write @ as %40, / as %2F, # as %23, "
            "? as %3F and % as %25, or put the password into PGPASSWORD or ~/.pgpass."
        )
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        raise BadInput(f"{hide(url)} cannot be read as a URL: write {FORMS.split(', ')[2].split(' or')[0]}.") from None


def _connect(parts: URL) -> Any:
    """A connection that speaks UTC: heartbeats are written in its time zone, and with a PGTZ they would look old."""
    import psycopg

    url = parts.set(drivername="postgresql").render_as_string(hide_password=False)
    patience: dict[str, Any] = {name: value for name, value in CONNECT.items() if name not in parts.query}
    ours = parts.username == USER and "passfile" in parts.query
    with without_libpq_variables() if ours else nullcontext():
        link = psycopg.connect(url, autocommit=True, **patience)
    link.execute("SET TIME ZONE 'UTC'")
    link.autocommit = False
    return link


@contextmanager
def without_libpq_variables() -> Iterator[None]:
    """Inside, no PG* variable of the learner counts: libpq would take from them whatever a URL does not say."""
    with _LIBPQ:
        hidden = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith("PG")}
        try:
            yield
        finally:
            os.environ.update(hidden)


class _Database(RDBStorage):
    """SQLite knows no SELECT FOR UPDATE: two workers could take the same waiting trial. A transaction that locks from
    its start prevents that (SQLAlchemy documentation, 'SQLite: Enabling non-legacy transactional modes')."""

    def __init__(self, parts: URL, **options: Any) -> None:
        url = parts.render_as_string(hide_password=False)
        try:
            super().__init__(url.replace("{", "{{").replace("}", "}}"), **options)  # Optuna takes it for a template
        except BaseException:
            if hasattr(self, "engine"):
                self.engine.dispose()  # at once, and not when the memory is swept: others wait for the connection
            raise
        self._begin_immediately()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._begin_immediately()

    def _begin_immediately(self) -> None:
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))


def _journal(url: str, heartbeat: dict[str, Any]) -> BaseStorage:
    path = url.removeprefix("journal:///")
    with suppress(FileNotFoundError), open(path, "rb") as file:
        if not FIRST.startswith(file.read(len(FIRST))):  # it may be empty, or hold a part of its first line
            raise BadInput(f"{path} is not a journal of Optuna: choose another file.")
    try:
        return JournalStorage(JournalFileBackend(path, lock_obj=_WholeLines(path)))
    except (ValueError, KeyError, TypeError):
        number = _damaged_line(path)
        raise BadInput(
            f"The journal {path} is damaged in line {number}: save what stands before it, `head -n {number - 1} {path} "
            "> saved.log`, and go on with that."
        ) from None


def _damaged_line(path: str) -> int:
    """The number of the first line that no journal has, from 1."""
    number = 0
    with open(path, "rb") as file, suppress(ValueError, KeyError, TypeError):
        for line in file:
            number += 1
            json.loads(line)["op_code"]
    return number


class _WholeLines(JournalFileOpenLock):
    """A full disk leaves half a line behind; one more line after it, and nobody could read the journal any more. Who
    gets the lock cuts it off. (A lock without links: some file systems have none.)"""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = Path(path)

    def acquire(self) -> bool:
        super().acquire()
        with suppress(OSError), open(self.path, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
            if file.read() not in (b"", b"\n"):
                os.truncate(self.path, self.path.read_bytes().rfind(b"\n") + 1)
        return True

    def release(self) -> None:
        """Optuna's hides why a lock cannot be removed: in a folder that became read-only, others wait for ever."""
        with suppress(FileNotFoundError):  # another one has just removed it
            os.unlink(self._lock_file)


class _Proxy(GrpcStorageProxy):
    """Optuna's proxy takes no options for its channel: a cut link would go unnoticed, for ever."""

    def _setup(self) -> None:
        import grpc

        super()._setup()
        self._channel.close()
        self._channel = grpc.insecure_channel(f"{self._host}:{self._port}", [*WATCHFUL.items()])
        self._stub = type(self._stub)(self._channel)
        self._cache = type(self._cache)(self._stub)


def _grpc(url: str, heartbeat: dict[str, Any]) -> BaseStorage:
    address = re.fullmatch(r"grpc://([^/]+):(\d+)/?", url)
    if not address:
        raise BadInput(f"{url} names no port: write grpc://HOST:PORT, as in grpc://localhost:13000.")
    storage = _Proxy(host=address[1], port=int(address[2]))
    try:
        PatientStorage(storage, patience_s=5).get_all_studies()
    except StorageLost:
        raise BadInput(f"No gRPC proxy answers at {address[1]}:{address[2]}: start it, or correct the URL.") from None
    return storage


def _check_file(path: Path, create: bool) -> None:
    """BadInput unless a file can be written there; locks and journals need a writable folder too."""
    if not path.parent.is_dir():
        raise BadInput(f"The folder {path.parent} does not exist: create it, or correct the URL.")
    if path.is_dir() or (not path.exists() and not create):
        raise BadInput(f"There is no file {path}: correct the URL.")
    for place in (path.parent, path):
        if place.exists() and not os.access(place, os.W_OK):
            raise BadInput(f"{place} is read-only: make it writable, or choose another place.")


def _is_gone(error: Exception) -> bool:
    """Whether an error means that the storage cannot be reached, read or written, and not that the call was wrong."""
    if callable(code := getattr(error, "code", None)):  # grpc.RpcError, without importing grpc
        return code().name in ("UNAVAILABLE", "UNKNOWN", "DEADLINE_EXCEEDED")
    gone = OSError | OperationalError | InterfaceError | PendingRollbackError | json.JSONDecodeError
    return isinstance(_inner(error), gone)


def _inner(error: Exception) -> BaseException:
    """The driver's own error, where Optuna has wrapped it."""
    return error.__cause__ or error if isinstance(error, StorageInternalError) else error


def _reason(error: Exception) -> str:
    """The driver's own words, their last line."""
    inner = _inner(error)
    if isinstance(inner, json.JSONDecodeError):
        return "its journal is damaged; who opens it hears in which line"
    text = str(error.details() if hasattr(error, "details") else getattr(inner, "orig", None) or inner).strip()
    return text.splitlines()[-1].strip() if text else type(inner).__name__
