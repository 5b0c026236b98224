"""The recorded benchmark: a grid of configurations of a small network on digits, every one really trained.

`make benchmark` records it (tests/record.py); recorded/digits.md is its data card. Nothing is trained here, so a
search over it takes microseconds a trial.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from functools import cache
from itertools import pairwise, product
from math import prod, sqrt
from numbers import Real
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.errors import BadInput, one_of

FILE = Path(__file__).parent / "recorded" / "digits.npz"
SPACE: dict[str, tuple[float, ...]] = {
    "learning_rate": (0.001, 0.0022, 0.0046, 0.01, 0.022, 0.046, 0.1, 0.22, 0.46, 1.0),
    "width": (4, 8, 16, 32, 64),
    "depth": (1, 2, 3),
    "batch_size": (16, 64, 256),
    "dropout": (0.0, 0.2, 0.4),
    "momentum": (0.0, 0.6, 0.9),
    "weight_decay": (1e-6, 1e-5, 1e-4),
}
LOGARITHMIC = ("learning_rate", "width", "batch_size", "weight_decay")
SEEDS, EPOCHS, IMAGES = (0, 1, 2), 27, 360
SHAPE = tuple(map(len, SPACE.values()))
CONFIGURATIONS = prod(SHAPE)
METRICS = ("validation_accuracy", "validation_loss", "test_accuracy")
FIELDS = {
    "validation_accuracy": (CONFIGURATIONS, len(SEEDS), EPOCHS),
    "validation_loss": (CONFIGURATIONS, len(SEEDS), EPOCHS),
    "test_accuracy": (CONFIGURATIONS, len(SEEDS), 1),
}


class Benchmark:
    """Recorded learning curves; also a `functions.Problem`: called with a trial it returns an accuracy.

    Attributes:
        curves: each metric's array (configurations, seeds, epochs); of the test accuracy only the last epoch is known.
            Losses have 16 bits: give sums and means over them `dtype=float`.
        best, optimum: the configuration with the highest final validation accuracy (mean over the seeds), and that.
    """

    name, direction = "digits", "maximize"

    def __init__(self, curves: Mapping[str, np.ndarray]) -> None:
        self.curves = dict(curves)
        self._final = {name: curve[:, :, -1].mean(axis=1, dtype=float).tolist() for name, curve in self.curves.items()}
        self._places = {name: {level: n for n, level in enumerate(levels)} for name, levels in SPACE.items()}
        self._borders = {name: borders(name) for name in SPACE}
        place = int(np.argmax(self._final["validation_accuracy"]))
        self.best = dict(zip(SPACE, _levels(place), strict=True))
        self.optimum = self._final["validation_accuracy"][place]

    def __call__(self, trial) -> float:
        """The final validation accuracy, mean over the seeds, of the recorded configuration nearest to the trial's."""
        return self.value(self.nearest(self.suggest(trial)))

    def suggest(self, trial) -> dict[str, float]:
        """Asks an Optuna trial for every hyperparameter, anywhere between its lowest and highest recorded level."""
        return {
            name: (trial.suggest_int if isinstance(levels[-1], int) else trial.suggest_float)(
                name, levels[0], levels[-1], log=name in LOGARITHMIC
            )
            for name, levels in SPACE.items()
        }

    def nearest(self, config: Mapping[str, float]) -> dict[str, float]:
        """The recorded configuration nearest to `config`, by factors where the range is logarithmic.

        Raises:
            BadInput: a hyperparameter too many, missing, or outside of its range.
        """
        _check_names(config)
        for name, levels in SPACE.items():
            if not (isinstance(config[name], Real) and levels[0] <= config[name] <= levels[-1]):
                raise BadInput(f"{name} is {config[name]!r}: choose a value from {levels[0]:g} to {levels[-1]:g}.")
        return {name: levels[bisect(self._borders[name], config[name])] for name, levels in SPACE.items()}

    def value(self, config: Mapping[str, float], metric: str = "validation_accuracy", seed: int | None = None) -> float:
        """The metric after the last epoch, of one recorded seed or as the mean over all.

        Raises:
            BadInput: unknown metric or seed, or a configuration that is not in the table.
        """
        place = self._place(config)
        one_of("metric", metric, METRICS)
        return self._final[metric][place] if seed is None else float(self.curves[metric][place, _seed(seed), -1])

    def curve(
        self, config: Mapping[str, float], metric: str = "validation_accuracy", seed: int | None = None
    ) -> np.ndarray:
        """The metric after each of the 27 epochs (the test accuracy: after the last alone), as `value` does."""
        place = self._place(config)
        one_of("metric", metric, METRICS)
        curve = self.curves[metric][place]
        return curve.mean(axis=0, dtype=float) if seed is None else curve[_seed(seed)].astype(float)

    def frame(self) -> pd.DataFrame:
        """One row a configuration: its levels, the final metrics, and `noise`, the standard deviation of the
        validation accuracy over seeds."""
        rows = pd.DataFrame(product(*SPACE.values()), columns=list(SPACE)).assign(**self._final)
        return rows.assign(noise=self.curves["validation_accuracy"][:, :, -1].std(axis=1, ddof=1))

    def _place(self, config: Mapping[str, float]) -> int:
        """The row of a configuration."""
        place = 0
        try:
            for name, places in self._places.items():
                place = place * len(places) + places[config[name]]
        except (KeyError, TypeError):
            _check_names(config)
            levels = ", ".join(f"{level:g}" for level in SPACE[name])
            raise BadInput(
                f"{name} is {config[name]!r}, which was not recorded: choose one of {levels}, or use nearest()."
            ) from None
        if len(config) > len(SPACE):
            _check_names(config)
        return place


@cache
def load_benchmark(path: Path = FILE) -> Benchmark:
    """The recorded benchmark.

    Raises:
        BadInput: the file is missing or damaged.
    """
    remedy = "get the file from the course's repository again, or record it with `make benchmark`."
    try:
        with np.load(path) as stored:
            # Accuracies are stored as counts of images; losses keep the 16 bits they are stored in, for the memory.
            curves = {name: stored[name] / IMAGES if name.endswith("accuracy") else stored[name].astype(np.float16)
                      for name in METRICS}  # fmt: skip
    except FileNotFoundError:
        raise BadInput(f"The recorded benchmark {path} is missing: {remedy}") from None
    except Exception:  # zipfile, zlib and NumPy stumble over damaged bytes in many ways
        curves = {}
    if {metric: curve.shape for metric, curve in curves.items()} != FIELDS:
        raise BadInput(f"The recorded benchmark {path} is damaged: {remedy}")
    return Benchmark(curves)


def _levels(place: int) -> tuple[float, ...]:
    """The levels of one row."""
    return tuple(levels[n] for levels, n in zip(SPACE.values(), np.unravel_index(place, SHAPE), strict=True))


def borders(name: str) -> list[float]:
    """Half-way points between neighbouring levels."""
    middle = (lambda a, b: sqrt(a * b)) if name in LOGARITHMIC else (lambda a, b: (a + b) / 2)
    return [middle(*pair) for pair in pairwise(SPACE[name])]


def _seed(seed: int) -> int:
    if seed not in SEEDS:
        raise BadInput(f"Seed {seed!r} was not recorded: choose one of {SEEDS}, or None for the mean over them.")
    return SEEDS.index(seed)


def _check_names(config: Mapping[str, float]) -> None:
    if not isinstance(config, Mapping) or set(config) != set(SPACE):
        raise BadInput(f"A configuration names exactly these hyperparameters: {', '.join(SPACE)}.")
