"""The game "be the sampler": its picture, its knobs, and that no trial is lost or played twice."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from itertools import pairwise

import pytest

from helpers.explore.game import KNOBS, START, BeTheSampler, draw
from tests.explore.test_explorable import control, points


def test_before_the_first_trial() -> None:
    """The learner is told what to do and how many trials there are."""
    figure, said = draw([], 5)
    assert said == "Set the knobs and press Train. You have 5 trials." and figure.layout.xaxis.range == (-0.5, 4.5)


@pytest.mark.parametrize(
    ("scores", "best", "said"),
    [
        ([0.5], [0.5], "Trial 0 scored 0.500. Best so far: 0.500 (trial 0). Trials left: 3."),
        ([0.5, 0.7], [0.5, 0.7], "Trial 1 scored 0.700. Best so far: 0.700 (trial 1). Trials left: 2."),
        ([0.5, 0.7, 0.6], [0.5, 0.7, 0.7], "Trial 2 scored 0.600. Best so far: 0.700 (trial 1). Trials left: 1."),
        ([0.7, 0.7], [0.7, 0.7], "Trial 1 scored 0.700. Best so far: 0.700 (trial 0). Trials left: 2."),
        (
            [0.1, 0.4, 0.2, 0.3],
            [0.1, 0.4, 0.4, 0.4],
            "Trial 3 scored 0.300. Best so far: 0.400 (trial 1). Your budget is spent.",
        ),
    ],
    ids=["first", "better", "worse", "tie", "spent"],
)
def test_the_picture_of_a_game(scores: list, best: list, said: str) -> None:
    """The best so far never falls, a tie belongs to the earlier trial, and the sentence says all that."""
    figure, sentence = draw([({"momentum": 0.5}, score) for score in scores], 4)
    numbers = list(range(len(scores)))
    assert sentence == said and points(figure) == {
        "a trial": {"x": numbers, "y": scores, "text": ["momentum = 0.5"] * len(scores)},
        "best so far": {"x": numbers, "y": best, "text": []},
    }


@pytest.mark.parametrize(
    ("knob", "low", "middle", "high"),
    [
        ("learning_rate", 1e-4, 0.01, 1.0),
        ("momentum", 0.0, 0.475, 0.95),
        ("width", 4, 30, 128),
        ("dropout", 0.0, 0.4, 0.8),
    ],
)
def test_a_knob_covers_its_range(knob: str, low: float, middle: float, high: float) -> None:
    """From end to end it never turns back, in equal steps or factors; only the width is whole."""
    settings = KNOBS[knob]
    assert (settings[0], settings[len(settings) // 2], settings[-1]) == (low, middle, high)
    assert all(low < high for low, high in pairwise(settings))
    assert 25 < len(settings) <= 51 and START[knob] in settings
    assert all(type(setting) is (int if knob == "width" else float) for setting in settings)


# The widget


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


def click_train(game: BeTheSampler) -> None:
    """What a click on the button does."""
    control(game, "Train").click()


def shows_its_trials(game: BeTheSampler) -> bool:
    """True when figure and sentence say what the pure function says of the trials."""
    figure, said = draw(game.trials, game.budget)
    return game.message == said and points(game.figure) == points(figure)


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
    assert objective.calls == [START] and START.keys() == KNOBS.keys()
    assert [settings for settings, _ in game.trials] == objective.calls
    assert shows_its_trials(game)


def test_the_button_plays_until_the_budget_is_spent(game: BeTheSampler, objective: Objective) -> None:
    """A click is a trial with the present settings; the last one disables the button, and more do nothing."""
    button = control(game, "Train")
    for momentum in (0.95, 0.475):
        assert not button.disabled
        assert not game.played
        control(game, "momentum").value = momentum
        click_train(game)
        assert objective.calls[-1] == START | {"momentum": momentum}
        assert shows_its_trials(game)
    assert game.best_so_far == [0.1, 0.575, 0.575]
    assert game.played
    assert button.disabled
    click_train(game)
    game.play()
    assert len(objective.calls) == 3


def test_a_slider_spends_no_trial(game: BeTheSampler, objective: Objective) -> None:
    """It changes the setting and the number beside it, nothing else."""
    for knob, (*_, high) in KNOBS.items():
        control(game, knob).value = high
        assert control(game, knob).label == f"{high:g}" and control(game, knob).readout
    assert len(objective.calls) == len(game.trials) == 1
    assert shows_its_trials(game)
    click_train(game)
    assert objective.calls[-1] == {knob: high for knob, (*_, high) in KNOBS.items()}


def test_settings_are_shown_with_each_trial(game: BeTheSampler) -> None:
    """The hint of a trial holds the settings it was played with, not the present ones."""
    control(game, "momentum").value = 0.95
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
    assert shows_its_trials(game)
    objective.error = None
    play(game)
    assert len(game.trials) == 2
    assert shows_its_trials(game)
