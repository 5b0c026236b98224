"""Notebook 00 as a learner meets it: `make lab`, the game played by keyboard and by mouse, TPE beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from helpers.explore.game import KNOBS
from helpers.training.data import load_dataset
from helpers.training.train import TrainingConfig, fit
from tests.harness.browser import GREETINGS, cell_with, lab_page, run_all, screenshot
from tests.harness.lab import serving_lab

pytestmark = pytest.mark.slow  # runs a whole notebook in a browser

NOTEBOOK = "00_start_here.ipynb"
BUDGET = 15


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """Notebook 00, served by the course's own command, with every cell run."""
    with serving_lab() as lab, lab_page(lab.url, NOTEBOOK) as opened:
        expect(opened.locator(GREETINGS)).to_have_count(0)
        run_all(opened)
        yield opened


def game(page: Page) -> Locator:
    """The game's output."""
    return cell_with(page, NOTEBOOK, "BeTheSampler(").locator(".jp-OutputArea")


def handle(page: Page, knob: str) -> Locator:
    """The part of a slider that takes the keyboard."""
    return game(page).locator(".widget-hslider").filter(has_text=knob).get_by_role("slider")


def settings(page: Page) -> dict[str, float]:
    """What stands beside the sliders."""
    texts = game(page).locator(".widget-hslider .widget-readout").all_inner_texts()
    return {knob: type(low)(text) for (knob, (low, *_)), text in zip(KNOBS.items(), texts, strict=True)}


def drawn(page: Page) -> list[float]:
    """The scores of the dots in the picture, from left to right."""
    return game(page).locator(".js-plotly-plot").evaluate("figure => Array.from(figure._fullData[0].y)")


def train_here(**chosen: float) -> float:
    """The score that the notebook's own training gives."""
    return fit(TrainingConfig(**chosen, epochs=3, seed=0), load_dataset())[1][-1].validation_accuracy


def test_a_trial_by_keyboard(page: Page) -> None:
    """A slider moved by its arrow keys spends nothing; Train by Space gives the real score, as text and as a dot."""
    expect(game(page)).to_contain_text("Trial 0 scored")
    before, first = settings(page), drawn(page)
    handle(page, "learning_rate").focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    expect(game(page)).not_to_contain_text("Trial 1 scored")
    chosen = settings(page)
    assert chosen["learning_rate"] > 5 * before["learning_rate"]
    for _ in range(2 * len(KNOBS)):  # a slider, and the number beside it
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    score = train_here(**chosen)
    expect(game(page)).to_contain_text(f"Trial 1 scored {score:.3f}.")
    expect(game(page).locator(".js-plotly-plot path.point")).to_have_count(2)
    assert drawn(page) == pytest.approx([*first, score])
    screenshot(page, "game_keyboard")


def test_the_rest_by_mouse(page: Page) -> None:
    """The button plays until the budget is spent, and then rests."""
    button = game(page).get_by_role("button", name="Train")
    for trial in range(len(drawn(page)), BUDGET):
        button.click()
        expect(game(page)).to_contain_text(f"Trial {trial} scored")
    expect(game(page)).to_contain_text("Your budget is spent.")
    expect(button).to_be_disabled()
    assert len(drawn(page)) == BUDGET
    screenshot(page, "game_over")


def test_the_learner_joins_the_comparison(page: Page) -> None:
    """After the game the comparison, run again, has the learner's own line."""
    comparison = cell_with(page, NOTEBOOK, "plots.best_so_far(")
    expect(comparison.locator(".annotation")).to_have_text([re.compile("random$"), re.compile("TPE$")])  # after a mark
    comparison.locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")
    comparison = cell_with(page, NOTEBOOK, "plots.best_so_far(")
    names = [re.compile(f"{name}$") for name in ("random", "TPE", "you")]
    expect(comparison.locator(".annotation")).to_have_text(names)
    screenshot(page, "game_compared")
