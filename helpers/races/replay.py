"""Searches with a pruner over recorded learning curves: a real study, a real pruner, and no training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from helpers.errors import BadInput


@dataclass(frozen=True)
class Replay:
    """What a pruner did to a list of curves, in their order; higher is better.

    `spent` are the reports of all trials, `saved` the share that was not made; `best` is the trial that ended best of
    those left alone, `best_killed` the pruned one that would have, `lost` by how much it would have been better (or 0).
    """

    final: np.ndarray  # (trials,); where each curve would have ended
    trained: np.ndarray  # (trials,); the reports each trial made, its last one included
    pruned: np.ndarray  # (trials,); whether the pruner stopped it
    length: int  # all reports that a trial could make

    @property
    def spent(self) -> int:
        return int(self.trained.sum())

    @property
    def saved(self) -> float:
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
        return max(0.0, float(self.final[self.best_killed] - self.final[self.best]))

    def first(self, trials: int) -> Replay:
        """The same after so many trials."""
        return Replay(self.final[:trials], self.trained[:trials], self.pruned[:trials], self.length)

    def _best(self, among: np.ndarray) -> int | None:
        trials = np.flatnonzero(among)
        return int(trials[self.final[among].argmax()]) if len(trials) else None


def replay(pruner: BasePruner, curves: Sequence[Sequence[float]] | np.ndarray, *, study_name: str = "replay") -> Replay:
    """Reports the curves, (trials, epochs), value by value from epoch 1 on, and stops a trial when the pruner says so.
    Hyperband chooses a trial's bracket from the study's name and the trial's number. BadInput: no curve, a value that
    is nan, or something that is no pruner.
    """
    if not isinstance(pruner, BasePruner):
        raise BadInput(f"{pruner!r} is no pruner: give an instance, such as MedianPruner().")
    values = np.array(curves, dtype=float)
    if values.ndim != 2 or not values.size or np.isnan(values).any():
        raise BadInput("A replay needs curves, all with the same number of values, and none of them nan.")
    study = optuna.create_study(
        direction="maximize", sampler=RandomSampler(seed=0), pruner=pruner, study_name=study_name
    )
    done = [follow(study, study.ask(), enumerate(curve, start=1)) for curve in values.tolist()]
    trained, pruned = np.array([(reports, state == TrialState.PRUNED) for reports, state in done]).T  # both (trials,)
    return Replay(values[:, -1], trained, pruned.astype(bool), values.shape[1])


def follow(study: optuna.Study, trial: optuna.Trial, curve: Iterable[tuple[int, float]]) -> tuple[int, TrialState]:
    """Reports each (step, value) and tells the study how the trial ended: the number of reports, and its state."""
    for reports, (step, value) in enumerate(curve, start=1):
        trial.report(value, step)
        if trial.should_prune():
            return reports, study.tell(trial, state=TrialState.PRUNED).state
    return reports, study.tell(trial, value).state
