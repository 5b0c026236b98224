"""A notebook in JupyterLab in a real browser: opened, run and looked at as a learner does."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.harness.lab import serving_lab
from tests.tools.store_outputs import ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCREENSHOTS = "LEARN_OPTUNA_SCREENSHOTS"
OPEN_S, RUN_S, PATIENCE_S = 60, 180, 30
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
GREETINGS = ".jp-Dialog, .Toastify__toast"
INTO_VIEW = """(cell) => new Promise((drawn) => {
    cell.scrollIntoView({block: 'start'});
    requestAnimationFrame(() => requestAnimationFrame(drawn));
})"""
# "[ ]:", "[*]:" or "[7]:" of every code cell; one with nothing in it is never run and left out.
PROMPTS = """(panel) => [...document.querySelectorAll(panel + ' .jp-CodeCell')]
    .filter(cell => cell.querySelector('.jp-InputArea-editor').textContent.trim())
    .map(cell => cell.querySelector('.jp-InputPrompt').textContent.trim())"""
HAS_STOPPED = f"""(panel) => {{
    const prompts = ({PROMPTS})(panel);
    return prompts.some(prompt => /\\d/.test(prompt)) && !prompts.includes('[*]:');
}}"""

expect.set_options(timeout=20_000)


@contextmanager
def browser_page(width: int = 1400, height: int = 1000) -> Iterator[Page]:
    """An empty page of the machine's Chromium; the test is skipped where there is none."""
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"no browser here: install one of {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        try:
            yield browser.new_page(viewport={"width": width, "height": height})
        finally:
            browser.close()


@contextmanager
def lab_page(url: str, notebook: str) -> Iterator[Page]:
    """One notebook of the folder `notebooks`, its kernel ready; `url` is the server's address with its token."""
    parts = urlsplit(url)
    with browser_page() as page:
        page.goto(f"{parts.scheme}://{parts.netloc}/lab/tree/notebooks/{notebook}?{parts.query}&reset")
        with _pictured(page, f"{notebook}_failed"):
            expect(page.locator("#jupyterlab-splash, .jp-Spinner")).to_have_count(0, timeout=OPEN_S * 1000)
            _wait_until_idle(page, OPEN_S)
            yield page


def run_all(page: Page) -> None:
    """Clears what is stored, runs every cell from the menu, and waits until each has a number and the kernel rests."""
    choose(page, "Edit", "Clear Outputs of All Cells")
    expect(page.locator(f"{PANEL} .jp-OutputArea-output")).to_have_count(0)
    choose(page, "Run", "Run All Cells")
    page.wait_for_function(HAS_STOPPED, arg=PANEL, timeout=RUN_S * 1000)
    prompts = page.evaluate(PROMPTS, PANEL)
    assert all(re.fullmatch(r"\[\d+\]:", prompt) for prompt in prompts), f"A cell stopped the run: {prompts}"
    _wait_until_idle(page, RUN_S)


@contextmanager
def run_notebook(notebook: str) -> Iterator[Page]:
    """A notebook of the course, served by the course's own command, with every cell run."""
    with serving_lab() as lab, lab_page(lab.url, notebook) as page:
        run_all(page)
        yield page


def cell(page: Page, n: int) -> Locator:
    """Cell `n` of the notebook, from 0, brought into view: JupyterLab leaves cells out of view undrawn."""
    found = page.locator(f"{PANEL} .jp-Cell").nth(n)
    found.evaluate(INTO_VIEW)
    return found


def cell_with(page: Page, notebook: str, text: str) -> Locator:
    """The first code cell of one of the course's notebooks that holds this text, in view."""
    cells = nbformat.read(ROOT / "notebooks" / notebook, as_version=4).cells
    return cell(page, next(n for n, found in enumerate(cells) if found.cell_type == "code" and text in found.source))


def cell_text(page: Page, n: int) -> str:
    """What cell `n` shows, source and outputs."""
    return cell(page, n).inner_text()


def before_long(condition: Callable[[], bool]) -> bool:
    """Waits until it holds; false when it does not within half a minute."""
    end = time.monotonic() + PATIENCE_S
    while not (held := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return held


def screenshot(page: Page, name: str) -> None:
    """A picture of the page, where the environment names a folder for them."""
    if folder := os.environ.get(SCREENSHOTS):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder, f"{name}.png"))


@contextmanager
def _pictured(page: Page, name: str) -> Iterator[None]:
    """A picture of what was on the page when a test failed."""
    try:
        yield
    except BaseException:
        screenshot(page, name)
        raise


def choose(page: Page, menu: str, item: str) -> None:
    """A click through the menu bar."""
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{menu}$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{item}$")).click()


def _wait_until_idle(page: Page, seconds: float) -> None:
    """The status bar names the kernel's state; before there is a kernel it says "Initializing"."""
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=seconds * 1000)
