"""The windows into samplers draw what was seen and nothing else; the next suggestions are asked through public API."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.samplers import CmaEsSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from threadpoolctl import threadpool_limits

from helpers.explore.windows import (
    GENERATIONS,
    GP_TRIALS,
    TPE_TRIALS,
    CmaWindow,
    GpWindow,
    TpeWindow,
    Window,
    draw_cma,
    draw_gp,
    draw_tpe,
    landscape,
)
from helpers.inside.cmaes import observe_cmaes
from helpers.inside.gp import observe_gp
from helpers.inside.tpe import observe_tpe
from helpers.problems.functions import find_function
from tests.explore.test_explorable import move, points

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "04_inside_the_samplers.ipynb"
WINDOWS = (TpeWindow, GpWindow, CmaWindow)
each_window = pytest.mark.parametrize("window", WINDOWS)


@pytest.fixture(autouse=True)
def _quiet_optuna() -> None:
    """No line for every study."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.mark.slow
@each_window
def test_every_function_is_drawn(window: type[Window]) -> None:
    """Slider and menu lead to the drawing of that function, step and seed, within its bounds."""
    opened = window(seed=1)
    step = opened.controls["step"]
    assert (step.min, step.max, step.value) == (0, window.STEPS[2], window.STEPS[1])
    for name in window.NAMES:
        function = find_function(name)
        figure, said = window.drawing(function, window.STEPS[2], 1)
        assert move(opened, function=function, step=window.STEPS[2]).message == said
        assert points(opened.figure).keys() == points(figure).keys()
        assert np.array_equal(opened.figure.data[3].x, figure.data[3].x)
        assert figure.layout.xaxis.range == (function.low[0], function.high[0]) == opened.figure.layout.xaxis.range


@pytest.mark.slow
@each_window
def test_a_slider_move_is_instant(window: type[Window]) -> None:
    """The run is kept: most of thirty moves take less than a tenth of a second, busy machine included."""
    opened, seconds = window(), []
    for step in range(30):
        begin = time.process_time()
        move(opened, step=step % opened.controls["step"].max)
        seconds.append(time.process_time() - begin)
    assert np.median(seconds) < 0.1


@each_window
def test_before_the_model_the_trials_are_shown(window: type[Window]) -> None:
    """The sentence says that there is no model yet, the model's traces are empty, the trials are there."""
    figure, said = window.drawing(find_function(window.NAMES[0]), window.STEPS[1] - 1, 0)
    assert "no model yet" in said
    filled = {name for name, trace in points(figure).items() if len(trace["x"])}
    trials = {TpeWindow: {"random", "next trial"}, GpWindow: {"trials", "next trial"}}
    assert filled == {"function"} | trials.get(window, {"population", "optimum"})


def test_what_tpe_shows() -> None:
    """Groups, densities, candidates and the winner are those of the sampler, in the sentence too."""
    function = find_function("forrester")
    seen, (figure, said) = observe_tpe(function, TPE_TRIALS, 2)[30], draw_tpe(function, 30, 2)
    traces = points(figure)
    assert len(traces["good"]["x"]) == 3 and len(traces["bad"]["x"]) == 27
    assert max(traces["good"]["y"]) <= min(traces["bad"]["y"])
    for name, density in (("l(x)", seen.log_l), ("g(x)", seen.log_g), ("candidates", seen.scores)):
        assert traces[name]["y"] == pytest.approx(np.exp(density))
    assert traces["l(x) / g(x)"]["y"] == pytest.approx(np.divide(traces["l(x)"]["y"], traces["g(x)"]["y"]))
    assert traces["the best"]["x"] == [seen.taken] and traces["the best"]["y"] == [max(traces["candidates"]["y"])]
    assert figure.layout.yaxis2.range[1] > max(traces["l(x) / g(x)"]["y"])
    assert "groups of 3 good and 27 bad" in said and f"It takes x = {seen.taken:.4g}" in said


def test_what_the_gp_shows() -> None:
    """The band is two deviations wide on either side, and the highest LogEI stands where the next trial goes."""
    function = find_function("forrester")
    seen, (figure, said) = observe_gp(function, GP_TRIALS, 0)[7], draw_gp(function, 7, 0)
    traces = points(figure)
    upper, lower = (np.array(traces[name]["y"]) for name in ("mean ± 2 deviations", "lower"))
    assert (upper + lower) / 2 == pytest.approx(seen.mean) and traces["mean"]["y"] == list(seen.mean)
    assert upper - lower == pytest.approx(4 * seen.deviation)
    assert traces["the highest"]["x"] == traces["next trial"]["x"] == [seen.taken]
    assert len(traces["trials"]["x"]) == 7 and f"LogEI is highest, {seen.taken_log_ei:.3g}" in said


def test_what_cma_es_shows() -> None:
    """The path leads through all means to this one; the ellipses have its covariance."""
    function = find_function("rosenbrock2")
    seen, (figure, said) = observe_cmaes(function, GENERATIONS, 0)[9], draw_cma(function, 9, 0)
    traces = points(figure)
    path = np.array([traces["path of the mean"]["x"], traces["path of the mean"]["y"]])
    assert path.shape == (2, 9) and path[:, -1] == pytest.approx(seen.mean)
    assert np.array([traces["population"]["x"], traces["population"]["y"]]) == pytest.approx(seen.points.T)
    for sigmas in (1, 2):
        drawn = traces[f"{sigmas} sigma"]
        away = np.array([drawn["x"], drawn["y"]]) - seen.mean[:, None]
        squared = np.sum(away * np.linalg.solve(seen.covariance, away), axis=0)
        assert squared == pytest.approx(np.full(73, sigmas**2))
    assert np.array_equal(figure.data[0].z, landscape(function)[2]) and f"the best {seen.values.min():.3g}" in said


def test_the_map_is_darkest_at_the_optimum() -> None:
    """z is 0 where the function is at its optimum, and nowhere below."""
    x, y, z = landscape(find_function("ackley"))
    row, column = np.unravel_index(np.argmin(z), z.shape)
    assert (x[column], y[row]) == (pytest.approx(0), pytest.approx(0)) and 0 <= z.min() < 1e-6


# Where would it look next?

SEED = 1


def next_asks(study: optuna.Study, make_sampler, asks: int = 200) -> pd.DataFrame:
    """Notebook 04's own function."""
    (cell,) = (cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if "def next_asks(" in cell.source)
    names = {"SEED": SEED, "optuna": optuna, "pd": pd, "threadpool_limits": threadpool_limits}
    exec(cell.source.partition("\nclouds = ")[0], names)
    return names["next_asks"](study, make_sampler, asks)


@pytest.fixture(scope="module")
def study() -> optuna.Study:
    """Fifteen trials of CMA-ES on Branin."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    made = optuna.create_study(sampler=CmaEsSampler(seed=0))
    made.optimize(find_function("branin"), n_trials=15)
    return made


MAKERS = {
    "random": lambda seed: RandomSampler(seed=seed),
    "TPE": lambda seed: TPESampler(seed=seed),
    "GP": lambda seed: GPSampler(seed=seed),
    "CMA-ES": lambda seed: CmaEsSampler(seed=seed),
    "NSGA-II": lambda seed: NSGAIISampler(seed=seed),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_the_next_asks_are_the_samplers_own(study: optuna.Study, make) -> None:
    """As many as asked, inside the box, repeatable; row n is what a fresh study with that seed is suggested."""
    before = [repr(trial) for trial in study.trials]
    asked = next_asks(study, make, asks=4)
    assert asked.shape == (4, 2) and asked["x0"].between(-5, 10).all() and asked["x1"].between(0, 15).all()
    copy = optuna.create_study(sampler=make(4 * SEED + 2))
    copy.add_trials(study.trials)
    with threadpool_limits(1):  # as there: with more threads older arithmetic sums in another order
        assert asked.loc[2].to_dict() == copy.ask(study.trials[0].distributions).params
    assert [repr(trial) for trial in study.trials] == before


def test_cma_es_goes_on_from_its_own_trials(study: optuna.Study) -> None:
    """Its state travels with the trials: the cloud has the mean of its present generation, not of the first."""
    cloud = next_asks(study, MAKERS["CMA-ES"], asks=200)
    now = observe_cmaes(find_function("branin"), GENERATIONS, 0)[3].mean
    assert abs(cloud.mean().to_numpy() - now).max() < 0.7 < abs(now - (2.5, 7.5)).max()


def test_a_copy_keeps_the_direction() -> None:
    """A maximised study is continued upwards: TPE looks where the values are high."""
    upwards = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=0))
    upwards.optimize(replace(find_function("ellipse"), formula=lambda x: x[0]), n_trials=40)
    assert next_asks(upwards, MAKERS["TPE"], asks=20)["x0"].mean() > 2
