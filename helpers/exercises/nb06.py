"""Checks of notebook 06, pruners."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    SuccessiveHalvingPruner,
    ThresholdPruner,
    WilcoxonPruner,
)
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from helpers.exercises.kit import choice, function
from helpers.learn.exercises import NotQuite, check_function, exercise
from helpers.races.replay import replay

COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL
rng = np.random.default_rng(0)


class Recorder:
    """A trial that notes what is reported and whether it was asked to stop; `stop_at` counts reports."""

    def __init__(self, stop_at: int = 0) -> None:
        self.reports: list[tuple[int, float]] = []
        self.early: dict[str, float] = {}  # the constraints that were set before the first report
        self.stop_at = stop_at

    def report(self, value: float, step: int) -> None:
        self.reports.append((step, float(value)))

    def should_prune(self) -> bool:
        return 0 < self.stop_at <= len(self.reports)

    def set_constraint(self, key: str, value: float) -> None:
        if not self.reports:
            self.early[key] = float(value)


def gap_pruner(
    states: Sequence[TrialState] = (COMPLETE,), latest: Callable = lambda values: values[max(values)],
    rule: Callable = max, missing: float | None = None, gap: float | None = None,
) -> type[BasePruner]:  # fmt: skip
    """The pruner of exercise 06.1 with something of it changed."""

    class GapPruner(BasePruner):
        def __init__(self, own: float) -> None:
            self.gap = own if gap is None else gap

        def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
            others = [other.intermediate_values for other in study.get_trials(states=states)]
            there = [values.get(trial.last_step or 0) for values in others]
            known = [missing if value is None else value for value in there if value is not None or missing is not None]
            return bool(known) and latest(trial.intermediate_values) < rule(known) - self.gap

    return GapPruner


def judged(
    pruner: Callable[[float], BasePruner], gap: float, others: list[FrozenTrial], curve: dict[int, float]
) -> object:
    """Whether it stops a running trial with this curve."""
    study = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=0))
    study.add_trials(others)
    trial = study.ask()
    for step, value in curve.items():
        trial.report(value, step)
    return pruner(gap).prune(study, study.trials[-1])


def others(*curves: dict[int, float]) -> list[FrozenTrial]:
    """Completed trials with these curves, and one that was pruned with the best reports of all."""
    done = [create_trial(value=curve[max(curve)], intermediate_values=curve) for curve in curves]
    return [*done, create_trial(state=PRUNED, intermediate_values={1: 0.99, 2: 0.99})]


FOUR = others({1: 0.4, 2: 0.9}, {1: 0.6, 2: 0.8}, {5: 0.9, 6: 0.7})
LOW = others({1: -3.0, 2: -2.0}, {1: -1.0, 2: -1.5})
function(
    "06.1",
    gap_pruner(),
    {
        f"gap={gap}, {words}, and reports {curve},": (gap, trials, curve)
        for words, trials, cases in (
            ("no completed trial", others(), [(0.2, {1: 0.1}), (0.2, {1: -4.0})]),
            ("completed trials that report {1: 0.4, 2: 0.9}, {1: 0.6, 2: 0.8} and {5: 0.9, 6: 0.7}", FOUR, [
                (0.2, {7: 0.0}), (0.2, {7: -1.0}), (0.2, {1: 0.45}), (0.2, {6: 0.6}), (0.2, {1: 0.3}),
                (0.2, {1: 0.75, 2: 0.1}), (0.2, {1: 0.1, 2: 0.85}), (0.2, {1: 0.65}), (0.1, {1: 0.45}),
                (0.0, {1: 0.6}), (0.5, {2: 0.3}), (0.5, {2: 0.45}),
            ]),
            ("completed trials that report {1: -3, 2: -2} and {1: -1, 2: -1.5}", LOW, [
                (0.2, {1: -1.1}), (0.2, {1: -1.5}), (0.2, {2: -1.6}), (1.0, {1: -2.0}), (1.0, {3: -9.0}),
            ]),
        )
        for gap, curve in cases
    },
    {
        "pruned trials are compared with, too: completed ones alone count.": gap_pruner(states=(COMPLETE, PRUNED)),
        "its best value counts, not the latest: it may have fallen back.": gap_pruner(
            latest=lambda values: max(values.values())
        ),
        "it compares with the lowest of the others: take the best.": gap_pruner(rule=min),
        "a trial that did not report at this step counts as 0: leave it out.": gap_pruner(missing=0.0),
        "with another gap it decides as before: use self.gap, not a number.": gap_pruner(gap=0.2),
    },
    "A rule of your own, asked by the real study. Would you trust it on a plateau?",
    watch=judged,
)  # fmt: skip


def reported(report: Callable, *step: int | None) -> object:
    """What is reported of a value with this step."""
    trial = Recorder()
    report(trial, 0.5, *step)
    return trial.reports


def when(condition: Callable) -> Callable:
    """A function for 06.2 with this condition."""
    return lambda trial, value, step=None: trial.report(value, step) if condition(step) else None


function(
    "06.2",
    when(lambda step: step is not None),
    {"no step": ()} | {f"step={step!r}": (step,) for step in (0, 1, 5, np.int64(0), np.int64(7), None)},
    {
        "step 0 was not reported: 0 counts as False in an `if`. Compare with None.": when(bool),
        "it reports without a step, too: that is what the condition is there to prevent.": when(lambda step: True),
        "NumPy's whole numbers are steps, too: ask for None, and for nothing else.": when(
            lambda step: isinstance(step, int)
        ),
    },
    "Zero is a number like any other. Ask for None when you mean None.",
    watch=reported,
)  # fmt: skip


def curve_of(accuracies: Sequence[float]) -> list[SimpleNamespace]:
    """Epochs as training yields them; the loss falls as the accuracy rises."""
    return [
        SimpleNamespace(number=n, validation_accuracy=a, validation_loss=2.5 * (1 - a), train_loss=2.4 * (1 - a))
        for n, a in enumerate(accuracies)
    ]


def followed(objective: Callable, accuracies: list[float], stop_at: int, *weights: int) -> object:
    """What the objective reports, returns, and how early its constraint is set, by sign."""
    trial = Recorder(stop_at)
    try:
        returned = objective(trial, curve_of(accuracies), *weights)
    except optuna.TrialPruned:
        returned = "pruned"
    found = {"reports": [f"{value:.6g} at step {step}" for step, value in trial.reports], "returned": returned}
    if weights:
        limit = trial.early.get("weights")
        found["weights"] = "no constraint" if limit is None else "too many" if limit > 0 else "allowed"
    return found


def told(
    report: Callable = lambda epochs: epochs[-1].validation_accuracy, result: Callable | None = None, first: int = 1,
    stop: bool = True, limit: Callable | None = lambda weights: weights - 5000,
) -> Callable:  # fmt: skip
    """An objective for 06.3 and 06.4 with something of it changed."""

    def objective(trial: Any, curve: list, *weights: int) -> float:
        if weights and limit:
            trial.set_constraint("weights", limit(*weights))
        for epoch in curve:
            trial.report(report(curve[: epoch.number + 1]), epoch.number + first)
            if stop and trial.should_prune():
                raise optuna.TrialPruned()
        return (result or report)(curve)

    return objective


def accuracy(epochs: list) -> float:
    """The last one."""
    return epochs[-1].validation_accuracy


def loss(epochs: list) -> float:
    """The last one."""
    return epochs[-1].validation_loss


LOSS = "it reports the loss, and this study maximises: the worst would survive."
FOLLOWED = {
    LOSS: told(loss, accuracy),
    "it reports and returns the loss, and this study maximises.": told(loss),
    "a negative loss rises too, but it is not what is returned: report the accuracy.": told(
        lambda epochs: -loss(epochs), accuracy
    ),
    "it reports the best so far, which never falls: report the epoch's own accuracy.": told(
        lambda epochs: max(map(accuracy, [epochs[: n + 1] for n in range(len(epochs))])), accuracy
    ),
    "it returns the loss: report and return the same metric.": told(accuracy, loss),
    "it reports the accuracy on the training images: nobody asked for that.": told(
        lambda epochs: 1 - epochs[-1].train_loss, accuracy
    ),
    "its steps begin with 0: count the epochs from one.": told(first=0),
    "told to stop it went on: raise optuna.TrialPruned().": told(stop=False),
}
CURVES = [([0.25, 0.5, 0.75], 0), ([0.25, 0.5, 0.75], 2), ([0.5, 0.75, 0.25, 0.125], 0), ([0.5], 0), ([0.5, 0.25], 1)]
function(
    "06.3",
    told(),
    {f"accuracies {curve}, told to stop at report {at or 'never'},": (curve, at) for curve, at in CURVES},
    FOLLOWED,
    "Report what you return, in the direction of the study.",
    watch=followed,
)
function(
    "06.4",
    told(),
    {
        f"{weights} weights, accuracies {curve}, told to stop at report {at or 'never'},": (curve, at, weights)
        for weights in (5000, 5001, 4999, 6000, 1)
        for curve, at in CURVES
    },
    {
        "a trial that is pruned has no constraint: set it before the first epoch, whatever comes.": told(limit=None),
        "the sign is turned: at or below zero is feasible, so use weights - 5000.": told(limit=lambda w: 5000 - w),
        "the number itself is above zero, so nothing is feasible: use weights - 5000.": told(limit=lambda w: w),
        "it returned several values: return the accuracy alone.": told(
            accuracy, lambda epochs: (accuracy(epochs), 4000), limit=None
        ),
    }
    | FOLLOWED,
    "One goal to prune by, and a limit for the other. Or search without a pruner, and look at the whole front.",
    watch=followed,
)


@exercise("06.5")
def a_name_and_a_seed(make_study: Callable) -> str:
    """Two studies made alike are asked alike, and cut alike."""
    check_function(make_study)
    studies = [make_study(3), make_study(3)]
    for study in studies:
        if not isinstance(study, optuna.Study):
            raise NotQuite("it returned no study: use optuna.create_study(...).")
        if not isinstance(study.pruner, HyperbandPruner):
            raise NotQuite(f"its pruner is {type(study.pruner).__name__}: it should be Hyperband.")
        if study.direction.name != "MAXIMIZE":
            raise NotQuite('it minimises: say direction="maximize".')
        if not isinstance(study.sampler, RandomSampler):
            raise NotQuite(f"its sampler is {type(study.sampler).__name__}: a RandomSampler was asked for.")
    if studies[0].study_name != studies[1].study_name:
        raise NotQuite("it has no name of its own, so the brackets differ from run to run: give study_name.")
    drawn = [[study.ask().suggest_float("x", 0, 1) for _ in range(3)] for study in studies]
    if drawn[0] != drawn[1]:
        raise NotQuite("with the same seed the two studies draw different values: seed the sampler.")
    if drawn[0] == [study.ask().suggest_float("x", 0, 1) for study in [make_study(4)] for _ in range(3)]:
        raise NotQuite("with another seed it draws the same values: hand `seed` to the sampler.")
    curves = np.random.default_rng(0).random((60, 27))
    asked = HyperbandPruner(min_resource=1, max_resource=27)
    for orders in (curves, np.sort(curves), curves[:, :9]):
        cuts = [replay(pruner, orders, study_name="a").trained for pruner in (make_study(3).pruner, asked)]
        if not np.array_equal(cuts[0], cuts[1]):
            raise NotQuite("it does not cut as Hyperband up to 27 epochs does: set max_resource=27, and nothing else.")
    return "A name costs nothing, and you need one anyway as soon as the study lives in a database."


def ended(*rows: tuple[TrialState, float | None]) -> list[FrozenTrial]:
    """Trials that ended so; each once reported more than it ended with."""
    study = optuna.create_study(direction="maximize")
    for place, (state, value) in enumerate(rows):
        reports = {} if value is None else {1: value + 0.3 * (place % 3), 2: value}
        study.add_trial(create_trial(state=state, value=value, intermediate_values=reports))
    return study.trials


ENDED: dict[str, list[tuple[TrialState, float | None]]] = {
    "0.97 pruned, 0.80, 0.75 pruned, failed, 0.70 and 0.91": [
        (PRUNED, 0.97), (COMPLETE, 0.80), (PRUNED, 0.75), (FAIL, None), (COMPLETE, 0.70), (COMPLETE, 0.91)],
    "-2.0 and -1.0": [(COMPLETE, -2.0), (COMPLETE, -1.0)],
    "0.3": [(COMPLETE, 0.3)],
    "failed, 0.9 pruned, 0.5, 0.6, 0.4": [
        (FAIL, None), (PRUNED, 0.9), (COMPLETE, 0.5), (COMPLETE, 0.6), (COMPLETE, 0.4)],
}  # fmt: skip


def completed(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Those that are complete."""
    return [trial for trial in trials if trial.state == COMPLETE]


def value_of(trial: FrozenTrial) -> float:
    """Its value, the lowest of all where there is none."""
    return -np.inf if trial.value is None else trial.value


function(
    "06.6",
    lambda trials: max(completed(trials), key=value_of).number,
    {f"trials that ended with {words}": (ended(*rows),) for words, rows in ENDED.items()},
    {
        "a pruned trial is among them, whose value is only its last report: take those that are COMPLETE.": (
            lambda trials: max(trials, key=value_of).number
        ),
        "it goes by the best report: compare the values at the end.": lambda trials: (
            max(completed(trials), key=lambda trial: max(trial.intermediate_values.values())).number
        ),
        "that is a place in the list of completed trials: return trial.number.": lambda trials: int(
            np.argmax([value_of(trial) for trial in completed(trials)])
        ),
        "that one ended lowest: take the highest value.": lambda trials: min(completed(trials), key=value_of).number,
        "that is the trial itself: return the trial's number.": lambda trials: max(completed(trials), key=value_of),
        "that is its value: return the trial's number.": lambda trials: max(map(value_of, completed(trials))),
    },
    "study.best_trial does just that. A table of all trials does not.",
)


@exercise("06.7")
def stops_a_collapse(pruner: object) -> str:
    """Cuts the collapsed curve by epoch 10, lets the healthy one finish, alone or after others."""
    if not isinstance(pruner, BasePruner):
        raise NotQuite("the answer is a pruner: an instance, such as MedianPruner().")
    if isinstance(pruner, WilcoxonPruner):
        raise NotQuite("WilcoxonPruner compares folds; epochs are no folds.")
    healthy = np.interp(np.arange(1, 28), [1, 5, 27], [0.1, 0.32, 0.9]).tolist()
    collapsed = [0.9, *[0.1] * 26]
    for curves in ([collapsed, healthy], [healthy] * 8 + [collapsed, healthy]):
        run = replay(pruner, curves)
        for curve, trained, pruned in zip(curves, run.trained, run.pruned, strict=True):
            if curve is healthy and pruned:
                raise NotQuite(f"it stopped the healthy curve after epoch {trained}: give it more time.")
            if curve is collapsed and (not pruned or trained > 10):
                raise NotQuite(_why_not(pruner, trained))
    return "It looks at the latest value, or at the last few against the earlier best, not at the best so far."


def _why_not(pruner: BasePruner, trained: int) -> str:
    if isinstance(pruner, MedianPruner | NopPruner):
        return "the diverged curve trained to its end: its best so far is 0.9, and that stays."
    if isinstance(pruner, ThresholdPruner) or trained < 27:
        return f"it let the diverged curve train for {trained} epochs: it was to stop within ten."
    if isinstance(pruner, SuccessiveHalvingPruner | HyperbandPruner):
        return "it compares with others, and here the diverged curve comes first: judge the curve by itself."
    return "the diverged curve trained to its end: look for a pruner that sees the latest value, or missing progress."


def folds(objective: Callable, scores: list[float], stop_at: int) -> object:
    """What comes back, and after how many folds, when told to stop after so many."""
    trial = Recorder(stop_at)
    try:
        returned = objective(trial, iter(scores))
    except optuna.TrialPruned:
        returned = "pruned"
    return {"returned": returned, "folds": len(trial.reports)}


def averaged(stopped: Callable = np.mean, ask: bool = True) -> Callable:
    """An objective for 06.8 that returns `stopped` of the folds so far when it is told to stop."""

    def objective(trial: Any, scores: Sequence[float]) -> float:
        seen: list[float] = []
        for fold, score in enumerate(scores):
            seen.append(score)
            trial.report(score, fold)
            if ask and trial.should_prune():
                return stopped(seen)
        return float(np.mean(seen))

    return objective


def give_up(_: object) -> float:
    """As the colleague did."""
    raise optuna.TrialPruned()


function(
    "06.8",
    averaged(),
    {
        f"folds of {scores}, told to stop after {at or 'none'},": (scores, at)
        for scores in ([0.9, 0.6, 0.0, 0.3], rng.normal(size=5).round(3).tolist())
        for at in (3, 1, 2, 0)
    },
    {
        "it raises TrialPruned, so the mean of the folds is lost: return it.": averaged(give_up),
        "when told to stop it returns the last fold's score: return the mean of all so far.": averaged(
            lambda seen: seen[-1]
        ),
        "when told to stop it returns the sum: return the mean.": averaged(sum),
        "when told to stop it returns the median: return the mean.": averaged(np.median),
        "it runs every fold although it was told to stop.": averaged(ask=False),
    },
    "The trial is complete, with a value that can be compared, and the sampler learns from it.",
    watch=folds,
)

choice(
    "06.9",
    64 + 16 * 3 + 4 * 12,
    {
        192: "that trains every survivor from the start again: it only adds the epochs since the last rung.",
        1024: "that is what all 64 cost without halving.",
        64: "that is the first rung alone.",
        112: "the last rung is missing: four networks go from 4 epochs to 16.",
        84: "that counts networks at the rungs; multiply each by the epochs it adds.",
    },
    "160 epochs, not the 1,024 of training all of them; each rung costs about the same.",
    hint="the answer is one number: at each rung the networks times the epochs since the rung before, added up.",
)
