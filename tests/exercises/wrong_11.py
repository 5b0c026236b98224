"""Typical wrong answers of notebook 11, what each is told, and what the notebook hands to the checks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from unittest.mock import ANY

import nbformat
import numpy as np
import optuna
from optuna.pruners import MedianPruner
from optuna.samplers import RandomSampler, TPESampler
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from helpers.learn.exercises import read_solutions
from tests.tools.store_outputs import ROOT

IMAGES, LABELS = (part[:150] for part in load_digits(return_X_y=True))
RANGES = {"learning_rate": (1e-4, 1.0), "momentum": (0.0, 0.95)}


def notebook_cell(text: str) -> str:
    """The first code cell of the notebook that holds this text."""
    cells = nbformat.read(ROOT / "notebooks" / "11_best_practices.ipynb", as_version=4).cells
    return next(cell.source for cell in cells if cell.cell_type == "code" and text in cell.source)


def tangled() -> optuna.Study:
    """The study of the notebook's script."""
    names = {
        "optuna": optuna, "load_digits": load_digits, "train_test_split": train_test_split,
        "SGDClassifier": SGDClassifier, "TPESampler": TPESampler, "MedianPruner": MedianPruner,
    }  # fmt: skip
    exec(notebook_cell("tangled = "), names)
    return names["tangled"]


def diverging(trial) -> float:
    """As in the notebook, without torch."""
    rate, x = trial.suggest_float("rate", 0.01, 10, log=True), np.float64(1)
    with np.errstate(all="ignore"):
        for _ in range(20):
            x = x - rate * 4 * x**3
        return float(x**4)


SOLVED: dict[str, Mapping[str, str]] = {}
exec(read_solutions("11")["11.1"], SOLVED)  # the learner's two files, as texts
PARTS = SOLVED["parts"]


def parts(file: str, *changes: tuple[str, str]) -> dict[str, str]:
    """The solution of 11.1 with pieces of one file replaced."""
    text = PARTS[file]
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return {**PARTS, file: text}


def draw(trial) -> float:
    """As in the notebook."""
    return (trial.suggest_float("x", 0, 1) - 0.3) ** 2


def study_of(sampler: optuna.samplers.BaseSampler | None = None, trials: int = 12) -> optuna.Study:
    """For 11.2."""
    study = optuna.create_study(sampler=sampler)
    study.optimize(draw, n_trials=trials)
    return study


SHARED = TPESampler(seed=3)


def up_to_25(done: int) -> int:
    """How many trials an evening may run after so many."""
    return min(10, 25 - done)


def evening(seed_of: Callable, trials_of: Callable = up_to_25, callbacks: tuple = ()) -> Callable:
    """An answer to 11.3: the sampler's seed from (seed, done), the number of trials from done."""

    def function(storage, seed: int) -> optuna.Study:
        study = optuna.create_study(study_name="evenings", storage=storage, load_if_exists=True)
        done = len(study.trials)
        study.sampler = RandomSampler(seed=seed_of(seed, done))
        study.optimize(draw, n_trials=trials_of(done), callbacks=callbacks)
        return study

    return function


def objective_of(seed_of: Callable, judged: slice = slice(100, 150), neighbours: int | None = None) -> Callable:
    """An answer to 11.5: the split's seed from (seed, trial number)."""

    def make(seed: int) -> Callable:
        def objective(trial) -> float:
            split = np.random.default_rng(seed_of(seed, trial.number)).permutation(150)
            asked = trial.suggest_int("n_neighbors", 1, 30)
            model = KNeighborsClassifier(n_neighbors=neighbours or asked).fit(IMAGES[split[:100]], LABELS[split[:100]])
            return model.score(IMAGES[split[judged]], LABELS[split[judged]])

        return objective

    return make


def guard(names: bool = True, ranges: bool = True, told: bool = True, partial: bool = True) -> Callable:
    """An answer to 11.6 that looks at some of it."""

    def function(study, params, space) -> None:
        for name, value in params.items():
            if name not in space:
                if names:
                    raise ValueError(f"unknown {name}" if told else "wrong")
            elif ranges and not space[name][0] <= value <= space[name][1]:
                raise ValueError(f"{name} is out of range" if told else "wrong")
        if not partial and set(params) != set(space):
            raise ValueError("give all of them")
        study.enqueue_trial(params)

    return function


def late(study, params, space) -> None:
    """An answer to 11.6 that enqueues first."""
    study.enqueue_trial(params)
    guard()(optuna.create_study(), params, space)


def two_at_once(seed: int) -> optuna.Study:
    """An answer to 11.2 that is seeded, and whose trials run beside each other; a pause decides who comes first."""
    study, pauses = optuna.create_study(sampler=TPESampler(seed=seed)), iter(PAUSES)
    study.optimize(lambda trial: time.sleep(next(pauses, 0) + 0.02) or draw(trial), n_trials=12, n_jobs=2)
    return study


PAUSES = (pause for pause in (0.1, 0, 0, 0.1, 0.1, 0, 0.1, 0, 0, 0) * 100)


def loss_or(instead: Callable) -> Callable:
    """An answer to 11.7."""

    def function(trial) -> float:
        loss = diverging(trial)
        return loss if np.isfinite(loss) else instead()

    return function


def prune() -> float:
    """Raises."""
    raise optuna.TrialPruned


def broken_by(trial) -> float:
    """How far a trial breaks its constraints."""
    return sum(max(0, amount) for amount in trial.constraints.values())


def finished(study) -> list:
    """The trials that have a value."""
    return [trial for trial in study.trials if trial.value is not None]


def caught(*errors: type[Exception], trials: int = 20, wrap: Callable = lambda objective: objective) -> Callable:
    """An answer to 11.9."""

    def function(objective) -> optuna.Study:
        study = optuna.create_study(sampler=RandomSampler(seed=0))
        study.optimize(wrap(objective), n_trials=trials, catch=errors)
        return study

    return function


def made_up(objective: Callable) -> Callable:
    """0 where there is no memory."""

    def function(trial) -> float:
        try:
            return objective(trial)
        except MemoryError:
            return 0.0

    return function


BLOCK, YIELD = "    images, labels = load_digits(", '        yield model.score(*data["validation"])'
LOAD = "    data = load_data(seed)\n"
CONTEXT = {"11.1": {"before": tangled()}, "11.7": {"diverging": diverging}}
WRONG = [
    ("11.1", parts("training.py", (BLOCK, "    import optuna\n" + BLOCK)), "imports optuna; inside a function counts"),
    ("11.1", parts("training.py", ("def train(config, data, seed)", "def train(trial, data, seed)"),
                   ("**config", "**trial")), "takes a trial"),
    ("11.1", parts("training.py", (YIELD, f"{YIELD}\n        config.report(0, 0)")), r"calls \.report"),
    ("11.1", parts("training.py", (BLOCK, "    __import__('optuna')\n" + BLOCK)), "a hidden import is still an import"),
    ("11.1", parts("training.py", (BLOCK, "    from importlib import import_module as i\n    i('optuna')\n" + BLOCK)),
     "a hidden import"),
    ("11.1", parts("training.py", ("def load_data", "from project import search\n\n\ndef load_data")), "in a circle"),
    ("11.1", parts("training.py", (BLOCK, "    from .search import search\n" + BLOCK)), "in a circle"),
    ("11.1", parts("training.py", ("def load_data", "import pkgutil\nfor name in ('op', 'tuna'):\n    pass\ntry:\n"
                   "    pkgutil.resolve_name('op' + 'tuna')\nexcept ImportError:\n    pass\n\n\ndef load_data")),
     "asked for optuna when it ran"),
    ("11.1", parts("search.py", ("from project.training", "from training")), "package named project"),
    ("11.1", parts("search.py", ("from project.training import load_data, train", PARTS["training.py"])),
     "search.py still trains"),
    ("11.1", parts("search.py", (LOAD, ""), ("    def objective(trial):\n", "    def objective(trial):\n    " + LOAD)),
     "loaded the images 10 times"),
    ("11.1", parts("training.py", (YIELD, YIELD.replace("validation", "test"))), "on the test images"),
    ("11.1", parts("training.py", ("from sklearn.linear_model", "from sklearn.linear_modell")), "ModuleNotFoundError"),
    ("11.1", parts("search.py", ("def search(trials, seed):", "def search(trials, seed)")), "search.py is not Python"),
    ("11.1", {"training.py": "x = 1", "search.py": 3}, "each in triple quotes"),
    ("11.1", list(PARTS.values()), "keep them"),
    ("11.2", lambda seed: study_of(), "it is the sampler that needs the seed"),
    ("11.2", lambda seed: study_of(TPESampler(seed=3)), "hand the seed on"),
    ("11.2", lambda seed: study_of(SHARED), "make it inside"),
    ("11.2", lambda seed: study_of(TPESampler(seed=seed), 1), "keep the twelve"),
    ("11.2", lambda seed: seed, "return the study"),
    ("11.3", evening(lambda seed, done: seed), "only 10 of 20 draws are different"),
    ("11.3", evening(lambda seed, done: None), "other values"),
    ("11.3", evening(lambda seed, done: 100 * seed + done, lambda done: 10), "n_trials counts what is to come"),
    ("11.3", evening(lambda seed, done: 100 * seed + done, lambda done: 25), "the first evening ends with 25"),
    ("11.3", evening(lambda seed, done: 100 * seed + done, lambda done: 10,
                     (optuna.study.MaxTrialsCallback(25),)), r"\[10, 20, 25, 26\]"),
    ("11.3", evening(lambda seed, done: done), "share draws"),
    ("11.4", lambda trial: trial.suggest_categorical("layers", [(32,), (64, 32), (64, 64)]), "tuples or lists"),
    ("11.4", lambda trial: trial.suggest_categorical("layers", ["32", "64-32", "64-64"]), "return a tuple"),
    ("11.4", lambda trial: tuple(map(int, trial.suggest_categorical("layers", ["32", "64-32"]).split("-"))),
     "over twenty trials"),
    ("11.4", lambda trial: (trial.suggest_int("first", 32, 64, step=32),), "over twenty trials"),
    ("11.3", evening(lambda seed, done: seed + done), "seeds 3 and 13 share draws"),
    ("11.5", objective_of(lambda seed, number: seed, slice(60, 110)), "40 of the images that judge were learned"),
    ("11.6", late, "before it refuses"),
    ("11.8", lambda study: min(finished(study), key=lambda t: (max([0, *t.constraints.values()]), -t.value)),
     "by less each"),
    ("11.8", ANY, "the answer is a function"),
    ("11.9", caught(MemoryError, ValueError, TypeError), "catch MemoryError only"),
    ("11.1", parts("search.py", ("load_data(seed)", "load_data(0)")), "hand the seed on"),
    ("11.1", parts("training.py", ("(test, test_labels)", "(test,)")), "each part of load_data is a pair"),
    ("11.2", two_at_once, "needs the seed, and one trial runs at a time"),
    ("11.4", lambda trial: (32,), "asks the trial for nothing"),
    ("11.5", objective_of(lambda seed, number: [seed, number]), "scores differently from trial to trial"),
    ("11.5", objective_of(lambda seed, number: 0), "hand the seed on"),
    ("11.5", objective_of(lambda seed, number: seed, slice(0, 100)), "100 of the images that judge were learned"),
    ("11.5", objective_of(lambda seed, number: seed, neighbours=3), "hand the trial's value on"),
    ("11.5", lambda seed: 0.5, "returns an objective"),
    ("11.6", guard(names=False), "not in space was let in"),
    ("11.6", guard(ranges=False), "above the range was let in"),
    ("11.6", guard(told=False), "without naming it"),
    ("11.6", guard(partial=False), "which is fine"),
    ("11.6", lambda study, params, space: study.enqueue_trial({n: v for n, v in params.items() if n in space}),
     "not in space was let in"),
    ("11.7", diverging, "so the trial fails"),
    ("11.7", loss_or(lambda: 0.0), "better than no training"),
    ("11.7", loss_or(lambda: np.inf), "infinity is stored"),
    ("11.7", loss_or(prune), "no value to learn from"),
    ("11.7", loss_or(lambda: None), "so the trial fails"),
    ("11.7", lambda trial: max(100.0, diverging(trial)), "leave that alone"),
    ("11.8", lambda study: max(study.trials, key=lambda trial: trial.value), "breaks a constraint"),
    ("11.8", lambda study: study.best_trial, "nothing is feasible, and it raised"),
    ("11.8", lambda study: max(finished(study), key=lambda trial: (broken_by(trial) <= 0, trial.value)),
     "nothing is feasible"),
    ("11.8", lambda study: min(finished(study), key=lambda t: (max(0, sum(t.constraints.values())), -t.value)),
     "two constraints"),
    ("11.8", lambda study: study.best_value, "is to be delivered, not None|raised"),
    ("11.9", caught(Exception), "catch MemoryError only"),
    ("11.9", caught(), "name it in catch"),
    ("11.9", caught(MemoryError, KeyError), "catch MemoryError only"),
    ("11.9", caught(wrap=made_up), "its value is made up"),
    ("11.9", caught(MemoryError, trials=5), "keep the twenty"),
]  # fmt: skip
