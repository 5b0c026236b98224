"""The pruner lab of notebook 06 as a learner meets it: moved by keyboard and by mouse, played, the picture checked."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import optuna
import plotly.graph_objects as go
import pytest
from playwright.sync_api import Locator, Page, expect

from helpers.explore.pruner_lab import CURVES, ORDERS, TRIALS, draw
from helpers.learn import course_seed
from tests.explore.test_explorable import points
from tests.harness.browser import cell_with, run_notebook, screenshot

pytestmark = pytest.mark.slow  # runs a whole notebook in a browser

NOTEBOOK = "06_pruners.ipynb"
PATIENCE, SEED = 20, course_seed()
ALL, _, LATE = CURVES
DRAWN = """figure => figure._fullData.map(({name, x, y}) => [name, Array.from(x || []), Array.from(y || [])])"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """Notebook 06, served by the course's own command, with every cell run."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with run_notebook(NOTEBOOK) as opened:
        yield opened


def lab(page: Page) -> Locator:
    """The lab's output, in view."""
    return cell_with(page, NOTEBOOK, "PrunerLab(").locator(".jp-OutputArea")


def control(page: Page, name: str) -> Locator:
    """The menu or the handle of the slider with this name."""
    row = lab(page).locator(".widget-inline-hbox").filter(has=page.get_by_text(name, exact=True))
    return row.locator("select, .noUi-handle")


def shown(page: Page) -> int:
    """How many trials are shown."""
    return round(float(control(page, "trials shown").get_attribute("aria-valuenow")))


def same(drawn: list, figure: go.Figure) -> bool:
    """True when every trace of the picture, cut curves and bars with their figures, is the figure's."""
    wanted = points(figure)
    return [name for name, *_ in drawn] == list(wanted) and all(
        part == list(values)
        if isinstance(next(iter(values), None), str)
        else np.shape(part) == np.shape(values)
        and np.allclose(np.array(part, float), np.array(values, float), rtol=1e-6, equal_nan=True)
        for name, *parts in drawn
        for part, values in zip(parts, map(wanted[name].get, "xy"), strict=True)
    )


def assert_shows(page: Page, pruner: str, curves: str, order: str = ORDERS[0], **more: float) -> None:
    """The sentence and, before long, the whole picture are what the pure function gives."""
    figure, sentence = draw(pruner, curves, order, SEED, **more)
    expect(lab(page)).to_contain_text(sentence)
    until = time.perf_counter() + PATIENCE
    while not same(drawn := lab(page).locator(".js-plotly-plot").evaluate(DRAWN), figure):
        assert time.perf_counter() < until, [(name, np.shape(x)) for name, x, _ in drawn]
        time.sleep(0.1)
    traces = points(figure)
    expect(lab(page)).to_contain_text(traces["spent"]["y"][0].split("<br>")[0])
    label = traces["best found"]["text"][-1] if traces["best found"]["x"] else "best killed"
    expect(lab(page).locator(".js-plotly-plot .textpoint", has_text=label)).to_have_count(1)


def test_by_keyboard(page: Page) -> None:
    """Arrow keys move a parameter, letters and arrows the menus, and what is cut where follows."""
    assert_shows(page, "median", ALL)
    screenshot(page, "pruner_lab_opened")
    control(page, "n_warmup_steps").focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert_shows(page, "median", ALL, n_warmup_steps=4)
    control(page, "curves").focus()
    for key in ("Space", "End", "Enter"):
        page.keyboard.press(key)
    assert_shows(page, "median", LATE, n_warmup_steps=4)
    screenshot(page, "pruner_lab_keyboard")


def test_by_mouse(page: Page) -> None:
    """Another pruner brings its own parameters; a click on the track moves one."""
    control(page, "curves").select_option(label=LATE)
    control(page, "pruner").select_option(label="successive halving")
    expect(control(page, "n_warmup_steps")).to_have_count(0)
    assert_shows(page, "successive halving", LATE)
    track = lab(page).locator(".widget-hslider").filter(has=page.get_by_text("min_resource", exact=True))
    track = track.locator(".noUi-base")
    box = track.bounding_box()
    track.click(position={"x": 0.4 * box["width"], "y": box["height"] / 2})
    expect(control(page, "min_resource")).not_to_have_attribute("aria-valuenow", "1.0")
    moved = round(float(control(page, "min_resource").get_attribute("aria-valuenow")))
    assert abs(moved - (1 + 0.4 * 26)) <= 2
    assert_shows(page, "successive halving", LATE, min_resource=moved)
    control(page, "order").select_option(label=ORDERS[1])
    assert_shows(page, "successive halving", LATE, ORDERS[1], min_resource=moved)
    screenshot(page, "pruner_lab_mouse")


def test_play(page: Page) -> None:
    """Play begins anew and shows more and more trials; paused, it shows the first so many, cut where they were."""
    for name, label in (("pruner", "Hyperband"), ("curves", ALL), ("order", ORDERS[0])):
        control(page, name).select_option(label=label)
    assert_shows(page, "Hyperband", ALL)
    play = lab(page).locator(".jupyter-widget-play, .widget-play").get_by_role("button").first
    play.click()
    until = time.perf_counter() + PATIENCE
    while not 20 < shown(page) < TRIALS:
        assert time.perf_counter() < until
        time.sleep(0.1)
    play.focus()
    page.keyboard.press("Space")
    time.sleep(1)
    paused = shown(page)
    assert 20 < paused < TRIALS
    assert_shows(page, "Hyperband", ALL, shown=paused)
    screenshot(page, "pruner_lab_paused")
    time.sleep(1)
    assert shown(page) == paused
    control(page, "trials shown").focus()
    page.keyboard.press("End")
    assert_shows(page, "Hyperband", ALL)
