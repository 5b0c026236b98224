"""Typical wrong answers are told why; absurd ones are answered, too. Solutions are proved with the notebooks."""

from __future__ import annotations

import importlib
import inspect
import itertools
import math
import re
import signal
from pathlib import Path
from unittest.mock import ANY

import numpy as np
import optuna
import pandas as pd
import pytest
from scipy.stats import norm

from helpers.exercises.kit import word
from helpers.exercises.nb01 import SETTINGS
from helpers.learn import check, exercises, show_solution
from helpers.learn.exercises import read_solutions
from helpers.training.data import load_dataset
from helpers.training.train import TrainingConfig, fit
from tests.exercises.settings import SOLUTIONS, attempt
from tests.tools.store_outputs import all_notebooks

SEED = 0
KEYS = [key for path in all_notebooks() for key in read_solutions(path.name[:2])]
data = load_dataset()


def score(**settings) -> float:
    """As in notebook 00."""
    return fit(TrainingConfig(**settings, epochs=3, seed=SEED), data)[1][-1].validation_accuracy


def fit_value(trial, last="validation_accuracy", log=True, result=lambda values: values[-1], **changes) -> float:
    """An objective for exercise 01.1 with something of it changed; a setting that is None is left out."""
    config = {
        "learning_rate": trial.suggest_float("learning_rate", 0.001, 1, log=True),
        "batch_size": trial.suggest_int("batch_size", 16, 256, log=log),
        "optimizer": trial.suggest_categorical("optimizer", ["sgd", "adam"]),
        "epochs": 3,
        "seed": SEED,
    } | changes
    _, epochs = fit(TrainingConfig(**{name: value for name, value in config.items() if value is not None}), data)
    return result([getattr(epoch, last) for epoch in epochs])


def by_exponent(trial) -> float:
    """An objective for exercise 01.1 that asks for the batch size's exponent."""
    rate = trial.suggest_float("learning_rate", 0.001, 1, log=True)
    size = 2 ** trial.suggest_int("batch_size", 4, 8)
    optimizer = trial.suggest_categorical("optimizer", ["sgd", "adam"])
    config = TrainingConfig(learning_rate=rate, batch_size=size, optimizer=optimizer, epochs=3, seed=SEED)
    return fit(config, data)[1][-1].validation_accuracy


def study_of(direction: str, sampler, trials: int) -> optuna.Study:
    """An answer to exercise 01.3."""
    study = optuna.create_study(direction=direction, sampler=sampler)
    study.optimize(lambda trial: trial.suggest_float("learning_rate", 1e-3, 1, log=True), n_trials=trials)
    return study


def accuracy_study() -> optuna.Study:
    """An answer to exercise 01.3 that minimises an accuracy."""

    def objective(trial):
        rate = trial.suggest_float("learning_rate", 1e-3, 1, log=True)
        return fit(TrainingConfig(learning_rate=rate, epochs=2, seed=SEED), data)[1][-1].validation_accuracy

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    study.optimize(objective, n_trials=12)
    return study


TABLE = pd.DataFrame({"value": [0.9, 0.985, 0.983, 0.97, 0.99, 0.2, 0.96]})
CONTEXT = {
    "00.3": {"score": score},
    "01.2": {"trials": TABLE},
    "01.3": {"seed": SEED},
    "03.3": {"seeds": range(8)},
}
GOOD = {"learning_rate": 0.3, "momentum": 0.5, "width": 100, "dropout": 0.0}
TPE, Random = optuna.samplers.TPESampler, optuna.samplers.RandomSampler


def product(trial, log: bool = True) -> int:
    """What exercise 02.4 returns."""
    return trial.suggest_int("batch_size", 16, 512, log=log) * trial.suggest_int("epochs", 1, 20)


def constrained(value, name: str = "budget", when=lambda used: True):
    """An answer to exercise 02.4 whose constraint is `value` of the product, set when `when` of it is true."""

    def objective(trial):
        if when(product(trial)):
            trial.set_constraint(name, value(product(trial)))
        return product(trial)

    return objective


def refined(trial, late: int = 0) -> None:
    """Exercise 02.1 as it was: other choices in the first trial; or they change late."""
    trial.suggest_categorical("width", [16, 32] if (trial.number < 1) == (late == 0) else [16, 32, 64, 128])


def rate_of(trial, log: bool = True) -> float:
    """Of exercise 02.2."""
    return trial.suggest_float("weight_decay", 1e-6, 1e-2, log=log)


def switch_of(trial) -> bool:
    """Of exercise 02.2."""
    return trial.suggest_categorical("use_decay", [True, False])


def layers(trial) -> range:
    """Of exercise 02.3."""
    return range(trial.suggest_int("depth", 1, 3))


CHOICE = {"a": "GP", "b": "CMA-ES", "c": "TPE"}
PRUNERS = {"a": "Wilcoxon", "b": "Threshold", "c": "Hyperband"}

WEIGHTS_04 = np.log(3.5) - np.log([1, 2, 3])


def order_04(values) -> np.ndarray:
    """From the lowest value to the highest."""
    return np.argsort(values)


def without_the_rest(trials, matters) -> int:
    """The right answer of exercise 03.2, which takes from the trials what does not matter."""
    for trial in trials:
        for name in set(trial) - set(matters):
            del trial[name]
    return len(trials) - len({tuple(trial[name] for name in matters) for trial in trials})


def size_04(values) -> int:
    """Of the good group."""
    return min(math.ceil(len(values) / 10), 25)


def jones(mean, sigma, best) -> float:
    """The formula of exercise 04.2."""
    z = (best - mean) / sigma
    return sigma * (z * norm.cdf(z) + norm.pdf(z))


def climb(start=np.argmin, size=len, clip=np.clip, scale=1.0, rng=None, step=None):
    """An answer to exercise 05.1 with something of it changed."""

    def propose(self, points, losses):
        best = points[start(losses)]
        return clip(best + (rng or self.rng).normal(0, scale * (step or self.step), size=size(best)), 0, 1)

    return propose


def hill(key: str, method: object) -> object:
    """For exercise 05.1 a class with this method; any other answer as it is."""
    if key != "05.1" or not callable(method):
        return method
    return type("Hill", (), {"propose": method, "step": 0.1, "__init__": lambda self, seed: None})


def uniform_climb(self, points, losses):
    """Steps of the right size from the wrong distribution."""
    best = points[np.argmin(losses)]
    return np.clip(best + self.rng.uniform(-1.732, 1.732, size=len(best)) * self.step, 0, 1)


def climb_from_the_first(self, points, losses):
    """The best point of the first call is kept for ever."""
    self.best = getattr(self, "best", points[np.argmin(losses)])
    return np.clip(self.best + self.rng.normal(0, self.step, size=len(self.best)), 0, 1)


def climb_in_place(self, points, losses):
    """The best row is a view: what is added to it changes the points."""
    best = points[np.argmin(losses)]
    best += self.rng.normal(0, self.step, size=len(best))
    return np.clip(best, 0, 1)


def last_value(trial) -> float:
    """What it reported last."""
    return trial.intermediate_values[trial.last_step]


def gap_rule(rule, states=(optuna.trial.TrialState.COMPLETE,), latest=last_value, step_of=None):
    """An answer to exercise 06.1: `rule` of the latest value, the others' values at the step, and the gap."""

    class Gap(optuna.pruners.BasePruner):
        def __init__(self, gap):
            self.gap = gap

        def prune(self, study, trial):
            others = [other.intermediate_values for other in study.get_trials(states=states)]
            if step_of:
                there = [step_of(values, trial.last_step) for values in others]
            else:
                there = [values[trial.last_step] for values in others if trial.last_step in values]
            return rule(latest(trial), there, self.gap)

    return Gap


def accuracy(epoch) -> float:
    """The one to report."""
    return epoch.validation_accuracy


def told(report=accuracy, result=None, first=1, stop=True):
    """An answer to exercise 06.2 with something of it changed."""

    def objective(trial, curve):
        for epoch in curve:
            trial.report(report(epoch), epoch.number + first)
            if stop and trial.should_prune():
                raise optuna.TrialPruned()
        return (result or report)(epoch)

    return objective


def so_far(trial, curve) -> float:
    """An answer to exercise 06.2 that reports the best so far."""
    for number in range(len(curve)):
        trial.report(max(epoch.validation_accuracy for epoch in curve[: number + 1]), number + 1)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return curve[-1].validation_accuracy


def below(value, there, gap) -> bool:
    """The rule of exercise 06.1."""
    return bool(there) and value < max(there) - gap


class Remembers(optuna.pruners.BasePruner):
    """An answer to exercise 06.1 that knows the trials that were complete when it was asked first, and no others."""

    def __init__(self, gap):
        self.gap, self.done = gap, None

    def prune(self, study, trial):
        if self.done is None:
            self.done = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
        others = [other.intermediate_values for other in self.done]
        there = [values[trial.last_step] for values in others if trial.last_step in values]
        return below(last_value(trial), there, self.gap)


ALL_STATES = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)


WRONG = [
    ("00.1", [0.41, 0.90, 0.13, 0.93, 0.88], "never goes down"),
    ("00.1", [0.93] * 5, "cannot know the later ones"),
    ("00.1", [0.41, 0.90, 0.13, 0.93, 0.93], "a list of five numbers: for each trial"),
    ("00.1", "0.93", "a list of five numbers"),
    ("00.2", 24, "every setting of one knob goes with every setting of the others"),
    ("00.2", 4096, "turn it round"),
    ("00.2", 6 ^ 4, "no power in Python"),
    ("00.2", 6**6**4, "multiply"),
    ("00.2", 1297, "multiply"),
    ("00.2", "many", "a text: write a number"),
    ("00.2", lambda: 6**4, "multiply"),
    ("00.2", [24], "every setting of one knob goes with"),
    ("00.3", GOOD | {"learning_rate": 0.0001}, "with a larger learning_rate alone it would"),
    ("00.3", GOOD | {"learning_rate": 3.0}, "learning_rate is 3.0: give a number from"),
    ("00.3", GOOD | {"width": 99.5}, "width is 99.5: give a whole number from"),
    ("00.3", GOOD | {"dropout": float("nan")}, "dropout is nan: give a number from 0"),
    ("00.3", {"learning_rate": 0.3}, "four knobs"),
    ("00.3", 7, "dictionary"),
    (
        "01.1",
        lambda trial: trial.suggest_float("learning_rate", 0.001, 1),
        r"learning_rate: suggest_float\(0.001, 1.0\); .*log",
    ),
    ("01.1", lambda trial: fit_value(trial, log=False), r"batch_size: suggest_int\(16, 256\); asked was .*log=True"),
    ("01.1", lambda trial: fit_value(trial, last="validation_loss"), "returned: .*; asked was 0"),
    ("01.1", lambda trial: fit_value(trial, optimizer="sgd"), "'adam'} trial 10 returned: "),
    ("01.1", lambda trial: fit_value(trial, learning_rate=0.05), "returned: "),
    ("01.1", lambda trial: fit_value(trial, batch_size=64), "returned: "),
    ("01.1", lambda trial: fit_value(trial, epochs=5), "returned: "),
    ("01.1", lambda trial: fit_value(trial, seed=SEED + 1), "returned: "),
    ("01.1", lambda trial: fit_value(trial, seed=None), "the seed is left out"),
    ("01.1", lambda trial: fit_value(trial, seed=SEED + trial.number), "returned: "),
    ("01.1", lambda trial: fit_value(trial, result=np.mean), "returned: "),
    ("01.1", lambda trial: fit_value(trial) and None, "returned: None; asked was"),
    ("01.1", by_exponent, r"batch_size: suggest_int\(4, 8\); asked was"),
    ("01.1", lambda trial: trial.suggest_float("optimizer", 0, 1), "learning_rate: nothing; asked was"),
    ("01.1", lambda: 1, "the error TypeError"),
    ("01.1", 0.95, "the answer is a function"),
    ("01.2", 7, "a count: of the rows where"),
    ("01.2", 2, "a count: of the rows where"),
    ("01.2", 0.5, "a count"),
    ("01.3", study_of("maximize", TPE(seed=SEED), 12), "direction: 'maximize'; asked was 'minimize'"),
    ("01.3", study_of("minimize", Random(seed=SEED), 12), "sampler: 'RandomSampler'; asked was 'TPE'"),
    ("01.3", study_of("minimize", TPE(seed=SEED), 5), "trials: 5; asked was 12"),
    ("01.3", study_of("minimize", TPE(seed=SEED + 99), 12), r"for TPESampler\(seed=0\) trial 0: {'learning_rate'"),
    ("01.3", study_of("minimize", TPE(seed=SEED), 12), "trial 0: .*'loss'"),
    ("01.3", optuna.create_study(directions=["minimize", "maximize"]), "trials: 0"),
    ("01.3", None, r"optimize\(...\) itself returns None"),
    ("01.3", 12, "hand over the study"),
    ("01.4", "a", "the luckier the best"),
    ("01.4", "C", "choosing is a kind of training"),
    ("01.4", ["a", "b"], "is not one of"),
    (
        "02.1",
        lambda trial: trial.suggest_categorical("width", [16, 32]),
        r"\[16, 32\]\); asked was .*\[128, 16, 32, 64\]",
    ),
    ("02.1", lambda trial: trial.suggest_int("width", 16, 128), r"width: suggest_int\(16, 128\)"),
    ("02.1", lambda trial: trial.suggest_categorical("w", [16, 32, 64, 128]), "width: nothing; asked was"),
    ("02.1", lambda trial: refined(trial) or 16, "does not support dynamic value space"),
    ("02.1", lambda trial: refined(trial, late=5), "does not support dynamic value space"),
    (
        "02.1",
        lambda trial: trial.suggest_categorical("width", ["16", "32", "64", "128"]),
        r"\['128', '16', '32', '64'\]\);",
    ),
    (
        "02.1",
        lambda trial: min(trial.suggest_categorical("width", [16, 32, 64, 128]), 128 if trial.number else 32),
        r"'width': 64} trial 0 returned: 32; asked was 64",
    ),
    (
        "02.2",
        lambda trial: 10 ** trial.suggest_float("weight_decay", -6, -2) if switch_of(trial) else 0.0,
        r"suggest_float\(-6.0, -2.0\) \(exponents\? the table of the study would hold those\); asked was",
    ),
    ("02.2", lambda trial: trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True), "use_decay: nothing"),
    (
        "02.2",
        lambda trial: rate_of(trial) * switch_of(trial),
        "'use_decay': False} weight_decay: .*; asked was nothing",
    ),
    ("02.2", lambda trial: rate_of(trial, log=False) if switch_of(trial) else 0.0, "0.01.; asked was .* log=True"),
    ("02.2", lambda trial: trial.suggest_float("weight_decay", 0, 1e-2, log=True), "must hold for `log=True`"),
    (
        "02.2",
        lambda trial: trial.suggest_categorical("use_decay", ["True", "False"]),
        r"\['False', 'True'\]\); asked was",
    ),
    (
        "02.2",
        lambda trial: trial.suggest_categorical("use_decay", [True]),
        r"suggest_categorical\(\[True\]\); asked was",
    ),
    ("02.3", lambda trial: [trial.suggest_int("width", 8, 64) for _ in layers(trial)], "width_0: nothing; asked"),
    ("02.3", lambda trial: [trial.suggest_int(f"width_{n}", 8, 128) for n in layers(trial)], r"suggest_int\(8, 128\)"),
    ("02.3", lambda trial: [trial.suggest_int(f"width_{n}", 8, 64) for n in range(3)], "depth: nothing"),
    ("02.3", None, "hand over the function itself"),
    ("02.4", constrained(lambda used: 1280 - used), "'epochs': 7} constraint budget: 'kept'; asked was 'broken'"),
    ("02.4", constrained(lambda used: used), "'epochs': 20} constraint budget: 'broken'; asked was 'kept'"),
    ("02.4", constrained(lambda used: used - 1280, name="room"), "constraint budget: nothing; asked was"),
    ("02.4", constrained(lambda used: used - 1280, when=lambda used: used > 1280), "budget: nothing; asked was 'kept'"),
    ("02.4", lambda trial: product(trial, log=False), "batch_size: .*; asked was .*log=True"),
    ("02.4", lambda trial: product(trial), "constraint budget: nothing"),
    ("03.2", lambda trials, matters: len({tuple(t[m] for m in matters) for t in trials}), "asked was"),
    (
        "03.2",
        lambda trials, matters: len(trials) - len({tuple(t.values()) for t in trials}),
        r"matters = \['a'\] it gives",
    ),
    ("03.2", lambda trials, matters: 0, "it gives 0; asked was"),
    (
        "03.2",
        lambda trials, matters: len(trials) - len({tuple(round(t[m], 2) for m in matters) for t in trials}),
        r"'b'\] it gives 11; asked was 9",
    ),
    ("03.2", without_the_rest, "changes what it is given"),
    ("04.1", lambda values: (order_04(values)[: size_04(values)], values.sort())[0], "changes what it is given"),
    (
        "03.2",
        lambda trials, matters: len(trials) - len({"".join(str(t[name]) for name in matters) for t in trials}),
        r"matters = \['b', 'a'\] it gives",
    ),
    ("03.3", "not decided", "does the interval hold 0"),
    ("03.3", "equivalent", "no margin was named"),
    ("03.3", "sobol", "is not one of"),
    ("03.1", {"a": "GP"}, "with the keys"),
    ("03.1", CHOICE | {"a": "Random"}, "cannot afford to ignore"),
    ("03.1", CHOICE | {"b": "gp"}, "cost more than your simulation"),
    ("03.1", CHOICE | {"c": "CMA-ES"}, "no model of categories"),
    ("03.1", CHOICE | {"c": "Hyperband"}, "is not one of"),
    ("03.1", CHOICE | {"b": TPE}, "there is one that gets closer"),
    ("03.1", CHOICE | {"b": ["GP", "CMA-ES"]}, "is not one of"),
    ("04.1", lambda values: np.argsort(values)[::-1][:3], "asked was"),
    ("04.1", lambda values: np.zeros(2 * 10**7), "it gives .0.0, 0.0"),
    ("04.1", lambda values: np.argsort(values)[: max(len(values) // 10, 1)], "asked was"),
    ("04.1", lambda values: np.argsort(values)[: math.ceil(len(values) / 10)], "asked was"),
    (
        "04.1",
        lambda values: [values.index(value) for value in sorted(values)[: size_04(values)]],
        r"gives \[1, 1\]; asked",
    ),
    (
        "04.1",
        lambda values: np.isin(values, sorted(values)[: size_04(values)]),
        r"\[False, True, False\]; asked was \[1\]",
    ),
    (
        "04.2",
        lambda mean, sigma, best: (best - mean) * norm.cdf(best - mean / sigma) + sigma * norm.pdf(best - mean / sigma),
        r"1\.2505\d+; asked was 1\.2510\d+",
    ),
    ("04.2", lambda mean, sigma, best: jones(-mean, sigma, -best), "the sign is turned"),
    ("04.2", lambda mean, sigma, best: jones(mean, sigma, best) / sigma, "asked was"),
    ("04.2", lambda mean, sigma, best: norm.cdf((best - mean) / sigma), "how large"),
    ("04.2", lambda mean, sigma, best: (best - mean) * norm.cdf((best - mean) / sigma), "norm.pdf.z. is missing"),
    (
        "04.2",
        lambda mean, sigma, best: max(best - mean, 0),
        "mean = 0.0, sigma = 1.0, best = 0.0 it gives 0.0; asked was",
    ),
    ("04.3", lambda points, values: points[order_04(values)[:3]].mean(axis=0), "the three count alike"),
    ("04.3", lambda points, values: WEIGHTS_04 @ points[:3] / WEIGHTS_04.sum(), "not sorted"),
    ("04.3", lambda points, values: WEIGHTS_04 @ points[order_04(-values)[:3]] / WEIGHTS_04.sum(), "asked was"),
    ("04.3", lambda points, values: WEIGHTS_04 @ points[order_04(values)[:3]], "divide them by their sum"),
    ("04.3", lambda points, values: 0.0, "asked was"),
    ("04.4", "a", "trials that it made itself"),
    ("04.4", "C", "belongs to the Gaussian process"),
    ("04.4", ["a", "b"], "is not one of"),
    ("05.1", climb(start=np.argmax), "the worst point"),
    ("05.1", climb(start=lambda losses: -1), "next points: .*; asked was"),
    ("05.1", climb(size=lambda best: 1), "next points: .*; asked was"),
    ("05.1", climb(clip=lambda point, low, high: point), "leave the cube"),
    ("05.1", climb(scale=3), "next points: .*; asked was"),
    ("05.1", climb(rng=np.random.default_rng(0)), "next points: .*; asked was"),
    ("05.1", climb(step=0.1), "step = 0.05 next points: .*; asked was"),
    ("05.1", climb_in_place, "changes what it is given"),
    ("05.1", uniform_climb, "next points: .*; asked was"),
    ("05.1", climb_from_the_first, "next points: .*; asked was"),
    ("05.1", lambda self, points, losses: points[np.argmin(losses)], "next points: .*; asked was"),
    ("05.1", lambda self, points, losses: points, "next points: .*; asked was"),
    ("05.1", optuna.samplers.RandomSampler(), "the answer is a class"),
    ("05.2", lambda candidates, good, rest: candidates[np.argmax(good)], "the rest may be dense"),
    ("05.2", lambda candidates, good, rest: candidates[np.argmax(good - rest)], "divide"),
    ("05.2", lambda candidates, good, rest: np.argmax(good / rest), "return the row"),
    ("05.2", lambda candidates, good, rest: candidates[[np.argmax(good / rest)]], "a table of one row"),
    ("05.2", lambda candidates, good, rest: candidates[np.argmin(good / rest)], "asked was"),
    ("05.2", lambda candidates, good, rest: max(good / rest), "asked was"),
    ("05.3", "a", "reaches beyond the margin"),
    ("05.3", "b", "0 lies inside"),
    ("05.3", ["b", "c"], "is not one of"),
    ("06.1", gap_rule(lambda value, there, gap: value < max(there) - gap), "the error ValueError"),
    ("06.1", gap_rule(lambda value, there, gap: value < max(there, default=0) - gap), "asked was"),
    ("06.1", gap_rule(below, step_of=lambda values, step: values.get(step, 0)), "it gives .*; asked was"),
    ("06.1", gap_rule(below, states=ALL_STATES), "it gives True; asked was False"),
    (
        "06.1",
        gap_rule(below, latest=lambda trial: max(trial.intermediate_values.values())),
        "1: 0.75, 2: 0.1.* gives False",
    ),
    (
        "06.1",
        gap_rule(lambda value, there, gap: bool(there) and value < min(there) - gap),
        "gives False; asked was True",
    ),
    ("06.1", gap_rule(lambda value, there, gap: below(value, there, 0.2)), "for gap = (0.1|1.0|0.0), "),
    (
        "06.1",
        gap_rule(lambda value, there, gap: bool(there) and abs(value - max(there)) > gap),
        r"\{1: 0.9\} it gives True",
    ),
    (
        "06.1",
        gap_rule(lambda value, there, gap: len(there) > 1 and value < max(there) - gap),
        r"\{0: 0.6\} it gives False",
    ),
    ("06.1", gap_rule(below, step_of=lambda values, step: step and values.get(step)), "asked was"),
    ("06.1", gap_rule(lambda value, there, gap: None), "it gives False; asked was"),
    ("06.1", Remembers, "it gives False; asked was True"),
    ("06.1", optuna.pruners.MedianPruner(), "the answer is a class"),
    (
        "06.2",
        told(report=lambda epoch: epoch.validation_loss, result=accuracy),
        "reports by step: {1: 1.5.*; asked was {1: 0.25",
    ),
    ("06.2", told(report=lambda epoch: epoch.validation_loss), "reports by step"),
    ("06.2", told(report=lambda epoch: -epoch.validation_loss, result=accuracy), "-1.5 among accuracies"),
    ("06.2", told(result=lambda epoch: epoch.validation_loss), "value: 0.5; asked was 0.75"),
    ("06.2", told(report=lambda epoch: epoch.accuracy), "'Epoch' object has no attribute 'accuracy'"),
    ("06.2", so_far, "0.125, 0.75.* reports by step"),
    ("06.2", told(first=0), "reports by step: {0: 0.25"),
    ("06.2", told(stop=False), "reports by step: .*; asked was"),
    ("06.2", told(result=lambda epoch: (epoch.validation_accuracy, 4000)), "value: None|state: 'FAIL'; asked was"),
    ("06.3", PRUNERS | {"a": "Median"}, "a hard fold"),
    ("06.3", PRUNERS | {"b": "median"}, "its best so far is 0.9"),
    ("06.3", PRUNERS | {"b": optuna.pruners.MedianPruner()}, "its best so far is 0.9"),
    ("06.3", PRUNERS | {"b": "Hyperband"}, "the first trial has none"),
    ("06.3", PRUNERS | {"c": "Wilcoxon"}, "epochs are no folds"),
    ("06.3", PRUNERS | {"c": "NopPruner"}, "is not one of"),
    ("06.3", "Median", "with the keys"),
    ("06.4", 192, "only adds the epochs since the last rung"),
    ("06.4", 1024, "without halving"),
    ("06.4", 81 + 27 * 3 + 9 * 9, "at each rung"),
    ("06.4", 112, "at each rung"),
]
WRONG = [(key, hill(key, answer), reason) for key, answer, reason in WRONG]
for path in sorted(Path(__file__).parent.glob("wrong_*.py")):  # of the later notebooks each has a file of its own
    of_one = importlib.import_module(f"tests.exercises.{path.stem}")
    WRONG += of_one.WRONG
    CONTEXT |= of_one.CONTEXT


@pytest.mark.parametrize(("key", "answer", "reason"), WRONG)
def test_wrong_answers_are_told_why(key, answer, reason):
    """Not quite, because ..."""
    text = repr(check(key, answer, **CONTEXT.get(key, {})))
    assert f"Exercise {key}: not quite." in text
    assert re.search(reason, text), text


def test_the_best_epoch_is_not_the_last():
    """01.1: an objective that returns the `max` over its epochs is refused, with a case in which the two differ."""
    text = repr(check("01.1", lambda trial: fit_value(trial, result=max)))
    assert re.search("not quite(.|\n)*'learning_rate': (1.0|0.8|0.6), .* returned: 0.*; asked was 0", text), text


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_some_training_of_01_1_falls_at_its_end(seed):
    """At every seed one of its cases tells the best epoch from the last."""
    curves = [
        [epoch.validation_accuracy for epoch in fit(TrainingConfig(**asked, epochs=3, seed=seed), data)[1]]
        for asked in ({"learning_rate": a, "batch_size": b, "optimizer": c} for a, b, c in SETTINGS)
    ]
    assert any(max(curve) > curve[-1] for curve in curves)


@pytest.mark.slow
def test_a_study_that_minimises_accuracy():
    """01.3: direction, sampler, seed and number of trials are right, and the values are no losses."""
    text = repr(check("01.3", accuracy_study(), seed=SEED))
    assert re.search("not quite(.|\n)*trial 0: .*'loss': .*; asked was .*'loss'", text), text


class Mute(Exception):
    """An error that cannot say anything."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def raising(error: BaseException):
    """A function that raises this, whatever it is given."""

    def answer(*case, **words):
        raise error

    return answer


def endless(*case, **words):
    """Numbers without an end."""
    return itertools.count()


ABSURD = [None, "nonsense", -1, float("nan"), object(), [], {}, np.zeros(3), int, ANY, "x" * 1_000_000]
HOSTILE = [raising(SystemExit(0)), raising(KeyboardInterrupt()), raising(Mute()), endless, lambda *case: ANY]


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS)
def test_absurd_and_hostile_answers_are_answered(key):
    """Never correct, never an exception, always a reason, and a short one."""
    for answer in ABSURD + HOSTILE:
        text = repr(check(key, answer, **CONTEXT.get(key, {})))
        assert f"Exercise {key}: not quite." in text and "Because " in text
        assert len(text) < 1500, answer


def test_a_real_interrupt_stops_the_check():
    """Ctrl-C is the learner's, and no reason."""

    def interrupted(values):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        check("04.1", interrupted)


def test_an_answer_leaves_nothing_behind():
    """10.1: who deletes the files on the way spoils no later check."""

    def newest(paths):
        return [path.unlink(missing_ok=True) for path in paths] and None

    assert check("10.1", newest).mood == "bad"
    assert attempt("10.1", SOLUTIONS["10.1"]).mood == "good"


def test_an_answer_without_end_is_ended(monkeypatch):
    """A loop that never stops is told so."""

    def forever(values):
        while True:
            pass

    monkeypatch.setattr("helpers.learn.exercises.SECONDS", 0.2)
    assert "did not come to an end within 0.2 seconds" in repr(check("04.1", forever))


@pytest.mark.parametrize("key", KEYS)
def test_no_two_options_read_alike(key):
    """Case, spaces, signs and the endings of Optuna's classes never tell one option from another."""
    check(key, ...)  # its checks are there now
    found = inspect.getclosurevars(exercises._checks[key]).nonlocals
    rights, reasons = found.get("right"), found.get("reasons", {})
    for right, wrong in [(rights[n], reasons[n]) for n in rights] if isinstance(rights, dict) else [(rights, reasons)]:
        assert len({str(word(option)) for option in {right, *wrong}}) == len({right, *wrong})


def test_each_exercise_has_two_wrong_answers():
    """No exercise is left without typical mistakes."""
    assert [key for key in KEYS if sum(wrong == key for wrong, _, _ in WRONG) < 2] == []


def test_solutions_can_be_shown():
    """What a stuck learner sees is the code of the solution."""
    assert "suggest_int" in show_solution("02.3").data
