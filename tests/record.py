"""Records the benchmark: `make benchmark`. It can be stopped and started again; what was trained is kept.

Networks that share a shape, a batch size, a seed and a dropout are trained together, one process a core.
"""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import os
import platform
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from helpers.benchmark import EPOCHS, FIELDS, FILE, IMAGES, SEEDS, SHAPE, SPACE, Benchmark, load_benchmark
from helpers.data import load_dataset
from helpers.ensemble import Ensemble
from helpers.training import TrainingConfig

TOGETHER = ("learning_rate", "momentum", "weight_decay")
APART = tuple(name for name in SPACE if name not in TOGETHER)
STORED = {"validation_accuracy": np.uint16, "validation_loss": np.float16, "test_accuracy": np.uint16}
CARD = FILE.with_suffix(".md")


def jobs() -> Iterator[tuple[dict[str, float], int]]:
    """What is trained together, as shared settings and seed; the longest first, so that no core waits at the end."""
    settings = [dict(zip(APART, levels, strict=True)) for levels in product(*(SPACE[name] for name in APART))]
    settings.sort(key=lambda shared: -(shared["width"] ** 2) * shared["depth"] / shared["batch_size"])
    yield from product(settings, SEEDS)


def configurations(shared: dict[str, float], seed: int) -> list[TrainingConfig]:
    """Every combination of what may differ, the last name fastest."""
    free = product(*(SPACE[name] for name in TOGETHER))
    rest = {"epochs": EPOCHS, "seed": seed}
    return [TrainingConfig(**shared, **dict(zip(TOGETHER, levels, strict=True)), **rest) for levels in free]


def record(shared: dict[str, float], seed: int) -> dict[str, np.ndarray]:
    """Trains one job; each metric's array is (configurations, epochs), accuracies as counts of images."""
    torch.set_num_threads(1)
    data = load_dataset("digits", dtype=torch.float32)
    ensemble = Ensemble(configurations(shared, seed), data)
    epochs = list(ensemble.train())
    accuracy = [[epoch.validation_accuracy for epoch in members] for members in epochs]
    with np.errstate(over="ignore"):  # a loss beyond 65504 is stored as inf
        loss = np.array([[epoch.validation_loss for epoch in members] for members in epochs]).T.astype(np.float16)
    test = np.array([[score.accuracy] for score in ensemble.evaluate(data.test)])
    return {
        "validation_accuracy": np.rint(np.array(accuracy).T * IMAGES).astype(np.uint16),
        "validation_loss": loss,
        "test_accuracy": np.rint(test * IMAGES).astype(np.uint16),
    }


def record_to(path: Path, shared: dict[str, float], seed: int) -> None:
    """Trains one job and stores it in one step."""
    write(path, record(shared, seed))


def write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes beside the file first, so that it is never half-written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = path.with_suffix(".tmp")
    with waiting.open("wb") as file:
        np.savez_compressed(file, **arrays)
    waiting.replace(path)


def write_table(path: Path, table: pd.DataFrame, **options: object) -> None:
    """The same for a table; `options` are those of `to_csv`."""
    waiting = path.with_suffix(".tmp")
    table.to_csv(waiting, **options)
    waiting.replace(path)


def part(folder: Path, shared: dict[str, float], seed: int) -> Path:
    """The file of one job; its name changes with everything that decides what is in it."""
    what = json.dumps([SPACE, EPOCHS, shared, seed, version("torch")])
    return folder / f"{hashlib.sha256(what.encode()).hexdigest()[:16]}.npz"


def gather(folder: Path) -> dict[str, np.ndarray]:
    """All jobs in one table, in the order of `benchmark.SPACE`."""
    tables = {metric: np.zeros((*SHAPE, *shape[1:]), STORED[metric]) for metric, shape in FIELDS.items()}
    for shared, seed in jobs():
        at = tuple(SPACE[name].index(shared[name]) if name in shared else slice(None) for name in SPACE)
        free = tuple(len(SPACE[name]) for name in SPACE if name in TOGETHER)
        with np.load(part(folder, shared, seed)) as stored:
            for metric, table in tables.items():
                table[(*at, SEEDS.index(seed))] = stored[metric].reshape(*free, -1)
    return {metric: table.reshape(FIELDS[metric]) for metric, table in tables.items()}


def card(table: Benchmark, minutes: float) -> str:
    """The data card."""
    noise = table.frame()["noise"]
    losses = table.curves["validation_loss"][:, :, -1]
    levels = "\n".join(f"- {name}: {', '.join(f'{level:g}' for level in levels)}" for name, levels in SPACE.items())
    best = ", ".join(f"{name} {level:g}" for name, level in table.best.items())
    return f"""# Data card: the recorded benchmark

{math.prod(SHAPE):,} configurations of a multilayer perceptron on scikit-learn's digits, each trained {len(SEEDS)} times
(seeds {", ".join(map(str, SEEDS))}) for {EPOCHS} epochs with stochastic gradient descent.

{levels}

**File.** digits.npz, {FILE.stat().st_size / 1e6:.1f} MB. `validation_accuracy` and `validation_loss` have the shape
(configurations, seeds, epochs), `test_accuracy` (configurations, seeds, 1). The last hyperparameter moves fastest.
Accuracies are counts of the {IMAGES} images of their part; losses are mean cross-entropies in nats as float16.

**How made.** `make benchmark`, on {date.today():%d %B %Y}, in {minutes:.0f} minutes on {os.cpu_count()} cores.
Python {platform.python_version()}, torch {version("torch")}, scikit-learn {version("scikit-learn")}, in float32,
on the split of `load_dataset("digits")` with its default seed. `tests/test_benchmark.py` trains some again.

**Noise.** The final validation accuracy of one configuration varies over seeds with a standard deviation of
{noise.median():.4f} (median over configurations; {noise.quantile(0.9):.4f} is the 90 % quantile).
{np.mean(~np.isfinite(losses)):.1%} of the runs diverged: their loss is inf or nan.

**Best configuration** by the mean final validation accuracy, {table.optimum:.4f} (on the test images
{table.value(table.best, "test_accuracy"):.4f}):
{best}.

**Licence.** MIT, as the course. The digits are part of scikit-learn (UCI, Alpaydin and Kaynak, "Optical Recognition
of Handwritten Digits", CC BY 4.0).
"""


def main() -> None:
    """Records what is missing, then writes table and card."""
    folder, begin = FILE.parent / "parts", time.perf_counter()
    waiting = [(part(folder, *job), *job) for job in jobs() if not part(folder, *job).exists()]
    everything = len(list(jobs()))
    bar = tqdm(total=everything, initial=everything - len(waiting), unit="job", desc="recording", smoothing=0)
    with bar, ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        for done in as_completed([pool.submit(record_to, *job) for job in waiting]):
            done.result()
            bar.update()
    write(FILE, gather(folder))
    load_benchmark.cache_clear()
    CARD.write_text(card(load_benchmark(), (time.perf_counter() - begin) / 60), encoding="utf-8")
    shutil.rmtree(folder)
    print(f"{FILE} and {CARD} are written.")


if __name__ == "__main__":
    main()
