"""The second record: the interface of the first with a conditional space, and regret by test; trained again it is the
same, and recording survives being killed. What reads the real file waits for it; the rest has a small record."""

from __future__ import annotations

import json
import math
import os
import platform
import random
import re
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from helpers.errors import BadInput
from helpers.learn import course_seed
from helpers.problems.recorded import card, record_fashion
from helpers.problems.recorded.record_tables import write
from helpers.problems.table import EPOCHS, FASHION, Benchmark, Recording, load_benchmark, read_benchmark
from helpers.training.data import DEBIAN, Dataset

THERE = pytest.mark.skipif(not FASHION.file.exists(), reason="the record is not there yet")
SMALL = replace(
    FASHION,
    name="small",
    space=FASHION.space
    | {"batch_size": (40,), "width": (4, 6), "learning_rate": (0.01, 0.1), "weight_decay": (1e-2,)}
    | {"momentum": (0.0, 0.9), "beta": (0.1, 0.9)},
    metrics={metric: ((0, 1), min(epochs, 3)) for metric, (_, epochs) in FASHION.metrics.items()},
    images=150,
)


TOGETHER, APART = ("learning_rate", "weight_decay", "schedule"), ("optimizer", "batch_size", "width", "dropout")
SETTINGS = {  # of the recorder, for that space
    "SEEDS": (0, 1),
    "EPOCHS": 3,
    "TOGETHER": {name: SMALL.space[name] for name in TOGETHER},
    "APART": {name: SMALL.space[name] for name in APART},
    "OPENS": {level: (name, SMALL.space[name]) for name, (_, level) in SMALL.opened_by.items()},
}


@pytest.fixture(scope="module")
def small(few: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A small space, recorded by the recorder on a few digits."""
    folder = tmp_path_factory.mktemp("small")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**SETTINGS, "fashion": lambda: few}.items():
            patch.setattr(record_fashion, name, value)
        for shared in record_fashion.settings():
            for seed in SETTINGS["SEEDS"]:
                record_fashion.record_to(record_fashion.part(folder, shared, seed), shared, seed)
        record_fashion.main(folder, 1)
        assert [flat(member) for member in record_fashion.configurations()] == SMALL.configurations
    return replace(SMALL, file=folder / "fashion.npz")


@pytest.fixture(scope="module", params=["small", pytest.param("whole", marks=THERE)])
def table(request: pytest.FixtureRequest, small: Recording) -> Benchmark:
    """The small record, and the real one."""
    return load_benchmark("fashion") if request.param == "whole" else read_benchmark(small)


def flat(member: record_fashion.Member) -> dict[str, Any]:
    """A member of the recorder as a configuration of the table."""
    wanted = {"optimizer", "batch_size", "width", "dropout", "learning_rate", "weight_decay", "schedule"}
    config = {name: value for name, value in vars(member.config).items() if name in wanted | {"momentum"}}
    return config | {"beta": member.beta} if config["optimizer"] == "adam" and config.pop("momentum") == 0 else config


# The conditional space


def test_the_rows_are_the_recorders() -> None:
    """Every configuration in its place, 4,536 of seven hyperparameters and the one that the optimizer opens."""
    assert FASHION.configurations == [flat(member) for member in record_fashion.configurations()]
    assert len(FASHION.configurations) == 4536 and {len(config) for config in FASHION.configurations} == {8}
    assert FASHION.metrics["validation_loss"] == (record_fashion.SEEDS, record_fashion.EPOCHS) == (range_of(5), EPOCHS)


def range_of(count: int) -> tuple[int, ...]:
    """0, 1, 2, ..."""
    return tuple(range(count))


def test_a_trial_is_asked_for_what_its_optimizer_has(table: Benchmark) -> None:
    """As an objective, under random search and TPE: momentum with SGD, beta with Adam, never both."""
    for sampler in (optuna.samplers.RandomSampler(seed=course_seed()), optuna.samplers.TPESampler(seed=course_seed())):
        study = optuna.create_study(direction=table.direction, sampler=sampler)
        study.optimize(table, n_trials=30)
        assert {trial.params["optimizer"] for trial in study.trials} == {"sgd", "adam"}
        for trial in study.trials:
            opened = {"sgd": "momentum", "adam": "beta"}[trial.params["optimizer"]]
            assert list(trial.params) == [*list(table.space)[:7], opened]
            assert table.worst <= trial.value == table.value(table.nearest(trial.params)) <= table.optimum
            for name, drawn in trial.distributions.items():
                levels = table.space[name]
                if name in ("optimizer", "schedule"):
                    assert drawn.choices == levels
                else:
                    assert (drawn.low, drawn.high) == (levels[0], levels[-1])
                    assert drawn.log == (name in FASHION.logarithmic)


def test_the_nearest_is_that_of_brute_force(table: Benchmark) -> None:
    """Of every number the level with the smallest distance, in logarithms where the range is; names stay."""
    rng = random.Random(course_seed())
    for chosen in rng.choices(table.configurations, k=200):
        asked = {
            name: value if isinstance(value, str) else rng.uniform(table.space[name][0], table.space[name][-1])
            for name, value in chosen.items()
        }
        found = table.nearest(asked)
        assert list(found) == list(chosen) and table.nearest(found) == found == table.configurations[table.row(found)]
        for name, value in asked.items():
            scale = math.log if name in FASHION.logarithmic else float
            distance = {
                v: 0 if v == value else 1 if isinstance(v, str) else abs(scale(v) - scale(value))
                for v in table.space[name]
            }
            assert distance[found[name]] <= min(distance.values()) + 1e-12


def test_values_curves_and_frame_agree(table: Benchmark) -> None:
    """The value ends the curve, the mean is the mean over the seeds, the frame holds the values, nan where closed."""
    frame, seeds = table.frame(), table.recording.metrics["test_accuracy"][0]
    for row in random.Random(course_seed()).sample(range(len(frame)), 40):
        config = table.configurations[row]
        told = {name: level for name, level in frame.loc[row, list(table.space)].items() if level == level}
        assert told == config and table.row(dict(reversed(config.items()))) == row
        for metric in table.curves:
            runs = np.array([table.curve(config, metric, seed) for seed in seeds])
            assert runs.shape == (len(seeds), table.recording.metrics[metric][1])
            assert [table.value(config, metric, seed) for seed in seeds] == pytest.approx(runs[:, -1], nan_ok=True)
            if np.isfinite(runs).all():
                assert table.value(config, metric) == pytest.approx(runs[:, -1].mean())
                assert table.curve(config, metric) == pytest.approx(runs.mean(axis=0))
                assert frame.loc[row, metric] == table.value(config, metric)
    assert table.value(table.best) == table.optimum == frame["validation_accuracy"].max()
    assert table.value(table.best_on_test, "test_accuracy") == frame["test_accuracy"].max()


def test_what_cannot_be_looked_up_is_refused(table: Benchmark) -> None:
    """One sentence; which optimizer opens what is said."""
    sgd = table.configurations[0]
    adam = table.configurations[-1]
    names = (
        "A configuration names exactly these hyperparameters: optimizer, batch_size, width, dropout, learning_rate, "
    )
    names += "weight_decay, schedule, momentum (optimizer sgd), beta (optimizer adam)."
    wrong = [({**adam, "momentum": 0.9}, names), ({**sgd, "optimizer": "adam"}, names), ({**sgd, "depth": 2}, names)]
    wrong += [({name: sgd[name] for name in list(sgd)[:7]}, names), ({**sgd, "optimizer": "rmsprop"}, names)]
    wrong += [({**sgd, "schedule": "step"}, "Unknown schedule 'step': choose one of 'constant', 'cosine'.")]
    wrong += [({**adam, "beta": 1.0}, f"beta is 1.0: choose a value from {table.space['beta'][0]} to ")]
    for config, sentence in wrong:
        for ask in (table.nearest, table.row, table.value, table.curve):
            with pytest.raises(BadInput, match=f"^{re.escape(sentence)}"):
                ask(config)
    with pytest.raises(BadInput, match=r"^dropout is 0\.1, which was not recorded: choose one of 0, 0\.3"):
        table.value({**sgd, "dropout": 0.1})
    with pytest.raises(BadInput, match=r"^Unknown benchmark 'mnist': choose one of 'digits', 'smudged', 'fashion'\.$"):
        load_benchmark("mnist")


# Regret


def made_up(small: Recording, **changes: np.ndarray) -> Benchmark:
    """The small record with some numbers replaced."""
    return Benchmark(read_benchmark(small).curves | changes, small)


def test_regret_is_against_the_best_by_test(small: Recording) -> None:
    """Over the seeds; the luckiest on validation has one, and on seeds that did not choose it is another."""
    tests, validation = np.full((64, 2, 1), 0.5), np.full((64, 2, 3), 0.5)
    tests[7], validation[3] = [[0.9], [0.8]], 0.99
    tests[3] = [[0.95], [0.6]]
    table = made_up(small, test_accuracy=tests, validation_accuracy=validation)
    assert table.best == table.configurations[3] and table.best_on_test == table.configurations[7]
    assert card.regret_on_test(table, 3) == pytest.approx(0.85 - 0.775)
    assert card.regret_on_test(table, 7) == 0
    assert card.regret_on_test(table, np.array([[3, 7], [0, 3]])) == pytest.approx(
        np.array([[0.075, 0], [0.35, 0.075]])
    )
    assert table.tested(3, chosen_with=(0,)) == pytest.approx(0.6)
    assert card.regret_on_test(table, 3, chosen_with=(0,)) == pytest.approx(0.2)
    assert card.regret_on_test(table, 3, chosen_with=(1,)) == pytest.approx(-0.05)


def test_no_configuration_beats_the_best_on_test(table: Benchmark) -> None:
    """The regret of every row is at least 0, and 0 for the best; it is the difference of two looked-up values."""
    regrets = card.regret_on_test(table, np.arange(len(table.configurations)))
    assert regrets.min() == 0 == regrets[table.row(table.best_on_test)]
    for row in random.Random(course_seed()).sample(range(len(regrets)), 20):
        best, own = (table.value(c, "test_accuracy") for c in (table.best_on_test, table.configurations[row]))
        assert regrets[row] == pytest.approx(best - own)


# Damage


def test_damaged_values_are_refused(small: Recording, tmp_path: Path) -> None:
    """No numbers, more right answers than images, a loss that is lost where the network is good."""
    with np.load(small.file) as stored:
        sound = dict(stored)
    whole = sound["validation_accuracy"]
    lost = np.where(whole > 30, np.nan, sound["validation_loss"]).astype(np.float16)
    over = np.where(np.arange(whole.size).reshape(whole.shape) == 9, 151, whole).astype(np.uint16)
    assert np.isnan(lost).any()
    damaged: dict[str, dict[str, np.ndarray]] = {
        "nan": {"test_accuracy": np.where(sound["test_accuracy"] > 20, np.nan, 0.0)},
        "more than there are": {"best_epoch_test_accuracy": sound["test_accuracy"] + np.uint16(151)},
        "too many at one epoch": {"validation_accuracy": over},
        "lost": {"validation_loss": lost},
    }
    for name, arrays in damaged.items():
        file = tmp_path / f"{name}.npz"
        write(file, sound | arrays)
        with pytest.raises(BadInput, match=rf"^The recorded trainings .*{name}\.npz are missing or damaged: get"):
            read_benchmark(replace(small, file=file))
    with pytest.raises(BadInput, match=r"^The recorded trainings .*gone\.npz are missing or damaged"):
        read_benchmark(replace(small, file=tmp_path / "gone.npz"))


# Size and speed


@THERE
def test_it_is_small_and_fast() -> None:
    """6 MB on disk, 60 MB when loaded, a million look-ups a second of single values and of many at once."""
    assert FASHION.file.stat().st_size <= 6e6
    tracemalloc.start()
    table = read_benchmark(FASHION)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 60e6
    configs = random.Random(course_seed()).choices(table.configurations, k=20_000)
    rows = np.random.default_rng(course_seed()).integers(len(table.configurations), size=1_000_000)

    def speed(count: int, look_up: Callable[[], object]) -> float:
        seconds = []
        for _ in range(5):
            begin = time.process_time()
            look_up()
            seconds.append(time.process_time() - begin)
        return count / min(seconds)

    assert speed(len(rows), lambda: table.tested(rows)) >= 1e6
    assert speed(len(rows), lambda: table.curves["validation_accuracy"][rows, 3, -1]) >= 1e6
    assert speed(len(configs), lambda: [table.value(config) for config in configs]) >= 2e5
    assert speed(len(configs), lambda: [table.value(table.nearest(config)) for config in configs]) >= 2e4


# The real record


@THERE
def test_seeds_epochs_and_rates_differ() -> None:
    """Nothing was filled in by copying; few diverged, and where they did they guess."""
    curves = load_benchmark("fashion").curves
    losses = curves["validation_loss"].astype(float)
    finite = np.isfinite(losses[:, :, -1]).all(axis=1)
    assert finite.mean() > 0.8
    assert np.mean((losses[finite, 0] == losses[finite, 1]).all(axis=1)) < 0.01
    assert np.mean(losses[finite][:, :, 0] == losses[finite][:, :, -1]) < 0.01
    accuracy = curves["validation_accuracy"]
    assert (accuracy[np.isnan(curves["validation_loss"])] < 0.2).all()
    # the epoch whose weights were kept has the highest validation accuracy: where it is the last, both tests agree
    last = accuracy[:, :, -1] > accuracy[:, :, :-1].max(axis=2)
    tests = curves["test_accuracy"][:, :, 0], curves["best_epoch_test_accuracy"][:, :, 0]
    assert (tests[0][last] == tests[1][last]).all() and (tests[0] != tests[1]).mean() > 0.1


@THERE
def test_the_card_has_the_records_figures() -> None:
    """What the card says is what is counted in the record."""
    told = " ".join(FASHION.file.with_suffix(".md").read_text(encoding="utf-8").split())
    for line in card.lines(load_benchmark("fashion")):
        assert " ".join(line.split()) in told
    assert f"{FASHION.file.stat().st_size / 1e6:.1f} MB" in told and "4,536 configurations" in told


AGAIN = """
import json, sys
import numpy as np
from helpers.problems.recorded import record_fashion as recorder
for number, seed in json.loads(sys.argv[1]):
    shared = recorder.settings()[number // 126]
    size = 1024 // shared["width"]
    first = number % 126 // size * size  # those that were trained together: sums over them have the same order
    found = recorder.record(recorder.members(shared, seed)[first : first + size], recorder.fashion())
    print(json.dumps({metric: array[number % 126 - first].tolist() for metric, array in found.items()}))
"""


@THERE
@pytest.mark.slow  # make test trains some of the digits' record again
@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the reference arithmetic is x86's")
def test_what_is_trained_again_gives_the_record() -> None:
    """In the recorder's arithmetic, by its own code: every count and every loss, to the last bit."""
    rng = random.Random()  # others in each run; it is in a failure's message
    handful = [(rng.randrange(4536), rng.choice(record_fashion.SEEDS)) for _ in range(5)]
    done = subprocess.run(
        [sys.executable, "-c", AGAIN, json.dumps(handful)],
        env=os.environ | record_fashion.ARITHMETIC,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    with np.load(FASHION.file) as stored:
        for (row, seed), line in zip(handful, done.stdout.splitlines(), strict=True):
            found = json.loads(line)
            last, best = found.pop("test_accuracy")
            for metric, values in {**found, "test_accuracy": [last], "best_epoch_test_accuracy": [best]}.items():
                assert np.array_equal(stored[metric][row, seed], np.array(values, stored[metric].dtype), True), handful


# Stopping and resuming

PROGRAM = f"""
import sys, time
from pathlib import Path
from helpers.problems.recorded import record_fashion as recorder
from helpers.training.data import Dataset, Split, load_dataset

def few():
    data = load_dataset("digits")
    parts = (data.train, data.validation, data.test)
    return Dataset("digits", *(Split(part.images[:150], part.labels[:150]) for part in parts), classes=10)

def slowly(*job, record=recorder.record):
    time.sleep(0.5)
    return record(*job)

recorder.record, recorder.fashion = slowly, few
for name, value in {SETTINGS!r}.items():
    setattr(recorder, name, value)
if __name__ == "__main__":  # a process of the pool reads everything above, too
    recorder.main(Path(sys.argv[1]), 1)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="kills a process with its pool")
def test_a_killed_recording_goes_on(small: Recording, tmp_path: Path) -> None:
    """Killed half-way and started again: what was trained is not trained again, and the table is that of one go."""
    program, folder = tmp_path / "program.py", tmp_path / "parts"
    program.write_text(PROGRAM)

    def start() -> subprocess.Popen:
        return subprocess.Popen([sys.executable, str(program), str(folder)], start_new_session=True)

    def parts() -> dict[Path, int]:
        return {file: file.stat().st_mtime_ns for file in folder.glob("?" * 16 + ".npz")}

    killed, limit = start(), time.monotonic() + 300
    while len(parts()) < 5 and killed.poll() is None and time.monotonic() < limit:
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    before = parts()
    assert 5 <= len(before) < 16 and not (folder / "fashion.npz").exists()
    assert start().wait(300) == 0
    assert len(parts()) == 16 and before.items() <= parts().items()
    one, other = (dict(np.load(file)) for file in (small.file, folder / "fashion.npz"))
    assert one.keys() == other.keys() == FASHION.metrics.keys()
    assert all(np.array_equal(one[metric], other[metric], equal_nan=metric.endswith("loss")) for metric in one)
