"""Recorded benchmarks: grids of configurations of a small network, every one really trained.

The digits are small and can be trained live, smudged digits are the capstone's, Fashion-MNIST has ten thousand test
images and decides. Files, data cards and the programs that recorded them lie in recorded/. Nothing is trained here.
"""

from __future__ import annotations

import json
from bisect import bisect
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from math import prod, sqrt
from numbers import Real
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from optuna import Trial

from helpers.errors import BadInput, one_of

RECORDED = Path(__file__).parent / "recorded"
Config = Mapping[str, Any]  # a number or a name for each hyperparameter


@dataclass(frozen=True, eq=False)
class Recording:
    """What a benchmark holds."""

    name: str
    file: Path
    space: Mapping[str, tuple[Any, ...]]  # the levels, numbers rising or names; the last moves fastest
    logarithmic: Sequence[str]  # those of them with a logarithmic range
    metrics: Mapping[str, tuple[tuple[int, ...], int]]  # the seeds each was recorded for, and after how many epochs
    images: int  # in each part of the data that is scored; accuracies are stored as counts of them
    opened_by: Mapping[str, Sequence[str]] = field(default_factory=dict)  # {conditional one: (another, its level)}

    @property
    def configurations(self) -> list[dict[str, Any]]:
        """Every one, in the order of the rows."""
        rows: list[dict[str, Any]] = [{}]
        for name, levels in self.space.items():
            more = [{name: level} for level in levels]
            rows = [row | new for row in rows for new in (more if self.is_open(name, row) else [{}])]
        return rows

    @property
    def epochs(self) -> int:
        """The length of a training."""
        return max(epochs for _, epochs in self.metrics.values())

    def is_open(self, name: str, config: Config) -> bool:
        """Whether a configuration has this hyperparameter."""
        return name not in self.opened_by or config.get(self.opened_by[name][0]) == self.opened_by[name][1]

    def borders(self, name: str) -> list[float]:
        """Half-way points between neighbouring levels of a hyperparameter, by factors where it is logarithmic."""
        pairs = pairwise(self.space[name])
        return [sqrt(a * b) if name in self.logarithmic else (a + b) / 2 for a, b in pairs]


def _described(name: str) -> Recording:
    """The recording that a file of JSON beside it describes."""
    said = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    said["space"] = {name: tuple(levels) for name, levels in said["space"].items()}
    said["metrics"] = {metric: (tuple(seeds), epochs) for metric, (seeds, epochs) in said["metrics"].items()}
    return Recording(file=RECORDED / f"{name}.npz", **said)


RECORDINGS = {name: _described(name) for name in ("digits", "smudged", "fashion")}
DIGITS, SMUDGED, FASHION = RECORDINGS.values()
SPACE, LOGARITHMIC, borders = DIGITS.space, DIGITS.logarithmic, DIGITS.borders
CONFIGURATIONS, SEEDS, EPOCHS, IMAGES = prod(map(len, SPACE.values())), (0, 1, 2), DIGITS.epochs, DIGITS.images


class Benchmark:
    """Recorded learning curves; also a `functions.Problem`: called with a trial it returns the final validation
    accuracy, mean over the seeds, of the recorded configuration nearest to the trial's.

    `curves` has each metric's array (configurations, seeds, epochs); test accuracies are of one epoch alone. Losses
    have 16 bits: give sums and means over them `dtype=float`. `best`, `best_on_test`, `optimum` and `worst` go by the
    final validation (or test) accuracy, mean over the seeds: two configurations, the highest and the lowest value.
    """

    direction: Literal["maximize"] = "maximize"

    def __init__(self, curves: Mapping[str, np.ndarray], recording: Recording) -> None:
        self.curves, self.recording, self.name = dict(curves), recording, recording.name
        self.space, self.configurations = recording.space, recording.configurations
        self._rows = {tuple(map(config.get, self.space)): row for row, config in enumerate(self.configurations)}
        self._named = {name for name, levels in self.space.items() if isinstance(levels[0], str)}
        self._borders = {name: recording.borders(name) for name in self.space if name not in self._named}
        self._final = {name: curve[:, :, -1].mean(axis=1, dtype=float).tolist() for name, curve in self.curves.items()}
        accuracy, tested = self._final["validation_accuracy"], self._final["test_accuracy"]
        self.optimum, self.worst = max(accuracy), min(accuracy)
        self.best, self.best_on_test = (self.configurations[all_.index(max(all_))] for all_ in (accuracy, tested))

    def __call__(self, trial: Trial) -> float:
        return self.value(self.nearest(self.suggest(trial)))

    def suggest(self, trial: Trial) -> dict[str, Any]:
        """Asks an Optuna trial for every hyperparameter: one of the names, or anywhere between the outer levels."""
        config: dict[str, Any] = {}
        for name, levels in self.space.items():
            ask: Any = trial.suggest_int if isinstance(levels[0], int) else trial.suggest_float
            if name in self._named:
                config[name] = trial.suggest_categorical(name, levels)
            elif self.recording.is_open(name, config):
                config[name] = ask(name, levels[0], levels[-1], log=name in self.recording.logarithmic)
        return config

    def nearest(self, config: Config) -> dict[str, Any]:
        """The recorded configuration nearest to `config`, by factors where the range is logarithmic. BadInput: a
        hyperparameter too many, missing, or outside of its range."""
        there, opened_by = self.recording.is_open, self.recording.opened_by
        if not isinstance(config, Mapping) or set(config) != {name for name in self.space if there(name, config)}:
            names = [f"{n} ({' '.join(opened_by[n])})" if n in opened_by else n for n in self.space]
            raise BadInput(f"A configuration names exactly these hyperparameters: {', '.join(names)}.")
        found = {name: config[name] for name in self.space if name in config}
        for name, value in found.items():
            levels = self.space[name]
            if name in self._named:
                one_of(name, value, levels)
            elif isinstance(value, Real) and levels[0] <= value <= levels[-1]:
                found[name] = levels[bisect(self._borders[name], value)]
            else:
                raise BadInput(f"{name} is {value!r}: choose a value from {levels[0]:g} to {levels[-1]:g}.")
        return found

    def value(self, config: Config, metric: str = "validation_accuracy", seed: int | None = None) -> float:
        """The metric after the last epoch, of one recorded seed or as the mean over all. BadInput: unknown metric or
        seed, or a configuration that is not in the table."""
        if seed is None and metric in self._final:
            return self._final[metric][self.row(config)]
        return float(self.curve(config, metric, seed)[-1])

    def curve(self, config: Config, metric: str = "validation_accuracy", seed: int | None = None) -> np.ndarray:
        """The metric after each epoch (test accuracies: after one alone), as `value` does."""
        row = self.row(config)
        one_of("metric", metric, tuple(self.curves))
        curves, seeds = self.curves[metric][row], self.recording.metrics[metric][0]
        if seed is None:
            return curves.mean(axis=0, dtype=float)
        if seed not in seeds:
            raise BadInput(f"Seed {seed!r} was not recorded: choose one of {seeds}, or None for the mean over them.")
        return curves[seeds.index(seed)].astype(float)

    def frame(self) -> pd.DataFrame:
        """One row a configuration: its levels, the final metrics, and `noise`, the standard deviation of the
        validation accuracy over seeds."""
        noise = self.curves["validation_accuracy"][:, :, -1].std(axis=1, ddof=1)
        return pd.DataFrame(self.configurations).assign(**self._final, noise=noise)

    def row(self, config: Config) -> int:
        """The row of a recorded configuration, or BadInput."""
        row = self._rows.get(tuple(map(config.get, self.space)))
        if row is not None and len(config) == len(self.configurations[row]):
            return row
        name = next(name for name, level in self.nearest(config).items() if config[name] != level)
        levels = ", ".join(f"{level:g}" for level in self.space[name])
        raise BadInput(f"{name} is {config[name]!r}, which was not recorded: choose one of {levels}, or use nearest().")

    def tested(self, rows: int | np.ndarray, chosen_with: Collection[int] = ()) -> np.ndarray:
        """Final test accuracies of the configurations in these rows, mean over the seeds that did not choose them."""
        columns = [n for n, seed in enumerate(self.recording.metrics["test_accuracy"][0]) if seed not in chosen_with]
        return self.curves["test_accuracy"][rows, :, -1][..., columns].mean(axis=-1)


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


def read_benchmark(recording: Recording) -> Benchmark:
    """The benchmark in the recording's file; BadInput where it is missing, has too many right answers, or a loss that
    is nan where the network does better than guessing."""
    with open_recorded(recording.file, "trainings") as stored:
        curves = {metric: stored[metric] for metric in recording.metrics}
        counted = [metric for metric in curves if metric.endswith("accuracy")]
        curves |= {metric: curves[metric] / recording.images for metric in counted}
        better, lost = curves["validation_accuracy"] > 0.2, np.isnan(curves.get("validation_loss", 0.0))
        if (better & lost).any() or not all(curves[metric].max() <= 1 for metric in counted):
            raise BadInput("Damaged.")
    return Benchmark(curves, recording)


@cache
def load_benchmark(name: str = "digits") -> Benchmark:
    """The recorded trainings on "digits", "smudged" digits or "fashion"; BadInput for another name or a bad file."""
    one_of("benchmark", name, tuple(RECORDINGS))
    return read_benchmark(RECORDINGS[name])
