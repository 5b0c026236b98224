"""The course in JupyterLab in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import nbformat
import optuna
import pytest
from playwright.sync_api import Locator, Page, expect

from helpers.explore.suggestions import suggestion_state
from tests.browser import GREETINGS, cell, cell_text, lab_page, run_all, screenshot
from tests.lab import serving_lab
from tests.store_outputs import METADATA

SETUP = """import optuna
from helpers import plots
from helpers.explore import SuggestionExplorer
optuna.logging.set_verbosity(optuna.logging.WARNING)
plots.use_course_look()"""
# Width and height of every bar in pixels, from left to right.
BARS = """figure => [...figure.querySelectorAll('.bars .point path')].map(
    bar => [bar.getBBox().width, bar.getBBox().height])"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A notebook with one explorable, just opened."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "notebooks").mkdir()
    cells = [nbformat.v4.new_code_cell(source) for source in (SETUP, "SuggestionExplorer()")]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=METADATA)
    nbformat.write(notebook, folder / "notebooks" / "explorer.ipynb")
    with serving_lab(folder) as lab, lab_page(lab.url, "explorer.ipynb") as opened:
        yield opened


def shows(page: Page, *arguments: object, **options: object) -> bool:
    """Waits for sentence, title and bars of these settings; true when every bar can be seen and has its height."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    state = suggestion_state(*arguments, **options)
    output = cell(page, 1).locator(".jp-OutputArea")
    expect(output).to_contain_text(state.message)
    expect(output.locator(".gtitle")).to_have_text(state.code)
    expect(output.locator(".bars .point")).to_have_count(len(state.shares))
    bars = output.locator(".js-plotly-plot").evaluate(BARS)
    whole = sum(height for _, height in bars)
    drawn = [height / whole for _, height in bars]
    return drawn == pytest.approx(list(state.shares), abs=0.001) and all(width > 2 for width, _ in bars)


def slider(page: Page, name: str) -> Locator:
    """The handle of one slider, which takes the keyboard."""
    label = page.get_by_text(name, exact=True)
    return cell(page, 1).locator(".widget-hslider").filter(has=label).get_by_role("slider")


def test_an_explorable_answers_keyboard_and_mouse(page: Page) -> None:
    """Nothing greets the learner; a slider and a checkbox change title, sentence and bars to the new settings'."""
    expect(page.locator(GREETINGS)).to_have_count(0)
    run_all(page)
    screenshot(page, "explorer_run")
    assert "SuggestionExplorer()" in cell_text(page, 1)
    assert shows(page, "float", 1e-5, 1e-1)

    slider(page, "high").press("ArrowRight")
    assert shows(page, "float", 1e-5, 1)
    slider(page, "high").press("ArrowLeft")
    slider(page, "high").press("ArrowLeft")
    assert shows(page, "float", 1e-5, 1e-2)
    screenshot(page, "explorer_keyboard")

    cell(page, 1).get_by_role("checkbox", name="log=True").click()
    assert shows(page, "float", 1e-5, 1e-2, log=True)
    screenshot(page, "explorer_log")

    slider(page, "low").press("Home")
    expect(cell(page, 1)).to_contain_text("Optuna refuses")
    assert shows(page, "float", 0.0, 1e-2, log=True)
    screenshot(page, "explorer_refused")

    cell(page, 1).get_by_role("button", name="categorical").click()
    assert shows(page, "categorical", 0, 0)
    screenshot(page, "explorer_categorical")
    expect(page.locator(GREETINGS)).to_have_count(0)
