"""Checks of notebook 11, best practices: the lab of broken studies. Exercise 11.1 has a module of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.samplers import RandomSampler
from optuna.storages import InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FixedTrial, TrialState
from sklearn.neighbors import KNeighborsClassifier

from helpers.exercises import apart as apart  # registers 11.1
from helpers.learn.exercises import NotQuite, check_function, exercise, is_number, tell

LAYERS = {(32,), (64, 32), (64, 64)}


def _study(answer: object) -> optuna.Study:
    if not isinstance(answer, optuna.Study):
        raise NotQuite(f"it returned {type(answer).__name__}: return the study.")
    return answer


def _draws(study: optuna.Study) -> list[Mapping]:
    return [trial.params for trial in study.get_trials(deepcopy=False)]


@exercise("11.2")
def seeded_study(function: Callable) -> str:
    """Same seed, same trials; another seed, others; whatever was drawn before."""
    check_function(function)
    first = _study(function(3))
    if len(first.trials) != 12:
        raise NotQuite(f"the study has {len(first.trials)} trials: keep the twelve.")
    np.random.random(5)
    if _draws(first) != _draws(_study(function(3))):
        if first.sampler is function(3).sampler:
            raise NotQuite("the sampler was made once, and goes on drawing from study to study: make it inside.")
        raise NotQuite("two studies with seed 3 draw different values: it is the sampler that needs the seed, and one "
                       "trial runs at a time (with n_jobs the order is left to chance).")  # fmt: skip
    if _draws(first)[0] == _draws(_study(function(4)))[0]:
        raise NotQuite("seeds 3 and 4 draw the same: hand the seed on instead of a fixed number.")
    return "Only the sampler's own seed counts for what is suggested; torch's counts for the training."


@exercise("11.3")
def evening(function: Callable) -> str:
    """10, 10 and 5 trials, all different, and the same 25 when all is done again."""
    check_function(function)
    everything = []
    for seed in (3, 3, 4, 13, 23):
        storage, counts = InMemoryStorage(), []
        for _ in range(4):
            study = _study(function(storage, seed))
            counts.append(len(study.trials))
            if len(counts) == 1 and counts != [10]:
                raise NotQuite(f"the first evening ends with {counts[0]} trials: ten an evening were asked for.")
            drawn = [tuple(params.values()) for params in _draws(study)]
            if len(set(drawn)) < len(drawn):
                raise NotQuite(f"after evening {len(counts)} only {len(set(drawn))} of {len(drawn)} draws are "
                               "different: each evening needs random numbers of its own.")  # fmt: skip
        if counts != [10, 20, 25, 25]:
            raise NotQuite(f"after four evenings there were {counts} trials, asked was [10, 20, 25, 25]: "
                           "n_trials counts what is to come, not what there is.")  # fmt: skip
        everything.append(drawn)
    if everything[0] != everything[1]:
        raise NotQuite("all evenings done again with the same seed draw other values: without a seed nobody can.")
    for other, draws in zip((4, 13, 23), everything[2:], strict=True):
        if set(everything[0]) & set(draws):
            raise NotQuite(f"seeds 3 and {other} share draws: keep them apart, as in SeedSequence([seed, done]).")
    return "No draw twice, never more than 25, and anyone can do it again."


@exercise("11.4")
def layers(function: Callable) -> str:
    """A tuple, during the search and when the stored winner is read, and choices that a database keeps."""
    check_function(function)
    with TemporaryDirectory() as folder:
        storage = JournalStorage(JournalFileBackend(str(Path(folder, "journal"))))
        study = optuna.create_study(storage=storage, sampler=RandomSampler(seed=0))
        found = set()
        for _ in range(20):
            trial = study.ask()
            found.add(_tuple(function(trial), "from a running trial"))
            if not trial.params:
                raise NotQuite("it asks the trial for nothing: keep the suggestion.")
            spaces = [space for space in trial.distributions.values() if isinstance(space, CategoricalDistribution)]
            if any(not isinstance(choice, str | int | float | bool) for space in spaces for choice in space.choices):
                raise NotQuite("its choices are still tuples or lists, which a database cannot keep: suggest a word.")
            study.tell(trial, 0.0)
        if found != LAYERS:
            raise NotQuite(f"over twenty trials it gives {sorted(found)}, asked were {sorted(LAYERS)}.")
        for stored in optuna.load_study(study_name=study.study_name, storage=storage).trials:
            if _tuple(function(stored), "from a stored trial") != function(FixedTrial(stored.params)):
                raise NotQuite("a stored trial gives other layers than its parameters did.")
    return "The database keeps a word, and the code keeps what the word means."


def _tuple(value: object, when: str) -> tuple:
    if not isinstance(value, tuple):
        raise NotQuite(f"{when} it returned {value!r}: return a tuple.")
    return value


@exercise("11.5")
def make_objective(function: Callable) -> str:
    """One split a study: equal settings score equally, and the training part does not judge."""
    check_function(function)
    objective, again, *others = (function(seed) for seed in (3, 3, *range(4, 12)))
    for made in (objective, again, *others):
        if not callable(made):
            raise NotQuite("make_objective(seed) returns an objective: a function that takes a trial.")

    def score(made: Callable, neighbours: int, number: int = 0) -> float:
        with watched_images() as shared:
            value = made(trial := FixedTrial({"n_neighbors": neighbours}, number=number))
        if not isinstance(trial.distributions.get("n_neighbors"), IntDistribution):
            raise NotQuite('it asks for "n_neighbors" as no whole number: keep suggest_int.')
        if shared:
            raise NotQuite(f"{len(shared)} of the images that judge were learned: split them so that none is in both.")
        if not is_number(value):
            raise NotQuite(f"the objective returned {value!r}: return the accuracy.")
        return float(value)

    choices = (1, 5, 15)
    first = [score(objective, k) for k in choices]
    if first != [score(objective, k, number=k) for k in choices]:
        raise NotQuite("the same setting still scores differently from trial to trial: draw the split once, outside.")
    if first != [score(again, k) for k in choices]:
        raise NotQuite("make_objective(3) made twice gives two different splits: the split needs the seed.")
    if len(set(first)) == 1:
        raise NotQuite("1, 5 and 15 neighbours score alike: hand the trial's value on.")
    if all(first == [score(other, k) for k in choices] for other in others):
        raise NotQuite("nine seeds score alike, as if they gave the same split: hand the seed on.")
    return "Now two trials differ by their setting alone. How good the winner is on *other* images, fresh splits tell."


@contextmanager
def watched_images() -> Iterator[set[bytes]]:
    """The images that a classifier has learned and is asked for, too, as they come."""
    learned: set[bytes] = set()
    shared: set[bytes] = set()
    fit, predict = KNeighborsClassifier.fit, KNeighborsClassifier.predict

    def watch_fit(model: KNeighborsClassifier, images: np.ndarray, labels: object) -> KNeighborsClassifier:
        learned.update(row.tobytes() for row in np.asarray(images))
        return fit(model, images, labels)

    def watch_predict(model: KNeighborsClassifier, images: np.ndarray) -> np.ndarray:
        shared.update(learned.intersection(row.tobytes() for row in np.asarray(images)))
        return predict(model, images)

    with patch.multiple(KNeighborsClassifier, fit=watch_fit, predict=watch_predict):
        yield shared


@exercise("11.6")
def enqueue_checked(function: Callable) -> str:
    """Unknown names and values outside the ranges are refused, with a word; the rest is really tried."""
    check_function(function)
    space = {"learning_rate": (1e-4, 1.0), "momentum": (0.0, 0.95)}

    def first_params(params: Mapping) -> Mapping:
        study = optuna.create_study(sampler=RandomSampler(seed=0))
        try:
            function(study, dict(params), dict(space))
        except ValueError:
            if study.trials:
                raise NotQuite(f"it enqueues {dict(params)} before it refuses: look first, then enqueue.") from None
            raise
        study.optimize(lambda trial: sum(trial.suggest_float(name, *ends) for name, ends in space.items()), n_trials=1)
        return study.trials[0].params

    wrong = {"a name that is not in space": {"learning_rat": 0.1, "momentum": 0.5},
             "a value above the range": {"learning_rate": 0.1, "momentum": 0.99},
             "a value below the range": {"learning_rate": 1e-5}}  # fmt: skip
    for what, params in wrong.items():
        try:
            first_params(params)
        except ValueError as refusal:
            culprit = next(name for name in params if name not in space or not _inside(params[name], space[name]))
            if culprit not in str(refusal):
                raise NotQuite(f"it refuses {what} without naming it: say {culprit!r} in the ValueError.") from None
        else:
            raise NotQuite(f"{what} was let in: raise a ValueError.")
    for params in ({"learning_rate": 0.1, "momentum": 0.95}, {"momentum": 0.0}):
        try:
            tried = first_params(params)
        except ValueError as refusal:
            raise NotQuite(f"it refuses {params}, which is fine: {refusal}") from None
        if any(tried[name] != value for name, value in params.items()):
            raise NotQuite(f"asked was {params}, and trial 0 tried {tried}: hand it to study.enqueue_trial.")
    return "A guess that is worth making is worth trying as it was written."


def _inside(value: float, ends: tuple[float, float]) -> bool:
    return ends[0] <= value <= ends[1]


@exercise("11.7")
def careful(function: Callable, diverging: Callable) -> str:
    """A finite loss from every trial: the objective's own, or at least that of no training."""
    check_function(function)
    for rate in (0.02, 0.2, 0.4, 0.7, 2.0, 9.0):
        own = diverging(FixedTrial({"rate": rate}))
        try:
            value = function(FixedTrial({"rate": rate}))
        except optuna.TrialPruned:
            raise NotQuite("pruned before any report, a trial has no value to learn from: return a number.") from None
        if not is_number(value) or math.isnan(value):
            raise NotQuite(f"at a rate of {rate} it returned {value!r}, so the trial fails: return a number.")
        if math.isfinite(own) and value != own:
            raise NotQuite(f"at a rate of {rate} the loss is {own:.4g}, and it returned {value:.4g}: leave that alone.")
        if math.isinf(value):
            raise NotQuite("infinity is stored, but no plot and no Gaussian process can use it: choose a finite loss.")
        if not math.isfinite(own) and value < 1:
            raise NotQuite(f"a training that blew up got {value:.4g}, better than no training, 1: it would be sought.")
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(function, n_trials=20)
    if any(trial.state != TrialState.COMPLETE for trial in study.trials):
        raise NotQuite("over twenty trials one still fails.")
    return "A bad number teaches the sampler; a failed trial teaches it nothing."


@exercise("11.8")
def deliver(function: Callable) -> str:
    """The best feasible trial, or the one that breaks its constraints least."""
    check_function(function)
    cases: dict[str, tuple[list[tuple[float | None, dict[str, float]]], int]] = {  # trials, and the right number
        "the best value breaks a constraint": ([(0.9, {"ms": 2.0}), (0.8, {"ms": -1.0}), (0.7, {"ms": 0.0})], 1),
        "the last one failed": ([(0.8, {"ms": 0.0}), (0.9, {"ms": 0.5}), (None, {})], 0),
        "nothing is feasible": ([(0.9, {"ms": 9.0}), (0.5, {"ms": 0.5}), (0.8, {"ms": 4.0})], 1),
        "nothing is feasible, and one breaks two constraints by less each, but by more in all":
            ([(0.9, {"ms": 0.7, "mb": 0.7}), (0.8, {"ms": 1.0, "mb": -0.5})], 1),
        "nothing is feasible, and two break the constraints alike": ([(0.5, {"ms": 1.0}), (0.9, {"ms": 1.0})], 1),
        "two are feasible, by more and by less": ([(0.5, {"ms": -9.0}), (0.9, {"ms": -1.0}), (0.1, {"ms": -99.0})], 1),
        "no constraint was set": ([(-3.0, {}), (-1.0, {}), (-2.0, {})], 1),
        "nothing is feasible, and there are two constraints":
            ([(0.9, {"ms": 1.0, "mb": -8.0}), (0.8, {"ms": 0.5, "mb": 0.2}), (0.7, {"ms": 2.0, "mb": -90.0})], 1),
    }  # fmt: skip
    for what, (rows, right) in cases.items():
        study = optuna.create_study(direction="maximize")
        study.add_trials([_finished(value, constraints) for value, constraints in rows])
        try:
            trial = function(study)
        except ValueError as error:
            raise NotQuite(f"{what}, and it raised {tell(error)}") from None
        number = trial.number if isinstance(trial, optuna.trial.FrozenTrial) else None
        if number != right:
            told = [f"{value} with {constraints}" for value, constraints in rows]
            raise NotQuite(f"{what} ({'; '.join(told)}): trial {right} is to be delivered, not {number!r}.")
    return "Optuna prefers feasible trials and promises none: look before you deliver."


def _finished(value: float | None, constraints: Mapping[str, float]) -> optuna.trial.FrozenTrial:
    """A trial that ended with these; a failed one without a value."""
    study = optuna.create_study(direction="maximize")
    trial = study.ask()
    for name, amount in constraints.items():
        trial.set_constraint(name, amount)
    study.tell(trial, value, state=None if value is not None else TrialState.FAIL)
    return study.trials[0]


@exercise("11.9")
def patient(function: Callable) -> str:
    """What can be expected is survived, and a bug is not."""
    check_function(function)

    def hungry(trial: optuna.Trial) -> float:
        width = trial.suggest_int("width", 1, 100)
        if width > 60:
            raise MemoryError(f"width {width} does not fit")
        return width / 100

    def broken(trial: optuna.Trial) -> float:
        return {"rate": trial.suggest_float("rate", 0, 1)}["raet"]

    try:
        states = [trial.state for trial in _study(function(hungry)).trials]
    except MemoryError:
        raise NotQuite("the first MemoryError ended the search: name it in catch.") from None
    if len(states) != 20:
        raise NotQuite(f"it made {len(states)} trials: keep the twenty.")
    if TrialState.FAIL not in states:
        raise NotQuite("a trial that ran out of memory counts as complete: its value is made up.")
    bugs: tuple[Callable, ...] = (
        broken,
        lambda trial: trial.suggest_float("x", 0, 1) / 0,
        lambda trial: undefined,  # type: ignore[name-defined]  # noqa: F821 - the bug is meant
        lambda trial: [trial.suggest_float("x", 0, 1)][1],
        lambda trial: trial.suggest_flaot("x", 0, 1),
        lambda trial: trial.suggest_float("x", 0, 1) + "1",
        lambda trial: float("a number"),
        lambda trial: np.zeros((2, 3)) @ np.zeros(trial.suggest_int("x", 4, 5)),
        lambda trial: Path("no such folder", "data").read_text(),
    )
    for bug in bugs:
        try:
            function(bug)
        except Exception:
            continue
        raise NotQuite("an objective with a bug in it still fails twenty times without a word: catch MemoryError only.")
    return "Catch what you expect, by name. A bug should stop you in the first trial, not after the weekend."
