"""The samplers of notebook 05, taken from the notebook, under Optuna's own conformance suite."""

from __future__ import annotations

import ast
import itertools
from functools import partial
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.testing import pytest_samplers as suite

from tests.notebooks.test_notebooks import solved
from tests.tools.store_outputs import ROOT

NOTEBOOK = ROOT / "notebooks" / "05_your_own_sampler.ipynb"
MEANT_TO_BE_BROKEN = ("Overreach", "Careless")
SPACE = {
    "rate": FloatDistribution(1e-4, 1, log=True),
    "width": IntDistribution(4, 64, step=4),
    "optimizer": CategoricalDistribution(["sgd", "adam"]),
}


def names_of_the_notebook() -> dict[str, Any]:
    """What the notebook defines, exercises solved; of its code only imports, functions and classes are run."""
    cells = [cell.source for cell in solved(NOTEBOOK)[0].cells if cell.cell_type == "code"]
    nodes = [node for cell in cells for node in ast.parse(cell).body]
    kept = [n for n in nodes if isinstance(n, ast.Import | ast.ImportFrom | ast.ClassDef | ast.FunctionDef)]
    names: dict[str, Any] = {"__name__": "notebook_05"}
    exec(compile(ast.Module(kept, []), NOTEBOOK.name, "exec"), names)
    return {node.name: names[node.name] for node in kept if isinstance(node, ast.ClassDef | ast.FunctionDef)}


NAMES = names_of_the_notebook()
CLASSES = {name: one for name, one in NAMES.items() if isinstance(one, type) and issubclass(one, BaseSampler)}
SOUND = {name: one for name, one in CLASSES.items() if name not in MEANT_TO_BE_BROKEN}
SEARCHING = {name: one for name, one in SOUND.items() if name != "MyRandom"}
# The suite's spaces with every kind of hyperparameter see three trials, so TPE has to model from its first one on.
EARLY = type("EarlyTPE", (CLASSES["FortyLineTPE"],), {"startup": 1})
# CubeSampler, which they share, draws at random; EdgeTPE takes other bells than TPE.
UNDER_THE_SUITE = {"HillClimber": CLASSES["HillClimber"], "FortyLineTPE": CLASSES["FortyLineTPE"], "early TPE": EARLY}
each_sampler = pytest.mark.parametrize("make", SOUND.values(), ids=SOUND)


def made(samplers: dict[str, type]):
    """The fixture that the suite asks for."""

    @pytest.fixture(params=samplers.values(), ids=samplers.keys())
    def sampler(self, request):
        return partial(request.param, seed=0)

    return sampler


class TestRandom(suite.BasicSamplerTestCase, suite.MultiObjectiveSamplerTestCase):
    """Any number of objectives; the suite's relative part does not apply, as it chooses nothing together."""

    sampler = made({"MyRandom": CLASSES["MyRandom"]})


class TestSearching(suite.BasicSamplerTestCase, suite.RelativeSamplerTestCase, suite.SingleOnlySamplerTestCase):
    """One objective, and everything that is known chosen together."""

    sampler = made(UNDER_THE_SUITE)


def test_none_is_left_out():
    """Every sampler of the notebook is under the suite, or differs from one that is in what it chooses alone."""
    assert set(SOUND) == {"MyRandom", "CubeSampler", "HillClimber", "FortyLineTPE", "EdgeTPE"}
    assert set(MEANT_TO_BE_BROKEN) <= set(CLASSES)


def test_the_suite_finds_values_out_of_range():
    """The notebook's careless sampler does not pass."""
    with pytest.raises(AssertionError):
        suite.BasicSamplerTestCase().test_float(CLASSES["Careless"], FloatDistribution(-1, 1))


def suggestions(sampler: BaseSampler, trials: int = 15) -> list[dict]:
    """The settings of a short study."""
    study = optuna.create_study(sampler=sampler)
    for _ in range(trials):
        trial = study.ask(SPACE)
        study.tell(trial, trial.params["width"])
    return [trial.params for trial in study.trials]


@each_sampler
def test_a_seed_decides(make):
    """The same seed repeats every suggestion, another does not; and reseed_rng leaves the seed's path."""
    assert suggestions(make(seed=1)) == suggestions(make(seed=1)) != suggestions(make(seed=2))
    reseeded = make(seed=1)
    reseeded.reseed_rng()
    assert suggestions(reseeded) != suggestions(make(seed=1))


@pytest.mark.parametrize("make", SEARCHING.values(), ids=SEARCHING)
def test_several_objectives_are_refused(make):
    """One sentence names the sampler and what to use."""
    study = optuna.create_study(directions=["minimize", "maximize"], sampler=make())
    with pytest.raises(ValueError, match=f"{make.__name__} searches for one objective: use TPESampler"):
        study.ask(SPACE)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("name", ["HillClimber", "FortyLineTPE"])
def test_the_direction_counts(name, direction):
    """Both find the better end of a range, whichever it is."""
    study = optuna.create_study(direction=direction, sampler=CLASSES[name](seed=0))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=60)
    assert abs(study.best_value - (direction == "maximize")) < 0.02


def test_failed_and_infinite_trials_do_no_harm():
    """A NaN fails its trial and is forgotten; an infinite loss is the worst."""
    study = optuna.create_study(sampler=CLASSES["FortyLineTPE"](seed=0))
    bad = itertools.cycle([float("nan"), float("inf")])
    study.optimize(lambda trial: next(bad) if trial.suggest_float("x", 0, 1) > 0.5 else trial.params["x"], n_trials=30)
    assert study.best_value < 0.1
