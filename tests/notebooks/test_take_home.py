"""The files that notebook 10 gives away run alone, and a trial that is killed at any moment ends as if it were not.

The cells are written into a folder as the notebook writes them. A worker is killed (SIGKILL), a second one goes on, and
what it leaves is compared to the bit with what a worker leaves that nobody disturbs.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import runpy
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import optuna
import pytest
import torch
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState

from helpers.training.data import load_dataset
from tests.tools.store_outputs import ROOT

NOTEBOOK = ROOT / "notebooks" / "10_pytorch.ipynb"
FIRST_LINE = "%%writefile "
SILENT_S = 4.0  # heartbeats have whole seconds, and a trial is dead after two of them
KILLS = 20
PARAMS = {"learning_rate": 0.01, "dropout": 0.2}

GRU = '''
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


class Sequences(Dataset):
    """Twelve symbols of eight; the label says whether the last one is greater than the first."""

    def __init__(self, size, seed):
        self.symbols = torch.randint(8, (size, 12), generator=torch.Generator().manual_seed(seed))
        self.labels = (self.symbols[:, -1] > self.symbols[:, 0]).long()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, n):
        noise = torch.rand(12) < 0.05  # a draw in a worker: augmentation
        return torch.where(noise, torch.randint(8, (12,)), self.symbols[n]), self.labels[n]


class Reader(nn.Module):
    def __init__(self, width, dropout):
        super().__init__()
        self.embed, self.gru = nn.Embedding(8, 8), nn.GRU(8, width, batch_first=True)
        self.drop, self.out = nn.Dropout(dropout), nn.Linear(width, 2)

    def forward(self, symbols):
        return self.out(self.drop(self.gru(self.embed(symbols))[0][:, -1]))


class Run:
    def __init__(self, learning_rate, dropout, width=16, epochs=6, seed=0, amp=DEVICE == "cuda"):
        torch.manual_seed(seed)
        self.n_epochs, self.curve = epochs, []
        self.model = Reader(width, dropout).to(DEVICE)
        self.optimizer = torch.optim.SGD(self.model.parameters(), learning_rate, momentum=0.9, nesterov=True)
        self.scheduler = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, 10 * learning_rate, total_steps=epochs + 1)
        self.scaler = torch.amp.GradScaler(DEVICE, enabled=amp)
        self.parts = [self.model, self.optimizer, self.scheduler, self.scaler]
        shuffle = torch.Generator().manual_seed(seed)
        self.generators = [shuffle, torch.default_generator, *torch.cuda.default_generators]
        held = Sequences(300, seed=1)
        self.validation = TensorDataset(held.symbols, held.labels)
        self.batches = DataLoader(Sequences(600, seed=0), 50, shuffle=True, generator=shuffle, num_workers=2)
'''


def files() -> dict[str, str]:
    """{name: content} of the cells that are given away."""
    cells = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.source.startswith(FIRST_LINE)]
    named = dict(cell.removeprefix(FIRST_LINE).split("\n", 1) for cell in cells)
    return {name: f"{content}\n" for name, content in named.items() if name != "noise.py"}


class Forked:
    """A worker that need not import torch and Optuna anew: `search.py`, run in a copy of this process."""

    def __init__(self, folder: Path) -> None:
        self.process = multiprocessing.get_context("fork").Process(target=self.work, args=(folder,))
        self.process.start()
        self.kill = self.process.kill

    def work(self, folder: Path) -> None:
        """What happens in the copy."""
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        sys.argv = ["search.py", "1"]
        runpy.run_path("search.py", run_name="__main__")

    def poll(self) -> int | None:
        """None while it runs."""
        return self.process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Waits for its end."""
        self.process.join(timeout)
        return "", ""

    returncode = property(poll)


@dataclass(frozen=True)
class Project:
    """The files in a folder, with the data and a study of one trial that waits."""

    folder: Path
    forks: bool = False

    @property
    def study(self) -> optuna.Study:
        """The study of the project; opened anew, without a heartbeat."""
        return optuna.create_study(
            storage=RDBStorage(f"sqlite:///{self.folder}/study.db"),
            study_name="digits",
            direction="maximize",
            load_if_exists=True,
        )

    def start(self) -> subprocess.Popen | Forked:
        """A worker for one trial."""
        if self.forks:
            return Forked(self.folder)
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "search.py", "1"],
            cwd=self.folder,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self) -> None:
        """A worker does its trial, undisturbed."""
        _, said = (worker := self.start()).communicate(timeout=240)
        assert worker.returncode == 0, said

    def end(self) -> dict[str, Any]:
        """What is left of the trial that was completed: every report, and all that its last checkpoint holds."""
        (trial,) = self.study.get_trials(states=(TrialState.COMPLETE,))
        states, randoms, curve = torch.load(self.folder / trial.user_attrs["checkpoint"])
        return {"reports": trial.intermediate_values, "parts": states, "random": randoms, "curve": curve}


def project(folder: Path, amp: bool = False, epochs: int = 30, forks: bool = False, **changed: str) -> Project:
    """A folder with the files; some may be of another project."""
    folder.mkdir()
    for name, content in (files() | changed).items():
        content = content.replace("epochs=20", f"epochs={epochs}")
        (folder / name).write_text(content.replace('amp=DEVICE == "cuda"', f"amp={amp}"))
    data = load_dataset("digits", dtype=torch.float32)
    torch.save([(part.images, part.labels) for part in (data.train, data.validation)], folder / "digits.pt")
    made = Project(folder, forks)
    made.study.enqueue_trial(PARAMS)
    return made


def equal(one: Any, other: Any) -> bool:
    """To the bit, in every tensor and number."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def killed(made: Project, due: Callable[[optuna.trial.FrozenTrial], bool]) -> bool:
    """A worker is killed as soon as its trial is `due`; false when the trial was over by then."""
    worker, study = made.start(), made.study
    while worker.poll() is None and not due(study.trials[0]):
        time.sleep(0.05)
    worker.kill()
    worker.communicate()
    return study.trials[0].state == TrialState.RUNNING


def after_three_epochs(trial: optuna.trial.FrozenTrial) -> bool:
    """It has reported so many."""
    return len(trial.intermediate_values) >= 3


def at(epochs: int, seconds: float) -> Callable[[optuna.trial.FrozenTrial], bool]:
    """So many seconds after it has begun and reported so many epochs."""
    since: list[float] = []

    def due(trial: optuna.trial.FrozenTrial) -> bool:
        if trial.state != TrialState.WAITING and len(trial.intermediate_values) >= epochs:
            since.append(time.monotonic())
        return bool(since) and time.monotonic() > since[0] + seconds

    return due


def beats(made: Project) -> bool:
    """Whether the database has a heartbeat of the trial: one that died before the first is nobody's (see the text)."""
    storage = RDBStorage(f"sqlite:///{made.folder}/study.db", heartbeat_interval=1, grace_period=1)
    return bool(storage._get_stale_trial_ids(made.study._study_id))


def goes_on(made: Project) -> None:
    """After the silence a second worker completes the trial."""
    if seen := beats(made):
        made.finish()
    else:
        made.study.tell(0, state=TrialState.FAIL)
        made.study.enqueue_trial(PARAMS)
        made.finish()
    dead, repeated = made.study.trials
    assert (dead.state, repeated.state) == (TrialState.FAIL, TrialState.COMPLETE)
    assert RetryHeartbeatStaleTrialCallback.retried_trial_number(repeated) == (0 if seen else None)


@pytest.mark.slow
def test_a_killed_trial_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    """In mixed precision; BatchNorm, dropout, scheduler, scaler and shuffling go on where they were."""
    whole, broken = (project(tmp_path / name, amp=True, epochs=8) for name in ("whole", "broken"))
    whole.finish()
    assert killed(broken, after_three_epochs)
    time.sleep(SILENT_S)
    goes_on(broken)
    assert len(whole.end()["reports"]) == 8 and equal(broken.end(), whole.end())
    assert whole.end()["parts"][3] and "checkpoint" in broken.study.trials[0].user_attrs


@pytest.mark.slow  # twenty kills
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="processes cannot be forked here")
def test_at_twenty_random_moments(tmp_path: Path) -> None:
    """Of the trial, from its first moment to its last; half of them in mixed precision; other moments in each run."""
    torch.set_num_threads(1)  # as its workers have; a process with more cannot be copied safely
    rng = random.Random(os.getpid())
    wholes = [project(tmp_path / f"whole {amp}", amp, forks=True) for amp in (False, True)]
    for whole in wholes:
        whole.finish()
    epoch = max(whole.study.trials[0].duration.total_seconds() for whole in wholes) / 30
    broken: list[tuple[int, Project]] = []
    for n in range(10 * KILLS):
        made = project(tmp_path / f"{n}", amp=bool(n % 2), forks=True)
        if killed(made, at(rng.randrange(30), rng.uniform(0, epoch))):
            broken.append((n % 2, made))
        if len(broken) == KILLS:
            break
    time.sleep(SILENT_S)
    for amp, made in broken:
        goes_on(made)
        assert equal(made.end(), wholes[amp].end()), made.study.trials[0].intermediate_values
    assert len(broken) == KILLS


@pytest.mark.slow
def test_another_project_changes_one_file(tmp_path: Path) -> None:
    """A GRU that reads generated sequences, by a Dataset and workers of its own, with another optimizer and schedule.

    Its run.py is new, the four other files stay, and a killed trial goes on to the bit.
    """
    whole, broken = (project(tmp_path / name, **{"run.py": GRU}) for name in ("whole", "broken"))
    whole.finish()
    assert killed(broken, after_three_epochs)
    time.sleep(SILENT_S)
    goes_on(broken)
    assert equal(broken.end(), whole.end())


def test_out_of_memory_is_told_and_the_memory_freed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an epoch: the trial is pruned and says why, and the network is gone before the cache is emptied."""
    made = project(tmp_path / "project")
    monkeypatch.chdir(made.folder)
    monkeypatch.syspath_prepend(str(made.folder))
    for name in files():
        monkeypatch.delitem(sys.modules, name.removesuffix(".py"), raising=False)
    import search  # type: ignore[import-not-found]
    import tune  # type: ignore[import-not-found]

    networks, freed = [], []

    def epochs(run: Any):
        networks.append(weakref.ref(run.model))
        yield 0.5
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(tune, "epochs", epochs)
    monkeypatch.setattr(tune, "save", lambda run, path: Path(path).touch())
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: freed.append(networks[-1]() is None))
    study = made.study
    study.optimize(search.objective, n_trials=2)
    for name in files():
        sys.modules.pop(name.removesuffix(".py"), None)
    assert [trial.state for trial in study.trials] == [TrialState.PRUNED] * 2 and freed == [True] * 2
    assert {trial.user_attrs["out_of_memory"] for trial in study.trials} == {"CUDA out of memory."}
