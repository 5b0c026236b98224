"""The optimism lens in JupyterLab: moved by keyboard and by mouse, the picture checked against the pure function."""

from __future__ import annotations

from collections.abc import Iterator

import nbformat
import numpy as np
import plotly.graph_objects as go
import pytest
from playwright.sync_api import Locator, Page, expect

from helpers.explore.lenses import draw_optimism
from tests.harness.browser import before_long, cell, choose, lab_page, screenshot
from tests.harness.lab import serving_lab
from tests.tools.store_outputs import METADATA

pytestmark = pytest.mark.slow  # runs a whole notebook in a browser

SOURCE = """from helpers import plots
from helpers.explore.lenses import OptimismLens
plots.use_course_look()
OptimismLens(0)"""
DRAWN = "figure => figure._fullData.map(trace => [trace.x, trace.y].map(part => Array.from(part || [])))"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A notebook with the lens, run."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "notebooks").mkdir()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SOURCE)], metadata=METADATA)
    nbformat.write(notebook, folder / "notebooks" / "lens.ipynb")
    with serving_lab(folder) as lab, lab_page(lab.url, "lens.ipynb") as opened:
        choose(opened, "Run", "Run All Cells")
        expect(cell(opened, 0).locator(".js-plotly-plot")).to_be_visible(timeout=60_000)
        yield opened


def handle(page: Page, n: int) -> Locator:
    """The part of slider n, from 0, that takes the keyboard and the mouse: trials, seeds, top k."""
    return cell(page, 0).locator(".widget-hslider").nth(n).get_by_role("slider")


def shows(page: Page, figure: go.Figure) -> bool:
    """True when the dots, the one that is kept, and the means are those of the figure."""
    dots, _, kept, _, means = cell(page, 0).locator(".js-plotly-plot").evaluate(DRAWN)
    all_dots, _, best, _, all_means = figure.data
    wanted = [(dots[0], all_dots.x), (dots[1], all_dots.y), (kept[0], best.x), (means[0], all_means.x)]
    return all(len(have) == len(want) and np.allclose(have, want) for have, want in wanted)


def assert_shows(page: Page, name: str, *settings: int) -> None:
    """The sentence, and before long the picture, are what the pure function gives."""
    figure, sentence = draw_optimism(*settings)
    expect(cell(page, 0)).to_contain_text(sentence)
    assert before_long(lambda: shows(page, figure))
    screenshot(page, f"optimism_{name}")


def test_by_keyboard(page: Page) -> None:
    """Arrow keys move each of the three sliders."""
    assert_shows(page, "start", 100, 1, 1)
    handle(page, 0).press("ArrowRight")
    assert_shows(page, "300", 300, 1, 1)
    for _ in range(3):
        handle(page, 2).press("ArrowRight")
    assert_shows(page, "300_top5", 300, 1, 5)
    handle(page, 1).press("ArrowRight")
    assert_shows(page, "300_2seeds_top5", 300, 2, 5)
    handle(page, 0).press("Home")
    assert_shows(page, "10", 10, 2, 5)


def test_by_mouse(page: Page) -> None:
    """A click on the end of a track, and a drag back."""
    track = cell(page, 0).locator(".noUi-base").first
    box = track.bounding_box()
    track.click(position={"x": box["width"] - 2, "y": box["height"] / 2})
    assert_shows(page, "1000", 1000, 2, 5)
    handle(page, 0).hover()  # waits until it has come to rest
    page.mouse.down()
    box = track.bounding_box()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    assert_shows(page, "30", 30, 2, 5)
