"""The windows into samplers: they change nothing, they show what is so, and they say what Optuna moved."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import ceil

import numpy as np
import optuna
import pytest
from optuna.samplers import CmaEsSampler, GPSampler, TPESampler
from scipy.stats import norm
from threadpoolctl import threadpool_limits

from helpers.errors import BadInput
from helpers.inside import OptunaMoved, cmaes, gp, tpe
from helpers.inside.cmaes import observe_cmaes
from helpers.inside.gp import observe_gp
from helpers.inside.tpe import observe_tpe
from helpers.problems.functions import Function, find_function

LINES, MAPS = ("forrester", "gramacy_lee"), ("ellipse", "rosenbrock2", "ackley", "branin")
MODULES = {tpe: (TPESampler, observe_tpe), gp: (GPSampler, observe_gp), cmaes: (CmaEsSampler, observe_cmaes)}
each_line = pytest.mark.parametrize("name", LINES)
each_map = pytest.mark.parametrize("name", MAPS)
each_seed = pytest.mark.parametrize("seed", range(3))


@pytest.fixture(autouse=True)
def _quiet_optuna() -> None:
    """No line for every study."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def short(module):
    """An unseen, uncached run with a model in it: on a function of its own that can only be met here."""
    own = replace(find_function("branin" if module is cmaes else "forrester"), name="own")
    return MODULES[module][1].__wrapped__(own, 3 if module is cmaes else 13)


# What is observed is what happens


def plain_run(function: Function, sampler, trials: int) -> tuple[np.ndarray, list[float]]:
    """Places and values that the sampler gives when nobody looks, on one thread, as the windows run it."""
    study = optuna.create_study(sampler=sampler)
    with threadpool_limits(1):
        study.optimize(function, n_trials=trials)
    return np.array([list(trial.params.values()) for trial in study.trials]), [trial.value for trial in study.trials]


@pytest.mark.slow
@each_line
@each_seed
def test_watching_tpe_changes_nothing(name: str, seed: int) -> None:
    """Every place and value is that of the plain sampler with the same seed."""
    steps = observe_tpe(find_function(name), 40, seed)
    x, y = plain_run(find_function(name), TPESampler(seed=seed), 40)
    assert [step.taken for step in steps] == x[:, 0].tolist()
    assert [step.value for step in steps] == y
    assert all(step.x.tolist() == x[: step.number, 0].tolist() for step in steps)


@pytest.mark.slow
@each_line
@each_seed
def test_watching_the_gp_changes_nothing(name: str, seed: int) -> None:
    """Every place and value is that of the plain sampler with the same seed."""
    steps = observe_gp(find_function(name), 10, seed)
    x, y = plain_run(find_function(name), GPSampler(seed=seed, n_startup_trials=gp.START), 10)
    assert [step.taken for step in steps] == x[:, 0].tolist()
    assert [step.value for step in steps] == y


@each_map
@each_seed
def test_watching_cma_es_changes_nothing(name: str, seed: int) -> None:
    """Every place and value is that of the plain sampler with the same seed, in generations of six after the first."""
    steps = observe_cmaes(find_function(name), 10, seed)
    x, y = plain_run(find_function(name), CmaEsSampler(seed=seed), 61)
    assert [len(step.values) for step in steps] == [1] + [6] * 10
    assert np.concatenate([step.points for step in steps]).tolist() == x.tolist()
    assert np.concatenate([step.values for step in steps]).tolist() == y


# TPE


@each_line
@each_seed
def test_tpe_takes_the_candidate_with_the_best_ratio(name: str, seed: int) -> None:
    """24 candidates, and the argmax of log l - log g is the suggestion."""
    for step in observe_tpe(find_function(name), 60, seed)[tpe.START :]:
        assert len(step.candidates) == len(step.scores) == 24
        assert step.candidates[np.argmax(step.scores)] == step.taken


@each_line
@each_seed
def test_tpe_splits_by_optunas_rule(name: str, seed: int) -> None:
    """The best min(ceil(0.1 n), 25) trials are good, the rest bad, and nobody is in both."""
    for step in observe_tpe(find_function(name), 60, seed)[tpe.START :]:
        best = np.argsort(step.y, kind="stable")[: min(ceil(0.1 * step.number), 25)]
        assert sorted(step.good) == sorted(best.tolist())
        assert sorted(step.good + step.bad) == list(range(step.number))


@pytest.mark.slow
def test_the_good_group_is_capped() -> None:
    """After 250 trials it stays at 25."""
    assert [len(step.good) for step in observe_tpe(find_function("forrester"), 270)[249::20]] == [25, 25]


@each_line
def test_tpe_densities_are_densities(name: str) -> None:
    """Each integrates to one over the box, and their log-difference is the candidates' score."""
    for step in observe_tpe(find_function(name), 40, 1)[tpe.START :]:
        for log_density in (step.log_l, step.log_g):
            assert np.trapezoid(np.exp(log_density), step.grid) == pytest.approx(1, abs=2e-3)
        assert np.interp(step.candidates, step.grid, step.log_l - step.log_g) == pytest.approx(step.scores, abs=0.05)


# The Gaussian process


@each_line
@each_seed
def test_the_gp_goes_where_log_ei_is_highest(name: str, seed: int) -> None:
    """No place of the grid promises more than the one it takes; the grid's best lies near it or promises as much."""
    for step in observe_gp(find_function(name), 10, seed)[gp.START :]:
        top = np.argmax(step.log_ei)
        assert step.taken_log_ei >= step.log_ei[top] - 0.02
        near = abs(step.grid[top] - step.taken) < 0.02 * np.ptp(step.grid)
        assert near or step.taken_log_ei == pytest.approx(step.log_ei[top], abs=0.1)


@each_seed
def test_the_gp_speaks_in_the_functions_units(seed: int) -> None:
    """At the trials the mean is their value, up to the deviation and a fiftieth of the range."""
    for step in observe_gp(find_function("forrester"), 10, seed)[gp.START :]:
        mean, deviation = (np.interp(step.x, step.grid, height) for height in (step.mean, step.deviation))
        assert np.all(abs(mean - step.y) <= 3 * deviation + 0.02 * np.ptp(step.y))


@each_line
def test_log_ei_is_the_closed_form_of_jones(name: str) -> None:
    """Expected improvement from mean and deviation alone, in the function's units, is the sampler's own."""
    for step in observe_gp(find_function(name), 10, 0)[gp.START :]:
        z = (step.y.min() - step.mean) / step.deviation
        improvement = step.deviation * (z * norm.cdf(z) + norm.pdf(z))
        surely = z > -4  # below, the plain formula loses its digits: that is why there is LogEI
        assert np.log(improvement[surely]) == pytest.approx(step.log_ei[surely], abs=1e-3)
        assert surely.any()


@pytest.mark.slow
def test_the_gp_fits_the_noise_that_there_is() -> None:
    """Little where a smooth function has none; about its deviation where there is some, in the function's units."""
    smooth, rng = find_function("forrester"), np.random.default_rng(0)
    noisy = replace(smooth, name="noisy", formula=lambda x: smooth.formula(x) + rng.normal(0, 2))
    fitted = [observe_gp(one, 22, 0)[-1].noise for one in (smooth, noisy)]
    assert fitted[0] < 0.5 < 1 < fitted[1] < 4
    assert 0.05 < observe_gp(smooth, 13, 0)[-1].scale < 1


def test_a_maximised_function_is_seen_the_right_way_up() -> None:
    """The function turned upside down and maximised gives the same trials, and the mean turned upside down."""
    low = find_function("forrester")
    high = replace(low, name="high", formula=lambda x: -low.formula(x), direction="maximize")
    for up, down in zip(observe_gp(high, 8), observe_gp(low, 8), strict=True):
        assert up.taken == down.taken
        assert np.array(up.mean) == pytest.approx(-np.array(down.mean))
        assert np.array(up.log_ei) == pytest.approx(np.array(down.log_ei))


# CMA-ES


def test_cma_es_begins_in_the_middle() -> None:
    """A circle in the unit box with a sixth of its side, whatever the function."""
    branin = observe_cmaes(find_function("branin"), 5)[1]
    assert (branin.sigma, branin.mean.tolist()) == (pytest.approx(1 / 6), [2.5, 7.5])
    assert branin.covariance == pytest.approx(np.diag([2.5**2, 2.5**2]))


@pytest.mark.slow
@each_map
@each_seed
def test_the_next_mean_is_the_weighted_mean_of_the_best(name: str, seed: int) -> None:
    """Hansen's recombination: the best half, with weights log(3.5) - log(rank), gives the next mean."""
    weights = np.log(3.5) - np.log([1, 2, 3])
    steps = observe_cmaes(find_function(name), 20, seed)
    for now, then in pairwise(steps[1:]):
        best = now.points[np.argsort(now.values)[:3]]
        assert then.mean == pytest.approx(weights / weights.sum() @ best, abs=1e-9)


@pytest.mark.slow
def test_the_ellipse_is_that_of_the_population() -> None:
    """In units of its covariance a draw lies at a squared distance of 2 on average, as many as it has dimensions."""
    squared = [
        (point - step.mean) @ np.linalg.solve(step.covariance, point - step.mean)
        for seed in range(10)
        for step in observe_cmaes(find_function("ellipse"), 20, seed)[1:]
        for point in step.points
    ]
    assert np.mean(squared) == pytest.approx(2, abs=0.2)


# When Optuna moves


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_a_name_that_is_no_longer_called_is_noticed(module, monkeypatch: pytest.MonkeyPatch) -> None:
    """The methods are there, but the sampler goes another way."""
    monkeypatch.setattr(MODULES[module][0], "sample_relative", lambda self, study, trial, search_space: {})
    monkeypatch.setattr(TPESampler, "_n_startup_trials", 99, raising=False)
    monkeypatch.setattr(TPESampler, "sample_independent", lambda *given: 0.5)
    with pytest.raises(OptunaMoved, match=rf"helpers/inside/{module.__name__[15:]}\.py must follow"):
        short(module)


# Bad input, and what is kept


@pytest.mark.parametrize("observe", [observe_tpe, observe_gp, observe_cmaes])
@pytest.mark.parametrize("function", [find_function("hartmann6"), "forrester", TPESampler], ids=["6d", "text", "class"])
def test_an_unfit_function_is_bad_input(observe, function) -> None:
    """Functions of other dimensions and things that are none are refused with a sentence."""
    with pytest.raises(BadInput, match=r"Give a Function of dimension [12]"):
        observe(function)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_function_without_a_value_is_bad_input(value: float) -> None:
    """The place is named where it has none."""
    broken = replace(find_function("forrester"), name="broken", formula=lambda x: value)
    with pytest.raises(BadInput, match=r"broken has no finite value at \{'x0'"):
        observe_tpe(broken, 3)


def test_a_flat_function_can_be_seen() -> None:
    """Equal values have no spread to divide by."""
    flat = replace(find_function("forrester"), name="flat", formula=lambda x: 1.0)
    assert observe_gp(flat, 6)[-1].mean == pytest.approx(np.ones(401))


@pytest.mark.parametrize(("observe", "name"), [(observe_tpe, "forrester"), (observe_cmaes, "ellipse")])
def test_a_run_is_kept(observe, name: str) -> None:
    """A second look at it costs nothing."""
    assert observe(find_function(name)) is observe(find_function(name))
