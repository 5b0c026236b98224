"""Runs the two modules of exercise 11.1 in a process of its own: `python apart_run.py FOLDER RESULT`.

FOLDER holds the package `project`, RESULT is where the findings go, as JSON. Nothing of the course is imported.
"""

from __future__ import annotations

import importlib
import json
import pickle
import random
import sys
from importlib.abc import MetaPathFinder
from itertools import islice

CONFIG, TRIALS = {"alpha": 1e-4, "eta0": 0.05}, 10


class Without(MetaPathFinder):
    """Makes Optuna look as if it were not installed, and remembers who asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Part of the import system: an error for Optuna, no opinion about all else."""
        if name.partition(".")[0] == "optuna":
            self.asked.append(name)
            raise ModuleNotFoundError("No module named 'optuna': training.py has to run without it")


def count_loads() -> list[str]:
    """A list that grows by one with every call of scikit-learn's `load_digits`."""
    datasets = importlib.import_module("sklearn.datasets")
    load = datasets.load_digits
    calls: list[str] = []

    def counted(*args: object, **options: object) -> object:
        calls.append("digits")
        return load(*args, **options)

    setattr(datasets, load.__name__, counted)
    return calls


def trainings(found: dict) -> None:
    """The learning curves of one configuration: as asked, again, and with another seed."""
    training = importlib.import_module("project.training")
    found["step"] = "load_data(0) and train(config, data, 0), with Optuna blocked,"
    data, other = training.load_data(0), training.load_data(1)
    found["parts"] = sorted(map(str, data)) if isinstance(data, dict) else type(data).__name__
    pairs = list(data.values()) if isinstance(data, dict) else []
    found["pairs"] = [len(pair) == 2 and len(pair[0]) == len(pair[1]) for pair in pairs]
    found["redrawn"] = pickle.dumps(data) != pickle.dumps(other)
    random.seed(7)
    curves = [training.train(dict(CONFIG), data, seed) for seed in (0, 0, 1)]
    found["generator"] = all(hasattr(curve, "__next__") for curve in curves)
    found["curves"] = [[float(value) for value in islice(iter(curve), 100)] for curve in curves]


def searches(found: dict, loads: list[str]) -> None:
    """The trials of a search, and the first draw of another seed."""
    search = importlib.import_module("project.search")
    found["step"] = f"search({TRIALS}, 0)"
    loads.clear()
    study = search.search(TRIALS, 0)
    found["loads"] = len(loads)
    found["trials"] = [
        {"params": trial.params, "value": trial.value, "state": trial.state.name,
         "reports": [float(trial.intermediate_values[step]) for step in sorted(trial.intermediate_values)]}
        for trial in study.trials
    ]  # fmt: skip
    other = search.search(1, 1).trials[0]
    training = importlib.import_module("project.training")
    found["other"] = other.params
    found["kept"] = [*other.intermediate_values.values()] == [*training.train(other.params, training.load_data(1), 1)]


def main(folder: str, result: str) -> None:
    """Does it all; whatever is raised on the way is a finding, too."""
    found: dict = {"step": "import project.training, with Optuna blocked,"}
    sys.path.insert(0, folder)
    loads, blocked = count_loads(), Without()
    sys.meta_path.insert(0, blocked)
    try:
        trainings(found)
        sys.meta_path.remove(blocked)
        found["step"] = "import project.search"
        optuna = importlib.import_module("optuna")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        searches(found, loads)
    except (Exception, SystemExit) as error:
        found["error"] = f"{type(error).__name__}: {error}"
    found["asked"] = blocked.asked
    with open(result, "w", encoding="utf-8") as file:
        json.dump(found, file, default=repr)


if __name__ == "__main__":
    main(*sys.argv[1:])
