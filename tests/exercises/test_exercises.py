"""Typical wrong answers are told why; absurd ones are answered, too. Solutions are proved with the notebooks."""

from __future__ import annotations

import importlib
import itertools
import math
import re
import signal
from unittest.mock import ANY

import numpy as np
import optuna
import pandas as pd
import pytest
from scipy.stats import norm

from helpers.learn import check, show_solution
from helpers.learn.exercises import read_solutions
from helpers.training.data import load_dataset
from helpers.training.train import TrainingConfig, fit
from tests.tools.store_outputs import all_notebooks

SEED = 0
KEYS = [key for path in all_notebooks() for key in read_solutions(path.name[:2])]
data = load_dataset()


def score(**settings) -> float:
    """As in notebook 00."""
    return fit(TrainingConfig(**settings, epochs=3, seed=SEED), data)[1][-1].validation_accuracy


def fit_value(trial, last: str = "validation_accuracy", log: bool = True, **changes) -> float:
    """An objective for exercise 01.1 with something of it changed."""
    config = {
        "learning_rate": trial.suggest_float("learning_rate", 0.001, 1, log=True),
        "batch_size": trial.suggest_int("batch_size", 16, 256, log=log),
        "optimizer": trial.suggest_categorical("optimizer", ["sgd", "adam"]),
        "epochs": 3,
        "seed": SEED,
    }
    _, epochs = fit(TrainingConfig(**(config | changes)), data)
    return getattr(epochs[-1], last)


def study_of(direction: str, sampler, trials: int) -> optuna.Study:
    """An answer to exercise 01.3."""
    study = optuna.create_study(direction=direction, sampler=sampler)
    study.optimize(lambda trial: trial.suggest_float("learning_rate", 1e-3, 1, log=True), n_trials=trials)
    return study


TABLE = pd.DataFrame({"value": [0.9, 0.985, 0.983, 0.97, 0.99, 0.2, 0.96]})
CONTEXT = {
    "00.1": {"scores": [0.41, 0.90, 0.13, 0.93, 0.88]},
    "00.3": {"score": score},
    "01.2": {"trials": TABLE},
    "01.3": {"seed": SEED},
    "03.3": {"seeds": range(30)},
}
GOOD = {"learning_rate": 0.3, "momentum": 0.5, "width": 100, "dropout": 0.0}
TPE, Random = optuna.samplers.TPESampler, optuna.samplers.RandomSampler


def product(trial, log: bool = True) -> int:
    """What exercise 02.4 returns."""
    return trial.suggest_int("batch_size", 16, 512, log=log) * trial.suggest_int("epochs", 1, 20)


def constrained(value, name: str = "budget"):
    """An answer to exercise 02.4 whose constraint is `value` of the product."""

    def objective(trial):
        trial.set_constraint(name, value(product(trial)))
        return product(trial)

    return objective


CHOICE = {"a": "GP", "b": "CMA-ES", "c": "TPE"}

WEIGHTS_04 = np.log(3.5) - np.log([1, 2, 3])


def order_04(values) -> np.ndarray:
    """From the lowest value to the highest."""
    return np.argsort(values)


def climb(start=np.argmin, size=len, clip=np.clip, scale=1.0, rng=None):
    """An answer to exercise 05.1 with something of it changed."""

    def propose(self, points, losses):
        best = points[start(losses)]
        return clip(best + (rng or self.rng).normal(0, scale * self.step, size=size(best)), 0, 1)

    return propose


def hill(key: str, method: object) -> object:
    """For exercises 05.1 and 05.2 a class with this method; any other answer as it is."""
    name = {"05.1": "propose", "05.2": "good_count"}.get(key)
    if name is None or not callable(method):
        return method
    return type("Hill", (), {name: method, "__init__": lambda self, seed: setattr(self, "seed", seed)})


def uniform_climb(self, points, losses):
    """Steps of the right size from the wrong distribution."""
    best = points[np.argmin(losses)]
    return np.clip(best + self.rng.uniform(-1.732, 1.732, size=len(best)) * self.step, 0, 1)


def deaf_climb(self, points, losses):
    """A step that does not listen to self.step."""
    best = points[np.argmin(losses)]
    return np.clip(best + self.rng.normal(0, 0.1, size=len(best)), 0, 1)


def last_value(trial) -> float:
    """What it reported last."""
    return trial.intermediate_values[trial.last_step]


def gap_rule(rule, states=(optuna.trial.TrialState.COMPLETE,), latest=last_value):
    """An answer to exercise 06.1: `rule` of the latest value, the others' values at the step, and the gap."""

    class Gap(optuna.pruners.BasePruner):
        def __init__(self, gap):
            self.gap = gap

        def prune(self, study, trial):
            others = [other.intermediate_values for other in study.get_trials(states=states)]
            there = [values[trial.last_step] for values in others if trial.last_step in values]
            return rule(latest(trial), there, self.gap)

    return Gap


def told(report=lambda epoch: epoch.validation_accuracy, result=None, first=1, constraint=None, stop=True):
    """An answer to exercises 06.3 and 06.4 with something of it changed."""

    def objective(trial, curve, weights=0):
        if constraint:
            trial.set_constraint(*constraint(weights))
        for epoch in curve:
            trial.report(report(epoch), epoch.number + first)
            if stop and trial.should_prune():
                raise optuna.TrialPruned()
        return (result or report)(epoch)

    return objective


def so_far(trial, curve) -> float:
    """An answer to exercise 06.3 that reports the best so far."""
    for number in range(len(curve)):
        trial.report(max(epoch.validation_accuracy for epoch in curve[: number + 1]), number + 1)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return curve[-1].validation_accuracy


def hyperband(seed, **changes):
    """An answer to exercise 06.5 with something of it changed."""
    settings = {
        "study_name": "a", "direction": "maximize", "sampler": Random(seed=seed),
        "pruner": optuna.pruners.HyperbandPruner(max_resource=27),
    }  # fmt: skip
    return optuna.create_study(**(settings | changes))


def folded(stopped, ask=lambda trial: trial.should_prune()):
    """An answer to exercise 06.8 that returns `stopped` of the scores when told to stop."""

    def objective(trial, scores):
        seen = []
        for fold, score in enumerate(scores):
            seen.append(score)
            trial.report(score, fold)
            if ask(trial):
                return stopped(seen)
        return float(np.mean(seen))

    return objective


def prune(_):
    """As a colleague did."""
    raise optuna.TrialPruned()


def below(value, there, gap) -> bool:
    """The rule of exercise 06.1."""
    return bool(there) and value < max(there) - gap


LOSS = {"report": lambda epoch: epoch.validation_loss, "result": lambda epoch: epoch.validation_accuracy}
ALL_STATES = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)


WRONG = [
    ("00.1", [0.41, 0.90, 0.13, 0.93, 0.88], "never goes down"),
    ("00.1", [0.93] * 5, "cannot know the later ones"),
    ("00.1", [0.41, 0.90, 0.13, 0.93, 0.93], "after trial 2"),
    ("00.1", "0.93", "a list of 5 numbers"),
    ("00.2", 24, "every setting of one knob goes with every setting of the others"),
    ("00.2", 4096, "turn it round"),
    ("00.2", 1297, "multiply"),
    ("00.2", "many", "a text: write a number"),
    ("00.3", GOOD | {"learning_rate": 0.0001}, "with larger steps alone it would"),
    ("00.3", GOOD | {"learning_rate": 3.0}, "outside of its range"),
    ("00.3", GOOD | {"width": 99.5}, "whole number"),
    ("00.3", GOOD | {"dropout": float("nan")}, "outside of its range"),
    ("00.3", {"learning_rate": 0.3}, "four knobs"),
    ("00.3", 7, "dictionary"),
    ("01.1", lambda trial: trial.suggest_float("learning_rate", 0.001, 1), "equal factors"),
    ("01.1", lambda trial: fit_value(trial, log=False), "equal factors, so it wants log=True"),
    ("01.1", lambda trial: fit_value(trial, last="validation_loss"), "it returned"),
    ("01.1", lambda trial: fit_value(trial, optimizer="adam", epochs=5), "training 3 epochs"),
    ("01.1", lambda trial: fit_value(trial) and None, "return one number"),
    ("01.1", lambda: 1, "raised TypeError"),
    ("01.1", 0.95, "the answer is a function"),
    ("01.2", 7, "every trial"),
    ("01.2", 2, "the best trial itself counts"),
    ("01.2", 4, "turn the comparison round"),
    ("01.2", 0.5, "not a count"),
    ("01.3", study_of("maximize", TPE(seed=SEED), 12), "direction='minimize'"),
    ("01.3", study_of("minimize", Random(seed=SEED), 12), "use TPESampler"),
    ("01.3", study_of("minimize", TPE(seed=SEED), 5), "5 trials, not 12"),
    ("01.3", study_of("minimize", TPE(seed=SEED + 99), 12), r"TPESampler\(seed=SEED\)"),
    ("01.3", 12, "not a study"),
    ("01.4", "a", "the luckier the best"),
    ("01.4", "C", "choosing is a kind of training"),
    ("01.4", ["b"], "is not one of"),
    ("02.1", lambda trial: trial.suggest_categorical("width", [16, 32]), "asked were"),
    ("02.1", lambda trial: trial.suggest_int("width", 16, 128), "suggest_categorical"),
    ("02.1", lambda trial: trial.suggest_categorical("w", [16, 32, 64, 128]), "never asked for 'width'"),
    (
        "02.1",
        lambda trial: trial.suggest_categorical("width", [16, 32] if trial.number < 1 else [16, 32, 64, 128]),
        "does not support dynamic value space",
    ),
    ("02.2", lambda trial: trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True), "never asked for 'use_decay'"),
    (
        "02.2",
        lambda trial: (
            trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True)
            * trial.suggest_categorical("use_decay", [True, False])
        ),
        "inside the `if`",
    ),
    (
        "02.2",
        lambda trial: (
            trial.suggest_float("weight_decay", 1e-6, 1e-2)
            if trial.suggest_categorical("use_decay", [True, False])
            else 0.0
        ),
        "log=True",
    ),
    ("02.2", lambda trial: trial.suggest_float("weight_decay", 0, 1e-2, log=True), "must hold for `log=True`"),
    (
        "02.3",
        lambda trial: [trial.suggest_int("width", 8, 64) for _ in range(trial.suggest_int("depth", 1, 3))],
        "share the name 'width'",
    ),
    (
        "02.3",
        lambda trial: [trial.suggest_int(f"width_{n}", 8, 128) for n in range(trial.suggest_int("depth", 1, 3))],
        "goes from 8 to 128",
    ),
    ("02.3", lambda trial: [trial.suggest_int(f"width_{n}", 8, 64) for n in range(3)], "never asked for 'depth'"),
    ("02.3", None, "hand over the function itself"),
    ("02.4", constrained(lambda used: 1280 - used), "turn the sign"),
    ("02.4", constrained(lambda used: used), "so use product - 1280"),
    ("02.4", constrained(lambda used: used - 1280, name="room"), 'no constraint named "budget"'),
    ("02.4", lambda trial: product(trial, log=False), "equal factors"),
    ("02.4", lambda trial: product(trial), "no constraint named"),
    ("03.1", lambda values, optimum: np.maximum.accumulate(values) - optimum, "the sign is turned"),
    ("03.1", lambda values, optimum: optimum - np.array(values), "never rises"),
    ("03.1", lambda values, optimum: optimum - max(values), "one number for each trial"),
    ("03.1", lambda values, optimum: optimum - np.minimum.accumulate(values), "the worst so far"),
    ("03.1", lambda values, optimum: 1 - np.maximum.accumulate(values), r"it gives \[4.0"),
    ("03.1", lambda values, optimum: optimum - np.maximum.accumulate([0, *values])[1:], "yours begins at 0"),
    ("03.1", 0.5, "the answer is a function"),
    ("03.2", lambda trials, matters: len({tuple(t[n] for n in matters) for t in trials}), "how many different trials"),
    ("03.2", lambda trials, matters: len(trials) - len({str(t) for t in trials}), "you compare every knob"),
    ("03.2", lambda trials, matters: 0, "it gives 0; asked was 2"),
    ("03.3", "QMC", "chance alone often does that"),
    ("03.3", "Random", "chance alone often does that"),
    ("03.3", True, "is not one of"),
    ("03.4", CHOICE | {"a": "Random"}, "cannot afford to ignore"),
    ("03.4", CHOICE | {"b": "GP"}, "soon cost more"),
    ("03.4", CHOICE | {"c": "CMA-ES"}, "no model of categories"),
    ("03.4", CHOICE | {"c": "NSGA-II"}, "is not one of"),
    ("03.4", "GP", "a dictionary with the keys"),
    ("04.1", lambda values: order_04(values)[-min(-(-len(values) // 10), 25) :].tolist(), "here lower is better"),
    ("04.1", lambda values: order_04(values)[: min(len(values) // 10, 25)].tolist(), "you round down"),
    ("04.1", lambda values: order_04(values)[: -(-len(values) // 10)].tolist(), "never has more than 25"),
    ("04.1", lambda values: sorted(values)[: min(-(-len(values) // 10), 25)], "these are the values"),
    ("04.1", lambda values: list(range(min(-(-len(values) // 10), 25))), "these are the first trials"),
    ("04.1", lambda values: "the best", "gives 'the best'; asked was \\[1\\]"),
    ("04.1", [0, 1, 2], "hand over the function itself"),
    (
        "04.2",
        lambda mean, sigma, best: (
            (mean - best) * norm.cdf((mean - best) / sigma) + sigma * norm.pdf((mean - best) / sigma)
        ),
        "lower is better here",
    ),
    (
        "04.2",
        lambda mean, sigma, best: (
            (best - mean) / sigma * norm.cdf((best - mean) / sigma) + norm.pdf((best - mean) / sigma)
        ),
        "multiply by sigma once more",
    ),
    ("04.2", lambda mean, sigma, best: (best - mean) * norm.cdf((best - mean) / sigma), "is missing"),
    ("04.2", lambda mean, sigma, best: max(best - mean, 0.0), "average over the whole band"),
    ("04.2", lambda mean, sigma, best: norm.cdf((best - mean) / sigma), "how large"),
    ("04.2", lambda mean, sigma, best: best - mean + sigma, "asked was"),
    ("04.3", lambda points, values: points[order_04(values)[:3]].mean(axis=0), "the largest weight"),
    ("04.3", lambda points, values: points.mean(axis=0), "only the better half"),
    ("04.3", lambda points, values: WEIGHTS_04 @ points[:3] / WEIGHTS_04.sum(), "not sorted"),
    ("04.3", lambda points, values: WEIGHTS_04 @ points[order_04(-values)[:3]] / WEIGHTS_04.sum(), "worst three"),
    ("04.3", lambda points, values: WEIGHTS_04 @ points[order_04(values)[:3]], "divide them by their sum"),
    ("04.3", lambda points, values: points[order_04(values)[0]], "the best point alone"),
    ("04.3", lambda points, values: 0.0, "asked was"),
    ("04.4", "a", "trials that it made itself"),
    ("04.4", "C", "belongs to the Gaussian process"),
    ("04.4", ["b"], "is not one of"),
    ("05.1", climb(start=np.argmax), "argmin"),
    ("05.1", climb(start=lambda losses: -1), "steps start around"),
    ("05.1", climb(size=lambda best: 1), "along a diagonal"),
    ("05.1", climb(clip=lambda point, low, high: point), "steps out of the cube"),
    ("05.1", climb(scale=3), "self.step is 0.1"),
    ("05.1", climb(rng=np.random.default_rng(0)), "draw from self.rng alone"),
    ("05.1", lambda self, points, losses: points[np.argmin(losses)], "the same step every time"),
    ("05.1", lambda self, points, losses: points, "return one point"),
    ("05.2", lambda self, n: min(0.25 * n**0.5, 25), "round up"),
    ("05.2", lambda self, n: min(math.ceil(0.1 * n), 25), "a quarter of"),
    ("05.2", lambda self, n: min(math.ceil(math.sqrt(0.25 * n)), 25), "outside of the root"),
    ("05.2", lambda self, n: math.ceil(0.25 * n**0.5), "never more than 25"),
    ("05.2", lambda self, n: int(0.25 * n**0.5), "n = 1 it gives 0; asked was 1"),
    ("05.3", lambda point: np.clip(point, 0, 1), "stops at the wall"),
    ("05.3", lambda point: point % 1, "fold it back"),
    ("05.3", np.abs, "at 0 alone"),
    ("05.3", lambda point: 1 - point, "asked was"),
    ("05.4", "a", "no proof"),
    ("05.4", "b", "found none"),
    ("05.4", ["c"], "is not one of"),
    ("05.1", uniform_climb, "never reach far"),
    ("05.1", deaf_climb, "not a number"),
    ("05.2", lambda self, n: min(np.ceil(0.25 * n**0.5), 25), "make a whole number"),
    ("05.5", lambda candidates, good, rest: candidates[np.argmax(good.density(candidates))], "weigh it against"),
    (
        "05.5",
        lambda candidates, good, rest: candidates[np.argmax(rest.density(candidates) / good.density(candidates))],
        "upside down",
    ),
    ("05.5", lambda candidates, good, rest: candidates[np.argmin(rest.density(candidates))], "thinnest"),
    (
        "05.5",
        lambda candidates, good, rest: np.argmax(good.density(candidates) / rest.density(candidates)),
        "the number of",
    ),
    ("05.5", lambda candidates, good, rest: candidates[0], "asked was"),
    ("06.1", gap_rule(lambda value, there, gap: value < max(there) - gap), "the error ValueError"),
    ("06.1", gap_rule(below, states=ALL_STATES), "pruned trials are compared with"),
    ("06.1", gap_rule(below, latest=lambda trial: max(trial.intermediate_values.values())), "it may have fallen back"),
    ("06.1", gap_rule(lambda value, there, gap: bool(there) and value < min(there) - gap), "compares with the lowest"),
    ("06.1", gap_rule(lambda value, there, gap: below(value, there, 0.2)), "use self.gap"),
    ("06.1", gap_rule(lambda value, there, gap: None), "it gives None; asked was False"),
    ("06.1", optuna.pruners.MedianPruner(), "the answer is a class"),
    ("06.2", lambda trial, value, step=None: trial.report(value, step) if step else None, "step 0 was not reported"),
    ("06.2", lambda trial, value, step=None: trial.report(value, step) if isinstance(step, int) else None, "NumPy"),
    ("06.2", lambda trial, value, step=None: trial.report(value, step), "without a step"),
    ("06.3", told(**LOSS), "it reports the loss"),
    ("06.3", told(report=lambda epoch: epoch.validation_loss), "it reports and returns the loss"),
    ("06.3", told(LOSS["report"], result=LOSS["report"]), "it reports and returns the loss"),
    ("06.3", told(report=lambda epoch: -epoch.validation_loss, result=LOSS["result"]), "a negative loss rises too"),
    ("06.3", told(result=lambda epoch: epoch.validation_loss), "report and return the same metric"),
    ("06.3", lambda trial, curve: so_far(trial, curve), "it reports the best so far"),
    ("06.3", told(first=0), "count the epochs from one"),
    ("06.3", told(stop=False), "raise optuna.TrialPruned"),
    ("06.4", told(), "set it before the first epoch"),
    ("06.4", told(constraint=lambda weights: ("weights", 5000 - weights)), "so use weights - 5000"),
    ("06.4", told(constraint=lambda weights: ("size", weights - 5000)), "has no constraint"),
    ("06.4", told(result=lambda epoch: (epoch.validation_accuracy, 4000)), "several values"),
    ("06.1", gap_rule(lambda value, there, gap: value < max(there, default=0) - gap), "asked was"),
    ("06.5", lambda seed: hyperband(seed, pruner=optuna.pruners.HyperbandPruner()), "set max_resource"),
    ("06.5", lambda seed: hyperband(seed, study_name=None), "give study_name"),
    ("06.5", lambda seed: hyperband(seed, sampler=Random()), "seed the sampler"),
    ("06.5", lambda seed: hyperband(0), "hand `seed` to the sampler"),
    ("06.5", lambda seed: hyperband(seed, direction="minimize"), "it minimises"),
    ("06.5", lambda seed: hyperband(seed, pruner=optuna.pruners.MedianPruner()), "should be Hyperband"),
    ("06.5", lambda seed: hyperband(seed, pruner=optuna.pruners.HyperbandPruner(max_resource=9)), "set max_resource"),
    ("06.6", lambda trials: max((t for t in trials if t.value), key=lambda t: t.value).number, "only its last report"),
    (
        "06.6",
        lambda trials: min((t for t in trials if t.state.name == "COMPLETE"), key=lambda t: t.value).number,
        "take the highest",
    ),
    ("06.6", lambda trials: 1, "gives 1; asked was 5"),
    ("06.6", lambda trials: trials[5], "gives an object of type FrozenTrial"),
    (
        "06.6",
        lambda trials: int(np.argmax([t.value for t in trials if t.state.name == "COMPLETE"])),
        "a place in the list",
    ),
    ("06.7", optuna.pruners.HyperbandPruner(max_resource=27), "judge the curve by itself"),
    ("06.8", folded(np.median), "returns the median"),
    ("06.7", optuna.pruners.MedianPruner(), "its best so far is 0.9"),
    ("06.7", optuna.pruners.ThresholdPruner(lower=0.2), "give it more time"),
    ("06.7", optuna.pruners.ThresholdPruner(lower=0.2, n_warmup_steps=15), "to stop within ten"),
    ("06.7", optuna.pruners.WilcoxonPruner(), "epochs are no folds"),
    ("06.8", folded(prune), "the mean of the folds is lost"),
    ("06.8", folded(lambda seen: seen[-1]), "the last fold's score"),
    ("06.8", folded(sum), "returns the sum"),
    ("06.8", folded(np.mean, ask=lambda trial: False), "it runs every fold"),
    ("06.9", 192, "only adds the epochs since the last rung"),
    ("06.9", 1024, "without halving"),
    ("06.9", 112, "the last rung is missing"),
    ("06.9", 500, "at each rung"),
]
WRONG = [(key, hill(key, answer), reason) for key, answer, reason in WRONG]
for path in all_notebooks()[7:]:  # of the later notebooks each has a file of its own
    of_one = importlib.import_module(f"tests.exercises.wrong_{path.name[:2]}")
    WRONG += of_one.WRONG
    CONTEXT |= of_one.CONTEXT


@pytest.mark.parametrize(("key", "answer", "reason"), WRONG)
def test_wrong_answers_are_told_why(key, answer, reason):
    """Not quite, because ..."""
    text = repr(check(key, answer, **CONTEXT.get(key, {})))
    assert f"Exercise {key}: not quite." in text
    assert re.search(reason, text), text


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


def test_an_answer_without_end_is_ended(monkeypatch):
    """A loop that never stops is told so."""

    def forever(values):
        while True:
            pass

    monkeypatch.setattr("helpers.learn.exercises.SECONDS", 0.2)
    assert "did not come to an end within 0.2 seconds" in repr(check("04.1", forever))


def test_each_exercise_has_two_wrong_answers():
    """No exercise is left without typical mistakes."""
    assert all(sum(wrong == key for wrong, _, _ in WRONG) >= 2 for key in KEYS)


@pytest.mark.parametrize("count", [2, 3])
def test_a_tie_at_the_border_counts_either_way(count):
    """0.99 - 0.98 is not 0.01 in a computer: exercise 01.2 accepts both ways of writing the comparison."""
    assert "correct" in repr(check("01.2", count, trials=pd.DataFrame({"value": [0.99, 0.985, 0.98, 0.5, 0.2]})))


def test_solutions_can_be_shown():
    """What a stuck learner sees is the code of the solution."""
    assert "suggest_int" in show_solution("02.3").data
