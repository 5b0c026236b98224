"""The course in JupyterLab in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import optuna
import pytest
from playwright.sync_api import Locator, Page, expect

from helpers.explore.suggestions import draw
from tests.harness.browser import GREETINGS, before_long, cell, cell_text, choose, lab_page, run_all, screenshot
from tests.harness.lab import serving_lab
from tests.tools.store_outputs import METADATA

SETUP = """import optuna
from helpers import plots
from helpers.explore.suggestions import SuggestionExplorer
optuna.logging.set_verbosity(optuna.logging.WARNING)
plots.use_course_look()"""
AGAIN = [
    """import plotly.graph_objects as go
from helpers.explore.explorable import Explorable
study = optuna.create_study()
def so_far():
    values = [trial.value for trial in study.trials if trial.state.is_finished()]
    return go.Figure(go.Scatter(x=list(range(len(values))), y=values, name="complete")), f"{len(values)} trials"
live = Explorable(so_far)
live""",
    "explorer = SuggestionExplorer()\nexplorer",
    """values = iter([4, 3, 2, 4, 3])
study.optimize(lambda _: next(values), n_trials=5, callbacks=[lambda *_: live.show()])""",
    "live",
    "explorer",
]
DATA = "figure => figure.data.map(({name, x, y}) => [name, [x, y].map(part => Array.from(part || []))])"
# Width and height of every bar in pixels, from left to right.
BARS = """figure => [...figure.querySelectorAll('.bars .point path')].map(
    bar => [bar.getBBox().width, bar.getBBox().height])"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with two notebooks: one explorable, and two that are shown twice."""
    folder = tmp_path_factory.mktemp("served")
    write(folder, "explorer.ipynb", "SuggestionExplorer()")
    write(folder, "again.ipynb", *AGAIN)
    with serving_lab(folder) as lab:
        yield lab.url


@pytest.fixture
def page(url: str) -> Iterator[Page]:
    """A notebook with one explorable, just opened."""
    with lab_page(url, "explorer.ipynb") as opened:
        yield opened


def write(folder: Path, name: str, *sources: str) -> None:
    """A notebook of code cells, in the folder where the course has its own."""
    cells = [nbformat.v4.new_code_cell(source) for source in (SETUP, *sources)]
    (folder / "notebooks").mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), folder / "notebooks" / name)


def shows(page: Page, *arguments: object, **options: object) -> bool:
    """Waits for sentence, title and bars of these settings; true when every bar can be seen and has its height."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    figure, sentence = draw(*arguments, **options)
    shares = list(figure.data[0].y)
    output = cell(page, 1).locator(".jp-OutputArea")
    expect(output).to_contain_text(sentence)
    expect(output.locator(".gtitle")).to_have_text(figure.layout.title.text)
    expect(output.locator(".bars .point")).to_have_count(len(shares))
    bars = output.locator(".js-plotly-plot").evaluate(BARS)
    whole = sum(height for _, height in bars)
    drawn = [height / whole for _, height in bars]
    return drawn == pytest.approx(shares, abs=0.001) and all(width > 2 for width, _ in bars)


def slider(page: Page, name: str, n: int = 1) -> Locator:
    """The handle of one slider of cell n, which takes the keyboard."""
    label = page.get_by_text(name, exact=True)
    return cell(page, n).locator(".widget-hslider").filter(has=label).get_by_role("slider")


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


def drawn(page: Page, n: int) -> list:
    """Name, x and y of every trace of the figure of cell n."""
    figure = cell(page, n).locator(".js-plotly-plot")
    expect(figure).to_be_visible(timeout=60_000)
    return figure.evaluate(DATA)


@pytest.mark.slow
def test_a_later_view_shows_what_the_first_shows(url: str) -> None:
    """An explorable shown once more, and one whose page is loaded again, has all its numbers, and still answers."""
    live = [["complete", [[0, 1, 2, 3, 4], [4, 3, 2, 4, 3]]]]
    bars = list(draw("float", 1e-5, 1)[0].data[0].y)
    with lab_page(url, "again.ipynb") as page:
        run_all(page)
        slider(page, "high", 2).press("ArrowRight")
        assert before_long(lambda: drawn(page, 2)[0][1][1] == pytest.approx(bars))
        choose(page, "File", "Save Notebook")
        expect(page.locator(".jp-mod-dirty")).to_have_count(0)
        for _ in range(2):
            for n in (1, 4):
                assert [trace for trace in drawn(page, n) if trace[1][0]] == live
            for n in (2, 5):
                assert drawn(page, n)[0][1][1] == pytest.approx(bars)
            screenshot(page, "shown_again")
            page.reload()
        slider(page, "high", 2).press("ArrowLeft")
        bars = list(draw("float", 1e-5, 1e-1)[0].data[0].y)
        for n in (2, 5):
            assert before_long(lambda n=n: drawn(page, n)[0][1][1] == pytest.approx(bars))
