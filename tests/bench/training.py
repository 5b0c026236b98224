"""Training speed, three ways through the same work: `python -m tests.bench.training`.

A trial is 10 epochs of 30 training batches and 10 validation batches of 128 images of 28x28, through one network
with dropout, under Adam, in float32, on one thread.

- example: the loop of Optuna's PyTorch example, with DataLoader and ToTensor;
- fit: what `helpers.training.train.fit` does;
- bare: forward, backward and step on batches that lie ready in memory, and as many validation images in one pass
  (one batch that is always in the cache would compare the computer's cache with its memory);
- bare steps: the same without validation.

Against the example stands a network of width 32 too: the wider it is, the more of the time is arithmetic that both
do alike, and how much more depends on the processor. (The bar for the example is held there, the bar for bare at 64.)

Every trial pauses after each epoch, and two that are compared take turns epoch by epoch: a busy moment of the
computer then slows both.

The second table is about networks of the recorded benchmark, on digits in float32, on one thread: the example's loop
and `fit`, one network at a time, against 8, 32 and 128 at once with `helpers.training.ensemble`. Its clock counts this
program's own processor time. Its last line puts the three ways as ratios.
"""

from __future__ import annotations

import gzip
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from torchvision.datasets import FashionMNIST
from torchvision.transforms import ToTensor

from helpers.training.data import Dataset, Split, load_dataset
from helpers.training.ensemble import Ensemble
from helpers.training.train import Epoch, TrainingConfig, create_model, train

CONFIG = TrainingConfig(width=64, dropout=0.3, optimizer="adam", learning_rate=0.001, batch_size=128, epochs=10)
LIGHT = replace(CONFIG, width=32)
STEPS, VALIDATION_BATCHES = 30, 10
BARE_RACES = 6  # for each race against the example, which takes ten times as long
WANTED_OVER_EXAMPLE, WANTED_OVER_BARE = 8.0, 0.85

TYPICAL = TrainingConfig(width=16, momentum=0.9, batch_size=64, epochs=27)
MEMBERS = (8, 32, 128)
WANTED_AT, WANTED_AT_ONCE = 32, 5.0


def write_fashion(folder: Path, *, train: int, test: int) -> dict[str, np.ndarray]:
    """Writes random images and labels where and how torchvision keeps Fashion-MNIST, packed ones beside the others;
    returns them by file name."""
    rng = np.random.default_rng(0)
    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    arrays = {}
    for part, count in (("train", train), ("t10k", test)):
        arrays[f"{part}-images-idx3-ubyte"] = rng.integers(256, size=(count, 28, 28), dtype=np.uint8)
        arrays[f"{part}-labels-idx1-ubyte"] = rng.permutation(count).astype(np.uint8) % 10
    for name, array in arrays.items():
        (raw / name).write_bytes(idx(array))
        (raw / f"{name}.gz").write_bytes(gzip.compress(idx(array), compresslevel=1))
    return arrays


def idx(array: np.ndarray) -> bytes:
    """The idx form of an array of bytes: two zeros, type 8, the rank, each length big-endian, the bytes."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def example_epochs(config: TrainingConfig, parts: Callable[[], Sequence], data: Dataset) -> Iterator[int]:
    """Reads image by image through DataLoaders, steps a plain optimizer, counts the right answers batch by batch."""
    training, validation = (DataLoader(part, config.batch_size, shuffle=True) for part in parts())
    model = create_model(config, data)
    kind = torch.optim.Adam if config.optimizer == "adam" else partial(torch.optim.SGD, momentum=config.momentum)
    optimizer = kind(model.parameters(), lr=config.learning_rate)
    for _ in range(config.epochs):
        model.train()
        for images, labels in islice(training, STEPS):
            optimizer.zero_grad()
            cross_entropy(model(images), labels).backward()
            optimizer.step()
        model.eval()
        correct = 0
        with torch.no_grad():
            for images, labels in islice(validation, VALIDATION_BATCHES):
                correct += int((model(images).argmax(dim=1) == labels).sum())
        yield correct


def fashion_parts(folder: Path) -> list[FashionMNIST]:
    """Training and validation images as the example reads them."""
    return [FashionMNIST(str(folder), train=part, transform=ToTensor()) for part in (True, False)]


class Digits(torch.utils.data.Dataset):
    """Digits as most programs hold them: images of bytes, each made a tensor when it is asked for."""

    def __init__(self, part: Split) -> None:
        grey = part.images[:, 0] - part.images.min()
        self.images, self.labels = (255 * grey / grey.max()).to(torch.uint8).numpy(), part.labels.tolist()
        self.to_tensor = ToTensor()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, n: int) -> tuple[torch.Tensor, int]:
        return self.to_tensor(self.images[n]), self.labels[n]


def fit_epochs(config: TrainingConfig, data: Dataset) -> Iterator[Epoch]:
    """`fit`, pausing after each epoch."""
    yield from train(create_model(config, data), config, data)


def bare_epochs(data: Dataset, *, validate: bool = True) -> Iterator[None]:
    """The arithmetic alone: no shuffling, no batch to gather, no score; the images come from memory, as they must."""
    model = create_model(CONFIG, data)
    optimizer = torch.optim.Adam(model.parameters(), lr=CONFIG.learning_rate, fused=True)
    parts = (part.split(CONFIG.batch_size) for part in (data.train.images, data.train.labels))
    batches = list(zip(*parts, strict=True))[:STEPS]
    for _ in range(CONFIG.epochs):
        model.train()
        for images, labels in batches:
            loss = cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if validate:
            model.eval()
            with torch.inference_mode():
                model(data.validation.images)
        yield


def race(
    *trials: Callable[[], Iterator], epochs: int = CONFIG.epochs, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Seconds of each trial, set-up included, when they take turns epoch by epoch."""
    running = [trial() for trial in trials]
    seconds = [0.0] * len(running)
    for _ in range(epochs):
        for place, trial in enumerate(running):
            start = clock()
            next(trial)
            seconds[place] += clock() - start
    return seconds


def measure(repetitions: int) -> dict[str, list[float]]:
    """Seconds of a trial of each kind, and the ratios that are wanted, race by race."""
    with tempfile.TemporaryDirectory() as place, one_thread():
        folder = Path(place)
        write_fashion(folder, train=STEPS * CONFIG.batch_size * 6 // 5, test=VALIDATION_BATCHES * CONFIG.batch_size)
        loaded = load_dataset("fashion", folder=folder / "FashionMNIST" / "raw")
        data = Dataset("fashion", loaded.train, loaded.test, loaded.test, loaded.classes)
        read = partial(fashion_parts, folder)
        pairs = [(partial(example_epochs, c, read, data), partial(fit_epochs, c, data)) for c in (CONFIG, LIGHT)]
        fit = pairs[0][1]
        bare, steps = partial(bare_epochs, data), partial(bare_epochs, data, validate=False)
        race(fit, bare, steps)  # what happens once only, before the clock runs
        with_example, light, with_bare = [], [], []
        for _ in range(repetitions):
            with_example.append(race(*pairs[0]))
            light.append(race(*pairs[1]))
            with_bare += [race(fit, bare, steps) for _ in range(BARE_RACES)]
    return {
        "example": [seconds[0] for seconds in with_example],
        "fit": [seconds[0] for seconds in with_bare],
        "bare": [seconds[1] for seconds in with_bare],
        "bare steps": [seconds[2] for seconds in with_bare],
        "fit over example": [seconds[0] / seconds[1] for seconds in with_example],
        "light fit over example": [seconds[0] / seconds[1] for seconds in light],
        "fit over bare": [seconds[1] / seconds[0] for seconds in with_bare],
    }


def alone_epochs(configs: list[TrainingConfig], data: Dataset) -> Iterator[None]:
    """Networks one by one, each with a loop of its own, pausing after each epoch of all."""
    loops = [train(create_model(config, data), config, data) for config in configs]
    for _ in range(TYPICAL.epochs):
        for loop in loops:
            next(loop)
        yield


def at_once_epochs(configs: list[TrainingConfig], data: Dataset) -> Iterator[list[Epoch]]:
    """All of them as one ensemble."""
    yield from Ensemble(configs, data).train()


def rates(count: int) -> list[TrainingConfig]:
    """Networks that differ in their learning rates, as those that the benchmark records together do."""
    return [replace(TYPICAL, learning_rate=float(rate)) for rate in np.geomspace(0.001, 0.3, count)]


def measure_many(
    repetitions: int, members: tuple[int, ...] = MEMBERS, *, loader: bool = False, epochs: int = TYPICAL.epochs
) -> dict[str | int, list[float]]:
    """Networks a second in each repetition: of "one at a time", of each number of members at once, and of "DataLoader"
    if that is wanted too."""
    data, alone = load_dataset("digits", dtype=torch.float32), rates(2)
    trials = [partial(alone_epochs, alone, data), *(partial(at_once_epochs, rates(n), data) for n in members)]
    names = {"one at a time": len(alone), **{n: n for n in members}}
    if loader:
        parts = [Digits(part) for part in (data.train, data.validation)]
        trials.append(partial(example_epochs, TYPICAL, lambda: parts, data))
        names["DataLoader"] = 1
    with one_thread():
        race(*trials, epochs=epochs)  # what happens once only, before the clock runs
        seconds = [race(*trials, epochs=epochs, clock=time.process_time) for _ in range(repetitions)]
    return {
        name: [count / taken for taken in column]
        for (name, count), column in zip(names.items(), zip(*seconds, strict=True), strict=True)
    }


def gain(figures: dict[str | int, list[float]], members: str | int, over: str | int = "one at a time") -> float:
    """How many times as fast as `over` so many at once are: the median over the repetitions."""
    pairs = zip(figures[members], figures[over], strict=True)
    return median(many / one for many, one in pairs)


def three_ways(figures: dict[str | int, list[float]]) -> str:
    """DataLoader, in memory and many at once as ratios, in one line."""
    ways = {"DataLoader": "DataLoader", "in memory": "one at a time", f"{WANTED_AT} at once": WANTED_AT}
    shown = [f"{label} {gain(figures, name, 'DataLoader'):.1f}" for label, name in ways.items()]
    return f"speed of the same networks: {', '.join(shown)}"


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for PyTorch inside, as many as before outside."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def main() -> None:
    """Measures and prints."""
    figures = {name: median(races) for name, races in measure(repetitions=5).items()}
    print(f"{'':<12}{'seconds a trial':>16}{'trials a minute':>16}")
    for name in ("example", "fit", "bare", "bare steps"):
        print(f"{name:<12}{figures[name]:>16.3f}{60 / figures[name]:>16.1f}")
    print(f"speed of fit over the example, width 64: {figures['fit over example']:.1f}")
    light = figures["light fit over example"]
    print(f"speed of fit over the example, width 32: {light:.1f} (at least {WANTED_OVER_EXAMPLE:g} wanted)")
    print(f"speed of fit over bare: {figures['fit over bare']:.2f} (at least {WANTED_OVER_BARE:g} wanted)")
    many = measure_many(repetitions=9, loader=True)
    print(f"\n{'':<16}{'networks a second':>18}{'times as fast':>15}")
    for name, speeds in many.items():
        label = f"{name} at once" if name in MEMBERS else name
        print(f"{label:<16}{median(speeds):>18.1f}{gain(many, name):>15.1f}")
    print(f"at least {WANTED_AT_ONCE:g} times as fast wanted for {WANTED_AT} at once")
    print(three_ways(many))


if __name__ == "__main__":
    main()
