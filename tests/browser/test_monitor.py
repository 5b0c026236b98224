"""The fleet monitor in a notebook: it moves while workers work, and its buttons do what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator

import nbformat
import optuna
import psutil
import pytest
from optuna.trial import TrialState
from playwright.sync_api import Locator, Page, expect

from helpers.explore.monitor import BEST, LEFT
from helpers.fleet import open_storage
from tests.harness.browser import before_long, cell, lab_page, run_all, screenshot
from tests.harness.lab import alive, serving_lab
from tests.tools.store_outputs import METADATA

pytestmark = pytest.mark.slow  # runs a whole notebook in a browser

NAME, WORKERS = "watched", 3
SETUP = """import optuna
from helpers import plots
from helpers.explore.monitor import FleetMonitor
from helpers.fleet import Fleet, open_storage
optuna.logging.set_verbosity(optuna.logging.WARNING)
plots.use_course_look()
url = {url!r}
study = optuna.create_study(study_name={name!r}, storage=open_storage(url))
fleet = Fleet(url, {name!r}, "helpers.fleet.objectives:sleeping", workers={workers}, trials=1000)"""
CELLS = (SETUP, "monitor = FleetMonitor(fleet, study)\nmonitor", "sum(worker.alive for worker in fleet.workers)")
DRAWN = "figure => Object.fromEntries(figure._fullData.map(({name, x, y}) => [name, [Array.from(x), Array.from(y)]]))"

Drawn = dict[str, list[list[float]]]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A journal file for the notebook and for the test."""
    return f"journal:///{tmp_path_factory.mktemp('journal')}/journal.log"


@pytest.fixture(scope="module")
def page(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A notebook with a fleet and its monitor, every cell run; no worker outlives the kernel."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "notebooks").mkdir()
    cells = [nbformat.v4.new_code_cell(source.format(url=url, name=NAME, workers=WORKERS)) for source in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), folder / "notebooks" / "fleet.ipynb")
    with serving_lab(folder) as lab, lab_page(lab.url, "fleet.ipynb") as opened:
        run_all(opened)
        yield opened


def monitor(page: Page) -> Locator:
    """The monitor's output, in view."""
    return cell(page, 1).locator(".jp-OutputArea")


def drawn(page: Page) -> Drawn:
    """x and y of every trace, as they are in the picture now."""
    return monitor(page).locator(".js-plotly-plot").evaluate(DRAWN)


def states(url: str, worker: str) -> list[TrialState]:
    """The states of one worker's trials, as the storage tells another program."""
    study = optuna.load_study(study_name=NAME, storage=open_storage(url))
    return [trial.state for trial in study.trials if trial.user_attrs.get("worker", "").endswith(f"-{worker}")]


def test_it_moves_while_workers_work(page: Page) -> None:
    """Bars, line and counts grow without a cell being run; the cell below has run meanwhile."""
    expect(monitor(page)).to_contain_text(f"Workers alive: {WORKERS} of {WORKERS}")
    expect(cell(page, 2).locator(".jp-OutputArea-output")).to_have_text(str(WORKERS))
    assert before_long(lambda: set(drawn(page)["complete"][1]) == {0, 1, 2})
    first = drawn(page)
    screenshot(page, "monitor_running")
    assert before_long(lambda: len(drawn(page)["complete"][0]) >= len(first["complete"][0]) + 2 * WORKERS)
    then = drawn(page)
    assert then["complete"][0][: len(first["complete"][0])] == first["complete"][0]
    assert then[BEST][0][-1] > first[BEST][0][-1] and then[BEST][1][-1] <= first[BEST][1][-1]
    assert before_long(lambda: 0 < len(drawn(page)["running"][0]) <= WORKERS) and then[LEFT] == [[], []]
    expect(monitor(page).locator(".ytick", has_text="alive")).to_have_count(WORKERS)


def test_the_kill_button(page: Page, url: str) -> None:
    """By keyboard: the chosen process is gone, its trial stays RUNNING, its row says so, and the others work on."""
    menu = monitor(page).locator("select")
    label = menu.locator("option").nth(1).text_content()
    pid = re.fullmatch(r"1\s\(pid\s(\d+)\)", label).group(1)
    process = psutil.Process(int(pid))
    assert "helpers.worker" in process.cmdline()
    menu.focus()
    for key in ("Space", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(menu.locator("option:checked")).to_have_text(label)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(monitor(page)).to_contain_text(f"Worker 1 (pid {pid}) was killed.")
    assert before_long(lambda: not alive([process]))
    expect(monitor(page).locator(".ytick", has_text="worker 1")).to_contain_text("killed")
    expect(menu.locator("option")).to_have_count(WORKERS - 1)
    assert before_long(lambda: drawn(page)[LEFT][1] == [1])
    expect(monitor(page)).to_contain_text(f"1 {LEFT}")
    before, ended = drawn(page), states(url, pid)
    assert ended.count(TrialState.RUNNING) == 1
    assert before_long(lambda: len(drawn(page)["complete"][0]) >= len(before["complete"][0]) + 2)
    assert drawn(page)[LEFT][0][0] > before[LEFT][0][0]
    assert states(url, pid) == ended
    screenshot(page, "monitor_killed")


def test_one_worker_more(page: Page) -> None:
    """By mouse: a new row, and soon a bar in it."""
    monitor(page).get_by_role("button", name="One worker more").click()
    expect(monitor(page)).to_contain_text(f"Workers alive: {WORKERS} of {WORKERS + 1}")
    expect(monitor(page)).to_contain_text(re.compile(rf"Worker {WORKERS} \(pid \d+\) was started\."))
    assert before_long(lambda: WORKERS in drawn(page)["complete"][1])
    screenshot(page, "monitor_one_more")
