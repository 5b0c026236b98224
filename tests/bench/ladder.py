"""Finds out what each storage can do and writes helpers/fleet/recorded/storages.csv: `python -m tests.bench.ladder`.

Every yes and no is tried; the speeds are those of `tests.bench.storages`. What cannot be tried without a network file
system is quoted: SQLite documentation, "How to corrupt an SQLite database file", 2.1; Optuna's documentation of
`JournalFileSymlinkLock` and `JournalFileOpenLock`, which name the versions of NFS that they are made for.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import optuna
import pandas as pd

from helpers.errors import BadInput
from helpers.fleet import open_storage
from helpers.problems.recorded.record_tables import write_table
from tests.bench.storages import WORKERS, measure, storages

FILE = Path(__file__).parents[2] / "helpers" / "fleet" / "recorded" / "storages.csv"
MEMORY, NFS = "in memory", {"SQLite": "its locks break", "journal file": "yes"}
FORMS = {
    "SQLite": "sqlite:///FILE",
    "journal file": "journal:///FILE",
    "PostgreSQL": "postgresql+psycopg://USER@HOST/DATABASE",
    "gRPC proxy": "grpc://HOST:PORT",
}
# What another process does; without a URL it looks into a memory of its own.
OPEN = "import optuna, sys; from helpers.fleet import open_storage; "
OPEN += "s = open_storage(sys.argv[1]) if sys.argv[1] else optuna.storages.InMemoryStorage(); "
CREATE = OPEN + "optuna.create_study(study_name=sys.argv[2], storage=s).add_trial(optuna.create_trial(value=1.0))"
JOIN = OPEN + "optuna.load_study(study_name=sys.argv[2], storage=s).add_trial(optuna.create_trial(value=2.0))"


def processes(url: str | None) -> bool:
    """Whether another process finds the study and adds a trial that this one sees."""
    name = uuid4().hex
    study = optuna.create_study(storage=url and open_storage(url), study_name=name)
    return _run(JOIN, url, name) and len(study.trials) == 1


def outlives(url: str | None) -> bool:
    """Whether a study is still there for a process that starts when the one that created it has ended."""
    name = uuid4().hex
    assert _run(CREATE, url, name)
    return _run(JOIN, url, name)


def _run(code: str, url: str | None, name: str) -> bool:
    """Runs another process; whether it went well."""
    return not subprocess.run([sys.executable, "-c", code, url or "", name], capture_output=True, timeout=60).returncode


def heartbeat(url: str | None) -> bool:
    """Whether running trials can say that they are alive."""
    if url is None:
        return hasattr(optuna.storages.InMemoryStorage(), "record_heartbeat")
    try:
        open_storage(url, heartbeat_s=60)
    except BadInput as refusal:
        assert "keeps no heartbeat" in str(refusal)
        return False
    return True


def other_machines(url: str | None) -> bool:
    """Whether the form of the URL names a host, and not a file of this machine alone."""
    return bool(url) and "HOST" in FORMS[{form.split(":")[0]: name for name, form in FORMS.items()}[url.split(":")[0]]]


QUESTIONS: dict[str, Callable[[str | None], bool]] = {
    "outlives the program": outlives,
    "many processes": processes,
    "other machines by address": other_machines,
    "heartbeat": heartbeat,
}


@contextmanager
def rungs() -> Iterator[dict[str, str | None]]:
    """Every storage by its name; the one in memory has no URL."""
    with storages() as urls:
        yield {MEMORY: None, **urls}


def answers() -> pd.DataFrame:
    """One row a storage, one column a question, yes or no."""
    with rungs() as urls:
        tried = {name: {word: ask(url) for word, ask in QUESTIONS.items()} for name, url in urls.items()}
    return pd.DataFrame(tried).T.map(lambda found: "yes" if found else "no").rename_axis("storage")


def main() -> None:
    """Tries, measures, and writes the file in one step."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    table = answers()
    table.insert(0, "URL", [FORMS.get(name, "none") for name in table.index])
    table["on a network file system"] = [NFS.get(name, "no file") for name in table.index]
    speeds = measure()
    for workers in (WORKERS[0], WORKERS[-1]):
        column = f"trials/s, {workers} worker{'s' * (workers > 1)}"
        table[column] = [f"{speeds[name][workers]:.0f}" if name in speeds else "" for name in table.index]
    write_table(FILE, table)
    print(table.T.to_string())


if __name__ == "__main__":
    main()
