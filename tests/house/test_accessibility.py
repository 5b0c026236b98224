"""The course for those who cannot see its colours, or see nothing: names, contrast, keyboard, and more than colour.

axe-core looks at what the course itself shows: text, outputs and widgets, not JupyterLab's menus and editors.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from helpers import plots
from helpers.learn.notes import EDGES
from tests.explore.test_explorable import MAKE
from tests.harness.browser import PANEL, before_long, cell, choose, lab_page, run_all, screenshot
from tests.harness.lab import Lab, serving_lab
from tests.harness.outputs import PLOTLY
from tests.images.readable import contrast
from tests.tools.store_outputs import METADATA, all_notebooks

pytestmark = pytest.mark.slow  # goes through every notebook in a browser

SETUP = """import warnings
import optuna
from helpers import plots
from helpers.explore import board, chooser, game, lenses, monitor, pruner_lab, suggestions, trials, windows
from helpers.explore.explorable import Explorable
from helpers.exercises.questions import QUESTIONS
from helpers.fleet import Fleet, open_storage
from helpers.fleet.leaderboard import Leaderboard
from helpers.learn import Quiz, check, claim, predict
import ipywidgets as widgets
import pandas as pd
import plotly.graph_objects as go
optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
plots.use_course_look()
ladder = pd.DataFrame(columns=["score", "low", "high"])
figure = go.Figure(go.Scatter(x=[0, 1], y=[1, 2]), layout={"title": "A plot of your own"})
study, two = optuna.create_study(), optuna.create_study(directions=["minimize", "minimize"])
study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=8)
two.optimize(lambda trial: (trial.suggest_float("x", 0.1, 1), 1 / trial.params["x"]), n_trials=8)
shared = optuna.create_study(study_name="shared", storage=open_storage("journal:///FOLDER/journal.log"))
fleet = Fleet("journal:///FOLDER/journal.log", "shared", "helpers.fleet.objectives:sleeping", workers=1, total=2)"""
EXPLORABLES = {
    "BeTheSampler": "game.BeTheSampler(lambda **settings: 0.5, budget=3)",
    "CmaWindow": "windows.CmaWindow()",
    "ContourLens": "lenses.ContourLens()",
    "FleetMonitor": "monitor.FleetMonitor(fleet, shared)",
    "GpWindow": "windows.GpWindow()",
    "ImportanceLens": "lenses.ImportanceLens()",
    "LeaderboardView": 'board.LeaderboardView(Leaderboard("sqlite:///FOLDER/room.db"), ladder)',
    "OptimismLens": "lenses.OptimismLens()",
    "ParetoChooser": "trials.ParetoChooser(two)",
    "PrunerLab": "pruner_lab.PrunerLab()",
    "SamplerChooser": "chooser.SamplerChooser()",
    "SuggestionExplorer": "suggestions.SuggestionExplorer()",
    "TpeWindow": "windows.TpeWindow()",
    "TrialPicker": "trials.TrialPicker(study)",
    "Explorable": "Explorable(lambda: (figure, 'Two trials.'))",
}
DEVICES = (
    'predict("Which?", ["this", "that"])',
    "Quiz(QUESTIONS[:2])",
    'check("01.1", ...)',
    'claim("One is less than two.", 1, "<", 2)',
    'predict("Which of them?", ["this", "that"]).reveal("this")',
)
BROKEN = """display(widgets.IntSlider(description="no name"))
display(widgets.HTML('<input type="text"><p style="color:#aaaaaa;background:white">too faint</p>'))"""
CELLS = (SETUP, *EXPLORABLES.values(), *DEVICES, BROKEN)
SIZE = {"width": 1400, "height": 1000}
SERIOUS = ("serious", "critical")
NOT_OURS = (
    # JupyterLab draws image/png without an alternative text, and knows no way to give one. A sentence on what to see
    # follows each figure.
    ".jp-RenderedImage img",
    # Plotly marks each tick and each button of its own as it likes. The figure around them is named by us.
    ".js-plotly-plot .main-svg",
    ".js-plotly-plot .modebar-container",
)
RULES = {"link-in-text-block": {"enabled": False}}  # JupyterLab's stylesheet leaves links without a line under them
INTERACTIVE = "button|checkbox|combobox|radio|slider|spinbutton|textbox"
NAMELESS = re.compile(rf'^\s*- (?:{INTERACTIVE})(?: ""|(?! ")).*$', re.MULTILINE)
# What takes the keyboard in a box, from top to bottom; Plotly's toolbar is not ours.
CONTROLS = """box => [...box.querySelectorAll('input, select, button, a[href], [tabindex="0"], [contenteditable=true]')]
    .filter(control => !control.disabled && control.checkVisibility() && !control.closest('.js-plotly-plot'))"""
STOPS = f"""box => ({CONTROLS})(box).findIndex(control => control === document.activeElement)"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course's notebooks as they are stored, without code, and one with every explorable and every device."""
    served = tmp_path_factory.mktemp("served")
    (served / "notebooks").mkdir()
    for path in all_notebooks():
        shown = list(without_code(nbformat.read(path, as_version=4)))
        nbformat.write(nbformat.v4.new_notebook(cells=shown, metadata=METADATA), served / "notebooks" / path.name)
    cells = [nbformat.v4.new_code_cell(source.replace("FOLDER", str(served))) for source in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), served / "notebooks" / "widgets.ipynb")
    return served


def without_code(notebook: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
    """Text and outputs, each figure as its still alone: what Plotly draws is not ours, and slows axe down."""
    for found in notebook.cells:
        if found.cell_type == "markdown":
            yield nbformat.v4.new_markdown_cell(found.source)
        elif found.outputs:
            for output in found.outputs:
                output.get("data", {}).pop(PLOTLY, None)
            yield nbformat.v4.new_code_cell(outputs=found.outputs)


@pytest.fixture(scope="module")
def page(folder: Path) -> Iterator[Page]:
    """JupyterLab with the notebook of widgets run; it draws every cell, and starts no kernel for a stored notebook."""
    with serving_lab(folder) as lab:
        put_setting(lab, "notebook-extension:tracker", {"windowingMode": "none"})
        with lab_page(lab.url, "widgets.ipynb") as opened:
            run_all(opened)
            named = opened.locator(".js-plotly-plot[aria-label]")  # each has been drawn to its title
            expect(named).to_have_count(len(EXPLORABLES), timeout=90_000)
            cell(opened, len(CELLS) - 1).evaluate("cell => cell.classList.add('broken')")
            yield opened


@pytest.fixture(scope="module")
def tidy(page: Page) -> Page:
    """The same with the widgets away: axe goes through all that is open."""
    close_notebook(page)
    return page


def close_notebook(page: Page) -> None:
    """Closes the notebook, unsaved: its kernel has written its language into it."""
    choose(page, "File", "Close Tab")
    discard = page.locator(".jp-Dialog button", has_text="Discard")
    assert before_long(lambda: discard.is_visible() or not page.locator(PANEL).count())
    if discard.is_visible():
        discard.click()
    expect(page.locator(PANEL)).to_have_count(0)


def put_setting(lab: Lab, plugin: str, settings: dict[str, object]) -> None:
    """Writes settings of one of JupyterLab's plugins, for this server alone."""
    address = lab.address(f"lab/api/settings/@jupyterlab/{plugin}", lab.token)
    body = json.dumps({"raw": json.dumps(settings)}).encode()
    urllib.request.urlopen(urllib.request.Request(address, data=body, method="PUT"), timeout=10).close()


def other_theme(page: Page) -> None:
    """From light to dark, or back."""
    light = page.locator("body").get_attribute("data-jp-theme-light") == "true"
    page.locator(".lm-MenuBar-itemLabel", has_text="Settings").click()
    for item in ("Theme", "JupyterLab Dark" if light else "JupyterLab Light"):
        page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{item}$")).click()
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", str(not light).lower())


def findings(page: Page, inside: str, **options: object) -> list[str]:
    """What axe calls serious or critical there: the rule, the element and what is wrong.

    It judges the contrast of what it takes for visible: nothing in a page without a height, as JupyterLab's is, and
    nothing that has to be scrolled to. So the page gets a height, and room for the whole notebook.
    """
    page.add_style_tag(content="body { height: 100vh !important; }")
    height = page.locator(f"{PANEL} .jp-WindowedPanel-outer").evaluate("panel => panel.scrollHeight")
    page.set_viewport_size(SIZE | {"height": height + 300})
    context = {"include": [[inside]], "exclude": [[place] for place in NOT_OURS]}
    found = Axe().run(page, context, {"resultTypes": ["violations"], "rules": RULES, **options}).response["violations"]
    page.set_viewport_size(SIZE)
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in found
        if rule["impact"] in SERIOUS
        for node in rule["nodes"]
    ]


def findings_in_both_themes(page: Page, inside: str) -> list[str]:
    """Everything in the present theme, and the contrast in the other one, which is left."""
    here = findings(page, inside)
    other_theme(page)
    return here + findings(page, inside, runOnly=["color-contrast"], rules={})


def explorable(page: Page, name: str) -> Locator:
    """The output of one explorable, in view."""
    return cell(page, 1 + list(EXPLORABLES).index(name)).locator(".jp-OutputArea-output").first


def test_every_explorable_is_looked_at() -> None:
    """Those of the tests of explorables, and one made in a notebook."""
    assert set(EXPLORABLES) == {*MAKE, "Explorable"}


def test_widgets_and_notes(page: Page) -> None:
    """axe finds nothing serious in any explorable, prediction, quiz, claim or exercise, on white and on black."""
    screenshot(page, "accessibility_light")
    assert findings_in_both_themes(page, ".jp-Cell:not(.broken) .jp-OutputArea-output") == []
    screenshot(page, "accessibility_dark")


def test_axe_finds_what_is_broken(page: Page) -> None:
    """A slider and a field without a name, and letters that are too faint."""
    found = {finding.split(":")[0] for finding in findings(page, ".broken .jp-OutputArea-output")}
    assert found == {"aria-input-field-name", "label", "color-contrast"}


@pytest.mark.parametrize("name", EXPLORABLES)
def test_keyboard_and_names(page: Page, name: str) -> None:
    """Tab goes through every control from top to bottom, and a screen reader has a name for each."""
    box = explorable(page, name)
    controls = box.evaluate_handle(CONTROLS)
    count = controls.evaluate("controls => controls.length")
    assert count > 0 or name == "Explorable"
    for n in range(count):
        page.keyboard.press("Tab") if n else controls.evaluate("controls => controls[0].focus()")
        assert box.evaluate(STOPS) == n
    expect(box.get_by_role("figure")).to_have_attribute("aria-label", re.compile(r"\w"))
    assert NAMELESS.findall(box.aria_snapshot()) == []


def test_a_control_without_a_name_is_noticed(page: Page) -> None:
    """As a slider of ipywidgets has none by itself."""
    assert len(NAMELESS.findall(cell(page, len(CELLS) - 1).locator(".jp-OutputArea").aria_snapshot())) == 2


@pytest.mark.parametrize("path", all_notebooks(), ids=lambda path: path.stem)
def test_stored_notebooks(tidy: Page, path: Path) -> None:
    """axe finds nothing serious in text and outputs as they are stored, on white and on black."""
    tidy.locator(".jp-DirListing-item", has_text=path.name).dblclick()
    expect(tidy.locator(f"{PANEL} .jp-RenderedMarkdown h2", has_text="Summary")).to_be_attached()
    found = findings_in_both_themes(tidy, f"{PANEL} :is(.jp-RenderedMarkdown, .jp-OutputArea-output)")
    close_notebook(tidy)
    assert found == []


@pytest.mark.parametrize("colour", plots.PALETTE)
def test_labels_can_be_read_and_colours_have_symbols(colour: str) -> None:
    """4.5 to 1 for letters on a figure's white, and a symbol that no other colour has."""
    assert contrast(plots.LABELS[colour], "#ffffff") >= 4.5
    assert [plots.SYMBOLS[other] for other in plots.PALETTE].count(plots.SYMBOLS[colour]) == 1


def test_all_colours_but_two_stand_out_from_white() -> None:
    """At 3 to 1. Orange and sky blue as dark as that cannot be told from vermillion and blue (test_plots.py)."""
    assert [colour for colour in plots.PALETTE if contrast(colour, "#ffffff") < 3] == [plots.ORANGE, plots.SKY]


@pytest.mark.parametrize("background", ["#ffffff", "#111111"], ids=["light", "dark"])
def test_edges_of_notes_can_be_seen(background: str) -> None:
    """On both of JupyterLab's grounds; words are in its own ink."""
    assert all(contrast(colour, background) >= 3 for colour in EDGES.values())


def looks(figure: dict) -> list[tuple]:
    """What tells the traces of a figure's legend apart, but for colour; those with one name belong together."""
    layout, seen = figure["layout"], {}
    for trace in figure["data"]:
        if trace.get("name") and trace.get("showlegend", layout.get("showlegend", True)):
            line, marker = trace.get("line", {}), trace.get("marker", {})
            mode = trace.get("mode", "lines+markers") if trace["type"].startswith("scatter") else ""
            seen[trace["name"]] = (
                trace["type"],
                mode,
                line.get("dash", "solid") if "lines" in mode else "",
                line.get("width", 2),
                marker.get("symbol", "circle") if "markers" in mode or trace["type"] == "box" else "",
                marker.get("pattern", {}).get("shape", ""),
                bool(trace.get("fill")),
            )
    return list(seen.values())


@pytest.mark.parametrize("path", all_notebooks(), ids=lambda path: path.stem)
def test_no_legend_speaks_by_colour_alone(path: Path) -> None:
    """Dash, symbol, pattern, width or kind differ between all entries of each stored figure's legend."""
    for number, found in enumerate(nbformat.read(path, as_version=4).cells):
        for output in found.get("outputs", []):
            if figure := output.get("data", {}).get(PLOTLY):
                entries = looks(figure)
                assert len(set(entries)) == len(entries), f"cell {number}: {entries}"
