"""The sampler chooser of notebook 03 as a learner meets it: answered by keyboard and by mouse."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from helpers.explore.chooser import FIRST, QUESTIONS, Choice, choose
from helpers.races.race import load_races
from tests.harness.browser import cell_with, run_notebook, screenshot

pytestmark = pytest.mark.slow  # runs a whole notebook in a browser

NOTEBOOK = "03_samplers.ipynb"
DRAWN = """(figure) => Object.fromEntries(figure._fullData.filter(line => line.name && !line.name.startsWith('trace'))
    .map(line => [line.name, Array.from(line.y)]))"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """Notebook 03 with every cell run."""
    with run_notebook(NOTEBOOK) as opened:
        yield opened


def chooser(page: Page) -> Locator:
    """The chooser's output."""
    return cell_with(page, NOTEBOOK, "SamplerChooser(").locator(".jp-OutputArea")


def button(page: Page, question: str, answer: str) -> Locator:
    """One answer to one question."""
    row = chooser(page).locator(".widget-hbox").filter(has=page.get_by_text(question, exact=True))
    return row.get_by_role("button", name=answer, exact=True)


def answers(page: Page) -> dict[str, str]:
    """The pressed buttons, one in each row."""
    pressed = chooser(page).locator(".widget-toggle-button.mod-active")
    expect(pressed).to_have_count(len(QUESTIONS))
    return dict(zip(QUESTIONS, pressed.all_inner_texts(), strict=True))


def expect_choice(page: Page) -> Choice:
    """Text and picture become those of the choice for the pressed buttons; returns it."""
    choice = choose(answers(page))
    for text in (choice.sampler, choice.code, choice.reason):
        expect(chooser(page)).to_contain_text(text)
    expect(chooser(page).locator(".gtitle")).to_contain_text(f"{choice.evidence}, ")
    race = load_races()[choice.evidence]
    drawn = chooser(page).locator(".js-plotly-plot").evaluate(DRAWN)
    assert choice.sampler in drawn
    expect(chooser(page).locator(".annotation")).to_have_count(len(drawn))
    for name, regrets in drawn.items():
        assert regrets[-1] == pytest.approx(np.median(race.final(name)), rel=1e-4) or np.median(race.final(name)) == 0
    return choice


def test_the_chooser_opens_with_evidence(page: Page) -> None:
    """Before anything is touched it answers for the first settings."""
    assert list(answers(page).values()) == list(FIRST)
    assert expect_choice(page).sampler == "GP"
    screenshot(page, "chooser_opened")


def test_by_keyboard(page: Page) -> None:
    """Tab leads to the next button, Space presses it, and text and picture follow."""
    button(page, "trials", "up to 100").focus()
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(chooser(page)).to_contain_text("CmaEsSampler")
    assert answers(page)["trials"] == "500 to 1000"
    assert expect_choice(page).evidence == "hartmann6 long"
    screenshot(page, "chooser_keyboard")


def test_by_mouse(page: Page) -> None:
    """A click on an answer gives another sampler and another race, or none."""
    button(page, "kinds", "with categorical").click()
    expect(chooser(page)).to_contain_text("TPESampler")
    assert expect_choice(page).evidence == "hartmann6 long"
    button(page, "goal", "several objectives").click()
    button(page, "trials", "more than 1000").click()
    expect(chooser(page)).to_contain_text("NSGAIISampler")
    assert expect_choice(page).evidence == "two objectives"
    screenshot(page, "chooser_mouse")
    button(page, "trials", "all possible").click()
    expect(chooser(page).locator(".gtitle")).to_contain_text("No race is needed")
    expect(chooser(page)).to_contain_text("BruteForceSampler")
    assert chooser(page).locator(".js-plotly-plot").evaluate(DRAWN) == {}
    screenshot(page, "chooser_every_combination")
