"""The Pareto chooser in JupyterLab: moved by keyboard and by mouse, the picture follows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.harness.browser import before_long, cell, choose, lab_page, screenshot
from tests.harness.lab import serving_lab
from tests.tools.store_outputs import METADATA

pytestmark = pytest.mark.slow  # runs a whole notebook in a browser

SOURCE = """import optuna
from helpers import plots
from helpers.explore.trials import ParetoChooser
plots.use_course_look()
study = optuna.create_study(directions=["minimize", "minimize"])
for error, size in ((0.2, 100), (0.05, 400), (0.06, 900), (0.02, 3000), (0.018, 12000)):
    study.add_trial(optuna.create_trial(values=(error, size)))
ParetoChooser(study)"""
CHOSEN = "figure => { const t = figure._fullData.find(t => t.name === 'chosen'); return [t.x[0], t.y[0]]; }"
LIMIT = "figure => figure._fullData.find(t => t.name === 'limit').x[0]"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One cell, run."""
    folder: Path = tmp_path_factory.mktemp("served")
    (folder / "notebooks").mkdir()
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SOURCE)], metadata=METADATA)
    nbformat.write(made, folder / "notebooks" / "pareto.ipynb")
    with serving_lab(folder) as lab, lab_page(lab.url, "pareto.ipynb") as opened:
        choose(opened, "Run", "Run All Cells")
        expect(figure(opened)).to_be_visible(timeout=60_000)
        yield opened


def figure(page: Page) -> Locator:
    """The picture."""
    return cell(page, 0).locator(".js-plotly-plot")


def handle(page: Page) -> Locator:
    """The part of the slider that takes the keyboard and the mouse."""
    return cell(page, 0).locator(".widget-hslider").get_by_role("slider")


def test_it_begins_in_the_middle(page: Page) -> None:
    """A limit of 900: the trial with 400 has the lower error."""
    assert figure(page).evaluate(CHOSEN) == [400, 0.05] and figure(page).evaluate(LIMIT) == 900
    expect(cell(page, 0)).to_contain_text("At most 900 parameters: trial 1, error 0.050 with 400")
    screenshot(page, "pareto_middle")


def test_the_keyboard_moves_it(page: Page) -> None:
    """Each key is one size further; the words and the picture follow."""
    handle(page).focus()
    page.keyboard.press("ArrowRight")
    assert before_long(lambda: figure(page).evaluate(CHOSEN) == [3000, 0.02])
    expect(cell(page, 0)).to_contain_text("The next step on the front: 0.002 less for 4.0 times as many.")
    page.keyboard.press("End")
    assert before_long(lambda: figure(page).evaluate(CHOSEN) == [12000, 0.018])
    expect(cell(page, 0)).to_contain_text("No larger one found is better.")
    screenshot(page, "pareto_end")


def test_the_mouse_moves_it(page: Page) -> None:
    """A drag to the left end: the smallest network."""
    box, track = handle(page).bounding_box(), cell(page, 0).locator(".widget-hslider .slider").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(track["x"] - 20, box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    assert before_long(lambda: figure(page).evaluate(CHOSEN) == [100, 0.2])
    assert before_long(lambda: figure(page).evaluate(LIMIT) == 100)
    screenshot(page, "pareto_start")
