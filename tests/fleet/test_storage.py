"""Opening every rung of the ladder; one sentence for what cannot be opened; what is gone for a while is waited for."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import optuna
import psycopg
import pytest
from optuna.exceptions import DuplicatedStudyError, StorageInternalError, UpdateFinishedTrialError
from optuna.trial import TrialState
from sqlalchemy.exc import OperationalError, PendingRollbackError

from helpers.errors import BadInput
from helpers.fleet import storage as module
from helpers.fleet.postgres import TUNING, start_postgres
from helpers.fleet.storage import VARIABLE, StorageLost, causes, hide, open_storage
from tests.bench.storages import proxy
from tests.fleet.test_postgres import needs_wheel


def at_once(action: Callable[[int], None], count: int = 4) -> None:
    """Runs the action in threads that start together; their errors are raised here."""
    gate, errors = threading.Barrier(count), []

    def run(n: int) -> None:
        gate.wait()
        try:
            action(n)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_a_study_is_found_again(url: str) -> None:
    """What one program wrote, another one reads."""
    study = optuna.create_study(storage=open_storage(url), study_name="again")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    found = optuna.load_study(storage=open_storage(url, create=False), study_name="again")
    assert [trial.params for trial in found.trials] == [trial.params for trial in study.trials]
    assert found.best_value == study.best_value
    again = pickle.loads(pickle.dumps(study))  # as a program does that hands it to another process
    again.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    assert len(study.trials) == 4


def test_through_a_proxy(tmp_path: Path) -> None:
    """The proxy speaks for the database behind it."""
    behind = f"sqlite:///{tmp_path}/study.db"
    with proxy(behind) as url:
        study = optuna.create_study(storage=open_storage(url), study_name="proxied")
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    assert len(optuna.load_study(storage=open_storage(behind), study_name="proxied").trials) == 2


def dead_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a network whose proxy does not answer; nothing is excepted from it."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy"):
        for spelling in (name, name.upper()):
            monkeypatch.setenv(spelling, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.slow
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_http_proxy_stands_before_ours(host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests to this machine go straight to it."""
    dead_proxy(monkeypatch)
    behind = f"sqlite:///{tmp_path}/study.db"
    with proxy(behind) as url:
        optuna.create_study(storage=open_storage(url.replace("127.0.0.1", host)), study_name="straight")
    assert optuna.get_all_study_names(open_storage(behind)) == ["straight"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+psycopg://me:secret@host/db", "postgresql+psycopg://me:***@host/db"),
        ("postgresql+psycopg://me:se:c@r/e?t@host:5432/db", "postgresql+psycopg://me:***@host:5432/db"),
        ("postgresql://me:s#cret@host/db", "postgresql://me:***@host/db"),
        (
            "postgresql+psycopg://me@/db?host=/tmp&password=secret&port=1",
            "postgresql+psycopg://me@/db?host=/tmp&password=***&port=1",
        ),
        ("postgresql+psycopg://me@host:5432/db", "postgresql+psycopg://me@host:5432/db"),
        ("sqlite:////tmp/a:b@c.db", "sqlite:////tmp/a:b@c.db"),
        ("grpc://localhost:13000", "grpc://localhost:13000"),
    ],
)
def test_hide(url: str, shown: str) -> None:
    """Only passwords are replaced."""
    assert hide(url) == shown


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "is not the URL of a storage: write sqlite:///FILE, journal:///FILE"),
        ("study.db", "'study.db' is not the URL of a storage"),
        ("sqlite:/x", "'sqlite:/x' is not the URL of a storage"),
        ("sqlite://x.db", "'sqlite://x.db' is not the URL of a storage"),
        ("postgres://me:secret@host/db", "'postgres://me:\\*\\*\\*@host/db' is not the URL .* postgresql\\+psycopg://"),
        ("mysql://me:secret@host/db", "'mysql://me:\\*\\*\\*@host/db' is not the URL"),
        (
            "postgresql+psycopg://me:secret@[host/db",
            "me:\\*\\*\\*@\\[host/db cannot be read as a URL: write postgresql",
        ),
        ("postgresql+psycopg://me:secret@host:port/db", "me:\\*\\*\\*@host:port/db cannot be opened .*correct the URL"),
        (
            "postgresql+psycopg://me:secret@127.0.0.1:1/db",
            "me:\\*\\*\\*@127.0.0.1:1/db cannot be opened .*start its server",
        ),
        ("postgresql://me:secret@127.0.0.1:1/db", "me:\\*\\*\\*@127.0.0.1:1/db cannot be opened .*: start its server"),
        ("postgresql+psycopg://me:secret%zz@127.0.0.1/db", "write @ as %40, .* and % as %25"),
        ("postgresql+psycopg://me:sec@secret/x@127.0.0.1/db", "write @ as %40, / as %2F, # as %23"),
        (
            "postgresql+psycopg://me:secret#1@127.0.0.1/db",
            "The password in .*me:\\*\\*\\*@127.0.0.1/db has a character",
        ),
        ("postgresql+psycopg://me@/db?host=/no/where", "cannot be opened .*: start its server"),
        ("grpc://localhost", "names no port: write grpc://HOST:PORT"),
        ("grpc://localhost:port", "names no port"),
        ("sqlite:////no/where/study.db", "The folder /no/where does not exist: create it"),
        ("journal:////no/where/study.log", "The folder /no/where does not exist: create it"),
        ("sqlite:////tmp", "There is no file /tmp: correct the URL"),
    ],
)
def test_what_cannot_be_opened(url: str, sentence: str) -> None:
    """One sentence, without the password."""
    with pytest.raises(BadInput, match=sentence) as error:
        open_storage(url)
    assert "secret" not in str(error.value) and "\n" not in str(error.value)


def test_no_proxy_answers() -> None:
    """It takes five seconds to be sure."""
    with pytest.raises(BadInput, match=r"No gRPC proxy answers at 127\.0\.0\.1:1: start it"):
        open_storage("grpc://127.0.0.1:1")


@needs_wheel
def test_what_a_server_refuses(postgres: str) -> None:
    """A wrong password, none, another's database and another's name are told apart."""
    folder = postgres.split("host=")[1].split("&")[0]
    nameless = f"@/optuna?host={folder}&passfile=/no/where"
    for url, sentence in {
        postgres.replace("learner@", "learner:secret@"): 'failed for user "learner"\\): put the right one into the URL',
        postgres.replace("learner@", "somebody:secret@"): 'failed for user "somebody"',
        f"postgresql+psycopg://learner{nameless}": "no password supplied\\): put the right one into the URL",
        postgres.replace("/optuna?", "/missing?"): 'database "missing" does not exist\\): create it',
    }.items():
        with pytest.raises(BadInput, match=sentence) as error:
            open_storage(url)
        assert "secret" not in str(error.value)


@pytest.mark.slow
@needs_wheel
def test_a_full_server_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty open a storage where ten may: each is served in its turn. While nobody leaves, one sentence says so."""
    monkeypatch.setitem(TUNING, "max_connections", "10")
    monkeypatch.delenv(VARIABLE, raising=False)
    with start_postgres() as database:

        def opened(n: int) -> str:
            storage = open_storage(database.url)
            study = optuna.create_study(study_name=str(n), storage=storage)
            storage.behind._backend.engine.dispose()  # type: ignore[attr-defined]
            return study.study_name

        with ThreadPoolExecutor(30) as room:
            assert sorted(room.map(opened, range(30)), key=int) == [str(n) for n in range(30)]
        monkeypatch.setattr("helpers.fleet.storage.PASSES_S", 2)
        address = database.url.replace("+psycopg", "")
        with ExitStack() as stack:
            with pytest.raises(psycopg.OperationalError):  # until it is full
                for _ in range(20):
                    stack.enter_context(psycopg.connect(address))
            with pytest.raises(BadInput, match=r"cannot be opened .*: end a program that uses it"):
                open_storage(database.url)
        assert len(optuna.get_all_study_names(open_storage(database.url))) == 30


@pytest.mark.slow
@needs_wheel
def test_a_storage_keeps_one_connection(postgres: str) -> None:
    """A room of thirty has 100 between them; what a study needs for a moment is given back."""
    with psycopg.connect(postgres.replace("+psycopg", ""), autocommit=True) as watcher:
        count = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        gc.collect()
        before = watcher.execute(count).fetchone()
        study = optuna.create_study(storage=open_storage(postgres))
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=8, n_jobs=4)
        after = watcher.execute(count).fetchone()
    assert before is not None and after is not None and after[0] == before[0] + 1


@pytest.mark.parametrize(
    ("scheme", "said"),
    [
        ("sqlite", r"thesis.txt cannot be opened \(file is not a database\): choose another file"),
        ("journal", "thesis.txt is not a journal of Optuna: choose another file"),
    ],
)
def test_a_file_of_something_else(scheme: str, said: str, tmp_path: Path) -> None:
    """It is left as it is."""
    file = tmp_path / "thesis.txt"
    file.write_text("Chapter 1\n" * 200)
    with pytest.raises(BadInput, match=said):
        open_storage(f"{scheme}:///{file}")
    assert file.read_text() == "Chapter 1\n" * 200


@pytest.mark.parametrize("text", ["Chapter 1", "\0" * 40, '{"cells": []}'])
def test_a_file_without_a_line_is_no_journal(text: str, tmp_path: Path) -> None:
    """Not a byte of it is cut off as half a line."""
    (tmp_path / "thesis.txt").write_text(text)
    with pytest.raises(BadInput, match=r"thesis.txt is not a journal of Optuna: choose another file\."):
        optuna.create_study(storage=open_storage(f"journal:///{tmp_path}/thesis.txt"))
    assert (tmp_path / "thesis.txt").read_text() == text


def damaged(path: Path) -> str:
    """Damages the third line of a journal with two studies; returns it as it was."""
    for name in ("one", "two"):
        study = optuna.create_study(storage=open_storage(f"journal:///{path}"), study_name=name)
        study.optimize(lambda trial: 0.0, n_trials=1)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], lines[2][:20] + "\n", *lines[3:]]))
    return "".join(lines)


def test_a_journal_damaged_in_the_middle(tmp_path: Path) -> None:
    """The line is named, and what stands before it can be saved by the command in the sentence."""
    whole = damaged(path := tmp_path / "j")
    with pytest.raises(
        BadInput, match=f"The journal {path} is damaged in line 3: save what .*`head -n 2 {path} > saved"
    ):
        open_storage(f"journal:///{path}")
    (tmp_path / "saved.log").write_text("".join(whole.splitlines(keepends=True)[:2]))
    assert optuna.get_all_study_names(open_storage(f"journal:///{tmp_path}/saved.log")) == ["one"]


def test_a_journal_that_is_damaged_meanwhile(tmp_path: Path) -> None:
    """A lost storage, and no mistake of the objective's."""
    study = optuna.create_study(storage=open_storage(f"journal:///{tmp_path}/j"), study_name="s")
    with open(tmp_path / "j", "a") as file:
        file.write('{"op_code":4,"wor\n{"op_code":4}\n')
    with pytest.raises(StorageLost, match="its journal is damaged; who opens it hears in which line"):
        study.optimize(lambda trial: 0.0, n_trials=1)


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal needs none."""
    monkeypatch.setattr(os, "symlink", lambda *names: (_ for _ in ()).throw(OSError(1, "Operation not permitted")))
    study = optuna.create_study(storage=open_storage(f"journal:///{tmp_path}/j"))
    study.optimize(lambda trial: 0.0, n_trials=1)
    assert len(study.trials) == 1


@needs_wheel
@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_a_password_with_every_character(scheme: str, postgres: str) -> None:
    """As it stands in the URL, encoded; braces and percent signs are Optuna's and Alembic's templates."""
    secret = "a@b/c#d?e%f{g}h:i"
    with psycopg.connect(postgres.replace("+psycopg", ""), autocommit=True) as link:
        link.execute("DROP ROLE IF EXISTS odd")
        link.execute(f"CREATE ROLE odd LOGIN SUPERUSER PASSWORD '{secret}'")
    server = postgres.split("?")[1].split("&passfile")[0]
    for written in (quote(secret, safe=""), quote(secret, safe="{}:")):
        url = f"{scheme}://odd:{written}@/optuna?{server}"
        assert open_storage(url).get_all_studies() is not None
        assert hide(url) == f"{scheme}://odd:***@/optuna?{server}"


@pytest.mark.parametrize("scheme", ["sqlite", "journal"])
def test_a_worker_makes_no_file(scheme: str, tmp_path: Path) -> None:
    """A slip in a file's name would otherwise leave an empty study behind."""
    with pytest.raises(BadInput, match=r"There is no file .*slip: correct the URL"):
        open_storage(f"{scheme}:///{tmp_path}/slip", create=False)
    assert list(tmp_path.iterdir()) == []


def _without_rights(urls: list[str], answers: multiprocessing.SimpleQueue) -> None:
    with tempfile.TemporaryDirectory() as folder:  # imports all that it needs
        open_storage(f"{urls[0].split(':')[0]}:///{folder}/study")
    if os.geteuid() == 0:
        os.setuid(65534)
    for url in urls:
        try:
            open_storage(url)
        except BadInput as error:
            answers.put(str(error))
        else:
            answers.put("opened")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs users and rights of Unix")
@pytest.mark.parametrize("scheme", ["sqlite", "journal"])
def test_what_is_read_only(scheme: str) -> None:
    """Found out at once, not in mid-run, for a file and for a folder."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        urls, wanted = [], []
        for name, file_mode, folder_mode in (("free", 0o666, 0o777), ("file", 0o444, 0o777), ("folder", 0o666, 0o555)):
            (folder := Path(place, name)).mkdir()
            urls.append(f"{scheme}:///{folder}/study")
            open_storage(urls[-1])
            (folder / "study").chmod(file_mode)
            folder.chmod(folder_mode)
            where = {"file": folder / "study", "folder": folder}.get(name)
            wanted.append(f"{where} is read-only: make it writable, or choose another place." if where else "opened")
        context = multiprocessing.get_context("spawn")  # nothing of gRPC's threads, of which a fork keeps half
        answers = context.SimpleQueue()
        child = context.Process(target=_without_rights, args=(urls, answers))
        child.start()
        assert [answers.get() for _ in urls] == wanted
        child.join()


def test_heartbeats(tmp_path: Path) -> None:
    """Databases keep them, with a retry; elsewhere asking for one is an error, and so are impossible seconds."""
    kept = open_storage(f"sqlite:///{tmp_path}/study.db", heartbeat_s=2)
    assert kept.get_heartbeat_interval() == 2
    assert isinstance(kept.get_heartbeat_stale_trial_callback(), optuna.storages.RetryHeartbeatStaleTrialCallback)
    assert open_storage(f"sqlite:///{tmp_path}/study.db").get_heartbeat_interval() is None
    for url in (f"journal:///{tmp_path}/study.log", "grpc://localhost:1"):
        with pytest.raises(BadInput, match="keeps no heartbeat: leave it out, or use a database"):
            open_storage(url, heartbeat_s=2)
    for seconds in (0, -1):
        with pytest.raises(BadInput, match="A heartbeat is a whole number of seconds"):
            open_storage(f"sqlite:///{tmp_path}/study.db", heartbeat_s=seconds)


def test_all_open_an_empty_storage_at_once(url: str) -> None:
    """Whoever comes second finds the tables half made, and waits."""
    at_once(lambda n: open_storage(url).get_all_studies())


@pytest.mark.slow
def test_two_create_the_study_at_once(url: str) -> None:
    """Twenty times: one study, whoever wins; without load_if_exists all but one are told."""
    storages = [open_storage(url) for _ in range(4)]
    for repeat in range(20):
        lost: list[int] = []

        def create(n: int, repeat: int = repeat, lost: list[int] = lost) -> None:
            optuna.create_study(storage=storages[n], study_name=f"shared-{repeat}", load_if_exists=True)
            try:
                optuna.create_study(storage=storages[n], study_name=f"single-{repeat}")
            except DuplicatedStudyError:
                lost.append(n)

        at_once(create)
        assert len(lost) == 3
    names = [study.study_name for study in storages[0].get_all_studies()]
    assert len(names) == len(set(names)) and {f"shared-{n}" for n in range(20)} <= set(names)


def test_a_waiting_trial_has_one_taker(url: str) -> None:
    """Twenty times four programs reach for the same trial, also in SQLite, which knows no SELECT FOR UPDATE."""
    storages = [open_storage(url) for _ in range(4)]
    study = optuna.create_study(storage=storages[0], study_name="taken")
    study_id = storages[0].get_study_id_from_name("taken")
    for number in range(20):
        study.enqueue_trial({})
        took: list[int] = []

        def take(n: int, number: int = number, took: list[int] = took) -> None:
            trial_id = storages[n].get_trial_id_from_study_id_trial_number(study_id, number)
            if storages[n].set_trial_state_values(trial_id, TrialState.RUNNING):
                took.append(n)

        at_once(take)
        assert len(took) == 1


@needs_wheel
def test_a_restart_is_survived() -> None:
    """Calls wait for the server, and a study that was open goes on; without patience they say that it is lost."""
    with start_postgres() as db:
        study = optuna.create_study(storage=open_storage(db.url), study_name="on")
        hasty = open_storage(db.url, patience_s=0)
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
        db.stop()
        with pytest.raises(StorageLost, match="The storage is gone: "):
            hasty.get_all_studies()
        timer = threading.Timer(1, db.start)
        timer.start()
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
        timer.join()
        assert [trial.number for trial in study.trials] == [0, 1, 2, 3]
        assert len(hasty.get_all_studies()) == 1


class Moody(optuna.storages.InMemoryStorage):
    """Raises what it is told to, so many times."""

    errors: list[Exception]

    def set_trial_state_values(self, *arguments: object, **options: object) -> bool:
        if self.errors:
            raise self.errors.pop(0)
        return super().set_trial_state_values(*arguments, **options)


def wrapped(cause: Exception) -> Exception:
    """What Optuna makes of an error of the database's."""
    try:
        raise StorageInternalError("An exception is raised during the commit.") from cause
    except StorageInternalError as error:
        return error


@pytest.mark.parametrize(
    "error",
    [
        wrapped(OperationalError("SELECT 1", {}, Exception("server closed the connection"))),
        wrapped(PendingRollbackError("Can't reconnect")),
        OSError(28, "No space left on device"),
    ],
    ids=["closed", "rollback", "full"],
)
def test_patience(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted call is repeated, and one that had arrived before is not an error the second time."""
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    storage = Moody()
    storage.errors = []
    patient: Any = module.PatientStorage(storage, 60)
    study = optuna.create_study(storage=patient)
    storage.errors = [error, error]
    study.tell(study.ask(), 1.0)
    assert study.best_value == 1 and storage.errors == []
    trial = study.ask()
    storage.errors = [error, UpdateFinishedTrialError()]
    study.tell(trial, 1.0)
    storage.errors = [UpdateFinishedTrialError()]
    with pytest.raises(UpdateFinishedTrialError):
        study.tell(trial, 1.0)


def test_an_interrupted_claim_is_not_a_success(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it waited for the server, another worker took the trial and finished it: it must not run twice."""
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    storage = Moody()
    storage.errors = []
    patient: Any = module.PatientStorage(storage, 60)
    study = optuna.create_study(storage=patient)
    study.add_trial(optuna.create_trial(state=TrialState.WAITING))
    storage.errors = [OSError(28, "No space left on device"), UpdateFinishedTrialError()]
    with pytest.raises(UpdateFinishedTrialError):
        patient.set_trial_state_values(study.trials[0]._trial_id, TrialState.RUNNING)
    storage.errors = [OSError(28, "No space left on device")]
    assert patient.set_trial_state_values(study.trials[0]._trial_id, state=TrialState.RUNNING)


@pytest.mark.parametrize("error", [ValueError("wrong"), wrapped(ValueError("too long")), KeyError("none")])
def test_errors_of_the_caller_are_not_repeated(error: Exception) -> None:
    """Waiting would not mend them."""
    storage = Moody()
    patient: Any = module.PatientStorage(storage, 60)
    study = optuna.create_study(storage=patient)
    storage.errors = [error, error]
    with pytest.raises(type(error)):
        study.tell(study.ask(), 1.0)
    assert len(storage.errors) == 1


def test_causes() -> None:
    """From the outermost error to the innermost, by cause or by context."""
    try:
        try:
            raise KeyError("inner")
        except KeyError:
            raise ValueError("outer")  # noqa: B904
    except ValueError as error:
        assert [type(cause) for cause in causes(error)] == [ValueError, KeyError]


@pytest.mark.skipif(os.name == "nt", reason="Windows has another lock")
def test_a_journal_whose_lock_cannot_be_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder became read-only under the lock: its holder and who waits hear why."""
    path = tmp_path / "journal.log"
    path.touch()
    holder, waiting = module._WholeLines(str(path)), module._WholeLines(str(path))
    holder.grace_period = waiting.grace_period = 0.2
    with monkeypatch.context() as read_only:
        holder.acquire()
        read_only.setattr(os, "unlink", lambda name: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
        for refused in (holder.release, waiting.acquire, holder.acquire):
            with pytest.raises(OSError, match="Read-only file system"):
                refused()
    assert waiting.acquire()
    waiting.release()
    holder.release()  # nobody's fault: the lock was given away
    assert sorted(file.name for file in tmp_path.iterdir()) == ["journal.log"]
