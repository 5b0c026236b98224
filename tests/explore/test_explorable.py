"""What all explorables share: a pure drawing, controls that move it, names, later views, and what a notebook stores."""

from __future__ import annotations

import base64
import inspect
import json
import shutil
from collections.abc import Callable
from types import SimpleNamespace

import ipywidgets as widgets
import numpy as np
import optuna
import plotly.graph_objects as go
import pytest
from optuna.samplers import RandomSampler

from helpers import explore, plots
from helpers.accessible import ANNOUNCED, AccessibleNames
from helpers.errors import BadInput
from helpers.explore.explorable import Explorable, offered, slider
from helpers.fleet.fleet import WorkerState
from tests.harness.outputs import WIDGET

BROWSER = next(filter(shutil.which, ("chromium", "chromium-browser", "google-chrome")), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="still pictures need a Chromium")


def plain(figure: go.Figure) -> dict:
    """All that a figure shows, to be compared."""
    shown = json.loads(go.Figure(figure).to_json())
    for trace in shown["data"]:
        trace.pop("uid", None)
    return shown


def points(figure: go.Figure) -> dict[str, dict[str, list]]:
    """x and y (and z, text) of each trace by its name."""
    parts = ("x", "y", "z", "text")
    return {trace.name: {part: list(() if trace[part] is None else trace[part]) for part in parts if part in trace}
            for trace in figure.data}  # fmt: skip


def children_of(widget: widgets.Widget) -> list[widgets.Widget]:
    """Every widget below one widget."""
    return [child for part in getattr(widget, "children", ()) for child in (part, *children_of(part))]


def control(explorable: Explorable, description: str) -> widgets.Widget:
    """The one control of that name."""
    (found,) = (child for child in children_of(explorable) if getattr(child, "description", None) == description)
    return found


def drawn(explorable: Explorable) -> dict:
    """What its pure function makes of the controls' values; the sentence is the one shown."""
    figure, sentence = explorable.draw(**explorable.values)
    again, same = explorable.draw(**explorable.values)
    assert plain(again) == plain(figure) and same == sentence == explorable.message
    return plain(figure.update_layout(width=plots.WIDTH, height=figure.layout.height or plots.HEIGHT))


def study(objectives: int = 1) -> optuna.Study:
    """Eight trials."""
    made = optuna.create_study(directions=["minimize"] * objectives, sampler=RandomSampler(seed=0))
    made.optimize(lambda t: [t.suggest_float("x", 0.1, 1), 1 / t.params["x"]][:objectives], n_trials=8)
    return made


class Fleet:
    """One worker that has ended."""

    study_name, workers = "shared", (WorkerState("host-1", 1, False, 0),)


FLEET = Fleet()  # a monitor does not hold its fleet


class Board:
    """One name on it."""

    problem = SimpleNamespace(budget=540)

    def entries(self) -> list[SimpleNamespace]:
        """Ada's."""
        return [SimpleNamespace(name="Ada", score=SimpleNamespace(mean=0.4, margin=0.01), epochs=90, submissions=1)]


MAKE: dict[str, Callable[[], Explorable]] = {
    "BeTheSampler": lambda: explore.BeTheSampler(lambda **settings: settings["momentum"], budget=3),
    "CmaWindow": lambda: explore.CmaWindow(),
    "ContourLens": lambda: explore.ContourLens(),
    "FleetMonitor": lambda: explore.FleetMonitor(FLEET, optuna.create_study(study_name="shared")),
    "GpWindow": lambda: explore.GpWindow(),
    "ImportanceLens": lambda: explore.ImportanceLens(),
    "LeaderboardView": lambda: explore.LeaderboardView(Board()),
    "LivePlot": lambda: explore.LivePlot(study()),
    "OptimismLens": lambda: explore.OptimismLens(),
    "ParetoChooser": lambda: explore.ParetoChooser(study(2)),
    "PrunerLab": lambda: explore.PrunerLab(),
    "SamplerChooser": lambda: explore.SamplerChooser(),
    "SuggestionExplorer": lambda: explore.SuggestionExplorer(),
    "TpeWindow": lambda: explore.TpeWindow(),
    "TrialPicker": lambda: explore.TrialPicker(study()),
}


@pytest.fixture(autouse=True)
def _quiet_optuna() -> None:
    """No line for every study."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture(params=MAKE)
def explorable(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Explorable:
    """Each of them, as a notebook shows it where no pictures are stored."""
    monkeypatch.delenv(plots.STILLS, raising=False)
    return MAKE[request.param]()


def test_every_explorable_is_looked_at() -> None:
    """Those that the course offers, by the names of their classes; no other."""
    found = {name: getattr(explore, name) for name in reversed(explore.__all__)}
    classes = {name for name, it in found.items() if inspect.isclass(it) and issubclass(it, Explorable)}
    assert classes == set(MAKE) and all(it.__name__ == name for name, it in found.items())
    with pytest.raises(ImportError, match="cannot import name 'Oracle'"):
        exec("from helpers.explore import Oracle")


def test_it_shows_what_is_drawn_whatever_the_controls_say(explorable: Explorable) -> None:
    """At the ends of each control; each of them moves picture or sentence; a later view starts from the same."""
    first = drawn(explorable)
    assert plain(explorable.figure) == first
    for name, moved in explorable.controls.items():
        at_first, seen = moved.value, []
        values = ("Ada", "Bob") if isinstance(moved, widgets.Text) else offered(moved)
        for value in (values[0], values[-1], at_first):
            moved.value = value
            wanted = drawn(explorable)
            assert plain(explorable.figure) == wanted, (name, value)
            view = {"data": explorable.figure._widget_data, "layout": explorable.figure._widget_layout}
            assert plain(go.Figure(view)) == wanted, (name, value)
            seen.append((wanted, explorable.message))
        assert seen[0] != seen[2] or seen[1] != seen[2], name
        assert wanted == first, name


def test_there_are_names_for_the_screen_reader(explorable: Explorable) -> None:
    """Every control has one, the figure has a title, and the sentence is read out, unless it changes by itself."""
    assert any(isinstance(child, AccessibleNames) for child in explorable.children)
    assert all(one.description or one.tooltip for one in explorable.controls.values())
    assert explorable.figure.layout.title.text or explorable.figure.layout.annotations
    alone = isinstance(explorable, explore.FleetMonitor | explore.LivePlot)
    assert (ANNOUNCED in explorable.status._dom_classes) != alone


def test_it_reads_without_a_kernel(explorable: Explorable) -> None:
    """The live widget, and in plain text what it says; no picture unless pictures are stored."""
    bundle = explorable._repr_mimebundle_()
    assert bundle["text/plain"].startswith(f"{type(explorable).__name__}: ")
    assert explorable.message in bundle["text/plain"] or isinstance(explorable, explore.FleetMonitor)
    assert bundle[WIDGET]["model_id"] == explorable.model_id and "image/png" not in bundle


@needs_browser
@pytest.mark.parametrize(("name", "height"), [("SuggestionExplorer", 380), ("CmaWindow", 540)])
def test_a_still_is_stored(name: str, height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PNG of the figure's own size, larger than a blank one."""
    explorable = MAKE[name]()
    monkeypatch.setenv(plots.STILLS, "1")
    png = base64.b64decode(explorable._repr_mimebundle_()["image/png"])
    assert png[:4] == b"\x89PNG" and int.from_bytes(png[20:24]) == height and len(png) > 10_000


def test_from_code_only_what_the_controls_have(explorable: Explorable) -> None:
    """Another name or value is refused in one sentence, and nothing moves."""
    with pytest.raises(BadInput, match="Unknown control 'colour'"):
        explorable.set(colour=1)
    for name, before in explorable.values.items():
        if not isinstance(explorable.controls[name], widgets.Text):
            with pytest.raises(BadInput, match=f"Unknown {name} -77: choose one of "):
                explorable.set(**{name: -77})
            assert explorable.values[name] == before
            other = next(value for value in offered(explorable.controls[name]) if value != before)
            assert explorable.set(**{name: other}).values[name] == other
            explorable.set(**{name: before})


# The mechanism


def wave(height: int, points: int = 3) -> tuple[go.Figure, str]:
    """A line, and dots while there are more than three."""
    figure = go.Figure(layout={"title": "Wave", "yaxis": {"range": [0, height]}})
    figure.add_scatter(name="line", x=np.arange(points), y=height * np.ones(points))
    if points > 3:
        figure.add_scatter(name="dots", x=[0], y=[None], marker={"color": "red"})
    return figure, f"{height} high"


@pytest.fixture
def waves() -> Explorable:
    """An explorable of two sliders."""
    height, points = (slider(widgets.IntSlider, name, min=1, max=6, value=3) for name in ("height", "points"))
    return Explorable(wave, height=height, points=points)


def test_what_a_learner_has_zoomed_or_hidden_stays(waves: Explorable) -> None:
    """Until the drawing itself asks for something else."""
    waves.figure.data[0].visible = "legendonly"
    waves.figure.layout.xaxis.range, waves.figure.layout.yaxis.range = (0, 1), (1, 2)
    waves.set(points=2)
    assert waves.figure.layout.xaxis.range == (0, 1) and waves.figure.layout.yaxis.range == (1, 2)
    waves.set(height=5)
    assert waves.figure.layout.yaxis.range == (0, 5) and waves.figure.layout.xaxis.range == (0, 1)
    assert waves.figure.data[0].visible == "legendonly" and list(waves.figure.data[0].y) == [5, 5]


def test_traces_come_and_go(waves: Explorable) -> None:
    """A trace keeps its place, and what listens to it, while the drawing has the same traces."""
    first = waves.figure.data[0]
    waves.set(points=1)
    assert waves.figure.data == (first,)
    for number, count in ((5, 2), (2, 1), (6, 2)):
        waves.set(points=number)
        assert len(waves.figure.data) == count and plain(waves.figure) == drawn(waves)


@pytest.mark.parametrize(
    ("widget", "values"),
    [
        (widgets.Checkbox(), (False, True)),
        (widgets.Dropdown(options=[("one", 1), ("two", 2)]), (1, 2)),
        (widgets.SelectionSlider(options=(3, 5)), (3, 5)),
        (widgets.IntSlider(min=5, max=20, step=5), (5, 10, 15, 20)),
        (widgets.FloatSlider(min=0, max=1, step=0.25), (0, 0.25, 0.5, 0.75, 1)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_control_offers(widget: widgets.Widget, values: tuple) -> None:
    """All its values, in order: enough to draw every picture without a kernel."""
    assert offered(widget) == values
