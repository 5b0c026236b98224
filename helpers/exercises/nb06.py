"""Checks of notebook 06, pruners."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
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

from helpers.learn.exercises import NotQuite, check_function, exercise, is_number
from helpers.races.replay import replay


class _Recorder:
    """A trial that notes what is reported and whether it was asked to stop; `stop_at` counts reports."""

    def __init__(self, stop_at: int = 0) -> None:
        self.reports: list[tuple[int, float]] = []
        self.constraints: dict[str, float] = {}
        self.stop_at = stop_at

    def report(self, value: float, step: int) -> None:
        self.reports.append((step, float(value)))

    def should_prune(self) -> bool:
        return 0 < self.stop_at <= len(self.reports)

    def set_constraint(self, key: str, value: float) -> None:
        self.constraints.setdefault(key, float(value))


@exercise("06.1")
def a_gap_at_the_same_step(pruner: Any) -> str:
    """Latest value against the best of completed trials at the same step; never without one."""
    if not (isinstance(pruner, type) and issubclass(pruner, BasePruner)):
        raise NotQuite("the answer is the class GapPruner, derived from BasePruner.")
    make: Callable[[float], BasePruner] = pruner
    done = [
        create_trial(value=0.9, intermediate_values={1: 0.4, 2: 0.9}),
        create_trial(value=0.8, intermediate_values={1: 0.6, 2: 0.8}),
        create_trial(state=TrialState.PRUNED, intermediate_values={1: 0.99, 2: 0.99}),
        create_trial(value=0.7, intermediate_values={5: 0.9, 6: 0.7}),
    ]
    cases: tuple[tuple[str, list[FrozenTrial], dict[int, float], bool], ...] = (
        ("no trial is complete yet", [], {1: 0.1}, False),
        ("only a pruned trial reported there", done[2:3], {1: 0.1}, False),
        ("no completed trial reported at this step", done, {7: 0.0}, False),
        ("0.45 is less than 0.2 below the best completed value there, 0.6", done, {1: 0.45}, False),
        ("0.6 is less than 0.2 below the best completed value at this very step, 0.7", done, {6: 0.6}, False),
        ("0.3 is more than 0.2 below the best completed value there, 0.6", done, {1: 0.3}, True),
        ("it fell back to 0.1, whatever it had before", done, {1: 0.75, 2: 0.1}, True),
        ("it recovered: its latest value counts", done, {1: 0.1, 2: 0.85}, False),
        ("its latest value is a little above", done, {1: 0.65}, False),
    )
    for why, trials, curve, stop in cases:
        study = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=0))
        study.add_trials(trials)
        trial = study.ask()
        for step, value in curve.items():
            trial.report(value, step)
        found = make(0.2).prune(study, study.trials[-1])
        if not isinstance(found, bool | np.bool_):
            raise NotQuite(f"it returned {found!r}: return True or False.")
        if found != stop:
            raise NotQuite(f"with gap=0.2 and reports {curve} it {'went on' if stop else 'stopped'}, but {why}.")
    study.add_trials(done)
    trial = study.ask()
    trial.report(0.45, 1)
    if not make(0.1).prune(study, study.trials[-1]):
        raise NotQuite("with another gap it decides as before: use self.gap, not a number.")
    return "A rule of your own, asked by the real study. Would you trust it on a plateau?"


@exercise("06.2")
def every_step_that_is_given(report_epoch: Callable) -> str:
    """Zero is a step; None is not."""
    check_function(report_epoch)
    for step in (0, 1, 5, np.int64(0), None):
        trial = _Recorder()
        report_epoch(trial, 0.5, step)
        if step is None and trial.reports:
            raise NotQuite("it reported without a step: that is what the condition is there to prevent.")
        if step is not None and not trial.reports:
            zero = ": 0 counts as False in an `if`" if step == 0 else ""
            raise NotQuite(f"step {step!r} was not reported{zero}. Compare with None, and with nothing else.")
    return "Zero is a number like any other. Ask for None when you mean None."


def _curve(accuracies: list[float]) -> list[SimpleNamespace]:
    """Epochs as training yields them; the loss falls as the accuracy rises."""
    return [
        SimpleNamespace(number=n, validation_accuracy=a, validation_loss=2.5 * (1 - a), train_loss=2.4 * (1 - a))
        for n, a in enumerate(accuracies)
    ]


def _follow(objective: Callable, *more: object) -> None:
    """The reports are the accuracies at steps 1, 2, 3; it stops when told to."""
    accuracies = [0.25, 0.5, 0.75]
    trial = _Recorder()
    value = objective(trial, _curve(accuracies), *more)
    if isinstance(value, tuple | list):
        raise NotQuite("it returned several values: one objective returns one number.")
    reported = [value for _, value in trial.reports]
    if reported == [-2.5 * (1 - a) for a in accuracies]:
        raise NotQuite("a negative loss rises too, but it is not what is returned: report the accuracy.")
    if reported == [2.5 * (1 - a) for a in accuracies]:
        raise NotQuite("it reports the loss, and this study maximises: the worst would survive.")
    if reported != accuracies:
        raise NotQuite(f"the accuracies were {accuracies}, and it reported {reported}.")
    if value != accuracies[-1]:
        raise NotQuite(f"it returned {value!r}; report and return the same metric, here 0.75.")
    if trial.reports != list(zip((1, 2, 3), accuracies, strict=True)):
        raise NotQuite(f"its steps were {[step for step, _ in trial.reports]}: count the epochs from one.")
    try:
        objective(trial := _Recorder(stop_at=2), _curve(accuracies), *more)
    except optuna.TrialPruned:
        return
    raise NotQuite(f"told to stop after two reports it went on ({len(trial.reports)}): raise optuna.TrialPruned().")


@exercise("06.3")
def one_metric(objective: Callable) -> str:
    """What is reported is what is returned."""
    check_function(objective)
    _follow(objective)
    return "Report what you return, in the direction of the study."


@exercise("06.4")
def a_constraint_instead(objective: Callable) -> str:
    """Accuracy reported and returned; the number of weights is a constraint, set before anything can stop it."""
    check_function(objective)
    for weights in (4000, 5000, 6000):
        _follow(objective, weights)
        trial = _Recorder(stop_at=1)
        with suppress(optuna.TrialPruned):
            objective(trial, _curve([0.25, 0.5]), weights)
        if "weights" not in trial.constraints:
            raise NotQuite('a trial that is pruned has no constraint "weights": set it before the first epoch.')
        value = trial.constraints["weights"]
        if (value <= 0) != (weights <= 5000):
            raise NotQuite(f"{weights} weights give {value:g}; at or below 0 is feasible, so use weights - 5000.")
    return "One goal to prune by, and a limit for the other. Or search without a pruner, and look at the whole front."


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
    for orders in (curves, np.sort(curves)):
        cuts = [replay(pruner, orders, study_name="a").trained for pruner in (make_study(3).pruner, asked)]
        if not np.array_equal(cuts[0], cuts[1]):
            raise NotQuite("it does not cut as Hyperband up to 27 epochs does: set max_resource=27, and nothing else.")
    return "A name costs nothing, and you need one anyway as soon as the study lives in a database."


@exercise("06.6")
def the_best_completed(best_number: Callable) -> str:
    """Complete trials alone, the highest value, its number."""
    check_function(best_number)
    study = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=0))
    pruned, complete = TrialState.PRUNED, TrialState.COMPLETE
    states = (pruned, complete, pruned, TrialState.FAIL, complete, complete)
    for state, value in zip(states, (0.97, 0.80, 0.75, None, 0.70, 0.91), strict=True):
        reports = {1: 0.99 if value == 0.80 else value} if value else {}
        study.add_trial(create_trial(state=state, value=value, intermediate_values=reports))
    found = best_number(study.trials)
    reasons = {
        0: "trial 0 was pruned: its 0.97 is only its last report. Take trials whose state is COMPLETE.",
        1: "trial 1 once reported 0.99, and ended at 0.80: compare the values at the end.",
        2: "2 is a place in your list of completed trials: return trial.number.",
        4: "trial 4 ended lowest of the completed ones: take the highest value.",
    }
    if isinstance(found, bool) or not isinstance(found, int | np.integer):
        raise NotQuite(f"it returned {type(found).__name__}: return the trial's number.")
    if found != 5:
        raise NotQuite(reasons.get(int(found), f"it returned {found}; it is trial 5."))
    return "study.best_trial does just that. A table of all trials does not."


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


@exercise("06.8")
def the_mean_so_far(objective: Callable) -> str:
    """Stops when told to, and returns the mean of the folds that were run."""
    check_function(objective)
    scores = [0.9, 0.6, 0.0, 0.3]
    try:
        value = objective(_Recorder(stop_at=3), iter(scores))
    except optuna.TrialPruned:
        raise NotQuite("it raises TrialPruned, so the mean of the folds is lost: return it.") from None
    whole = objective(_Recorder(), iter(scores))
    if np.shape(value) != () or not np.isclose(whole, np.mean(scores)):
        raise NotQuite(f"it returned {value!r} after three folds, and {whole!r} after all: both are to be the mean.")
    if np.isclose(value, 0.0):
        raise NotQuite("it returned the last fold's score; return the mean of all so far.")
    if np.isclose(value, np.mean(scores)):
        raise NotQuite("it ran every fold although it was told to stop after three.")
    if not np.isclose(value, 0.5):
        raise NotQuite(f"after folds of 0.9, 0.6 and 0.0 it returned {value!r}: their mean is 0.5.")
    return "The trial is complete, with a value that can be compared, and the sampler learns from it."


@exercise("06.9")
def the_bill_of_halving(answer: Any) -> str:
    """81 + 27 * 2 + 9 * 6 + 3 * 18."""
    reasons = {
        324: "that trains every survivor from the start again: it only adds the epochs since the last rung.",
        2187: "that is what all 81 cost without halving.",
        81: "that is the first rung alone.",
        108: "the number of epochs between rungs grows: 1, then 2 more, then 6 more, then 18 more.",
        120: "this counts networks at the rungs; multiply each by the epochs it adds.",
    }
    if not is_number(answer):
        raise NotQuite("the answer is a number of epochs.")
    if answer != 243:
        raise NotQuite(reasons.get(answer, "at each rung: networks times the epochs since the rung before. Add them."))
    return "A ninth of the 2,187 that training all of them would cost; each rung costs about the same."
