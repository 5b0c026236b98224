"""Notebook 08 in JupyterLab: the live plot grows, clicks answer an exercise, the dashboard opens as a tab.

images/dashboard_study.png is the last test's picture, cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import optuna
import pytest
from optuna.samplers import RandomSampler
from playwright.sync_api import Locator, Page, expect

from helpers.explore.lenses import SEARCHED, draw_contours, fill_gaps, first_trials, optuna_map, true_surface
from tests.harness.browser import before_long, cell, choose, lab_page, screenshot
from tests.harness.lab import serving_lab
from tests.tools.store_outputs import METADATA, ROOT

pytestmark = pytest.mark.slow  # runs whole notebooks in a browser


def cell_with_id(notebook: str, number: str) -> str:
    """The source of one of the course's cells."""
    cells = nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4).cells
    return next(cell.source for cell in cells if cell.id == number)


SETUP = """import time, optuna
import numpy as np
import plotly.graph_objects as go
from optuna.samplers import RandomSampler
from optuna.trial import TrialState
from helpers import plots
from helpers.explore.lenses import ContourLens
from helpers.explore.explorable import Explorable, add, dots, legend_above, line
from helpers.explore.trials import TrialPicker
from helpers.learn import check
optuna.logging.set_verbosity(optuna.logging.WARNING)
plots.use_course_look()
study = optuna.create_study(direction="maximize")
def slow(trial):
    time.sleep(0.3)
    return trial.suggest_float("x", 0, 1)
down = optuna.create_study(sampler=RandomSampler(seed=3))
down.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=8)
picker = TrialPicker(down)"""
LIVE = cell_with_id("08_visualization", "explore-new-1")
RUN, ANSWER = (
    "study.optimize(slow, n_trials=30, callbacks=[lambda *_: live.show()])",
    'check("08.1", picker.answer, study=down)',
)
CELLS = (SETUP, LIVE, "picker", ANSWER, "ContourLens(0)", RUN)
DOTS = "figure => figure._fullData.map(trace => trace.x ? trace.x.length : 0)"
FILLED = "figure => figure.calcdata.slice(0, 2).map(trace => trace[0].z.map(row => Array.from(row)))"
EDGES = "figure => ['x', 'y'].map(axis => Array.from(figure.calcdata[1][0][axis]))"
DOUBLE_CLICK_MS = 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a notebook."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "notebooks").mkdir()
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), folder / "notebooks" / "see.ipynb")
    return folder


@pytest.fixture(scope="module")
def notebook() -> dict[str, Any]:
    """The names of the notebook, whose cells up to the running study have run."""
    names: dict[str, Any] = {}
    for number in ("cell-02", "see-new-1", "explore-new-1", "cell-05", "cell-62"):
        exec(cell_with_id("08_visualization", number), names)
    return names


@pytest.fixture(scope="module")
def page(folder: Path) -> Iterator[Page]:
    """The notebook, opened; no cell has run."""
    with serving_lab(folder) as lab, lab_page(lab.url, "see.ipynb") as opened:
        yield opened


def plot(page: Page, n: int) -> Locator:
    """The figure of cell n."""
    return cell(page, n).locator(".js-plotly-plot")


def test_the_live_plot_grows(page: Page) -> None:
    """While the last cell still runs there are some dots, and later more."""
    choose(page, "Run", "Run All Cells")
    expect(plot(page, 1)).to_be_visible(timeout=60_000)
    assert before_long(lambda: 2 <= plot(page, 1).evaluate(DOTS)[0] < 25)
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Busy")
    first = plot(page, 1).evaluate(DOTS)[0]
    screenshot(page, "live_growing")
    assert before_long(lambda: plot(page, 1).evaluate(DOTS)[0] >= first + 5)
    assert before_long(lambda: plot(page, 1).evaluate(DOTS)[0] == 30)
    expect(cell(page, 1)).to_contain_text("Of 30 trials 30 are complete, 0 pruned. Best: ")
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=30_000)


def test_an_answer_made_by_clicking_is_checked(page: Page) -> None:
    """Wrong, too few, right: each is told; a box chooses as well, and the keyboard."""
    study = optuna.create_study(sampler=RandomSampler(seed=3))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=8)
    values = [trial.value for trial in study.trials]
    right = [n for n in range(8) if n == 0 or values[n] < min(values[:n])]
    wrong = next(n for n in range(8) if n not in right)
    expect(cell(page, 3)).to_contain_text("Exercise 08.1: not attempted yet.")

    def click(n: int) -> None:
        cell(page, 2)
        plot(page, 2).locator(".points path").nth(n).click(force=True)
        page.wait_for_timeout(DOUBLE_CLICK_MS)  # faster, and plotly takes two dots for one double click

    click(wrong)
    expect(cell(page, 2)).to_contain_text(f"Chosen: {wrong}.")
    screenshot(page, "picker_clicked")
    answer(page)
    expect(cell(page, 3)).to_contain_text("has an earlier trial at least as low as itself")
    click(wrong)
    for n in right:
        click(n)
    expect(cell(page, 2)).to_contain_text(f"Chosen: {', '.join(map(str, right))}.")
    answer(page)
    expect(cell(page, 3)).to_contain_text("Exercise 08.1: correct.")
    field = cell(page, 2).get_by_role("textbox", name="trials")
    field.fill(f"{right[0]}")
    field.press("Enter")
    expect(cell(page, 2)).to_contain_text(f"Chosen: {right[0]}.")
    answer(page)
    expect(cell(page, 3)).to_contain_text(f"{len(right) - 1} more became the incumbent")


def test_a_box_chooses(page: Page) -> None:
    """Dragged over the whole plot, every dot."""
    cell(page, 2).get_by_role("button", name="Choose none").click()
    expect(cell(page, 2)).to_contain_text("Click a dot")
    area = plot(page, 2).locator(".nsewdrag").first.bounding_box()
    page.mouse.move(area["x"] + 2, area["y"] + 2)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] - 2, area["y"] + area["height"] - 2, steps=5)
    page.mouse.up()
    expect(cell(page, 2)).to_contain_text("Chosen: 0, 1, 2, 3, 4, 5, 6, 7.")
    screenshot(page, "picker_box")


def test_the_lens_paints_as_we_say(page: Page) -> None:
    """What the browser fills the gaps with is what the sentence was computed from; a key moves the slider."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    handle = cell(page, 4).get_by_role("slider").first
    for trials in (20, 25):
        filled = fill_gaps(optuna_map(first_trials(trials))[2])
        expect(cell(page, 4)).to_contain_text(draw_contours(trials)[1])
        painted, truth = (np.array(map_, dtype=float) for map_ in plot(page, 4).evaluate(FILLED))
        gaps = np.abs(painted - filled)
        assert gaps.max() < 0.05 and gaps.mean() < 0.01
        assert np.allclose(truth, true_surface(SEARCHED[0]), atol=1e-6)
        assert [len(edges) for edges in plot(page, 4).evaluate(EDGES)] == [11, 6]  # of ten rates and five widths
        screenshot(page, f"contour_lens_{trials}")
        handle.press("ArrowRight")


def test_the_dashboard_opens_as_a_tab(page: Page, notebook: dict[str, Any]) -> None:
    """From the launcher, with the storage's URL; it lists the notebook's study and shows it."""
    choose(page, "File", "New Launcher")
    page.locator(".jp-LauncherCard", has_text="Optuna Dashboard").first.click()
    page.get_by_label("Storage URL or File Path").first.fill(notebook["storage_url"])
    page.get_by_role("button", name="Create").click()
    study = page.get_by_text("1. shared").first
    expect(study).to_be_visible()
    screenshot(page, "dashboard_studies")
    study.click()
    expect(page.get_by_text("Hyperparameter Importance").first).to_be_visible()
    page.wait_for_timeout(2000)
    screenshot(page, "dashboard_study")


def answer(page: Page) -> None:
    """Runs the cell of the exercise."""
    cell(page, 3).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle")
