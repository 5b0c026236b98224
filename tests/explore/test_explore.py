"""The explorables: what they compute, and that their controls and figures show just that."""

from __future__ import annotations

import base64
import contextlib
import math
import shutil
import warnings
from collections.abc import Callable
from itertools import pairwise

import ipywidgets as widgets
import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from helpers.errors import BadInput
from helpers.explore import BeTheSampler, SuggestionExplorer
from helpers.explore.explorable import Explorable
from helpers.explore.game import KNOBS, GameState, Knob, game_state
from helpers.explore.suggestions import BINS, KINDS, suggestion_state
from helpers.plots import STILLS
from tests.harness.outputs import WIDGET

BROWSER = next(filter(shutil.which, ("chromium", "chromium-browser", "google-chrome")), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="still pictures need a Chromium")


@pytest.fixture(autouse=True)
def _quiet_optuna() -> None:
    """No line for every study."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)


# The game: its pure function


def test_before_the_first_trial() -> None:
    """The learner is told what to do and how many trials there are."""
    assert game_state((), 5) == GameState((), (), 5, "Set the knobs and press Train. You have 5 trials.")


@pytest.mark.parametrize(
    ("scores", "best", "said"),
    [
        ((0.5,), (0.5,), "Trial 0 scored 0.500. Best so far: 0.500 (trial 0). Trials left: 3."),
        ((0.5, 0.7), (0.5, 0.7), "Trial 1 scored 0.700. Best so far: 0.700 (trial 1). Trials left: 2."),
        ((0.5, 0.7, 0.6), (0.5, 0.7, 0.7), "Trial 2 scored 0.600. Best so far: 0.700 (trial 1). Trials left: 1."),
        ((0.7, 0.7), (0.7, 0.7), "Trial 1 scored 0.700. Best so far: 0.700 (trial 0). Trials left: 2."),
        (
            (0.1, 0.4, 0.2, 0.3),
            (0.1, 0.4, 0.4, 0.4),
            "Trial 3 scored 0.300. Best so far: 0.400 (trial 1). Your budget is spent.",
        ),
    ],
    ids=["first", "better", "worse", "tie", "spent"],
)
def test_the_state_of_a_game(scores: tuple, best: tuple, said: str) -> None:
    """The best so far never falls, a tie belongs to the earlier trial, and the sentence says all that."""
    assert game_state(scores, 4) == GameState(scores, best, 4 - len(scores), said)


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
def test_a_knob_covers_its_range(knob: Knob) -> None:
    """Its ends are its bounds, and it never turns back in between."""
    settings = [knob.value(position) for position in np.linspace(0, 1, 51)]
    assert (settings[0], settings[-1]) == (knob.low, knob.high)
    assert all(low <= high for low, high in pairwise(settings))
    assert len(set(settings)) > 25
    assert 0 <= knob.start <= 1


@pytest.mark.parametrize(
    ("knob", "middle"),
    [
        (Knob("linear", 0.0, 0.8, start=0), 0.4),
        (Knob("log", 1e-4, 1.0, start=0, log=True), 0.01),
        (Knob("whole", 1, 10, start=0, whole=True), 6),
        (Knob("whole, log", 4, 128, start=0, log=True, whole=True), 23),
        (Knob("three digits", 0.0, 1 / 3, start=0), 0.167),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_middle_of_a_knob(knob: Knob, middle: float) -> None:
    """The mean of the bounds, their geometric mean on a log scale; whole knobs give whole numbers."""
    assert knob.value(0.5) == middle
    assert isinstance(knob.value(0.5), int) == knob.whole


# The game: its widget


class Objective:
    """A cheap stand-in for a training; it remembers how it was called, and can be told to fail."""

    def __init__(self) -> None:
        self.calls: list[dict] = []
        self.error: Exception | None = None

    def __call__(self, **settings: float) -> float:
        if self.error:
            raise self.error
        self.calls.append(settings)
        return settings["momentum"] / 2 + 0.1


def children_of(widget: widgets.Widget) -> list[widgets.Widget]:
    """Every widget below one widget."""
    below = [child for part in getattr(widget, "children", ()) for child in (part, *children_of(part))]
    return below


def control(explorable: Explorable, description: str) -> widgets.Widget:
    """The one control of that name."""
    (found,) = (child for child in children_of(explorable) if getattr(child, "description", None) == description)
    return found


def click_train(game: BeTheSampler) -> None:
    """What a click on the button does."""
    control(game, "Train").click()


def shows_its_state(game: BeTheSampler) -> bool:
    """True when figure and sentence say what the pure function says."""
    state = game_state(tuple(score for _, score in game.trials), game.budget)
    trials, best = game.figure.data
    return (
        list(trials.x) == list(best.x) == list(range(len(state.scores)))
        and tuple(trials.y) == state.scores
        and tuple(best.y) == state.best_so_far
        and game.status.value == state.message
        and game.state == state
    )


@pytest.fixture
def objective() -> Objective:
    """A fresh objective."""
    return Objective()


@pytest.fixture
def game(objective: Objective) -> BeTheSampler:
    """A game of three trials."""
    return BeTheSampler(objective, budget=3)


def test_trial_0_is_played(game: BeTheSampler, objective: Objective) -> None:
    """The figure is not empty at the start: one trial, with the knobs where they stand."""
    assert objective.calls == [{knob.name: knob.value(knob.start) for knob in KNOBS}]
    assert [settings for settings, _ in game.trials] == objective.calls
    assert shows_its_state(game)


def test_the_button_plays_until_the_budget_is_spent(game: BeTheSampler, objective: Objective) -> None:
    """A click is a trial with the present settings; the last one disables the button, and more do nothing."""
    button = control(game, "Train")
    for position in (1, 0.5):
        assert not button.disabled
        assert not game.played
        control(game, "momentum").value = position
        click_train(game)
        assert objective.calls[-1] == game.settings
        assert shows_its_state(game)
    assert game.state.best_so_far == (0.1, 0.575, 0.575)
    assert game.played
    assert button.disabled
    click_train(game)
    game.play()
    assert len(objective.calls) == 3


def test_a_slider_spends_no_trial(game: BeTheSampler, objective: Objective) -> None:
    """It changes the setting and the number beside it, nothing else."""
    for knob in KNOBS:
        control(game, knob.name).value = 1
    assert game.settings == {knob.name: knob.high for knob in KNOBS}
    assert {f"{knob.high:g}" for knob in KNOBS} <= {
        child.value for child in children_of(game) if isinstance(child, widgets.Label)
    }
    assert len(objective.calls) == len(game.trials) == 1
    assert shows_its_state(game)


def test_settings_are_shown_with_each_trial(game: BeTheSampler) -> None:
    """The hint of a trial holds the settings it was played with, not the present ones."""
    control(game, "momentum").value = 1
    game.play()
    hints = game.figure.data[0].text
    assert "momentum = 0<br>" in hints[0]
    assert "momentum = 0.95<br>" in hints[1]


@pytest.mark.parametrize("play", [BeTheSampler.play, click_train])
@pytest.mark.parametrize("error", [ValueError("the loss is NaN"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_a_training_that_raises(
    game: BeTheSampler, objective: Objective, play: Callable[[BeTheSampler], None], error: BaseException
) -> None:
    """It costs no trial, loses none, and leaves a button that plays the next one."""
    before = list(game.trials)
    objective.error = error
    with contextlib.suppress(type(error)):
        play(game)
    assert game.trials == before
    assert not control(game, "Train").disabled
    assert shows_its_state(game)
    objective.error = None
    play(game)
    assert len(game.trials) == 2
    assert shows_its_state(game)


@pytest.mark.parametrize("budget", [1, 0, -3])
def test_a_budget_without_a_choice_is_bad_input(objective: Objective, budget: int) -> None:
    """Trial 0 is played for the learner, so one trial would be no game; nothing is trained."""
    with pytest.raises(BadInput, match="at least 2 trials"):
        BeTheSampler(objective, budget=budget)
    assert objective.calls == []


# Suggestions: the pure function

RANGES = [
    ("float", 0.0, 1.0, False, None),
    ("float", 1e-5, 0.1, False, None),
    ("float", 1e-5, 0.1, True, None),
    ("float", 0.0, 1.0, False, 0.1),
    ("float", 0.0, 1.0, False, 0.01),
    ("float", 0.0, 1.0, False, 0.3),
    ("float", 0.1234567, 7.654321, False, None),
    ("float", -1.0, 1.0, False, None),
    ("float", 1.0, 1.0, False, None),
    ("int", 0, 10, False, None),
    ("int", 0, 1000, False, None),
    ("int", 1, 1000, True, None),
    ("int", 1, 8, True, None),
    ("int", 0, 1000, False, 10),
    ("int", 0, 1000, False, 300),
    ("int", 16, 1234567, False, None),
    ("int", 5, 5, False, None),
    ("categorical", 0.0, 1.0, False, None),
]
each_range = pytest.mark.parametrize(("kind", "low", "high", "log", "step"), RANGES)


def distribution(kind: str, low: float, high: float, log: bool, step: float | None) -> BaseDistribution:
    """What the range means to Optuna; it warns of a range that its step does not divide."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "categorical":
            return CategoricalDistribution(["sgd", "adam", "adamw"])
        if kind == "float":
            return FloatDistribution(low, high, log=log, step=step)
        return IntDistribution(int(low), int(high), log=log, step=1 if step is None else int(step))


def test_every_kind_is_tried() -> None:
    """The list above leaves no kind out."""
    assert {kind for kind, *_ in RANGES} == set(KINDS)


@each_range
def test_values_and_shares(kind: str, low: float, high: float, log: bool, step: float | None) -> None:
    """As many values as asked for, all of them ones the range can give, and bars that add up to one."""
    state = suggestion_state(kind, low, high, log=log, step=step)
    wanted = distribution(kind, low, high, log, step)
    assert len(state.values) == 1000
    assert all(wanted._contains(wanted.to_internal_repr(value)) for value in state.values)
    assert math.isclose(sum(state.shares), 1)
    assert 1 <= len(state.shares) == len(state.positions) <= BINS
    assert list(state.positions) == sorted(set(state.positions))


@each_range
def test_the_line_of_code(kind: str, low: float, high: float, log: bool, step: float | None) -> None:
    """What the title says runs in an objective, and asks for just that range."""
    line = suggestion_state(kind, low, high, log=log, step=step, draws=1).code
    trial = optuna.create_study().ask()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = eval(line, {"trial": trial})
    assert trial.distributions == {"x": distribution(kind, low, high, log, step)}
    assert trial.params == {"x": value}


@each_range
def test_the_seed_decides(kind: str, low: float, high: float, log: bool, step: float | None) -> None:
    """The same seed gives the same state, another seed other values wherever there is a choice."""
    first, again, other = (suggestion_state(kind, low, high, log=log, step=step, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert (first.values != other.values) == (len(set(first.values)) > 1)


@pytest.mark.parametrize(("kind", "low", "high"), [("float", 1e-5, 0.1), ("float", 0.5, 500), ("int", 1, 1000)])
def test_a_log_scale_halves_at_the_geometric_middle(kind: str, low: float, high: float) -> None:
    """Half of the values lie below it, on the plain scale next to none; whole numbers reach half a unit each way."""
    rim = 0.5 if kind == "int" else 0
    middle = math.sqrt((low - rim) * (high + rim))
    below = {log: np.mean(np.asarray(suggestion_state(kind, low, high, log=log).values) < middle) for log in (0, 1)}
    assert below[True] == pytest.approx(0.5, abs=0.05)
    assert below[False] < 0.1


@pytest.mark.parametrize(
    ("kind", "high", "log", "wanted"), [("float", 0.1, True, True), ("int", 1000, True, True), ("int", 8, True, False)]
)
def test_the_axis_follows_the_scale(kind: str, high: float, log: bool, wanted: bool) -> None:
    """A log axis for log draws, unless each value has a bar of its own; never for plain draws."""
    low = 1 if kind == "int" else 1e-5
    assert suggestion_state(kind, low, high, log=log).log_axis is wanted
    assert suggestion_state(kind, low, high).log_axis is False


@pytest.mark.parametrize(
    ("kind", "low", "high", "step"),
    [("float", 0.0, 1.0, 0.1), ("float", 0.1, 1.0, 0.01), ("int", 0, 1000, 10), ("int", 3, 100, 7)],
)
def test_a_step_makes_a_grid(kind: str, low: float, high: float, step: float) -> None:
    """Every value is the low end plus a whole number of steps, and every place of the grid comes up."""
    state = suggestion_state(kind, low, high, step=step, draws=3000)
    places = (np.asarray(state.values) - low) / step
    assert np.allclose(places, np.rint(places))
    assert set(np.rint(places)) == set(range(math.floor((high - low) / step + 1e-9) + 1))


@pytest.mark.parametrize(
    ("kind", "low", "high", "step"),
    [("int", 0, 1000, None), ("int", 0, 1000, 10), ("int", 3, 1000, 7), ("float", 0.0, 1.0, 0.01)],
)
def test_bars_hold_equally_many_values(kind: str, low: float, high: float, step: float | None) -> None:
    """Where a bar holds several values of a grid, all but the last hold equally many: no stripes out of nothing."""
    state = suggestion_state(kind, low, high, step=step)
    grid = np.arange(math.floor((high - low) / (step or 1) + 1e-9) + 1) * (step or 1) + low
    width = state.positions[1] - state.positions[0]
    held = [np.sum(np.abs(grid - position) < width / 2) for position in state.positions]
    assert set(held[:-1]) == {held[0]}
    assert 0 < held[-1] <= held[0]


@pytest.mark.parametrize(
    ("kind", "low", "high", "options"),
    [
        ("float", 1.0, 0.1, {}),
        ("int", 10, 1, {}),
        ("float", 0.0, 1.0, {"log": True}),
        ("int", 0, 10, {"log": True}),
        ("float", 0.1, 1.0, {"log": True, "step": 0.1}),
        ("int", 1, 10, {"log": True, "step": 2}),
        ("float", 0.0, 1.0, {"step": -0.1}),
        ("int", 0, 10, {"step": 0.1}),
    ],
)
def test_a_refused_range(kind: str, low: float, high: float, options: dict) -> None:
    """The learner reads Optuna's own sentence under an empty picture whose title is the line that was refused."""
    state = suggestion_state(kind, low, high, **options)
    with pytest.raises(ValueError) as refusal:
        distribution(kind, low, high, options.get("log", False), options.get("step"))
    with pytest.raises(ValueError):
        eval(state.code, {"trial": optuna.create_study().ask()})
    assert state.values == state.positions == state.shares == ()
    assert state.message == f"Optuna refuses: {refusal.value}"


@pytest.mark.parametrize(
    ("kind", "high", "step", "instead"), [("float", 1.0, 0.3, "[0.0, 0.9]"), ("int", 10, 3, "[0, 9]")]
)
def test_a_range_that_is_not_divisible(kind: str, high: float, step: float, instead: str) -> None:
    """Optuna's warning is passed on, with the range it takes instead."""
    message = suggestion_state(kind, 0.0, high, step=step).message
    assert message.startswith("Optuna warns: ")
    assert f"not divisible by `step`. It will be replaced with {instead}." in message
    assert "Only 4 " in message


@pytest.mark.parametrize(("kind", "high", "said"), [("float", 1.0, "below the middle"), ("int", 30, "Only 31 ")])
def test_few_draws_do_not_mean_few_values(kind: str, high: float, said: str) -> None:
    """What can come out is said of the range, not of the ten values that happened to."""
    assert said in suggestion_state(kind, 0.0, high, draws=10).message


def test_the_message_says_where_the_middle_is() -> None:
    """On a log scale most values lie below the middle; the share in the sentence is the share of the values."""
    state = suggestion_state("float", 1e-5, 0.1, log=True)
    share = np.mean(np.asarray(state.values) < 0.050005)
    assert state.message == f"{share:.0%} of the values lie below the middle, 0.05."
    assert share > 0.8


def test_an_unknown_kind_is_bad_input() -> None:
    """The error names the kinds there are."""
    with pytest.raises(BadInput, match="'float', 'int', 'categorical'"):
        suggestion_state("bool", 0, 1)


# Suggestions: the widget


@pytest.fixture
def explorer() -> SuggestionExplorer:
    """An explorer as a notebook shows it."""
    return SuggestionExplorer()


def shown(explorer: SuggestionExplorer) -> tuple:
    """Bars, title, kind of axis and sentence."""
    bars = explorer.figure.data[0]
    layout = explorer.figure.layout
    return tuple(bars.x), tuple(bars.y), layout.title.text, layout.xaxis.type, explorer.message


def wanted(*arguments: object, axis: str, **options: object) -> tuple:
    """The same of the pure function."""
    state = suggestion_state(*arguments, **options)
    return state.positions, state.shares, state.code, axis, state.message


def test_the_explorer_starts_with_a_picture(explorer: SuggestionExplorer) -> None:
    """A float range, before anything is touched."""
    assert shown(explorer) == wanted("float", 1e-5, 0.1, axis="linear")


def test_every_control_redraws(explorer: SuggestionExplorer) -> None:
    """One control after the other: figure, title and sentence become those of the present settings."""
    kind = next(child for child in explorer.children if isinstance(child, widgets.ToggleButtons))
    control(explorer, "log=True").value = True
    assert shown(explorer) == wanted("float", 1e-5, 0.1, log=True, axis="log")
    control(explorer, "high").value = 1000.0
    assert shown(explorer) == wanted("float", 1e-5, 1000, log=True, axis="log")
    control(explorer, "low").value = 10.0
    assert shown(explorer) == wanted("float", 10, 1000, log=True, axis="log")
    kind.value = "int"
    assert shown(explorer) == wanted("int", 10, 1000, log=True, axis="log")
    control(explorer, "low").value = 0.0
    assert "Optuna refuses" in explorer.message
    assert shown(explorer) == wanted("int", 0, 1000, log=True, axis="linear")
    control(explorer, "log=True").value = False
    control(explorer, "step").value = 100.0
    assert shown(explorer) == wanted("int", 0, 1000, step=100, axis="linear")
    kind.value = "categorical"
    assert shown(explorer) == wanted("categorical", 0, 1000, step=100, axis="category")


def test_the_explorer_draws_from_its_seed() -> None:
    """Another seed is another picture."""
    assert shown(SuggestionExplorer(seed=5)) == wanted("float", 1e-5, 0.1, seed=5, axis="linear")
    assert suggestion_state("float", 1e-5, 0.1, seed=5) != suggestion_state("float", 1e-5, 0.1)


# What a notebook stores of an explorable

EXPLORABLES = [lambda: BeTheSampler(Objective(), budget=3), SuggestionExplorer]


@pytest.mark.parametrize("create", EXPLORABLES, ids=["game", "suggestions"])
def test_the_bundle_reads_without_a_kernel(create: Callable[[], Explorable], monkeypatch: pytest.MonkeyPatch) -> None:
    """The live widget, and in plain text what it says; no picture unless pictures are stored."""
    monkeypatch.delenv(STILLS, raising=False)
    explorable = create()
    bundle = explorable._repr_mimebundle_()
    assert bundle["text/plain"] == f"{type(explorable).__name__}: {explorable.status.value}"
    assert bundle[WIDGET]["model_id"] == explorable.model_id
    assert "image/png" not in bundle


@needs_browser
@pytest.mark.parametrize("create", EXPLORABLES, ids=["game", "suggestions"])
def test_a_still_is_stored(create: Callable[[], Explorable], monkeypatch: pytest.MonkeyPatch) -> None:
    """A real picture, larger than a blank one."""
    monkeypatch.setenv(STILLS, "1")
    picture = base64.b64decode(create()._repr_mimebundle_()["image/png"])
    assert picture.startswith(b"\x89PNG\r\n")
    assert len(picture) > 10_000
