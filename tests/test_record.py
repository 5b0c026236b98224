"""Recording can be stopped and started again, and puts every number where it belongs."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers import benchmark
from helpers.benchmark import Benchmark, load_benchmark
from helpers.data import Dataset, load_dataset
from helpers.learn import course_seed
from helpers.training import TrainingConfig, evaluate, fit
from tests import record
from tests.bench import one_thread

SPACE = {
    "learning_rate": (0.01, 0.03),
    "width": (4, 6),
    "depth": (1,),
    "batch_size": (256,),
    "dropout": (0.0, 0.2),
    "momentum": (0.0, 0.6, 0.9),
    "weight_decay": (1e-5, 0.1),
}
SHAPE = tuple(map(len, SPACE.values()))
CONFIGURATIONS, SEEDS, EPOCHS, JOBS = 48, (0, 1), 2, 8
FIELDS = {
    metric: (CONFIGURATIONS, len(SEEDS), 1 if metric == "test_accuracy" else EPOCHS) for metric in benchmark.METRICS
}


class AtOnce:
    """Stands where a pool of processes stood: does the work here, when it is handed in, so that a test can stop it."""

    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> AtOnce:
        return self

    def __exit__(self, *_: object) -> None: ...

    def submit(self, work: Callable, *job: object) -> AtOnce:
        work(*job)
        return self

    def result(self) -> None:
        """Nothing: it is done."""


@pytest.fixture(scope="module", autouse=True)
def plan() -> Iterator[None]:
    """A tiny plan, carried out in this process."""
    values = {"SPACE": SPACE, "SHAPE": SHAPE, "SEEDS": SEEDS, "EPOCHS": EPOCHS, "FIELDS": FIELDS}
    with pytest.MonkeyPatch.context() as patch, one_thread():
        for module, (name, value) in product((benchmark, record), values.items()):
            patch.setattr(module, name, value)
        patch.setattr(record, "ProcessPoolExecutor", AtOnce)
        patch.setattr(record, "as_completed", list)
        yield


def record_into(file: Path) -> None:
    """What `make benchmark` does first, into another place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record, "FILE", file)
        patch.setattr(record, "CARD", file.with_suffix(".md"))
        patch.setattr(record, "load_benchmark", Loader(file))
        record.main()


@pytest.fixture(scope="module")
def recorded(plan: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of the plan, recorded in one go."""
    file = tmp_path_factory.mktemp("recorded") / "tiny.npz"
    record_into(file)
    return file


class Loader:
    """Loads the table of the tiny plan where the course's was the default."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __call__(self) -> Benchmark:
        return load_benchmark(self.file)

    def cache_clear(self) -> None:
        load_benchmark.cache_clear()


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """The data it is recorded on."""
    return load_dataset("digits", dtype=torch.float32)


def stop_after(monkeypatch: pytest.MonkeyPatch, jobs: int) -> None:
    """As if someone pressed Ctrl-C in the middle of a later job's writing."""
    write, done = np.savez_compressed, []

    def writes(file: object, **arrays: np.ndarray) -> None:
        if len(done) == jobs:
            file.write(b"half of it")
            raise KeyboardInterrupt
        done.append(file)
        write(file, **arrays)

    monkeypatch.setattr(record.np, "savez_compressed", writes)


def test_every_job_is_planned_once() -> None:
    """Together they cover every configuration and seed; the longest come first."""
    jobs = list(record.jobs())
    assert len(jobs) == JOBS
    planned = [config for job in jobs for config in record.configurations(*job)]
    assert len(set(planned)) == len(planned) == CONFIGURATIONS * len(SEEDS)
    assert {config.epochs for config in planned} == {EPOCHS}
    cost = [shared["width"] ** 2 * shared["depth"] / shared["batch_size"] for shared, _ in jobs]
    assert cost == sorted(cost, reverse=True)


def test_each_number_lies_in_its_row(recorded: Path, digits: Dataset) -> None:
    """Random configurations and seeds, trained alone, give the curves that the table has for them."""
    table = load_benchmark(recorded)
    rows = [dict(zip(SPACE, levels, strict=True)) for levels in product(*SPACE.values())]
    for config, seed in random.Random(course_seed()).sample(list(product(rows, SEEDS)), 12):
        network, epochs = fit(TrainingConfig(**config, epochs=EPOCHS, seed=seed), digits)
        accuracy = [epoch.validation_accuracy for epoch in epochs]
        assert table.curve(config, "validation_accuracy", seed) == pytest.approx(accuracy, abs=1.01 / 360)
        loss = [epoch.validation_loss for epoch in epochs]
        assert table.curve(config, "validation_loss", seed) == pytest.approx(loss, rel=2e-3)
        tested = evaluate(network, digits.test).accuracy
        assert table.value(config, "test_accuracy", seed) == pytest.approx(tested, abs=1.01 / 360)


def test_what_was_trained_is_kept(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in its fourth job, it keeps three, starts again with the fourth, and gives what it gives in one go."""
    file, parts = tmp_path / "tiny.npz", tmp_path / "parts"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, jobs=3)
        record_into(file)
    assert len(list(parts.glob("*.npz"))) == 3 and not file.exists()
    trained = []
    monkeypatch.setattr(record, "record", lambda *job, do=record.record: (trained.append(job), do(*job))[1])
    record_into(file)
    assert trained == list(record.jobs())[3:] and not parts.exists()
    whole = load_benchmark(recorded).curves
    assert all(np.array_equal(curve, whole[metric]) for metric, curve in load_benchmark(file).curves.items())


def test_a_file_is_written_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped while a new one is written, the old one is still there and whole; the next attempt succeeds."""
    file = tmp_path / "new folder" / "numbers.npz"
    record.write(file, {"x": np.arange(3)})
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, jobs=0)
        record.write(file, {"x": np.arange(4)})
    with np.load(file) as stored:
        assert stored["x"].tolist() == [0, 1, 2]
    record.write(file, {"x": np.arange(5)})
    with np.load(file) as stored:
        assert stored["x"].tolist() == [0, 1, 2, 3, 4]
    assert list(file.parent.iterdir()) == [file]


def test_the_name_of_a_part_says_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every job has its own; other epochs or another grid give other names, so that no stale part is taken."""
    names = {record.part(tmp_path, *job) for job in record.jobs()}
    assert len(names) == JOBS
    for name, value in (("EPOCHS", 3), ("SPACE", SPACE | {"learning_rate": (0.01, 0.04)})):
        with monkeypatch.context() as patch:
            patch.setattr(record, name, value)
            assert not names & {record.part(tmp_path, *job) for job in record.jobs()}


def test_losses_beyond_the_range_become_infinite(monkeypatch: pytest.MonkeyPatch) -> None:
    """A diverging network is recorded as such, without a warning; the others are not disturbed."""
    monkeypatch.setattr(record, "SPACE", SPACE | {"learning_rate": (0.01, 1e9)})
    shared = {name: SPACE[name][0] for name in record.APART}
    losses = record.record(shared, 0)["validation_loss"]
    diverged = ~np.isfinite(losses).all(axis=1)
    assert losses.dtype == np.float16 and diverged.tolist() == [False] * 6 + [True] * 6


def test_the_card_describes_the_table(recorded: Path) -> None:
    """It is written beside the table, about this table."""
    text = recorded.with_suffix(".md").read_text(encoding="utf-8")
    assert "48 configurations" in text and "(seeds 0, 1) for 2 epochs" in " ".join(text.split())
    assert f"{load_benchmark(recorded).optimum:.4f}" in text
    assert re.search(r"^- momentum: 0, 0\.6, 0\.9$", text, re.MULTILINE)
