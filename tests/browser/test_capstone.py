"""Notebook 12 in JupyterLab: the quiz by keyboard and by mouse, and a submission from elsewhere on the leaderboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from helpers.exercises.questions import QUESTIONS
from helpers.fleet.leaderboard import Leaderboard
from tests.harness.browser import before_long, cell, choose, lab_page, screenshot
from tests.harness.lab import serving_lab
from tests.problems.test_capstone import searched
from tests.tools.store_outputs import METADATA

pytestmark = pytest.mark.slow  # runs a whole notebook in a browser

SETUP = """import pandas as pd
from helpers import plots
from helpers.exercises.questions import QUESTIONS
from helpers.explore.board import LeaderboardView
from helpers.fleet.leaderboard import Leaderboard
from helpers.learn import Quiz
plots.use_course_look()
ladder = pd.DataFrame({"score": [0.41, 0.43], "low": [0.4, 0.42], "high": [0.42, 0.44], "spread": 0.02, "runs": 50},
                      index=["random", "halving"])
board, quiz = Leaderboard("URL"), Quiz(QUESTIONS)"""
CELLS = (SETUP, "LeaderboardView(board, ladder)", "quiz", "quiz.review()")
DOTS = "figure => figure._fullData.map(trace => trace.x ? trace.x.length : 0)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a notebook and the room's board."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "notebooks").mkdir()
    cells = [nbformat.v4.new_code_cell(source.replace("URL", url(folder))) for source in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), folder / "notebooks" / "capstone.ipynb")
    return folder


def url(folder: Path) -> str:
    """The storage of the board."""
    return f"sqlite:///{folder}/room.db"


@pytest.fixture(scope="module")
def page(folder: Path) -> Iterator[Page]:
    """The notebook with every cell run."""
    with serving_lab(folder) as lab, lab_page(lab.url, "capstone.ipynb") as opened:
        choose(opened, "Run", "Run All Cells")
        expect(cell(opened, 3)).to_contain_text("0 of 20 right; 20 not answered.", timeout=60_000)
        yield opened


def test_a_submission_made_elsewhere_appears(page: Page, folder: Path) -> None:
    """Another program submits; Refresh shows it, a name that is typed becomes yours, and HTML in a name is text."""
    expect(cell(page, 1)).to_contain_text("Nobody has submitted yet.")
    elsewhere = Leaderboard(url(folder))
    for seed, name in enumerate(("Ada", "<b>Bob</b>")):
        study = searched(90, seed)
        assert elsewhere.submit(study, name, study.best_params).mood == "good"
    expect(cell(page, 1)).to_contain_text("Nobody has submitted yet.")
    cell(page, 1).get_by_role("button", name="Refresh").click()
    expect(cell(page, 1)).to_contain_text("2 on the board;")
    figure = cell(page, 1).locator(".js-plotly-plot")
    assert before_long(lambda: figure.evaluate(DOTS) == [2, 0, 2])
    expect(figure).to_contain_text("<b>Bob</b>")
    field = cell(page, 1).get_by_label("your name")
    field.fill("Ada")
    field.press("Enter")
    expect(cell(page, 1)).to_contain_text("You stand at place")
    assert before_long(lambda: figure.evaluate(DOTS) == [1, 1, 2])
    screenshot(page, "leaderboard")


def radios(page: Page, number: int) -> Locator:
    """The buttons of one question."""
    return cell(page, 2).locator(".widget-radio-box").nth(number - 1).get_by_role("radio")


def test_the_quiz_is_answered_by_keyboard_and_mouse(page: Page) -> None:
    """Question 1 by keyboard, rightly; 14 by mouse, wrongly; both are explained, the others are not."""
    radios(page, 1).first.focus()
    for _ in range(QUESTIONS[0].right):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(radios(page, 1).nth(QUESTIONS[0].right)).to_be_checked()
    wrong = (QUESTIONS[13].right + 1) % 4
    radios(page, 14).nth(wrong).click()
    expect(radios(page, 14).nth(wrong)).to_be_checked()
    screenshot(page, "quiz_answered")
    cell(page, 2).get_by_role("button", name="How did I do?").click()
    expect(cell(page, 2)).to_contain_text("1 of 20 right; 18 not answered.")
    expect(cell(page, 2)).to_contain_text(QUESTIONS[0].why)
    expect(cell(page, 2)).to_contain_text("Read again: notebook 07 · scale up.")
    expect(cell(page, 2)).not_to_contain_text(QUESTIONS[1].why)
    radios(page, 1).first.scroll_into_view_if_needed()
    screenshot(page, "quiz_marked_top")
    radios(page, 14).first.scroll_into_view_if_needed()
    screenshot(page, "quiz_marked")


def test_the_review_links_to_the_notebook(page: Page) -> None:
    """Run again, the last cell names what was wrong, with a link; the answers were kept."""
    cell(page, 3).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(cell(page, 3)).to_contain_text("1 of 20 right; 18 not answered.")
    link = cell(page, 3).get_by_role("link", name="07 · scale up")
    expect(link).to_have_attribute("href", re.compile("07_scale_up.ipynb"))
    screenshot(page, "quiz_review")


def test_options_are_not_cut_off(page: Page) -> None:
    """Every question and option is drawn as wide as its words."""
    for label in cell(page, 2).locator(".widget-radio-box label").all():
        assert label.evaluate("node => node.scrollWidth <= node.clientWidth + 1"), label.inner_text()
