"""The capstone: smudged digits, a budget of epochs, what a study must be to count, and two tools for plans."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isclose, isfinite
from typing import Any

import numpy as np
from optuna import Study
from optuna.pruners import NopPruner
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from scipy.stats import t as student

from helpers.errors import BadInput
from helpers.problems.table import SMUDGED, Benchmark, load_benchmark

(SEEDS, EPOCHS), (HELD_BACK, _) = SMUDGED.metrics["validation_accuracy"], SMUDGED.metrics["test_accuracy"]
BUDGET = 30 * EPOCHS
Config = Mapping[str, float]
Plan = Callable[[int], tuple[Study, Config]]  # of a seed: a finished search, and what was chosen from it


class Refused(BadInput):
    """A study that cannot be scored; the sentence says why."""


@dataclass(frozen=True)
class Score:
    """How one configuration does.

    Attributes:
        config: the recorded configuration.
        values: its test accuracies, one a held-back seed.
        seen: what a study saw of it, its last validation accuracy by public seed.
    """

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
        return t_margin(self.values)


class Capstone:
    """Smudged digits. Trials may train the public seeds; the score is the test accuracy at the held-back ones.

    Args:
        budget: epochs that all trials of a study may train together.
    """

    seeds, epochs = SEEDS, EPOCHS

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget

    @cached_property
    def table(self) -> Benchmark:
        """The recorded trainings."""
        return load_benchmark("smudged")

    @cached_property
    def best(self) -> float:
        """The highest score that any recorded configuration has."""
        return float(self.table.curves["test_accuracy"][:, :, 0].mean(axis=1).max())

    def train(self, config: Config, seed: int = 0) -> Iterator[tuple[int, float]]:
        """Yields (epochs trained, validation accuracy) after every epoch, from 1.

        Raises:
            BadInput: a seed that is not public, or a configuration outside of the space.
        """
        if not _is_public(seed):
            raise BadInput(f"Seed {seed!r} is not public: train with one of {SEEDS}.")
        return enumerate(self.table.curve(self.table.nearest(config), seed=seed).tolist(), start=1)

    def score(self, config: Config) -> Score:
        """How the recorded configuration nearest to `config` does on the test images, with each held-back seed."""
        nearest = self.table.nearest(config)
        return Score(nearest, tuple(self.table.value(nearest, "test_accuracy", seed) for seed in HELD_BACK))

    def examine(self, study: object, config: object) -> Score:
        """The score of `config`, when `study` found it by training within the budget.

        Raises:
            Refused: it did not; every trial is compared with the recorded trainings.
        """
        if not isinstance(study, Study):
            raise Refused(f"this is a {type(study).__name__}: hand over the study itself.")
        if study.directions != [StudyDirection.MAXIMIZE]:
            raise Refused('the study does not maximise one accuracy: create it with direction="maximize".')
        trials = study.get_trials(deepcopy=False)
        if not any(trial.intermediate_values for trial in trials):
            raise Refused("no trial of this study has trained: every epoch has to be reported.")
        if missing := set(range(len(trials))) - {trial.number for trial in trials}:
            raise Refused(f"trial {min(missing)} is missing: what it trained belongs to the budget.")
        trained = [self._trained(trial) for trial in trials]
        if (spent := epochs_spent(study)) > self.budget:
            raise Refused(f"its trials, pruned and failed ones included, trained {spent} epochs of {self.budget}.")
        chosen = self._nearest(config, "the configuration")
        ends = zip(trained, trials, strict=True)
        whole = [trial for found, trial in ends if found == chosen and EPOCHS in trial.intermediate_values]
        if not whole:
            raise Refused(f"no trial of this study trained this configuration for all of its {EPOCHS} epochs.")
        seen = {trial.user_attrs["seed"]: trial.intermediate_values[EPOCHS] for trial in whole}
        return replace(self.score(chosen), seen=seen)

    def _trained(self, trial: FrozenTrial) -> dict[str, float] | None:
        """The recorded configuration that a trial trained, as it says; None where it did not train."""
        reports, who = trial.intermediate_values, f"trial {trial.number}"
        if not reports:
            if trial.state == TrialState.COMPLETE:
                raise Refused(f"{who} has a value and no report: a value comes from training.")
            return None
        if sorted(reports) != list(range(1, len(reports) + 1)) or len(reports) > EPOCHS:
            raise Refused(
                f"{who} does not report the epochs 1, 2, 3, ... to its last one, at most {EPOCHS}: "
                "epochs between two reports are trained too."
            )
        config, seed = self._nearest(trial.params, who), trial.user_attrs.get("seed")
        if not _is_public(seed):
            whose = "a held-back seed, which only the score may use" if seed in HELD_BACK else f"none of {SEEDS}"
            raise Refused(f'{who} has {seed!r} as its "seed", {whose}: set it as a user attribute.')
        curve = self.table.curve(config, seed=seed)
        for epoch, value in sorted(reports.items()):
            self._compare(f"{who} reports for epoch {epoch}", value, curve[epoch - 1], config)
        if trial.state == TrialState.COMPLETE:
            self._compare(f"{who} returned", trial.value, curve[len(reports) - 1], config)
        return config

    def _nearest(self, config: Any, who: str) -> dict[str, float]:
        """The recorded configuration, or Refused."""
        try:
            return self.table.nearest(config)
        except BadInput as error:
            raise Refused(f"{who} is outside of the search space: {error}") from None

    def _compare(self, what: str, value: float | None, truth: float, config: Config) -> None:
        """Refused unless a value is what the training gives."""
        if value is None or not isfinite(value):
            raise Refused(f"{what} {value}, which is no accuracy.")
        if isclose(value, truth, abs_tol=1e-9):
            return
        score = self.score(config)
        if any(isclose(value, held, abs_tol=1e-9) for held in (*score.values, score.mean)):
            raise Refused(f"{what} {value:.4f}: that is its value on held-back seeds, which a search must not see.")
        raise Refused(f"{what} {value:.4f}; training this configuration with this seed gives {truth:.4f}.")


def epochs_spent(study: Study) -> int:
    """What the trials of a study trained, whatever became of them: each up to the last epoch it reported."""
    return sum(trial.last_step or 0 for trial in study.get_trials(deepcopy=False))


def stop_at(epochs: int) -> Callable[[Study, FrozenTrial], None]:
    """A callback that stops `optimize` when one more whole training might spend more than so many epochs."""

    def stop(study: Study, trial: FrozenTrial) -> None:
        if epochs_spent(study) + EPOCHS > epochs:
            study.stop()

    return stop


def rerun(study: Study, objective: Callable, best: int) -> None:
    """Trains the `best` completed configurations again, to their last epoch, with every public seed but the first.

    A configuration that two trials found is taken once.
    """
    taken: list[dict[str, float]] = []
    for trial, config in sorted(_completed(study), key=lambda pair: -pair[0].values[0]):
        if config not in taken and len(taken) < best:
            taken.append(config)
            for seed in SEEDS[1:]:
                study.enqueue_trial(trial.params, user_attrs={"seed": seed})
    study.pruner = NopPruner()
    study.optimize(objective, n_trials=len(taken) * len(SEEDS[1:]))


def choose(study: Study) -> dict[str, float]:
    """Of the configurations that were completed with the most seeds, the one with the best mean over them."""
    found: dict[tuple[tuple[str, float], ...], dict[int, float]] = {}  # accuracies by configuration and seed
    for trial, config in _completed(study):
        found.setdefault(tuple(config.items()), {})[trial.user_attrs["seed"]] = trial.values[0]
    best = max(found, key=lambda config: (len(found[config]), np.mean(list(found[config].values()))))
    return dict(best)


def _completed(study: Study) -> list[tuple[FrozenTrial, dict[str, float]]]:
    """Every completed trial and its recorded configuration."""
    nearest = load_benchmark("smudged").nearest
    return [(trial, nearest(trial.params)) for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]


def t_margin(values: Sequence[float]) -> float:
    """Half of the 95 % interval of the mean of independent values."""
    return float(student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))


def _is_public(seed: object) -> bool:
    """Whether trials may train with the seed."""
    return type(seed) is int and seed in SEEDS
