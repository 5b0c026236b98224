"""What all explorables share: a pure drawing, controls that move it, names, later views, and what a notebook stores."""

from __future__ import annotations

import base64
import inspect
import json
import pkgutil
import shutil
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace

import ipywidgets as widgets
import numpy as np
import optuna
import pandas as pd
import plotly.graph_objects as go
import pytest
from optuna.samplers import RandomSampler

from helpers import explore, plots
from helpers.accessible import ANNOUNCED, AccessibleNames
from helpers.explore.board import LeaderboardView
from helpers.explore.chooser import SamplerChooser
from helpers.explore.explorable import Explorable, slider
from helpers.explore.game import BeTheSampler
from helpers.explore.lenses import ContourLens, ImportanceLens, OptimismLens
from helpers.explore.monitor import FleetMonitor
from helpers.explore.pruner_lab import PrunerLab
from helpers.explore.suggestions import SuggestionExplorer
from helpers.explore.trials import ParetoChooser, TrialPicker
from helpers.explore.windows import CmaWindow, GpWindow, TpeWindow
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
    return {
        trace.name: {part: list(() if trace[part] is None else trace[part]) for part in parts if part in trace}
        for trace in figure.data
    }


def children_of(widget: widgets.Widget) -> list[widgets.Widget]:
    """Every widget below one widget."""
    return [child for part in getattr(widget, "children", ()) for child in (part, *children_of(part))]


def control(explorable: Explorable, description: str) -> widgets.Widget:
    """The one control of that name."""
    (found,) = (child for child in children_of(explorable) if getattr(child, "description", None) == description)
    return found


def offered(control: widgets.Widget) -> tuple:
    """All values of a menu, a row of buttons, a slider or a checkbox."""
    if isinstance(control, widgets.Checkbox):
        return False, True
    if hasattr(control, "options"):
        return tuple(option[1] if isinstance(option, tuple) else option for option in control.options)
    steps = round((control.max - control.min) / control.step)
    return tuple(control.min + n * control.step for n in range(steps + 1))


def move(explorable: Explorable, **values: object) -> Explorable:
    """Moves controls by name, as a learner does."""
    for name, value in values.items():
        explorable.controls[name].value = value
    return explorable


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


NO_LADDER = pd.DataFrame(columns=["score", "low", "high"])
MAKE: dict[str, Callable[[], Explorable]] = {
    "BeTheSampler": lambda: BeTheSampler(lambda **settings: settings["momentum"], budget=3),
    "CmaWindow": lambda: CmaWindow(),
    "ContourLens": lambda: ContourLens(),
    "FleetMonitor": lambda: FleetMonitor(FLEET, optuna.create_study(study_name="shared")),
    "GpWindow": lambda: GpWindow(),
    "ImportanceLens": lambda: ImportanceLens(),
    "LeaderboardView": lambda: LeaderboardView(Board(), NO_LADDER),
    "OptimismLens": lambda: OptimismLens(),
    "ParetoChooser": lambda: ParetoChooser(study(2)),
    "PrunerLab": lambda: PrunerLab(),
    "SamplerChooser": lambda: SamplerChooser(),
    "SuggestionExplorer": lambda: SuggestionExplorer(),
    "TpeWindow": lambda: TpeWindow(),
    "TrialPicker": lambda: TrialPicker(study()),
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
    """Every class of the folder that a notebook can show."""
    modules = [import_module(f"helpers.explore.{module.name}") for module in pkgutil.iter_modules(explore.__path__)]
    found = {it for module in modules for it in vars(module).values() if inspect.isclass(it)}
    assert {it.__name__ for it in found if issubclass(it, Explorable)} - {"Explorable", "Window"} == set(MAKE)


@pytest.mark.slow
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
    assert (ANNOUNCED in explorable.status._dom_classes) != isinstance(explorable, FleetMonitor)


def test_it_reads_without_a_kernel(explorable: Explorable) -> None:
    """The live widget, and in plain text what it says; no picture unless pictures are stored."""
    bundle = explorable._repr_mimebundle_()
    assert bundle["text/plain"].startswith(f"{type(explorable).__name__}: ")
    assert explorable.message in bundle["text/plain"] or isinstance(explorable, FleetMonitor)
    assert bundle[WIDGET]["model_id"] == explorable.model_id and "image/png" not in bundle


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize(("name", "height"), [("SuggestionExplorer", 380), ("CmaWindow", 540)])
def test_a_still_is_stored(name: str, height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PNG of the figure's own size, larger than a blank one."""
    explorable = MAKE[name]()
    monkeypatch.setenv(plots.STILLS, "1")
    png = base64.b64decode(explorable._repr_mimebundle_()["image/png"])
    assert png[:4] == b"\x89PNG" and int.from_bytes(png[20:24]) == height and len(png) > 10_000


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
    move(waves, points=2)
    assert waves.figure.layout.xaxis.range == (0, 1) and waves.figure.layout.yaxis.range == (1, 2)
    move(waves, height=5)
    assert waves.figure.layout.yaxis.range == (0, 5) and waves.figure.layout.xaxis.range == (0, 1)
    assert waves.figure.data[0].visible == "legendonly" and list(waves.figure.data[0].y) == [5, 5]


def test_traces_come_and_go(waves: Explorable) -> None:
    """A trace keeps its place, and what listens to it, while the drawing has the same traces."""
    first = waves.figure.data[0]
    move(waves, points=1)
    assert waves.figure.data == (first,)
    for number, count in ((5, 2), (2, 1), (6, 2)):
        move(waves, points=number)
        assert len(waves.figure.data) == count and plain(waves.figure) == drawn(waves)
