"""The samplers of notebook 05, taken from the notebook, under Optuna's own conformance suite."""

from __future__ import annotations

import ast
import itertools
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.testing import pytest_samplers as suite

from helpers.inside.tpe import observe_tpe
from helpers.problems.functions import find_function
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
# The suite's spaces with every kind of hyperparameter see three trials, so a model is due from the first one on.
EARLY = {name: type(name, (CLASSES[name],), {"startup": 1}) for name in ("FortyLineTPE", "FifteenLineGP", "PoliteGP")}
# CubeSampler, which they share, draws at random.
UNDER_THE_SUITE = {"HillClimber": CLASSES["HillClimber"], "late TPE": CLASSES["FortyLineTPE"]} | EARLY
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
    """Every sampler of the notebook is under the suite, or is what they share."""
    assert set(SOUND) == {"MyRandom", "CubeSampler", "HillClimber", "FortyLineTPE", "FifteenLineGP", "PoliteGP"}
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
@pytest.mark.parametrize("name", ["HillClimber", "FortyLineTPE", "FifteenLineGP"])
def test_the_direction_counts(name, direction):
    """Each finds the better end of a range, whichever it is."""
    study = optuna.create_study(direction=direction, sampler=CLASSES[name](seed=0))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=60)
    assert abs(study.best_value - (direction == "maximize")) < 0.02


@pytest.mark.parametrize("seed", range(3))
def test_the_forty_lines_are_tpe(seed):
    """Their ratio is that of Optuna's groups, up to a factor, while no trial has lost weight; step by step."""
    one = NAMES["bells"], NAMES["density"]
    for step in observe_tpe(find_function("forrester"), 25, seed)[10:]:
        good, rest = NAMES["split"](step.x[:, None], step.y)
        assert sorted(good[:, 0]) == sorted(step.x[list(step.good)])
        l_of_x, g_of_x = (one[1](step.candidates[:, None], *one[0](group)) for group in (good, rest))
        assert np.log(l_of_x / g_of_x) == pytest.approx(step.scores, abs=1e-6)


def test_the_lines_are_as_many_as_their_names_say():
    """Forty at most for TPE with all its functions, fifteen for the GP's class, blank lines aside."""
    cells = [cell.source for cell in solved(NOTEBOOK)[0].cells if cell.cell_type == "code"]
    nodes = {getattr(node, "name", ""): (cell, node) for cell in cells for node in ast.parse(cell).body}

    def lines(name: str) -> int:
        cell, node = nodes[name]
        return sum(map(bool, cell.splitlines()[node.lineno - 1 : node.end_lineno]))

    assert sum(map(lines, ("split", "bell_widths", "bells", "density", "draw", "FortyLineTPE"))) <= 40
    assert lines("FifteenLineGP") <= 15


def test_the_verdict_is_seldom_wrong():
    """400 races a case: equivalent where it is so, hardly ever at the margin, never beyond it; the side is right."""
    rng = np.random.default_rng(0)

    def shares(shift: float) -> dict[str, float]:
        races = [
            SimpleNamespace(final={"a": 10 - gap, "b": np.full(30, 10.0)}.get)
            for gap in rng.normal(shift, 1.3, (400, 30))
        ]
        said = [NAMES["verdict"](one, "a", "b", 1.0)["verdict"].split(" and ") for one in races]
        return {word: sum(word in words for words in said) / 400 for word in ("equivalent", "better", "worse")}

    assert shares(0)["equivalent"] > 0.9
    for shift, word, wrong in ((1, "better", "worse"), (-1, "worse", "better")):
        found = shares(shift)
        assert found["equivalent"] < 0.05 and found[wrong] == 0 and found[word] > 0.8
    assert shares(2)["better"] == 1


def test_failed_and_infinite_trials_do_no_harm():
    """A NaN fails its trial and is forgotten; an infinite loss is the worst."""
    study = optuna.create_study(sampler=CLASSES["FortyLineTPE"](seed=0))
    bad = itertools.cycle([float("nan"), float("inf")])
    study.optimize(lambda trial: next(bad) if trial.suggest_float("x", 0, 1) > 0.5 else trial.params["x"], n_trials=30)
    assert study.best_value < 0.1
