"""Notebook 04 as a learner meets it: the three windows moved by keyboard and by mouse, the picture checked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
import optuna
import plotly.graph_objects as go
import pytest
from playwright.sync_api import Locator, Page, expect

from helpers.explore.windows import CmaWindow, GpWindow, TpeWindow, Window
from helpers.problems.functions import find_function
from tests.explore.test_explorable import points
from tests.harness.browser import PANEL, cell_with, lab_page, run_all, run_notebook, screenshot
from tests.harness.lab import serving_lab

pytestmark = pytest.mark.slow  # runs a whole notebook in a browser

NOTEBOOK = "04_inside_the_samplers.ipynb"
PATIENCE, SLOWLY_S = 20, 180
SHOWN = "from helpers.explore.windows import TpeWindow"
DRAWN = """figure => figure._fullData.map(({name, x, y, z}) => [name,
    [x, y, z && Array.from(z, row => Array.from(row))].map(part => Array.from(part || []))])"""
each_window = pytest.mark.parametrize("window", [TpeWindow, GpWindow, CmaWindow])


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """Notebook 04, served by the course's own command, with every cell run."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with run_notebook(NOTEBOOK) as opened:
        yield opened


def opened(page: Page, window: type[Window]) -> Locator:
    """The window's output, in view."""
    return cell_with(page, NOTEBOOK, f"{window.__name__}(").locator(".jp-OutputArea")


def handle(page: Page, window: type[Window]) -> Locator:
    """The part of the slider that takes the keyboard and the mouse."""
    return opened(page, window).locator(".widget-hslider").get_by_role("slider")


def step_of(page: Page, window: type[Window]) -> int:
    """Where the slider stands."""
    return round(float(handle(page, window).get_attribute("aria-valuenow")))


def same(drawn: list, figure: go.Figure) -> bool:
    """True when every trace of the picture holds the numbers of the figure."""
    wanted = points(figure)
    return [name for name, _ in drawn] == list(wanted) and all(
        np.array(part).shape == np.shape(values) and np.allclose(part, np.array(values, dtype=float), rtol=1e-6)
        for name, parts in drawn
        for part, values in zip(parts, map(wanted[name].get, "xyz"), strict=True)
        if values is not None
    )


def assert_shows(page: Page, window: type[Window], name: str, step: int) -> None:
    """The sentence and, before long, every trace of the picture are what the pure function gives."""
    figure, sentence = window.drawing(find_function(name), step)
    expect(opened(page, window)).to_contain_text(sentence)
    until = time.perf_counter() + PATIENCE
    while not same(drawn := opened(page, window).locator(".js-plotly-plot").evaluate(DRAWN), figure):
        assert time.perf_counter() < until, [(part, np.shape(values)) for part, values in drawn]
        time.sleep(0.1)


@each_window
def test_by_keyboard(page: Page, window: type[Window]) -> None:
    """Arrow keys and Home move the slider; Space, an arrow key and Enter change the function."""
    first, second = window.NAMES[:2]
    assert_shows(page, window, first, start := window.STEPS[1])
    handle(page, window).focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert_shows(page, window, first, start + 3)
    screenshot(page, f"{window.__name__}_keyboard")
    handle(page, window).focus()
    page.keyboard.press("Home")
    assert_shows(page, window, first, 0)
    opened(page, window).get_by_role("combobox").focus()
    for key in ("Space", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    assert_shows(page, window, second, 0)


@each_window
def test_by_mouse(page: Page, window: type[Window]) -> None:
    """A click on the track, a drag of the handle, and a choice from the menu."""
    opened(page, window).get_by_role("combobox").select_option(label=window.NAMES[0])
    assert_shows(page, window, window.NAMES[0], step_of(page, window))
    track = opened(page, window).locator(".noUi-base")
    box = track.bounding_box()
    track.click(position={"x": 0.5 * box["width"], "y": box["height"] / 2})
    assert_shows(page, window, window.NAMES[0], clicked := step_of(page, window))
    assert abs(clicked - window.STEPS[2] / 2) <= 2
    handle(page, window).hover()  # waits until it has come to rest
    page.mouse.down()
    box = track.bounding_box()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    expect(handle(page, window)).not_to_have_attribute("aria-valuenow", f"{clicked}.0")
    assert_shows(page, window, window.NAMES[0], dragged := step_of(page, window))
    assert abs(dragged - 0.9 * window.STEPS[2]) <= 2
    screenshot(page, f"{window.__name__}_mouse")
    opened(page, window).get_by_role("combobox").select_option(label=window.NAMES[-1])
    assert_shows(page, window, window.NAMES[-1], dragged)
    screenshot(page, f"{window.__name__}_menu")


def test_on_a_slow_machine_the_picture_is_drawn(tmp_path: Path) -> None:
    """In a browser twenty times as slow, where a figure's own program takes some seconds to load: from anywidget 0.9.17
    on all that is drawn after two seconds would be lost."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"{SHOWN}\nTpeWindow()")])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    (tmp_path / "notebooks").mkdir()
    nbformat.write(notebook, tmp_path / "notebooks" / "slow.ipynb")
    with serving_lab(tmp_path) as lab, lab_page(lab.url, "slow.ipynb") as page:
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 20})
        run_all(page)
        drawn = f"(document.querySelector('{PANEL} .js-plotly-plot')?._fullData ?? []).length > 0"
        page.wait_for_function(drawn, timeout=SLOWLY_S * 1000)
