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
        """The trial that ended best of those that were left alone; None where there is none."""
        return self._best(~self.pruned)

    @property
    def best_killed(self) -> int | None:
        """The pruned trial that would have ended best; None where there is none."""
        return self._best(self.pruned)

    @property
    def lost(self) -> float:
        """How much better the best killed trial would have ended than the best found; 0 where it is no better."""
        if self.best is None or self.best_killed is None:
            return 0.0
        gap = self.final[self.best_killed] - self.final[self.best]
        return max(0.0, float(gap if self.direction == "maximize" else -gap))

    def first(self, trials: int) -> Replay:
        """The same after so many trials."""
        return Replay(
            self.final[:trials], self.trained[:trials], self.pruned[:trials], self.length, self.direction
        )  # fmt: skip

    def _best(self, among: np.ndarray) -> int | None:
        trials, final = np.flatnonzero(among), self.final[among]
        return int(trials[final.argmax() if self.direction == "maximize" else final.argmin()]) if len(trials) else None


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
    study = optuna.create_study(
        direction=direction, sampler=RandomSampler(seed=0), pruner=pruner, study_name=study_name
    )  # fmt: skip
    trained = [sum(1 for _ in follow(study, study.ask(), zip(steps, curve, strict=True))) for curve in values.tolist()]
    pruned = [trial.state == TrialState.PRUNED for trial in study.get_trials(deepcopy=False)]
    return Replay(values[:, -1], np.array(trained), np.array(pruned), values.shape[1], direction)


def follow(study: optuna.Study, trial: optuna.Trial, curve: Iterable[tuple[int, float]]) -> Iterable[int]:
    """Reports (step, value) after value, yields each step, and tells the study how the trial ended."""
    for step, value in curve:
        trial.report(value, step)
        yield step
        if trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return
    study.tell(trial, value)


def _check(
    pruner: object, curves: Sequence[Sequence[float]] | np.ndarray, steps: Sequence[int] | None
) -> tuple[np.ndarray, list[int]]:
    """The curves as an array, and their steps."""
    if not isinstance(pruner, BasePruner):
        raise BadInput(f"{pruner!r} is no pruner: give an instance, such as MedianPruner().")
    lengths = {len(curve) if np.ndim(curve) == 1 else 0 for curve in curves}
    if not lengths or 0 in lengths:
        raise BadInput("A replay needs a list of curves, and in each of them at least one value.")
    if len(lengths) > 1:
        raise BadInput(f"The curves have {min(lengths)} to {max(lengths)} values: give all of them the same number.")
    values = np.array(curves, dtype=float)
    if np.isnan(values).any():
        curve, place = np.argwhere(np.isnan(values))[0]
        raise BadInput(f"Curve {curve} holds nan at place {place}: end a diverged curve with its worst value instead.")
    steps = list(range(1, values.shape[1] + 1)) if steps is None else list(steps)
    whole = all(isinstance(step, Integral) and step >= 0 for step in steps)
    if len(steps) != values.shape[1] or not whole or any(b <= a for a, b in pairwise(steps)):
        raise BadInput(f"The steps are {steps}: give {values.shape[1]} whole numbers, each above the one before.")
    return values, steps
