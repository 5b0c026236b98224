"""What goes wrong with many workers, done on purpose: `python -m tests.stress.faults [REPEATS] [FAULT...]`.

A fault hits real worker processes at a moment that its seed chooses. Afterwards the storage is compared with a ledger
that each worker writes: what Optuna logs as finished once a result has been told.

- lost: results in the ledger that the storage does not hold;
- stuck: trials that still run or wait when the recovery is over;
- repeated: numbers given to two trials, results told for the same trial twice, gaps between numbers;
- stalled: the workers that nothing happened to did nothing meanwhile;
- recovered: trials that were failed by somebody else than their worker; they have been run again if anybody beats.
"""

from __future__ import annotations

import logging
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import optuna
import psycopg
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from helpers.errors import BadInput
from helpers.fleet import Database, Fleet, open_storage, start_postgres
from helpers.fleet.fleet import WorkerState
from helpers.fleet.objectives import branin
from tests.harness.hosts import Hosts, postgres, proxy

LEDGER, PAUSE = "LEDGER", "PAUSE"
WORKERS, TOTAL, SUSPENDED_TOTAL, WAIT_S = 3, 30, 16, 150


def objective(trial: optuna.Trial) -> float:
    """Branin after a pause; all that Optuna reports as finished goes to the ledger."""
    _keep_ledger()
    value = branin(trial)
    time.sleep(float(os.environ[PAUSE]))
    return value


@cache
def _keep_ledger() -> None:
    optuna.logging.disable_default_handler()
    optuna.logging.set_verbosity(optuna.logging.INFO)
    logging.getLogger("optuna").addHandler(logging.FileHandler(os.environ[LEDGER]))


@dataclass(frozen=True)
class Outcome:
    """What was left of a study; `codes` and `said` of its workers, None if one had to be ended."""

    codes: list[int | None]
    said: list[str]
    told: int
    lost: int
    stuck: int
    repeated: int
    recovered: int
    complete: int
    stalled: int = 0

    @property
    def sound(self) -> bool:
        """Something was told, all of it is there, and nobody had to be ended."""
        faults = self.lost or self.stuck or self.repeated or self.stalled
        return bool(self.told) and not faults and None not in self.codes


class Hosted(Fleet):
    """A fleet whose workers are started by another program, which says where they live."""

    def __init__(self, before: tuple[str, ...], *arguments: object, **options: object) -> None:
        self.before = before
        super().__init__(*arguments, **options)

    def add(self) -> WorkerState:
        if self._command[0] == sys.executable:
            self._command = [*self.before, *self._command]
        return super().add()


@dataclass(frozen=True)
class Scene:
    """A study, where it is kept, and the file that its workers report to."""

    url: str
    name: str
    ledger: Path
    far: str = ""  # the URL for workers, where it is another one

    @property
    def study(self) -> optuna.Study:
        """The study, through a connection of its own."""
        return optuna.load_study(study_name=self.name, storage=open_storage(self.url))

    def create(self) -> Scene:
        """Makes the study."""
        optuna.create_study(study_name=self.name, storage=open_storage(self.url))
        return self

    def fleet(
        self, workers: int = WORKERS, pause: float = 0.05, before: tuple[str, ...] = (), **options: object
    ) -> Fleet:
        """Workers on the study, started by the words `before`."""
        self.ledger.touch()
        environment = {LEDGER: str(self.ledger), PAUSE: str(pause)}
        where = (self.far or self.url, self.name, "tests.stress.faults:objective")
        return Hosted(before, *where, workers=workers, environment=environment, **options)

    def wait_until(self, trials: int, workers: int, timeout_s: float = 60) -> None:
        """Returns when so many trials were begun, and at least one by each worker."""
        study = self.study

        def begun() -> bool:
            owners = [trial.user_attrs.get("worker") for trial in study.get_trials(deepcopy=False)]
            return len(owners) >= trials and len(set(owners) - {None}) >= workers

        wait_until(begun, timeout_s)

    def rows(self) -> list[FrozenTrial]:
        """All trials, past Optuna's cache, which would hide two of the same number."""
        if self.url.startswith(("sqlite", "postgresql")):
            storage = RDBStorage(self.url)
            try:
                return storage.get_all_trials(storage.get_study_id_from_name(self.name))
            finally:
                storage.engine.dispose()
        return self.study.get_trials()

    def give_up(self) -> list[int]:
        """Fails what still runs, as one does by hand when all workers are gone; returns the numbers."""
        running = [trial.number for trial in self.study.get_trials(states=(TrialState.RUNNING,))]
        for number in running:
            with suppress(ValueError):  # a worker that is still there, and counts as one that had to be ended
                self.study.tell(number, state=TrialState.FAIL)
        return running

    def outcome(self, *fleets: Fleet) -> Outcome:
        """Compares the storage with the ledger."""
        codes = [worker.code for fleet in fleets for worker in fleet.workers]
        return self.compare(codes, [fleet.said(n) for fleet in fleets for n in range(len(fleet.workers))])

    def compare(self, codes: list[int | None], said: list[str]) -> Outcome:
        """The same for any processes."""
        rows = self.rows()
        lines = re.findall(r"Trial (\d+) finished with value: (\S+) and", self.ledger.read_text())
        told = [(int(number), float(value)) for number, value in lines]
        kept = {row.number: row.value for row in rows if row.state == TrialState.COMPLETE}
        gaps = set(range(len(rows))) ^ {row.number for row in rows}
        return Outcome(
            codes=codes,
            said=said,
            told=len(told),
            lost=sum(kept.get(number) != value for number, value in told),
            stuck=sum(not row.state.is_finished() for row in rows),
            repeated=len(told) - len(dict(told)) + len(gaps),
            recovered=sum(row.state == TrialState.FAIL for row in rows),
            complete=len(kept),
        )


def wait_until(true: Callable[[], bool], timeout_s: float = 60) -> None:
    """Returns as soon as it is true; raises TimeoutError if it does not become so."""
    end = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("It did not happen.")
        time.sleep(0.02)


@dataclass(frozen=True)
class Ground:
    """Where faults are tried: a folder and a PostgreSQL."""

    folder: Path
    database: Database

    def scene(self, kind: str, name: str) -> Scene:
        """A new study in a storage of that kind."""
        file = self.folder / f"{name}.{kind}"
        url = self.database.url if kind == "postgresql" else f"{kind}:///{file}"
        return Scene(url, name, self.folder / f"{name}.ledger").create()


def killed(ground: Ground, seed: int, kind: str) -> Outcome:
    """SIGKILL. Where workers beat, the others run the trial again; elsewhere it is failed by hand, and one fills up."""
    rng, scene = random.Random(seed), ground.scene(kind, f"killed-{kind}-{seed}")
    beats = {"heartbeat_s": 1, "total": TOTAL} if kind != "journal" else {"trials": TOTAL // WORKERS}
    with scene.fleet(**beats) as fleet:
        scene.wait_until(rng.randrange(TOTAL // 2), WORKERS)
        time.sleep(rng.uniform(0, 0.2))
        fleet.kill(0)
        fleet.wait(WAIT_S)
        return go_on(scene, fleet) if kind == "journal" else scene.outcome(fleet)


def terminated(ground: Ground, seed: int, kind: str) -> Outcome:
    """SIGTERM, as at a cluster's time limit: what the worker ran waits again, and the others run it."""
    rng, scene = random.Random(seed), ground.scene(kind, f"terminated-{kind}-{seed}")
    with scene.fleet(pause=0.2, total=TOTAL) as fleet:
        scene.wait_until(rng.randrange(TOTAL // 2), WORKERS)
        time.sleep(rng.uniform(0, 0.2))
        fleet.kill(0, signal.SIGTERM)
        fleet.wait(WAIT_S)
        return scene.outcome(fleet)


def damaged(ground: Ground, seed: int) -> Outcome:
    """A journal gets half a line in its middle; what stands before it is saved, as the sentence says, and goes on."""
    rng, scene = random.Random(seed), ground.scene("journal", f"damaged-{seed}")
    file = Path(scene.url.removeprefix("journal:///"))
    with scene.fleet(2, pause=0.02, trials=500) as fleet:
        scene.wait_until(rng.randrange(20), 2)
        with open(file, "ab", buffering=0) as journal:
            journal.write(b'{"op_code":6,"trial\n')
        fleet.wait(WAIT_S)
        try:
            open_storage(scene.url)
        except BadInput as error:
            subprocess.run(re.findall("`(.*)`", str(error))[0], shell=True, cwd=ground.folder, check=True)
            (ground.folder / "saved.log").replace(file)
        return go_on(scene, fleet)


def suspended(ground: Ground, seed: int, kind: str) -> Outcome:
    """SIGSTOP for longer than the grace period, then SIGCONT: the trial has been given away meanwhile."""
    rng, scene = random.Random(seed), ground.scene(kind, f"suspended-{kind}-{seed}")
    with scene.fleet(2, pause=0.3, heartbeat_s=1, total=SUSPENDED_TOTAL) as fleet:
        scene.wait_until(rng.randrange(8), 2)
        time.sleep(rng.uniform(0, 0.3))
        fleet.kill(0, signal.SIGSTOP)
        time.sleep(4.5)
        fleet.kill(0, signal.SIGCONT)
        fleet.wait(WAIT_S)
        return scene.outcome(fleet)


def restarted(ground: Ground, seed: int, crash: bool) -> Outcome:
    """The server stops, orderly or by SIGKILL, stays away for up to a second and returns."""
    rng, scene = random.Random(seed), ground.scene("postgresql", f"restarted-{crash}-{seed}")
    with scene.fleet(total=TOTAL) as fleet:
        scene.wait_until(rng.randrange(TOTAL // 2), WORKERS)
        time.sleep(rng.uniform(0, 0.2))
        if crash:
            os.kill(ground.database.pid, signal.SIGKILL)
            time.sleep(0.5)  # its children notice
        ground.database.stop()
        time.sleep(rng.uniform(0, 1))
        ground.database.start()
        fleet.wait(WAIT_S)
        return scene.outcome(fleet)


def gone(ground: Ground, seed: int) -> Outcome:
    """The server stops and stays away for longer than workers wait; later it is there, and a new worker goes on."""
    rng, scene = random.Random(seed), ground.scene("postgresql", f"gone-{seed}")
    with scene.fleet(2, trials=500, heartbeat_s=1, options=("--patience=2",)) as fleet:
        scene.wait_until(rng.randrange(20), 2)
        time.sleep(rng.uniform(0, 0.2))
        ground.database.stop()
        fleet.wait(WAIT_S)
        ground.database.start()
        return go_on(scene, fleet)


def full(ground: Ground, seed: int, kind: str) -> Outcome:
    """A file system of 1 MB runs full; then there is space again, and a new worker goes on."""
    rng = random.Random(seed)
    with small_disk(ground.folder / f"disk-{kind}-{seed}") as disk:
        scene = Scene(f"{kind}:///{disk}/study", "full", ground.folder / f"full-{kind}-{seed}.ledger").create()
        with scene.fleet(2, pause=0.01, trials=500) as fleet:
            scene.wait_until(rng.randrange(20), 2)
            with open(disk / "ballast", "wb", buffering=0) as file:
                free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize
                file.write(bytes(max(0, free - rng.randrange(4, 60) * 1024)))
            fleet.wait(WAIT_S)
            (disk / "ballast").unlink()
            return go_on(scene, fleet)


def go_on(scene: Scene, *fleets: Fleet) -> Outcome:
    """After the repair: what was left running is given up, and a new worker runs five trials."""
    scene.give_up()
    with scene.fleet(1, trials=5) as more:
        more.wait(WAIT_S)
        return scene.outcome(*fleets, more)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """The folder as a file system of 1 MB in memory.

    Raises:
        PermissionError: only root may do that.
    """
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        raise PermissionError("A small disk needs root, who may mount it.")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def read_only(ground: Ground, seed: int, kind: str) -> Outcome:
    """A file and its folder cannot be written any more; later they can, and a new worker goes on."""
    rng, folder = random.Random(seed), ground.folder / f"read-only-{kind}-{seed}"
    folder.mkdir()
    scene = Ground(folder, ground.database).scene(kind, "study")
    scene = replace(scene, ledger=ground.folder / f"{folder.name}.ledger")
    with scene.fleet(2, pause=0.02, trials=500) as fleet, scene.fleet(1, trials=5) as late:
        late.wait(WAIT_S)
        scene.wait_until(rng.randrange(20), 3)
        with immutable(folder, folder / f"study.{kind}"):
            fleet.wait(WAIT_S)
            late.add()
            late.wait(WAIT_S)
        return go_on(scene, fleet, late)


@contextmanager
def immutable(*places: Path) -> Iterator[None]:
    """They cannot be written: by mode, or, as that does not stop root, by attribute."""
    if os.geteuid() == 0:
        commands = [["chattr", "-f", sign, *map(str, places)] for sign in ("+i", "-i")]
    else:
        commands = [["chmod", sign, *map(str, places)] for sign in ("a-w", "u+w")]
    try:
        if subprocess.run(commands[0], check=False).returncode:
            raise PermissionError("This file system cannot make a file immutable.")
        yield
    finally:
        subprocess.run(commands[1], check=False)


CREATE = """
import sys, optuna
from helpers.fleet import open_storage
from tests.stress.faults import objective
optuna.logging.set_verbosity(optuna.logging.WARNING)
url, name = sys.stdin.readline().split()
print("ready", flush=True)
sys.stdin.readline()
study = optuna.create_study(study_name=name, storage=open_storage(url), load_if_exists=True)
study.optimize(objective, n_trials=5)
"""


def created(ground: Ground, seed: int, kind: str) -> Outcome:
    """Two programs open a storage that does not exist, create the same study and work on it."""
    name = f"created_{kind}_{seed}"
    url = f"{kind}:///{ground.folder}/{name}"
    if kind == "postgresql":
        url = ground.database.url.replace("/optuna?", f"/{name}?")
        with psycopg.connect(ground.database.url.replace("+psycopg", ""), autocommit=True) as link:
            link.execute(f"CREATE DATABASE {name}")
    scene = Scene(url, name, ground.folder / f"{name}.ledger")
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    environment = os.environ | {LEDGER: str(scene.ledger), PAUSE: "0.02"}
    programs = [subprocess.Popen([sys.executable, "-c", CREATE], text=True, env=environment, **pipes) for _ in range(2)]
    try:
        for program in programs:
            program.stdin.write(f"{url} {name}\n")
            program.stdin.flush()
        for program in programs:
            program.stdout.readline()
        for program in programs:
            program.stdin.write("\n")
            program.stdin.flush()
            time.sleep(random.Random(seed).uniform(0, 0.03))
        said = [program.communicate(timeout=WAIT_S)[1].strip() for program in programs]
    finally:
        for program in programs:
            program.kill()
            program.wait()
    return scene.compare([program.returncode for program in programs], said)


def cut(ground: Ground, seed: int, kind: str, longest_s: float = 25) -> Outcome:
    """Three hosts: the storage, and two workers, one of which is cut off for a while. A cut between a request and its
    answer can leave a trial running that no worker knows of: behind a proxy nobody beats, so it is failed by hand."""
    rng, name = random.Random(seed), f"cut-{kind}-{seed}"
    beats = {"heartbeat_s": 2} if kind == "postgresql" else {}
    with tempfile.TemporaryDirectory(prefix="optuna-") as folder, Hosts() as hosts:
        storage = postgres(hosts, Path(folder)) if kind == "postgresql" else proxy(hosts, ground.database)
        with storage as (near, far):
            scene = Scene(near, name, ground.folder / f"{name}.ledger", far).create()
            cut_off, other = (scene.fleet(1, 0.2, hosts.on(host), trials=1000, **beats) for host in (1, 2))
            with cut_off, other:
                scene.wait_until(rng.randrange(8), 2)
                time.sleep(rng.uniform(0, 0.3))
                hosts.link(1, "down")
                before = done(scene, other)
                time.sleep(rng.uniform(4, longest_s))
                stalled = done(scene, other) - before < 3
                hosts.link(1, "up")
                back = done(scene, cut_off)
                wait_until(lambda: done(scene, cut_off) >= back + 3 or not cut_off.workers[0].alive, WAIT_S)
                for fleet in (cut_off, other):
                    fleet.kill(0, signal.SIGINT)
                    fleet.wait(30)
                if not beats:
                    scene.give_up()
                return replace(scene.outcome(cut_off, other), stalled=stalled)


def done(scene: Scene, fleet: Fleet) -> int:
    """How many trials the only worker of a fleet has completed."""
    complete = scene.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return sum(trial.user_attrs.get("worker") == fleet.workers[0].name for trial in complete)


FAULTS: dict[str, Callable[[Ground, int], Outcome]] = {
    **{f"killed, {kind}": partial(killed, kind=kind) for kind in ("sqlite", "journal", "postgresql")},
    **{f"terminated, {kind}": partial(terminated, kind=kind) for kind in ("sqlite", "journal", "postgresql")},
    "journal damaged": damaged,
    **{f"suspended, {kind}": partial(suspended, kind=kind) for kind in ("sqlite", "postgresql")},
    "server restarted": partial(restarted, crash=False),
    "server crashed": partial(restarted, crash=True),
    "server gone": gone,
    **{f"disk full, {kind}": partial(full, kind=kind) for kind in ("sqlite", "journal")},
    **{f"read-only, {kind}": partial(read_only, kind=kind) for kind in ("sqlite", "journal")},
    **{f"link cut, {kind}": partial(cut, kind=kind) for kind in ("postgresql", "grpc")},
    **{f"created twice, {kind}": partial(created, kind=kind) for kind in ("sqlite", "journal", "postgresql")},
}


@contextmanager
def ground() -> Iterator[Ground]:
    """A folder and a server for as long as it is used."""
    with tempfile.TemporaryDirectory() as folder, start_postgres() as database:
        yield Ground(Path(folder), database)


def alike(said: str) -> str:
    """A message in one line, without what differs from time to time."""
    return " ".join(re.sub(r"/\S+|\d+", "*", line) for line in said.splitlines())[-250:]


def main(repeats: int = 20, chosen: str = "") -> None:
    """Prints a line for each fault, and what workers said and how they ended."""
    counts = ("told", "lost", "stuck", "repeated", "stalled", "recovered", "sound")
    print(f"{'':<26}{'times':>6}" + "".join(f"{name:>10}" for name in (*counts, "seconds")))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with ground() as place:
        for name in (name for name in FAULTS if chosen in name):
            start, outcomes = time.monotonic(), [FAULTS[name](place, seed) for seed in range(repeats)]
            figures = [sum(getattr(outcome, count) for outcome in outcomes) for count in counts]
            figures.append(round((time.monotonic() - start) / repeats))
            print(f"{name:<26}{repeats:>6}" + "".join(f"{figure:>10}" for figure in figures))
            ends = Counter(
                (code, alike(said))
                for outcome in outcomes
                for code, said in zip(outcome.codes, outcome.said, strict=True)
            )
            for (code, said), times in sorted(ends.items(), key=str):
                print(f"{times:>10} x exit {code}  {said}", flush=True)


if __name__ == "__main__":
    main(*(kind(word) for kind, word in zip((int, str), sys.argv[1:], strict=False)))
