"""Searches with a pruner over recorded learning curves: a real study, a real pruner, and no training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from helpers.errors import BadInput, one_of
from helpers.problems.functions import Direction


@dataclass(frozen=True)
class Replay:
    """What a pruner did to a list of curves, in their order.

    Attributes:
        final: (trials,); where each curve would have ended.
        trained: (trials,); the reports each trial made, its last one included. `length` is all there were to make.
        pruned: (trials,); True where the pruner stopped it.
        best, best_killed: the trial that ended best of those left alone, and the pruned one that would have; or None.
        lost: how much better the best killed trial would have ended than the best found; 0 where it is no better.
    """

    final: np.ndarray
    trained: np.ndarray
    pruned: np.ndarray
    length: int
    direction: Direction = "maximize"

    @property
    def spent(self) -> int:
        """Epochs trained, over all trials."""
        return int(self.trained.sum())

    @property
    def saved(self) -> float:
        """The share of all epochs that was not trained."""
        return 1 - self.spent / (self.length * len(self.trained)) if len(self.trained) else 0.0

    @property
    def best(self) -> int | None:
        return self._best(~self.pruned)

    @property
    def best_killed(self) -> int | None:
        return self._best(self.pruned)

    @property
    def lost(self) -> float:
        if self.best is None or self.best_killed is None:
            return 0.0
        return max(0.0, float(self._gain[self.best_killed] - self._gain[self.best]))

    def first(self, trials: int) -> Replay:
        """The same after so many trials."""
        kept = (self.final[:trials], self.trained[:trials], self.pruned[:trials])
        return Replay(*kept, self.length, self.direction)

    @property
    def _gain(self) -> np.ndarray:
        """Where each curve would have ended, (trials,), higher is better."""
        return self.final if self.direction == "maximize" else -self.final

    def _best(self, among: np.ndarray) -> int | None:
        trials = np.flatnonzero(among)
        return int(trials[self._gain[among].argmax()]) if len(trials) else None


def replay(
    pruner: BasePruner,
    curves: Sequence[Sequence[float]] | np.ndarray,
    *,
    steps: Sequence[int] | None = None,
    direction: Direction = "maximize",
    study_name: str = "replay",
) -> Replay:
    """Reports curve after curve to a study, value by value, and stops a trial when the pruner says so.

    Args:
        curves: (trials, epochs).
        steps: what each report is numbered with; 1, 2, 3, ... (epochs trained) by default.
        study_name: Hyperband chooses a trial's bracket from it and from the trial's number.

    Raises:
        BadInput: no curve, an empty one, lengths that differ, a value that is nan, steps that do not rise, or
            something that is no pruner or no direction.
    """
    one_of("direction", direction, ("minimize", "maximize"))
    values, steps = _check(pruner, curves, steps)
    sampler = RandomSampler(seed=0)
    study = optuna.create_study(direction=direction, sampler=sampler, pruner=pruner, study_name=study_name)
    done = [follow(study, study.ask(), zip(steps, curve, strict=True)) for curve in values.tolist()]
    trained, pruned = np.array([(reports, state == TrialState.PRUNED) for reports, state in done]).T  # both (trials,)
    return Replay(values[:, -1], trained, pruned.astype(bool), values.shape[1], direction)


def follow(study: optuna.Study, trial: optuna.Trial, curve: Iterable[tuple[int, float]]) -> tuple[int, TrialState]:
    """Reports each (step, value) and tells the study how the trial ended: the number of reports, and its state."""
    for reports, (step, value) in enumerate(curve, start=1):
        trial.report(value, step)
        if trial.should_prune():
            return reports, study.tell(trial, state=TrialState.PRUNED).state
    return reports, study.tell(trial, value).state


def _check(
    pruner: object, curves: Sequence[Sequence[float]] | np.ndarray, steps: Sequence[int] | None
) -> tuple[np.ndarray, list[int]]:
    """The curves as an array, and their steps."""
    if not isinstance(pruner, BasePruner):
        raise BadInput(f"{pruner!r} is no pruner: give an instance, such as MedianPruner().")
    lengths = {len(curve) if np.ndim(curve) == 1 else 0 for curve in curves}
    if len(lengths) != 1 or 0 in lengths:
        raise BadInput("A replay needs a list of curves, all with the same number of values, and at least one.")
    values = np.array(curves, dtype=float)
    if np.isnan(values).any():
        curve, place = np.argwhere(np.isnan(values))[0]
        raise BadInput(f"Curve {curve} holds nan at place {place}: end a diverged curve with its worst value instead.")
    steps = list(range(1, values.shape[1] + 1)) if steps is None else list(steps)
    whole = all(isinstance(step, Integral) and step >= 0 for step in steps)
    if len(steps) != values.shape[1] or not whole or any(b <= a for a, b in pairwise(steps)):
        raise BadInput(f"The steps are {steps}: give {values.shape[1]} whole numbers, each above the one before.")
    return values, steps
