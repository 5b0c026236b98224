"""Checks of notebook 06, pruners."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import optuna
from optuna.pruners import ThresholdPruner
from optuna.trial import FrozenTrial, TrialState, create_trial

from helpers.exercises.kit import Seen, choice, choices, function
from helpers.training.train import Epoch


class GapPruner:
    """The pruner that 06.1 asks for."""

    def __init__(self, gap: float) -> None:
        self.gap = gap

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        step = trial.last_step or 0
        done = [other.intermediate_values for other in study.get_trials(states=[TrialState.COMPLETE])]
        there = [reports[step] for reports in done if step in reports]
        return bool(there) and trial.intermediate_values[step] < max(there) - self.gap


def judged(pruner: Callable, gap: float, done: list[dict], reports: dict[int, float]) -> object:
    """Whether it stops a trial with these reports, after those that are done and one that was pruned at 0.99."""
    study, asked = optuna.create_study(direction="maximize"), pruner(gap)
    running = create_trial(state=TrialState.RUNNING, intermediate_values=reports)
    study.add_trial(running)
    asked.prune(study, study.trials[-1])  # while none has completed; what it may have kept of that is out of date
    study.add_trials([create_trial(value=curve[max(curve)], intermediate_values=curve) for curve in done])
    study.add_trials([create_trial(state=TrialState.PRUNED, intermediate_values={1: 0.99, 2: 0.99}), running])
    return bool(asked.prune(study, study.trials[-1]))  # to Optuna None means: go on


THREE, LOW = [{1: 0.4, 2: 0.9}, {1: 0.6, 2: 0.8}, {0: 0.9, 6: 0.7}], [{1: -3.0, 2: -2.0}, {1: -1.0, 2: -1.5}]
GAPS: list[tuple[float, list[dict], list[dict]]] = [
    (0.2, THREE, [{1: 0.75, 2: 0.1}, {1: 0.1, 2: 0.85}, {1: 0.45}, {6: 0.6}, {1: 0.3}, {1: 0.9}, {0: 0.6}, {7: -1.0}]),
    (1.0, LOW, [{1: -2.0}, {1: -2.5}, {2: -1.6}, {3: -9.0}]),
    (0.0, [], [{1: 0.1}, {1: -4.0}]),
]
function(
    "06.1",
    GapPruner,
    [(gap, done, reports) for gap, done, running in GAPS for reports in running],
    praise="A rule of your own, asked by the real study. Would you trust it on a plateau?",
    watch=judged,
)


def accurate(trial: optuna.Trial, curve: list, metric: str = "validation_accuracy", sign: int = 1) -> float:
    """The objective that 06.2 asks for."""
    for epoch in curve:
        trial.report(sign * getattr(epoch, metric), step=epoch.number + 1)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return epoch.validation_accuracy


def followed(objective: Callable, accuracies: list[float], stop_below: float) -> Seen:
    """What is reported of a training, and how the trial ends; the loss falls as the accuracies rise."""
    curve = [Epoch(n, 1.0, validation_loss=2 - 2 * a, validation_accuracy=a) for n, a in enumerate(accuracies)]
    study = optuna.create_study(direction="maximize", pruner=ThresholdPruner(lower=stop_below))
    study.optimize(lambda trial: objective(trial, curve), n_trials=1)
    trial = study.trials[0]
    return Seen({"reports by step": trial.intermediate_values, "state": trial.state.name, "value": trial.value})


LOSS = "the direction is right now, but a pruned trial keeps its last report as its value: -1.5 among accuracies."
function(
    "06.2",
    accurate,
    [([0.25, 0.5, 0.75], 0.2), ([0.25, 0.5, 0.125, 0.75], 0.2), ([0.5, 0.75, 0.25], 0.2), ([0.1], 0.2), ([0.5], 0.2)],
    {LOSS: partial(accurate, metric="validation_loss", sign=-1)},
    praise="Report what you return, in the direction of the study.",
    watch=followed,
)
choices(
    "06.3",
    {"a": "Wilcoxon", "b": "Threshold", "c": "Hyperband"},
    {
        "a": dict.fromkeys(("Median", "Threshold", "Hyperband"), "a low value may just be a hard fold: compare folds."),
        "b": {
            "Wilcoxon": "it compares folds; epochs are no folds.",
            "Median": "its best so far is 0.9, and that stays: it trains to its end.",
            "Hyperband": "it compares with others, and the first trial has none: judge the curve by itself.",
        },
        "c": {
            "Wilcoxon": "it compares folds; epochs are no folds.",
            "Median": "it has one warm-up, and you would have to know how long.",
            "Threshold": "it has one bound and one warm-up, and you would have to know both.",
        },
    },
    "With folds, return their mean when told to stop. And name a study with Hyperband: brackets come from its name.",
)
choice(
    "06.4",
    64 + 16 * 3 + 4 * 12,
    {
        192: "that trains every survivor from the start again: it only adds the epochs since the last rung.",
        1024: "that is what all 64 cost without halving.",
    },
    "160 epochs, not the 1,024 of training all of them; each rung costs about the same.",
    hint="the answer is one number: at each rung the networks times the epochs since the rung before, added up.",
)
