"""The formulas that notebook 04 writes by hand are the samplers' own, and what its prose says without a claim is so."""

from __future__ import annotations

import ast
from typing import Any

import nbformat
import numpy as np
import optuna
import pytest
from optuna.samplers import CmaEsSampler, GPSampler
from scipy.stats import norm

from helpers.inside.gp import observe_gp
from helpers.inside.tpe import observe_tpe
from helpers.problems.functions import find_function
from tests.tools.store_outputs import ROOT

NOTEBOOK = ROOT / "notebooks" / "04_inside_the_samplers.ipynb"
FORRESTER = find_function("forrester")
each_seed = pytest.mark.parametrize("seed", range(3))


def functions_of_the_notebook() -> dict[str, Any]:
    """Its functions, with the axis that they draw on."""
    names: dict[str, Any] = {"np": np, "norm": norm, "optuna": optuna, "axis": np.linspace(0, 1, 401)}
    names["CmaEsSampler"] = CmaEsSampler
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code":
            kept = [node for node in ast.parse(cell.source).body if isinstance(node, ast.FunctionDef)]
            exec(compile(ast.Module(kept, []), NOTEBOOK.name, "exec"), names)
    return names


NAMES = functions_of_the_notebook()


@each_seed
def test_the_bells_are_optunas(seed: int) -> None:
    """Widths, floor and weights give the densities that the sampler computed, old trials lighter included."""
    for n in (13, 25, 30, 31):
        step = observe_tpe(FORRESTER, 60, seed)[n]
        for group, log_density in ((step.good, step.log_l), (step.bad, step.log_g)):
            old = max(0, len(group) - 25)
            weights = np.append(np.linspace(1 / len(group), 1, old), np.ones(len(group) - old))
            if len(group) > 1:
                assert NAMES["density"](step.x[list(group)], weights) == pytest.approx(np.exp(log_density), rel=1e-6)


@each_seed
def test_the_kernel_is_optunas(seed: int) -> None:
    """With the scale and the noise that the sampler fitted, the two lines of linear algebra give its mean."""
    step = observe_gp(FORRESTER, 13, seed)[-1]
    y = (step.y - step.y.mean()) / step.y.std()
    noise, means = step.noise / step.y.std(), []
    for height in np.geomspace(0.05, 20, 400):  # of the curves; the mean depends on noise / height alone
        mean = NAMES["kernel"](step.grid, step.x, step.scale) @ np.linalg.solve(
            NAMES["kernel"](step.x, step.x, step.scale) + noise**2 / height * np.eye(len(y)), y
        )
        means.append(step.y.mean() + step.y.std() * mean)
    assert np.abs(np.array(means) - step.mean).max(axis=1).min() < 0.02 * np.ptp(step.y)
    mean, covariance = NAMES["posterior"](step.x, y, step.x, step.scale)
    assert mean == pytest.approx(y, abs=0.01) and np.diag(covariance) == pytest.approx(np.zeros(len(y)), abs=1e-4)


def test_the_story_is_as_it_is_told() -> None:
    """Trials 4 and 7 exploit, 5 and 8 explore; and the lower bound goes elsewhere at 4 and 7."""
    story = observe_gp(FORRESTER, 20, 0)
    doubt = {
        n: np.interp(story[n].taken, story[n].grid, story[n].deviation) / story[n].deviation.max() for n in range(4, 9)
    }
    lowest = {n: abs(story[n].taken - story[n].grid[np.argmin(story[n].mean)]) for n in range(4, 9)}
    assert max(lowest[4], lowest[7]) < 0.05 < min(lowest[5], lowest[8])
    assert doubt[7] < 0.1 and min(doubt[5], doubt[8]) > 0.9
    for n in (4, 7):
        bound = story[n].mean - 2 * story[n].deviation
        assert abs(story[n].grid[np.argmin(bound)] - story[n].taken) > 0.05


@each_seed
def test_only_the_order_counts_for_cma_es(seed: int) -> None:
    """The very same trials for f and for log(1 + f)."""
    valley, searched = NAMES["valley"], NAMES["searched"]
    runs = [searched(function, seed, 61) for function in (valley, lambda trial: np.log1p(valley(trial)))]
    assert [trial.params for trial in runs[0].trials] == [trial.params for trial in runs[1].trials]


def test_every_copy_of_the_gp_climbs_to_the_same_place() -> None:
    """After random trials its seed hardly matters."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(find_function("ellipse"), n_trials=20)
    asked = []
    for seed in range(6):
        copy = optuna.create_study(sampler=GPSampler(seed=seed))
        copy.add_trials(study.trials)
        asked.append(list(copy.ask(study.trials[0].distributions).params.values()))
    assert np.abs(np.array(asked) - np.median(asked, axis=0)).max(axis=1).mean() < 0.5
