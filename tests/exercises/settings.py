"""What a notebook has ready when its exercises are reached: imports, functions, and the values that are handed over."""

from __future__ import annotations

import ast
import functools
import linecache
import math
import re
from collections.abc import Callable
from typing import Any

import nbformat
import numpy as np
import optuna
import pandas as pd
from scipy.stats import ttest_1samp

from helpers.learn import check
from helpers.learn.exercises import bounded, read_solutions
from helpers.learn.notes import Note
from helpers.training.data import load_dataset
from tests.tools.store_outputs import all_notebooks

SEED = 0
LIMIT = 10  # seconds for one answer: a mutant may loop for ever
optuna.logging.set_verbosity(optuna.logging.CRITICAL)
SOLUTIONS = {key: code for path in all_notebooks() for key, code in read_solutions(path.name[:2]).items()}
CHECK = re.compile(r'^check\("(\d\d\.\d)".*', re.MULTILINE | re.DOTALL)


@functools.cache
def cells(notebook: str) -> list[str]:
    """The code of a notebook, cell by cell."""
    path = next(path for path in all_notebooks() if path.name.startswith(notebook))
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@functools.cache
def call_of(key: str) -> ast.Call:
    """The call of `check` in the exercise's cell."""
    text = next(found[0] for found in map(CHECK.search, cells(key[:2])) if found and found[1] == key)
    call = ast.parse(text).body[0].value  # type: ignore[attr-defined]
    assert isinstance(call, ast.Call)
    return call


@functools.cache
def prepared(notebook: str) -> dict[str, Any]:
    """The names that a notebook's imports and the functions and classes of its lessons make."""
    names: dict[str, Any] = {"SEED": SEED, "data": load_dataset(), "optuna": optuna, "np": np, "pd": pd, "math": math}
    written = re.findall(r"^%%writefile (\w+)\.py$", "\n".join(cells(notebook)), re.MULTILINE)
    for cell in cells(notebook):
        if CHECK.search(cell) or "%" in cell:
            continue
        for line in ast.parse(cell).body:
            if isinstance(line, ast.ImportFrom) and line.module in written:
                continue
            if isinstance(line, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
                exec(compile(ast.Module([line], []), "<lesson>", "exec"), names)
    if "fit" in names:  # mutants train the same configurations again and again
        fit = functools.lru_cache(maxsize=2000)(lambda config: names["_fit"](config, names["data"]))
        names |= {"_fit": names["fit"], "fit": lambda config, _: fit(config)}
    return names


def attempt(key: str, code: str, dress: Callable[[Any], Any] = lambda answer: answer) -> Note:
    """What `check` says to a learner who puts `code` in the place of the dots and `dress` around the answer."""
    names = {**prepared(key[:2]), **VALUES.get(key, {})}
    linecache.cache[f"<exercise {key}>"] = (len(code), None, code.splitlines(keepends=True), "")  # as IPython does
    with bounded(LIMIT):
        exec(compile(code, f"<exercise {key}>", "exec"), names)
    call = call_of(key)
    answer, *context = (
        eval(compile(ast.Expression(part), "<check>", "eval"), names)
        for part in (call.args[1], *(keyword.value for keyword in call.keywords))
    )
    return check(key, dress(answer), **dict(zip([str(word.arg) for word in call.keywords], context, strict=True)))


FIVE = ((3.0, 0.001), (4.0, 0.01), (2.0, 0.0101), (2.0, 0.0102), (1.0, 0.5))


def trials_at(places: tuple[tuple[float, float], ...]) -> optuna.Study:
    """For exercise 08.1, of FIVE: 0, 2 and 4 become the incumbent."""
    study, rate = optuna.create_study(), optuna.distributions.FloatDistribution(0.001, 1, log=True)
    for value, place in places:
        params, space = {"learning_rate": place}, {"learning_rate": rate}
        study.add_trial(optuna.trial.create_trial(value=value, params=params, distributions=space))
    return study


class Picked:
    """As a TrialPicker: what was chosen last is its answer."""

    def choose(self, numbers: set[int]) -> None:
        """Chooses these trials."""
        self.answer = sorted(numbers)


ENTRANTS = {
    "Random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "QMC": lambda seed: optuna.samplers.QMCSampler(scramble=True, seed=seed),
}


def lead(regret: np.ndarray, rival_regret: np.ndarray) -> dict[str, float]:
    """As in notebook 03."""
    low, high = ttest_1samp(rival_regret - regret, 0).confidence_interval()
    return {"lead": (rival_regret - regret).mean(), "low": low, "high": high}


VALUES: dict[str, dict[str, Any]] = {
    "01.2": {"trials": pd.DataFrame({"value": [0.9, 0.985, 0.983, 0.97, 0.99, 0.2, 0.96]})},
    "03.3": {"SEEDS": range(8), "entrants": ENTRANTS, "lead": lead},
    "08.1": {"down": trials_at(FIVE), "history": Picked()},
}
