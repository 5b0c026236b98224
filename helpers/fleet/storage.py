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
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, GrpcStorageProxy, JournalStorage, RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, PendingRollbackError
from sqlalchemy.pool import QueuePool

from helpers.errors import BadInput

VARIABLE = "LEARN_OPTUNA_STORAGE"
USER = "learner"  # of the servers that start_postgres makes; only their URLs name this user and a passfile
POSTGRESQL = "postgresql+psycopg://USER@HOST/DATABASE"
FORMS = f"sqlite:///FILE, journal:///FILE, {POSTGRESQL} or grpc://HOST:PORT"
# A link that is cut in silence would block a worker for a quarter of an hour (PostgreSQL documentation, 34.1.2).
CONNECT = {"connect_timeout": 10, "tcp_user_timeout": 15000, "keepalives_idle": 5, "keepalives_interval": 5}
# What passes by itself: another program that makes the tables, a server that starts, or one that is full for a moment.
FULL = "too many clients|connection slots are reserved|too many connections"
PASSES = f"already exists|duplicate key|UNIQUE constraint|deadlock|starting up|shutting down|{FULL}"
PASSES_S = 30
CURES = {  # by the driver's own words
    "password": "put the right one into the URL, PGPASSWORD or ~/.pgpass",
    '" does not exist': "create it, or correct the URL",
    "not a database": "choose another file",
    "locked": "try again when the program that locks it has finished",
    FULL: "end a program that uses it, or let its owner raise max_connections",
    "": "start its server, or correct the URL",
}
_LIBPQ = threading.Lock()
PASSWORD = r"([^:]+://[^:@/?]*:)(.*)@"
FIRST = b'{"op_code":'  # how a line of a journal begins


class StorageLost(Exception):
    """The storage was there once and is no longer; `__cause__` says why."""


def hide(url: str) -> str:
    """The URL with *** for its password, fit to be shown."""
    return re.sub(r"(password=)[^&]*", r"\1***", re.sub(f"^{PASSWORD}", r"\1***@", url))


def open_storage(
    url: str,
    *,
    heartbeat_s: int | None = None,
    patience_s: float = 60,
    create: bool = True,
) -> BaseStorage:
    """The storage behind a URL; every later call raises `StorageLost` when the storage has gone.

    Args:
        heartbeat_s: running trials report every so many seconds that they are alive; only databases keep that. A trial
            silent for twice as long is failed and, once, queued again.
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
    if heartbeat_s is not None and heartbeat_s < 1:
        raise BadInput("A heartbeat is a whole number of seconds, at least 1.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        behind = kinds[scheme](url, heartbeat_s)
    reopen = partial(open_storage, url, heartbeat_s=heartbeat_s, patience_s=patience_s)
    return cast(BaseStorage, PatientStorage(behind, 0 if is_file else patience_s, reopen))


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
    interrupted. `reopen` is how it was opened, and what a copy in another process does."""

    def __init__(self, behind: BaseStorage, patience_s: float, reopen: Any = None) -> None:
        self.behind, self.patience_s, self.reopen = behind, patience_s, reopen

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        return self.reopen, ()

    def __getattr__(self, name: str) -> Any:
        getattr(self.behind, name)  # AttributeError where it has no such thing
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

    def get_heartbeat_interval(self) -> int | None:
        """Seconds, or None: this storage keeps no heartbeat."""
        return self.call("get_heartbeat_interval") if hasattr(self.behind, "record_heartbeat") else None


for kind in RDBStorage.__bases__:  # what Optuna takes for a storage, and for one that may keep a heartbeat
    kind.register(PatientStorage)  # type: ignore[attr-defined]


def _database(url: str, heartbeat_s: int | None) -> BaseStorage:
    """An RDBStorage with Optuna's cache in front. Two programs that open an empty database at once both make its
    tables, and the slower one tries again; so does one that finds a server full."""
    end, retry = time.monotonic() + PASSES_S, RetryHeartbeatStaleTrialCallback(max_retry=1)
    address, options = url, dict[str, Any](connect_args={"timeout": 60, "isolation_level": None})
    if not url.startswith("sqlite"):  # one connection is kept and not five: a server has about 100 for the whole room
        pool = QueuePool(partial(connect, parts(url)), pool_size=1, pre_ping=True)
        address, options = "postgresql+psycopg://", {"pool": pool}
    while True:
        try:
            storage = RDBStorage(address, options, heartbeat_interval=heartbeat_s, heartbeat_stale_trial_callback=retry)
            event.listen(storage.engine, "begin", _lock_from_the_start)
            return optuna.storages.get_storage(storage)
        except (DBAPIError, StorageInternalError) as error:
            reason = _reason(error)
        except (RuntimeError, ImportError) as error:
            raise BadInput(f"{hide(url)} cannot be used: {error}") from None
        if time.monotonic() > end or not re.search(PASSES, reason):
            cure = next(cure for words, cure in CURES.items() if re.search(words, reason))
            raise BadInput(f"{hide(url)} cannot be opened ({reason}): {cure}.")
        if "pool" in options:
            options["pool"].dispose()  # others wait for the connection of what failed
        time.sleep(random.uniform(0.1, 1))  # those who came at once do not come back at once


def _lock_from_the_start(connection: Connection) -> None:
    """SQLite knows no SELECT FOR UPDATE: two workers could take the same waiting trial. A transaction that locks from
    its start prevents that (SQLAlchemy documentation, 'SQLite: Enabling non-legacy transactional modes')."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def parts(url: str) -> dict[str, Any]:
    """What a PostgreSQL's URL says, by libpq's names; BadInput where it cannot be read."""
    from psycopg import ProgrammingError, conninfo

    password = re.match(PASSWORD, url)
    if password and re.search("[@/#?]|%(?![0-9a-fA-F]{2})", password[2]):
        raise BadInput(
            f"The password in {hide(url)} has a character with a meaning in URLs: write @ as %40, / as %2F, # as %23, "
            "? as %3F and % as %25, or put the password into PGPASSWORD or ~/.pgpass."
        )
    try:
        return conninfo.conninfo_to_dict(url.replace("+psycopg", "", 1))
    except ProgrammingError:
        raise BadInput(f"{hide(url)} cannot be read as a URL: write {POSTGRESQL}.") from None


def connect(parts: dict[str, Any]) -> Any:
    """A connection that speaks UTC: heartbeats are written in its time zone, and with a PGTZ they would look old. To
    the course's own server no PG* variable counts: libpq would take from them whatever the URL does not say."""
    import psycopg

    ours = parts.get("user") == USER and "passfile" in parts
    with _LIBPQ if ours else nullcontext():
        hidden = {name: os.environ.pop(name) for name in [*os.environ] if ours and name.startswith("PG")}
        try:
            link = psycopg.connect(**(CONNECT | parts))
        finally:
            os.environ.update(hidden)
    link.execute("SET TIME ZONE 'UTC'")
    link.commit()
    return link


def _journal(url: str, _: int | None) -> BaseStorage:
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
    with open(path, "rb") as file, suppress(ValueError, KeyError, TypeError):
        for number, line in enumerate(file, start=1):  # noqa: B007
            json.loads(line)["op_code"]
    return number


class _WholeLines(JournalFileOpenLock):
    """A full disk leaves half a line behind; one more line after it, and nobody could read the journal any more. Who
    gets the lock cuts it off. (A lock without links: some file systems have none.)"""

    def acquire(self) -> bool:
        super().acquire()
        path = Path(self._lock_file.removesuffix(".lock"))
        with suppress(OSError), open(path, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
            if file.read() not in (b"", b"\n"):
                os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
        return True

    def release(self) -> None:
        """Optuna's hides why a lock cannot be removed: in a folder that became read-only, others wait for ever."""
        with suppress(FileNotFoundError):  # another one has just removed it
            os.unlink(self._lock_file)


def _grpc(url: str, _: int | None) -> BaseStorage:
    address = re.fullmatch(r"grpc://([^/]+):(\d+)/?", url)
    if not address:
        raise BadInput(f"{url} names no port: write grpc://HOST:PORT, as in grpc://localhost:13000.")
    os.environ.update(no_grpc_proxy=address[1])  # a proxy to the world knows nothing of this machine or its network
    storage = GrpcStorageProxy(host=address[1], port=int(address[2]))
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
