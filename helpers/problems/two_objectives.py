"""Two objectives on the recorded benchmark: accuracy up, number of weights down."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import log10

import numpy as np
from optuna import Trial

from helpers.problems.table import Benchmark

PIXELS, CLASSES = 64, 10
REFERENCE = (0.0, 4.2)  # no image right, and 10 ** 4.2 weights, more than any configuration has


def weights(config: Mapping[str, float]) -> int:
    """The number of weights of a configuration's network, biases included."""
    sizes = [PIXELS, *[int(config["width"])] * int(config["depth"]), CLASSES]
    return sum(above * (below + 1) for below, above in pairwise(sizes))


class AccuracyAndSize:
    """An objective with two values: final validation accuracy, and the logarithm (base 10) of the weights. `front`,
    (n, 2), holds the best there are, by size; `optimum` is its hypervolume."""

    def __init__(self, table: Benchmark) -> None:
        self.table = table
        rows = table.frame()
        sizes = [log10(weights(config)) for config in rows[["width", "depth"]].to_dict("records")]
        self.front = pareto_front(np.column_stack([rows["validation_accuracy"], sizes]))
        self.optimum = hypervolume(self.front)

    def __call__(self, trial: Trial) -> tuple[float, float]:
        config = self.table.nearest(self.table.suggest(trial))
        return self.table.value(config), log10(weights(config))


def pareto_front(values: np.ndarray) -> np.ndarray:
    """The rows of (n, 2), accuracy and size, that no other row beats in both; by size, the smallest first."""
    ordered = values[np.lexsort((-values[:, 0], values[:, 1]))]
    best_before = np.concatenate([[-np.inf], np.maximum.accumulate(ordered[:, 0])[:-1]])
    return ordered[ordered[:, 0] > best_before]


def hypervolume(values: np.ndarray) -> float:
    """The area between the front of `values` (n, 2) and the reference point (Zitzler and Thiele, PPSN V, 1998)."""
    front = pareto_front(values)
    steps = np.diff(front[:, 0], prepend=REFERENCE[0])
    return float(steps @ (REFERENCE[1] - front[:, 1]))
