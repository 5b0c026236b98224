"""Recording can be stopped and started again, and puts every number where it belongs."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.learn import course_seed
from helpers.problems.recorded import record_tables as record
from helpers.problems.smudged import smudged_digits
from helpers.problems.table import SMUDGED, Recording, read_benchmark
from helpers.training.data import Dataset, load_dataset
from helpers.training.train import TrainingConfig, evaluate, fit
from tests.bench.training import one_thread

SPACE = {
    "learning_rate": (0.01, 0.03),
    "width": (4, 6),
    "depth": (1,),
    "batch_size": (256,),
    "dropout": (0.0, 0.2),
    "momentum": (0.0, 0.6, 0.9),
    "weight_decay": (1e-5, 0.1),
}
CONFIGURATIONS, SEEDS, EPOCHS, JOBS = 48, (0, 1), 2, 8
METRICS = {"validation_accuracy": (SEEDS, EPOCHS), "validation_loss": (SEEDS, EPOCHS), "test_accuracy": (SEEDS, 1)}
LOGARITHMIC = ("learning_rate", "width", "batch_size", "weight_decay")
TINY = Recording("tiny", Path("tiny.npz"), SPACE, LOGARITHMIC, METRICS, 360)


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
def at_once() -> Iterator[None]:
    """Everything is carried out in this process."""
    with pytest.MonkeyPatch.context() as patch, one_thread():
        patch.setattr(record, "ProcessPoolExecutor", AtOnce)
        patch.setattr(record, "as_completed", list)
        yield


def plan(file: Path = TINY.file, **changes: object) -> record.Plan:
    """A tiny plan, for this file, with changes to the recording."""
    return replace(record.PLANS["digits"], recording=replace(TINY, file=file, **changes))


@pytest.fixture(scope="module")
def recorded(at_once: None, tmp_path_factory: pytest.TempPathFactory) -> record.Plan:
    """The plan, recorded in one go."""
    made = plan(tmp_path_factory.mktemp("recorded") / "tiny.npz")
    record.record_plan(made)
    return made


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
    jobs = list(record.jobs(plan()))
    assert len(jobs) == JOBS
    planned = [config for job in jobs for config in record.configurations(plan(), *job)]
    assert len(set(planned)) == len(planned) == CONFIGURATIONS * len(SEEDS)
    assert {config.epochs for config in planned} == {EPOCHS}
    cost = [shared["width"] ** 2 * shared["depth"] / shared["batch_size"] for shared, _ in jobs]
    assert cost == sorted(cost, reverse=True)


@pytest.mark.slow
def test_each_number_lies_in_its_row(recorded: record.Plan, digits: Dataset) -> None:
    """Random configurations and seeds, trained alone, give the curves that the table has for them."""
    table = read_benchmark(recorded.recording)
    rows = [dict(zip(SPACE, levels, strict=True)) for levels in product(*SPACE.values())]
    for config, seed in random.Random(course_seed()).sample(list(product(rows, SEEDS)), 12):
        network, epochs = fit(TrainingConfig(**config, epochs=EPOCHS, seed=seed), digits)
        accuracy = [epoch.validation_accuracy for epoch in epochs]
        assert table.curve(config, "validation_accuracy", seed) == pytest.approx(accuracy, abs=1.01 / 360)
        loss = [epoch.validation_loss for epoch in epochs]
        assert table.curve(config, "validation_loss", seed) == pytest.approx(loss, rel=2e-3)
        tested = evaluate(network, digits.test).accuracy
        assert table.value(config, "test_accuracy", seed) == pytest.approx(tested, abs=1.01 / 360)


@pytest.mark.slow
def test_what_was_trained_is_kept(recorded: record.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in its fourth job, it keeps three, starts again with the fourth, and gives what it gives in one go."""
    made, parts = plan(tmp_path / "tiny.npz"), tmp_path / "parts"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, jobs=3)
        record.record_plan(made)
    assert len(list(parts.glob("*.npz"))) == 3 and not made.recording.file.exists()
    trained = []
    monkeypatch.setattr(record, "record", lambda *job, do=record.record: (trained.append(job), do(*job))[1])
    record.record_plan(made)
    assert trained == [(made, *job) for job in record.jobs(made)][3:] and not parts.exists()
    whole, again = (read_benchmark(one.recording).curves for one in (recorded, made))
    assert all(np.array_equal(curve, whole[metric]) for metric, curve in again.items())


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


def test_the_name_of_a_part_says_what_is_in_it(tmp_path: Path) -> None:
    """Every job has its own; other epochs or another grid give other names, so that no stale part is taken."""

    def names(made: record.Plan) -> set[Path]:
        return {record.part(tmp_path, made, *job) for job in record.jobs(made)}

    longer = {metric: (seeds, epochs + 1) for metric, (seeds, epochs) in METRICS.items()}
    assert len(names(plan())) == JOBS
    for changes in ({"metrics": longer}, {"space": SPACE | {"learning_rate": (0.01, 0.04)}}, {"name": "other"}):
        assert not names(plan()) & names(plan(**changes))


def test_losses_beyond_the_range_become_infinite() -> None:
    """A diverging network is recorded as such, without a warning; the others are not disturbed."""
    made = plan(space=SPACE | {"learning_rate": (0.01, 1e9)})
    shared = {name: SPACE[name][0] for name in made.apart}
    losses = record.record(made, shared, 0)["validation_loss"]
    diverged = ~np.isfinite(losses).all(axis=1)
    assert losses.dtype == np.float16 and diverged.tolist() == [False] * 6 + [True] * 6


def test_the_card_describes_the_table(recorded: record.Plan) -> None:
    """It is written beside the table, about this table."""
    text = recorded.card.read_text(encoding="utf-8")
    assert "48 configurations" in text and "(seeds 0, 1) for 2 epochs" in " ".join(text.split())
    assert f"{read_benchmark(recorded.recording).optimum:.4f}" in text
    assert re.search(r"^- momentum: 0, 0\.6, 0\.9$", text, re.MULTILINE)


@pytest.mark.slow
def test_held_back_seeds_are_kept_apart(tmp_path: Path) -> None:
    """Of a public seed the curve is kept, of a held-back one the test accuracy; a level may belong to the data."""
    space = SMUDGED.space | {"width": (8,), "batch_size": (60,), "momentum": (0.5,), "blur": (0.0, 0.8)}
    metrics = {"validation_accuracy": ((0, 2), 2), "test_accuracy": ((7,), 1)}
    tiny = replace(SMUDGED, file=tmp_path / "tiny.npz", space=space, metrics=metrics)
    made = replace(record.PLANS["smudged"], recording=tiny)
    record.record_plan(made)
    table = read_benchmark(tiny)
    assert {metric: curve.shape for metric, curve in table.curves.items()} == record.fields(tiny)
    config = {name: levels[-1] for name, levels in space.items()} | {"learning_rate": 0.1, "weight_decay": 0.01}
    data = smudged_digits(config["blur"], dtype=torch.float32)
    rest = {name: level for name, level in config.items() if name != "blur"}
    for seed in (2, 7):
        network, epochs = fit(TrainingConfig(**rest, epochs=2, seed=seed), data)
        if seed == 2:
            accuracy = [epoch.validation_accuracy for epoch in epochs]
            assert table.curve(config, seed=2) == pytest.approx(accuracy, abs=1.01 / 360)
        else:
            tested = evaluate(network, data.test).accuracy
            assert table.value(config, "test_accuracy", 7) == pytest.approx(tested, abs=1.01 / 360)
    assert "seeds 7; after the last epoch" in made.card.read_text(encoding="utf-8")


def test_the_plans_are_those_of_the_course() -> None:
    """Each by its name, and each has been recorded."""
    assert [plan.recording.name for plan in record.PLANS.values()] == ["digits", "smudged digits"]
    assert all(plan.recording.file.exists() and plan.card.exists() for plan in record.PLANS.values())
