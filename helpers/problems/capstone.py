"""The capstone: smudged digits, a budget of epochs, and what a study must be to count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import isclose
from typing import Any

import numpy as np
from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from scipy.stats import sem
from scipy.stats import t as student

from helpers.errors import BadInput
from helpers.problems.table import SMUDGED, Config, load_benchmark

(SEEDS, EPOCHS), (HELD_BACK, _) = SMUDGED.metrics["validation_accuracy"], SMUDGED.metrics["test_accuracy"]
BUDGET = 30 * EPOCHS


class Refused(BadInput):
    """A study that cannot be scored; the sentence says why."""


@dataclass(frozen=True)
class Score:
    """How one recorded configuration does: its test accuracies, one a held-back seed, and what a study saw of it, its
    last validation accuracy by public seed."""

    config: dict[str, float]
    values: tuple[float, ...]
    seen: Mapping[int, float] = field(default_factory=dict, compare=False)

    @property
    def mean(self) -> float:
        """What counts."""
        return float(np.mean(self.values))

    @property
    def margin(self) -> float:
        """Half of the 95 % interval of the mean (Student's t)."""
        return float(student.ppf(0.975, len(self.values) - 1) * sem(self.values))


class Capstone:
    """Smudged digits. Trials may train the public seeds, together for `budget` epochs; the score is the test accuracy
    at the held-back ones, and `best` the highest that any recorded configuration has."""

    seeds, epochs = SEEDS, EPOCHS

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget, self.table = budget, load_benchmark("smudged")
        self.best = self.score(self.table.best_on_test).mean

    def train(self, config: Config, seed: Any = 0) -> Iterator[tuple[int, float]]:
        """Yields (epochs trained, validation accuracy) after every epoch, from 1. BadInput: a seed that is not public,
        or a configuration outside of the space."""
        if type(seed) is not int or seed not in SEEDS:
            raise BadInput(f"Seed {seed!r} is not public: train with one of {SEEDS}.")
        return enumerate(self.table.curve(self.table.nearest(config), seed=seed).tolist(), start=1)

    def score(self, config: Config) -> Score:
        """How the recorded configuration nearest to `config` does on the test images, with each held-back seed."""
        nearest = self.table.nearest(config)
        return Score(nearest, tuple(self.table.value(nearest, "test_accuracy", seed) for seed in HELD_BACK))

    def examine(self, study: object, config: Config) -> Score:
        """The score of `config`, when `study` found it by training within the budget, or Refused: every trial is
        compared with the recorded trainings."""
        if not isinstance(study, Study) or study.directions != [StudyDirection.MAXIMIZE]:
            raise Refused(
                'it is no study of one accuracy: hand over the study itself, created with direction="maximize".'
            )
        trials = study.get_trials(deepcopy=False)
        for trial in trials:
            self._check(trial)
        if (spent := epochs_spent(study)) > self.budget:
            raise Refused(f"its trials, pruned and failed ones included, trained {spent} epochs of {self.budget}.")
        try:
            score = self.score(config)
        except BadInput as error:
            raise Refused(f"the configuration is outside of the search space: {error}") from None
        whole = [trial for trial in trials if trial.last_step == EPOCHS]
        same = [trial for trial in whole if self.table.nearest(trial.params) == score.config]
        seen = {trial.user_attrs["seed"]: trial.intermediate_values[EPOCHS] for trial in same}
        if not seen:
            raise Refused(f"no trial of this study trained this configuration for all of its {EPOCHS} epochs.")
        return replace(score, seen=seen)

    def _check(self, trial: FrozenTrial) -> None:
        """Refused unless a trial reported what training gives, epoch by epoch, and returned the last of it."""
        told, completed = sorted(trial.intermediate_values.items()), trial.state == TrialState.COMPLETE
        if not told and not completed:
            return
        try:
            truth = list(self.train(trial.params, trial.user_attrs.get("seed")))
        except BadInput as error:
            raise Refused(f"trial {trial.number}: {error}") from None
        if not told or [epoch for epoch, _ in told] != list(range(1, min(len(told), EPOCHS) + 1)):
            every = f"the epochs 1, 2, 3, ... to its last one, at most {EPOCHS}"
            raise Refused(f"trial {trial.number} does not report {every}: epochs between two reports are trained too.")
        if completed:
            told.append((len(told), trial.values[0]))
        for epoch, value in told:
            if not isclose(value, truth[epoch - 1][1], abs_tol=1e-9):
                there = f"training this configuration with this seed gives {truth[epoch - 1][1]:.4f}"
                raise Refused(f"trial {trial.number} says {value:.4f} of epoch {epoch}; {there}.")


def epochs_spent(study: Study) -> int:
    """What the trials of a study trained, whatever became of them: each up to the last epoch it reported."""
    return sum(trial.last_step or 0 for trial in study.get_trials(deepcopy=False))
