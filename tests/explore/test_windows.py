"""The windows into samplers draw their state and nothing else; the next suggestions are asked through public API."""

from __future__ import annotations

import base64
import time
from dataclasses import replace

import ipywidgets as widgets
import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.samplers import CmaEsSampler, GPSampler, GridSampler, NSGAIISampler, RandomSampler, TPESampler

from helpers.errors import BadInput
from helpers.explore import CmaWindow, GpWindow, TpeWindow, next_asks, next_asks_figure
from helpers.explore.cma_window import cma_state, ellipse
from helpers.explore.gp_window import gp_state
from helpers.explore.stepper import Stepper, landscape
from helpers.explore.tpe_window import tpe_state
from helpers.plots import STILLS
from helpers.problems.functions import Function, find_function
from tests.explore.test_explore import needs_browser

WINDOWS = (TpeWindow, GpWindow, CmaWindow)
each_window = pytest.mark.parametrize("window", WINDOWS)


@pytest.fixture(autouse=True)
def _quiet_optuna() -> None:
    """No line for every study."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def controls(window: Stepper) -> tuple[widgets.Dropdown, widgets.IntSlider]:
    """The menu and the slider."""
    return window.children[0], window.children[1]


def shows(window: Stepper, function: Function, step: int) -> bool:
    """True when figure and sentence say what the pure function says, trace by trace."""
    state = type(window).state_of(function, step, window.seed)
    drawn = {trace.name: trace for trace in window.figure.data}
    return (
        drawn.keys() == state.traces.keys()
        and all(
            np.array_equal(np.array(getattr(drawn[name], axis), dtype=float), np.array(values, dtype=float))
            for name, trace in state.traces.items() for axis, values in zip("xyz", trace, strict=False)
        )
        and all(tuple(window.figure.layout[axis].range) == pytest.approx(wide) for axis, wide in state.ranges.items())
        and window.message == state.message
        and window.state.message == state.message
    )  # fmt: skip


@each_window
def test_every_step_of_every_function_is_drawn(window: type[Stepper]) -> None:
    """Slider and menu lead to the state of that function, step and seed."""
    opened = window(seed=1)
    menu, slider = controls(opened)
    assert (slider.min, slider.max, slider.value) == (0, window.STEPS[2], window.STEPS[1])
    assert shows(opened, find_function(window.NAMES[0]), slider.value)
    for name in window.NAMES:
        menu.value = find_function(name)
        for step in (0, window.STEPS[1], window.STEPS[2] // 2, window.STEPS[2]):
            slider.value = step
            assert shows(opened, find_function(name), step), (name, step)


@each_window
def test_a_slider_move_is_instant(window: type[Stepper]) -> None:
    """The run is kept: thirty moves take less than two seconds of the processor, whatever else it has to do."""
    _, slider = controls(window())
    begin = time.process_time()
    for step in range(30):
        slider.value = step % slider.max
    assert time.process_time() - begin < 2


@each_window
def test_before_the_model_the_trials_are_shown(window: type[Stepper]) -> None:
    """The sentence says that there is no model yet, the model's traces are empty, the trials are there."""
    step = window.STEPS[1] - 1
    state = window.state_of(find_function(window.NAMES[0]), step, 0)
    assert "no model yet" in state.message
    filled = {name for name, trace in state.traces.items() if len(trace[0])}
    trials = {TpeWindow: {"random", "next trial"}, GpWindow: {"trials", "next trial"}}
    assert filled == {"function"} | trials.get(window, {"population", "optimum"})


def test_what_tpe_shows() -> None:
    """Groups, densities, candidates and the winner are those of the sampler, in the sentence too."""
    state = tpe_state(find_function("forrester"), 30, 2)
    seen, traces = state.seen, state.traces
    assert len(traces["good"][0]) == 3 and len(traces["bad"][0]) == 27
    assert max(traces["good"][1]) <= min(traces["bad"][1])
    assert traces["l(x) / g(x)"][1] == pytest.approx(traces["l(x)"][1] / traces["g(x)"][1])
    assert traces["the best"][0] == [seen.taken] and traces["the best"][1] == max(traces["candidates"][1])
    assert "groups of 3 good and 27 bad" in state.message and f"It takes x = {seen.taken:.4g}" in state.message


def test_what_the_gp_shows() -> None:
    """The band is two deviations wide on either side, and the highest LogEI stands where the next trial goes."""
    state = gp_state(find_function("forrester"), 7, 0)
    traces = state.traces
    assert (traces["mean ± 2 deviations"][1] + traces["lower"][1]) / 2 == pytest.approx(traces["mean"][1])
    width = traces["mean ± 2 deviations"][1] - traces["lower"][1]
    assert width == pytest.approx(4 * state.seen.deviation)
    assert traces["the highest"][0] == traces["next trial"][0] == [state.seen.taken]
    assert len(traces["trials"][0]) == 7


def test_what_cma_es_shows() -> None:
    """The path leads through all means to this one; the ellipses have its covariance."""
    state = cma_state(find_function("rosenbrock2"), 9, 0)
    path = np.array(state.traces["path of the mean"])
    assert path.shape == (2, 9) and path[:, -1] == pytest.approx(state.seen.mean)
    for sigmas in (1, 2):
        away = ellipse(state.seen, sigmas) - state.seen.mean[:, None]
        squared = np.sum(away * np.linalg.solve(state.seen.covariance, away), axis=0)
        assert squared == pytest.approx(np.full(73, sigmas**2))


@each_window
@pytest.mark.parametrize("step", [-1, 61, 1.5, True, "3", None])
def test_a_step_that_is_not_there_is_bad_input(window: type[Stepper], step) -> None:
    """The sentence says which there are."""
    with pytest.raises(BadInput, match="choose a whole number from 0 to"):
        window.state_of(find_function(window.NAMES[0]), step, 0)


@each_window
@pytest.mark.parametrize(
    ("functions", "said"),
    [([find_function("hartmann6")], "is of dimension 6"), (["forrester"], "is not a Function"), ([], "at least one")],
    ids=["6d", "text", "none"],
)
def test_an_unfit_menu_is_bad_input(window: type[Stepper], functions: list, said: str) -> None:
    """Refused when the window is made, not when the menu is used."""
    with pytest.raises(BadInput, match=said):
        window(functions=functions)


@each_window
def test_a_function_of_your_own(window: type[Stepper]) -> None:
    """The menu holds what the caller gives."""
    dimensions = window.DIMENSIONS
    mine = Function(
        "mine", lambda x: float(np.sum(x**2)), (-1.0,) * dimensions, (2.0,) * dimensions, 0.0, (0.0,) * dimensions
    )
    opened = window(functions=[mine])
    assert controls(opened)[0].label == "mine"
    assert shows(opened, mine, window.STEPS[1])


@each_window
def test_the_window_reads_without_a_kernel(window: type[Stepper], monkeypatch: pytest.MonkeyPatch) -> None:
    """As text it is its sentence; no picture is stored unless asked for."""
    monkeypatch.delenv(STILLS, raising=False)
    bundle = window()._repr_mimebundle_()
    assert bundle["text/plain"].startswith(f"{window.__name__}: ") and "image/png" not in bundle


@needs_browser
def test_a_still_of_a_window_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PNG of the figure's own size."""
    monkeypatch.setenv(STILLS, "1")
    png = base64.b64decode(CmaWindow()._repr_mimebundle_()["image/png"])
    assert png[:4] == b"\x89PNG" and int.from_bytes(png[20:24]) == 540


def test_the_map_is_darkest_at_the_optimum() -> None:
    """z is 0 where the function is at its optimum, and nowhere below."""
    x, y, z = landscape(find_function("ackley"))
    row, column = np.unravel_index(np.argmin(z), z.shape)
    assert (x[column], y[row]) == (pytest.approx(0), pytest.approx(0)) and 0 <= z.min() < 1e-6


# Where would it look next?


@pytest.fixture(scope="module")
def study() -> optuna.Study:
    """Fifteen trials of CMA-ES on Branin."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    made = optuna.create_study(sampler=CmaEsSampler(seed=0))
    made.optimize(find_function("branin"), n_trials=15)
    return made


MAKERS = {
    "random": lambda seed: RandomSampler(seed=seed), "TPE": lambda seed: TPESampler(seed=seed),
    "GP": lambda seed: GPSampler(seed=seed), "CMA-ES": lambda seed: CmaEsSampler(seed=seed),
    "NSGA-II": lambda seed: NSGAIISampler(seed=seed),
}  # fmt: skip


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_the_next_asks_are_the_samplers_own(study: optuna.Study, make) -> None:
    """As many as asked, inside the box, repeatable; row n is what a fresh study with that seed is suggested."""
    before = [repr(trial) for trial in study.trials]
    asked = next_asks(study, make, asks=4, seed=1)
    assert asked.shape == (4, 2) and asked["x0"].between(-5, 10).all() and asked["x1"].between(0, 15).all()
    copy = optuna.create_study(sampler=make(6))
    copy.add_trials(study.trials)
    assert asked.loc[2].to_dict() == copy.ask(study.trials[0].distributions).params
    assert [repr(trial) for trial in study.trials] == before


def test_cma_es_goes_on_from_its_own_trials(study: optuna.Study) -> None:
    """Its state travels with the trials: the cloud has the mean of its present generation, not of the first."""
    cloud = next_asks(study, MAKERS["CMA-ES"], asks=200)
    now = cma_state(find_function("branin"), 3, 0).seen.mean
    assert abs(cloud.mean().to_numpy() - now).max() < 0.7 < abs(now - (2.5, 7.5)).max()


@pytest.mark.parametrize("make", [TPESampler, RandomSampler, RandomSampler(), None, lambda seed: TPESampler])
def test_something_else_than_a_maker_of_samplers_is_bad_input(study: optuna.Study, make) -> None:
    """A class, an instance, nothing, and a function that gives a class."""
    with pytest.raises(BadInput, match="makes no sampler: give a function of a seed"):
        next_asks(study, make, asks=1)


def test_a_sampler_that_refuses_the_space_is_bad_input(study: optuna.Study) -> None:
    """Optuna's own words are kept."""
    with pytest.raises(BadInput, match=r"GridSampler cannot continue this study: .*x0.*not found in the given grid"):
        next_asks(study, lambda seed: GridSampler({"y": [1, 2]}, seed=seed), asks=1)


def test_a_study_that_cannot_be_continued_is_bad_input(study: optuna.Study) -> None:
    """Without trials there is no space, without asks no cloud."""
    with pytest.raises(BadInput, match="no finished trials"):
        next_asks(optuna.create_study(), MAKERS["TPE"])
    with pytest.raises(BadInput, match="ask at least once"):
        next_asks(study, MAKERS["TPE"], asks=0)


def test_clouds_are_drawn_side_by_side(study: optuna.Study) -> None:
    """A map, the trials and the cloud for each sampler, under its name."""
    clouds = {name: next_asks(study, MAKERS[name], asks=5) for name in ("random", "TPE")}
    figure = next_asks_figure(clouds, find_function("branin"), study, "Next?")
    assert [note.text for note in figure.layout.annotations] == ["random", "TPE"]
    assert [trace.name for trace in figure.data] == ["function", "trials so far", "next suggestions"] * 2
    for trace, cloud in zip(figure.data[2::3], clouds.values(), strict=True):
        assert pd.DataFrame({"x0": trace.x, "x1": trace.y}).to_numpy() == pytest.approx(cloud.to_numpy(), abs=1e-4)
    assert list(figure.data[1].x) == [trial.params["x0"] for trial in study.trials]
    with pytest.raises(BadInput, match="is of dimension 1"):
        next_asks_figure(clouds, find_function("forrester"), study, "Next?")


def test_a_copy_keeps_the_direction() -> None:
    """A maximised study is continued upwards: TPE looks where the values are high."""
    upwards = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=0))
    upwards.optimize(replace(find_function("ellipse"), formula=lambda x: x[0]), n_trials=40)
    assert next_asks(upwards, MAKERS["TPE"], asks=20)["x0"].mean() > 2
