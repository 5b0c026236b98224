"""Recorded benchmarks: grids of configurations of a small network, every one really trained.

"digits" serves the whole course, "smudged digits" the capstone. `make benchmark` records them: the program that does,
and their data cards, lie in recorded/. Nothing is trained here, so a search over one takes microseconds a trial.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from math import prod, sqrt
from numbers import Real
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from optuna import Trial

from helpers.errors import BadInput, one_of

RECORDED = Path(__file__).parent / "recorded"


@dataclass(frozen=True, eq=False)
class Recording:
    """What a benchmark holds.

    Attributes:
        space: each hyperparameter's levels, rising; the last name moves fastest.
        logarithmic: those of them with a logarithmic range.
        metrics: the seeds each was recorded for, and after how many epochs.
        images: so many are in each part of the data that is scored; accuracies are stored as counts of them.
    """

    name: str
    file: Path
    space: Mapping[str, tuple[float, ...]]
    logarithmic: tuple[str, ...]
    metrics: Mapping[str, tuple[tuple[int, ...], int]]
    images: int

    @property
    def shape(self) -> tuple[int, ...]:
        """How many levels each hyperparameter has."""
        return tuple(map(len, self.space.values()))

    @property
    def fields(self) -> dict[str, tuple[int, int, int]]:
        """Each metric's array: (configurations, seeds, epochs)."""
        return {metric: (prod(self.shape), len(seeds), epochs) for metric, (seeds, epochs) in self.metrics.items()}

    @property
    def seeds(self) -> tuple[int, ...]:
        """Every seed that a network was trained with."""
        return tuple(sorted({seed for seeds, _ in self.metrics.values() for seed in seeds}))

    @property
    def epochs(self) -> int:
        """The length of a training."""
        return max(epochs for _, epochs in self.metrics.values())

    def borders(self, name: str) -> list[float]:
        """Half-way points between neighbouring levels of one hyperparameter."""
        middle = (lambda a, b: sqrt(a * b)) if name in self.logarithmic else (lambda a, b: (a + b) / 2)
        return [middle(*pair) for pair in pairwise(self.space[name])]


SEEDS, EPOCHS, IMAGES = (0, 1, 2), 27, 360
DIGITS = Recording(
    name="digits",
    file=RECORDED / "digits.npz",
    space={
        "learning_rate": (0.001, 0.0022, 0.0046, 0.01, 0.022, 0.046, 0.1, 0.22, 0.46, 1.0),
        "width": (4, 8, 16, 32, 64),
        "depth": (1, 2, 3),
        "batch_size": (16, 64, 256),
        "dropout": (0.0, 0.2, 0.4),
        "momentum": (0.0, 0.6, 0.9),
        "weight_decay": (1e-6, 1e-5, 1e-4),
    },
    logarithmic=("learning_rate", "width", "batch_size", "weight_decay"),
    metrics={name: (SEEDS, EPOCHS) for name in ("validation_accuracy", "validation_loss")}
    | {"test_accuracy": (SEEDS, 1)},
    images=IMAGES,
)
SMUDGED = Recording(
    name="smudged digits",
    file=RECORDED / "smudged.npz",
    space={
        "learning_rate": (0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
        "momentum": (0.0, 0.5, 0.9),
        "weight_decay": (3e-4, 3e-3, 1e-2, 3e-2),
        "dropout": (0.0, 0.3, 0.6),
        "width": (8, 24, 72),
        "batch_size": (20, 60),
        "blur": (0.0, 0.4, 0.8, 1.2),
    },
    logarithmic=("learning_rate", "weight_decay", "width", "batch_size"),
    metrics={"validation_accuracy": ((0, 1, 2), 18), "test_accuracy": ((1000, 1001, 1002, 1003, 1004), 1)},
    images=IMAGES,
)
SPACE, LOGARITHMIC, CONFIGURATIONS = DIGITS.space, DIGITS.logarithmic, prod(DIGITS.shape)
borders = DIGITS.borders


class Benchmark:
    """Recorded learning curves; also a `functions.Problem`: called with a trial it returns an accuracy.

    Attributes:
        curves: each metric's array (configurations, seeds, epochs); of the test accuracy only the last epoch is known.
            Losses have 16 bits: give sums and means over them `dtype=float`.
        best, optimum: the configuration with the highest final validation accuracy (mean over the seeds), and that.
        worst: the lowest one of all configurations.
    """

    direction: Literal["maximize"] = "maximize"

    def __init__(self, curves: Mapping[str, np.ndarray], recording: Recording = DIGITS) -> None:
        self.curves, self.recording, self.name = dict(curves), recording, recording.name
        self.space = recording.space
        self._seeds = {metric: seeds for metric, (seeds, _) in recording.metrics.items()}
        self._final = {name: curve[:, :, -1].mean(axis=1, dtype=float).tolist() for name, curve in self.curves.items()}
        self._places = {name: {level: n for n, level in enumerate(levels)} for name, levels in self.space.items()}
        self._borders = {name: recording.borders(name) for name in self.space}
        place = int(np.argmax(self._final["validation_accuracy"]))
        at = np.unravel_index(place, recording.shape)
        self.best = {name: levels[n] for (name, levels), n in zip(self.space.items(), at, strict=True)}
        self.optimum, self.worst = self._final["validation_accuracy"][place], min(self._final["validation_accuracy"])

    def __call__(self, trial: Trial) -> float:
        """The final validation accuracy, mean over the seeds, of the recorded configuration nearest to the trial's."""
        return self.value(self.nearest(self.suggest(trial)))

    def suggest(self, trial: Trial) -> dict[str, float]:
        """Asks an Optuna trial for every hyperparameter, anywhere between its lowest and highest recorded level."""

        config: dict[str, float] = {}
        for name, levels in self.space.items():
            ask = trial.suggest_int if isinstance(levels[0], int) else trial.suggest_float
            config[name] = ask(name, levels[0], levels[-1], log=name in self.recording.logarithmic)  # type: ignore[arg-type]
        return config

    def nearest(self, config: Mapping[str, float]) -> dict[str, float]:
        """The recorded configuration nearest to `config`, by factors where the range is logarithmic.

        Raises:
            BadInput: a hyperparameter too many, missing, or outside of its range.
        """
        self._check_names(config)
        for name, levels in self.space.items():
            if not (isinstance(config[name], Real) and levels[0] <= config[name] <= levels[-1]):
                raise BadInput(f"{name} is {config[name]!r}: choose a value from {levels[0]:g} to {levels[-1]:g}.")
        return {name: levels[bisect(self._borders[name], config[name])] for name, levels in self.space.items()}

    def value(self, config: Mapping[str, float], metric: str = "validation_accuracy", seed: int | None = None) -> float:
        """The metric after the last epoch, of one recorded seed or as the mean over all.

        Raises:
            BadInput: unknown metric or seed, or a configuration that is not in the table.
        """
        place = self._place(config)
        one_of("metric", metric, tuple(self._seeds))
        if seed is None:
            return self._final[metric][place]
        return float(self.curves[metric][place, self._seed(metric, seed), -1])

    def curve(
        self, config: Mapping[str, float], metric: str = "validation_accuracy", seed: int | None = None
    ) -> np.ndarray:
        """The metric after each epoch (the test accuracy: after the last alone), as `value` does."""
        place = self._place(config)
        one_of("metric", metric, tuple(self._seeds))
        curve = self.curves[metric][place]
        return curve.mean(axis=0, dtype=float) if seed is None else curve[self._seed(metric, seed)].astype(float)

    def frame(self) -> pd.DataFrame:
        """One row a configuration: its levels, the final metrics, and `noise`, the standard deviation of the
        validation accuracy over seeds."""
        rows = pd.DataFrame(product(*self.space.values()), columns=list(self.space)).assign(**self._final)
        return rows.assign(noise=self.curves["validation_accuracy"][:, :, -1].std(axis=1, ddof=1))

    def _place(self, config: Mapping[str, float]) -> int:
        """The row of a configuration."""
        place = 0
        try:
            for name, places in self._places.items():
                place = place * len(places) + places[config[name]]
        except (KeyError, TypeError):
            self._check_names(config)
            wanted = f"choose one of {', '.join(f'{level:g}' for level in self.space[name])}, or use nearest()."
            raise BadInput(f"{name} is {config[name]!r}, which was not recorded: {wanted}") from None
        if len(config) > len(self.space):
            self._check_names(config)
        return place

    def _seed(self, metric: str, seed: int) -> int:
        """The column of a seed."""
        if seed not in (seeds := self._seeds[metric]):
            raise BadInput(f"Seed {seed!r} was not recorded: choose one of {seeds}, or None for the mean over them.")
        return seeds.index(seed)

    def _check_names(self, config: Mapping[str, float]) -> None:
        if not isinstance(config, Mapping) or set(config) != set(self.space):
            raise BadInput(f"A configuration names exactly these hyperparameters: {', '.join(self.space)}.")


@contextmanager
def open_recorded(path: Path, what: str) -> Iterator[Mapping[str, np.ndarray]]:
    """The arrays of a recorded file; BadInput where it, or what is read of it inside, is missing or damaged."""
    try:
        with np.load(path) as stored:
            yield stored
    except Exception:  # zipfile, zlib and NumPy stumble over damaged bytes in many ways
        raise BadInput(
            f"The recorded {what} {path} are missing or damaged: get the file from the course's repository again, or "
            "record it with `make benchmark`."
        ) from None


@cache
def load_benchmark(path: Path | None = None, recording: Recording = DIGITS) -> Benchmark:
    """A recorded benchmark, from its own file or from `path`; BadInput where the file is missing or damaged."""
    with open_recorded(path or recording.file, "trainings") as stored:
        curves = {
            # Accuracies are stored as counts of images; losses keep the 16 bits they are stored in, for the memory.
            metric: stored[metric] / recording.images
            if metric.endswith("accuracy")
            else stored[metric].astype(np.float16)
            for metric in recording.metrics
        }
        if {metric: curve.shape for metric, curve in curves.items()} != recording.fields:
            raise BadInput("An array has another shape.")
    return Benchmark(curves, recording)
