"""The pages without a kernel: whole, without another host, readable on a phone, and alive where an explorable was."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import ipywidgets as widgets
import nbformat
import plotly.graph_objects as go
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from helpers.errors import BadInput
from helpers.explore.explorable import Explorable, slider
from helpers.explore.windows import TpeWindow
from tests.harness.browser import browser_page
from tests.harness.outputs import rounded
from tests.tools.site import __main__ as site
from tests.tools.site.frames import MOST, frames
from tests.tools.store_outputs import all_notebooks

WIDTHS = (390, 1280)
pytestmark = pytest.mark.filterwarnings("ignore::sphinx.deprecation.RemovedInSphinx11Warning")


def draw(size: int, kind: str) -> tuple[go.Figure, str]:
    """A drawing that refuses one setting."""
    if kind == "b" and size > 90:
        raise BadInput("Too large for b.")
    return go.Figure(go.Scatter(x=[0, 1], y=[0, size]), layout={"title": kind}), f"{kind} {size}"


def small() -> Explorable:
    """An explorable with more settings than a page has drawings."""
    sizes = slider(widgets.IntSlider, "size", min=1, max=100, value=7)
    return Explorable(draw, size=sizes, kind=widgets.Dropdown(description="kind", options=["a", "b"]))


def drawing(found: dict, at: list[int]) -> tuple[list, str]:
    """Traces and sentence of one setting, as the page finds them."""
    orders = [range(len(control["labels"])) for control in found["controls"]]
    number = list(itertools.product(*orders)).index(tuple(at))
    _, traces, said = found["drawings"][number]
    return [found["traces"][trace] for trace in traces], found["said"][said]


def test_every_setting_of_a_page_is_what_the_explorable_draws():
    found = frames(small())
    sizes, kinds = (control["labels"] for control in found["controls"])
    assert len(found["drawings"]) == len(sizes) * len(kinds) <= MOST
    assert sizes[found["controls"][0]["at"]] == "7" and {"1", "100"} <= set(sizes)
    for (n, size), (k, kind) in itertools.product(enumerate(sizes), enumerate(kinds)):
        refused = kind == "b" and int(size) > 90
        traces, said = drawing(found, [n, k])
        assert said == ("Too large for b." if refused else f"{kind} {size}")
        assert [trace["y"] for trace in traces] == ([] if refused else [[0, int(size)]])


@pytest.mark.slow
def test_a_window_into_a_sampler_moves_without_a_kernel():
    window = TpeWindow()
    found = frames(window)
    function, step = found["controls"]
    values = [("forrester", 10), ("forrester", 59)]
    for name, number in values:
        at = [function["labels"].index(name), step["labels"].index(str(number))]
        figure, said = window.draw(function=window.controls["function"]._options_values[at[0]], step=number)
        traces, told = drawing(found, at)
        assert told == said
        assert json.loads(json.dumps(rounded(json.loads(figure.to_json(engine="json"))["data"]))) == traces


@pytest.mark.parametrize("controls", [{}, {"name": widgets.Text()}], ids=["none", "text"])
def test_what_a_page_cannot_move_stays_still(controls: dict):
    assert frames(Explorable(lambda **_: (go.Figure(), "still"), **controls)) is None


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, with one explorable that moves."""
    target, cache = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("frames")
    window = next(path for path in all_notebooks() if path.name.startswith("04"))
    cells = nbformat.read(window, as_version=4).cells
    shown = next(cell.id for cell in cells if cell.source.startswith("TpeWindow("))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site, "frames_of", lambda path, _: {shown: frames(small())} if path == window else {})
        assert site.build(target, cache, "https://github.com/someone/learn-optuna") == 0  # no complaint, no broken link
    return target


@pytest.fixture(params=WIDTHS)
def open_page(request: pytest.FixtureRequest) -> Iterator[Page]:
    """A browser's page of this width that reaches no other host, and asks for none."""
    with browser_page(request.param, 844) as page:
        asked = []
        page.route(
            lambda url: not url.startswith("file:"), lambda route: (asked.append(route.request.url), route.abort())
        )
        yield page
        assert not asked


@pytest.mark.slow
def test_pages_are_readable_at_two_widths(pages: Path, open_page: Page):
    for path in [pages / "index.html", *sorted((pages / "notebooks").glob("*.html"))]:
        open_page.goto(path.as_uri())
        width = open_page.viewport_size["width"]
        assert open_page.evaluate("document.documentElement.scrollWidth") <= width, path.name
        assert open_page.evaluate("[...document.images].filter(i => !i.alt).length") == 0, path.name
        found = (
            Axe()
            .run(open_page, context=".content", options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa"]})
            .response["violations"]
        )
        assert not [(one["id"], one["nodes"][0]["html"]) for one in found], path.name


@pytest.mark.slow
def test_a_slider_moves_in_the_page(pages: Path, open_page: Page):
    open_page.goto((pages / "notebooks" / "04_inside_the_samplers.html").as_uri())
    place = open_page.locator(".explorable:has(input)")
    assert place.locator("p").inner_text() == "a 7"
    place.get_by_role("slider").focus()
    open_page.keyboard.press("End")
    assert place.locator("p").inner_text() == "a 100"
    place.get_by_role("combobox").select_option("b")
    assert place.locator("p").inner_text() == "Too large for b."
    place.get_by_role("slider").focus()
    open_page.keyboard.press("Home")
    assert place.locator("p").inner_text() == "b 1"
    assert place.locator(".gtitle").text_content() == "b"
    binder = open_page.get_by_role("link", name="Run this notebook on Binder").get_attribute("href")
    assert binder.endswith("gh/someone/learn-optuna/HEAD?labpath=notebooks/04_inside_the_samplers.ipynb")
