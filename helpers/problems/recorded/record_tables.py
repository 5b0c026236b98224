"""Records the benchmarks: `make benchmark`. It can be stopped and started again; what was trained is kept.

Networks that share a shape, a batch size and a seed are trained together, one process a core.
"""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from helpers.problems.smudged import smudged_digits
from helpers.problems.table import DIGITS, SMUDGED, Benchmark, Recording, read_benchmark
from helpers.training.data import Dataset, load_dataset
from helpers.training.ensemble import Ensemble
from helpers.training.train import TrainingConfig

TOGETHER = ("learning_rate", "momentum", "weight_decay")
STORED = {"validation_accuracy": np.uint16, "validation_loss": np.float16, "test_accuracy": np.uint16}
CARD = DIGITS.file.with_suffix(".md")


@dataclass(frozen=True)
class Plan:
    """A recording and how it is made.

    Attributes:
        data: makes the data set, of the hyperparameters named in `of_the_data`.
        together: the hyperparameters in which networks that are trained together differ.
    """

    recording: Recording
    data: Callable[..., Dataset]
    about: str
    split: str
    of_the_data: tuple[str, ...] = ()
    together: tuple[str, ...] = TOGETHER

    @property
    def shape(self) -> tuple[int, ...]:
        """How many levels each hyperparameter has."""
        return tuple(map(len, self.recording.space.values()))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Every seed that a network is trained with."""
        return tuple(sorted({seed for seeds, _ in self.recording.metrics.values() for seed in seeds}))

    @property
    def apart(self) -> tuple[str, ...]:
        """The other hyperparameters."""
        return tuple(name for name in self.recording.space if name not in self.together)

    @property
    def card(self) -> Path:
        """The data card, beside the file."""
        return self.recording.file.with_suffix(".md")


def digits() -> Dataset:
    """The course's digits."""
    return load_dataset("digits", dtype=torch.float32)


def smudged(blur: float) -> Dataset:
    """The capstone's."""
    return smudged_digits(blur, dtype=torch.float32)


PLANS = {
    "digits": Plan(
        DIGITS, digits, "scikit-learn's digits", 'on the split of `load_dataset("digits")` with its default seed.'
    ),
    "smudged": Plan(
        SMUDGED,
        smudged,
        "smudged digits (240 training images, shifted, noisy, a quarter with a drawn label)",
        "on `helpers.problems.smudged.smudged_digits(blur)`.",
        ("blur",),
        (*TOGETHER, "dropout"),
    ),
}


def jobs(plan: Plan) -> Iterator[tuple[dict[str, float], int]]:
    """What is trained together, as shared settings and seed; the longest first, so that no core waits at the end."""
    levels = (plan.recording.space[name] for name in plan.apart)
    settings = [dict(zip(plan.apart, chosen, strict=True)) for chosen in product(*levels)]
    settings.sort(key=lambda shared: -(shared["width"] ** 2) * shared.get("depth", 1) / shared["batch_size"])
    yield from product(settings, plan.seeds)


def configurations(plan: Plan, shared: dict[str, float], seed: int) -> list[TrainingConfig]:
    """Every combination of what may differ, the last name fastest."""
    names = [name for name in plan.recording.space if name in plan.together]
    fixed = {name: level for name, level in shared.items() if name not in plan.of_the_data}
    fixed |= {"epochs": plan.recording.epochs, "seed": seed}
    free = product(*(plan.recording.space[name] for name in names))
    return [TrainingConfig(**fixed | dict(zip(names, levels, strict=True))) for levels in free]


def record(plan: Plan, shared: dict[str, float], seed: int) -> dict[str, np.ndarray]:
    """Trains one job; each metric's array is (configurations, epochs), accuracies as counts of images."""
    torch.set_num_threads(1)
    data = plan.data(**{name: shared[name] for name in plan.of_the_data})
    ensemble = Ensemble(configurations(plan, shared, seed), data)
    epochs = list(ensemble.train())
    accuracy = [[epoch.validation_accuracy for epoch in members] for members in epochs]
    with np.errstate(over="ignore"):  # a loss beyond 65504 is stored as inf
        loss = np.array([[epoch.validation_loss for epoch in members] for members in epochs]).T.astype(np.float16)
    test = np.array([[score.accuracy] for score in ensemble.evaluate(data.test)])
    measured = {
        "validation_accuracy": np.rint(np.array(accuracy).T * plan.recording.images).astype(np.uint16),
        "validation_loss": loss,
        "test_accuracy": np.rint(test * plan.recording.images).astype(np.uint16),
    }
    return {metric: measured[metric] for metric, (seeds, _) in plan.recording.metrics.items() if seed in seeds}


def record_to(path: Path, plan: Plan, shared: dict[str, float], seed: int) -> None:
    """Trains one job and stores it in one step."""
    write(path, record(plan, shared, seed))


def write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes beside the file first, so that it is never half-written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = path.with_suffix(".tmp")
    with waiting.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # no array is named allow_pickle
    waiting.replace(path)


def write_table(path: Path, table: pd.DataFrame, **options: object) -> None:
    """The same for a table; `options` are those of `to_csv`."""
    waiting = path.with_suffix(".tmp")
    table.to_csv(waiting, **options)
    waiting.replace(path)


def part(folder: Path, plan: Plan, shared: dict[str, float], seed: int) -> Path:
    """The file of one job; its name changes with everything that decides what is in it."""
    recording = plan.recording
    what = json.dumps([recording.name, recording.space, recording.metrics, shared, seed, version("torch")])
    return folder / f"{hashlib.sha256(what.encode()).hexdigest()[:16]}.npz"


def fields(recording: Recording) -> dict[str, tuple[int, int, int]]:
    """Each metric's array: (configurations, seeds, epochs)."""
    rows = len(recording.configurations)
    return {metric: (rows, len(seeds), epochs) for metric, (seeds, epochs) in recording.metrics.items()}


def gather(folder: Path, plan: Plan) -> dict[str, np.ndarray]:
    """All jobs in one table, in the order of the recording's space."""
    recording = plan.recording
    space, shapes_of = recording.space, fields(recording)
    tables = {metric: np.zeros((*plan.shape, *shape[1:]), STORED[metric]) for metric, shape in shapes_of.items()}
    free = tuple(len(space[name]) for name in space if name in plan.together)
    for shared, seed in jobs(plan):
        at = tuple(space[name].index(shared[name]) if name in shared else slice(None) for name in space)
        with np.load(part(folder, plan, shared, seed)) as stored:
            for metric in stored:
                column = recording.metrics[metric][0].index(seed)
                tables[metric][(*at, column)] = stored[metric].reshape(*free, -1)
    return {metric: table.reshape(shapes_of[metric]) for metric, table in tables.items()}


def card(plan: Plan, table: Benchmark, minutes: float) -> str:
    """The data card."""
    recording, noise = plan.recording, table.frame()["noise"]
    rows = recording.space.items()
    levels = "\n".join(f"- {name}: {', '.join(f'{level:g}' for level in levels)}" for name, levels in rows)
    best = ", ".join(f"{name} {level:g}" for name, level in table.best.items())
    losses = "; losses are\nmean cross-entropies in nats as float16" if "validation_loss" in table.curves else ""
    return f"""# Data card: the recorded benchmark{"" if plan.recording is DIGITS else f" of {recording.name}"}

{math.prod(plan.shape):,} configurations of a multilayer perceptron on
{plan.about}, each trained {len(plan.seeds)} times
(seeds {", ".join(map(str, plan.seeds))}) for {recording.epochs} epochs with stochastic gradient descent.

{levels}

**File.** {recording.file.name}, {recording.file.stat().st_size / 1e6:.1f} MB, with arrays of the shape (configurations,
seeds, epochs):
{shapes(recording)}
The last hyperparameter moves fastest. Accuracies are counts of the {recording.images} images of their part{losses}.

**How made.** `make benchmark`, on {date.today():%d %B %Y}, in {minutes:.0f} minutes on {os.cpu_count()} cores.
Python {platform.python_version()}, torch {version("torch")}, scikit-learn {version("scikit-learn")}, in float32,
{plan.split} `tests/problems/test_table.py` trains some again.

**Noise.** The final validation accuracy of one configuration varies over seeds with a standard deviation of
{noise.median():.4f} (median over configurations; {noise.quantile(0.9):.4f} is the 90 % quantile).
{diverged(table)}
**Best configuration** by the mean final validation accuracy, {table.optimum:.4f} (on the test images
{table.value(table.best, "test_accuracy"):.4f}):
{best}.

**Licence.** MIT, as the course. The digits are part of scikit-learn (UCI, Alpaydin and Kaynak, "Optical Recognition
of Handwritten Digits", CC BY 4.0).
"""


def shapes(recording: Recording) -> str:
    """What each array is about, a line a metric."""
    return "\n".join(
        f"- `{metric}`: seeds {', '.join(map(str, seeds))}; "
        + (f"each of the {epochs} epochs" if epochs > 1 else "after the last epoch")
        for metric, (seeds, epochs) in recording.metrics.items()
    )


def diverged(table: Benchmark) -> str:
    """How many runs did, where losses were kept."""
    if "validation_loss" not in table.curves:
        return ""
    share = np.mean(~np.isfinite(table.curves["validation_loss"][:, :, -1]))
    return f"{share:.1%} of the runs diverged: their loss is inf or nan.\n"


def run_missing(work: Callable[..., None], jobs: Sequence[tuple], processes: int | None = None, **bar: Any) -> None:
    """Calls `work(*job)` for each job whose file, its first item, is not there yet, in their order, one process a core
    (or so many); `bar` is for the progress bar. A job that fails ends it; what others have stored is kept."""
    waiting = [job for job in jobs if not job[0].exists()]
    shown = tqdm(total=len(jobs), initial=len(jobs) - len(waiting), smoothing=0, **{"unit": "job"} | bar)
    with shown, ProcessPoolExecutor(processes or os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        for done in as_completed([pool.submit(work, *job) for job in waiting]):
            done.result()
            shown.update()


def main(names: Sequence[str] = ()) -> None:
    """Records what is missing of the plans named, or of all."""
    for name in names or PLANS:
        record_plan(PLANS[name])


def record_plan(plan: Plan) -> None:
    """Records what is missing, then writes table and card."""
    file, begin = plan.recording.file, time.perf_counter()
    folder = file.parent / "parts"
    places = [(part(folder, plan, *job), plan, *job) for job in jobs(plan)]
    run_missing(record_to, places, desc=plan.recording.name)
    write(file, gather(folder, plan))
    table = read_benchmark(plan.recording)
    plan.card.write_text(card(plan, table, (time.perf_counter() - begin) / 60), encoding="utf-8")
    for path, *_ in places:
        path.unlink()
    with suppress(OSError):  # parts of another plan may lie there
        folder.rmdir()
    print(f"{file} and {plan.card} are written.")


if __name__ == "__main__":
    main(sys.argv[1:])
