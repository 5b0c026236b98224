"""The pruner lab: what its pruners do to recorded curves, what it refuses, and that it draws its state."""

from __future__ import annotations

import time
import warnings
from itertools import product

import ipywidgets as widgets
import numpy as np
import optuna
import pytest
from optuna.pruners import HyperbandPruner, NopPruner, PatientPruner

from helpers.explore.pruner_lab import (
    CURVES,
    ORDERS,
    PRUNERS,
    TRIALS,
    PrunerLab,
    draw,
    make_pruner,
    recorded_curves,
    replayed,
)
from helpers.problems.table import EPOCHS, load_benchmark
from helpers.races.replay import replay
from tests.explore.test_explorable import control, move, points

ALL, TENTH, LATE = CURVES
DRAWN, WORST, BEST = ORDERS
SEEDS = range(5)


@pytest.fixture(autouse=True)
def _quiet_optuna() -> None:
    """No line for every study."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)


# The pruners


@pytest.mark.parametrize("kind", PRUNERS)
def test_every_end_of_every_slider_makes_a_working_pruner(kind: str) -> None:
    """Optuna accepts the lowest, highest and first values together, and nothing warns."""
    ranges = PRUNERS[kind][1]
    curves = recorded_curves(ALL, DRAWN, 0)[:20]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for values in product(*ranges.values()):
            made = make_pruner(kind, **dict(zip(ranges, values, strict=True)))
            assert replay(made, curves, study_name="ends").spent >= len(curves)
    assert len(ranges) <= 3


@pytest.mark.slow
def test_a_parameter_reaches_optuna() -> None:
    """Each of them changes what is pruned, somewhere in its range; the kinds are Optuna's classes."""
    for kind, (_, ranges) in PRUNERS.items():
        for name, (low, high, first) in ranges.items():
            values = (low, high, first, (low + high) // 2)
            seen = {tuple(replayed(kind, ALL, **{name: value}).trained) for value in values}
            assert len(seen) > 1, (kind, name)
    made = [make_pruner(kind) for kind in ("none", "Hyperband", "patient median")]
    assert list(map(type, made)) == [NopPruner, HyperbandPruner, PatientPruner]


# The curves


@pytest.mark.parametrize("seed", SEEDS)
def test_the_curves_are_recorded_ones(seed: int) -> None:
    """A hundred of the right part of the table, of one recorded seed; the order changes nothing but the order."""
    table = load_benchmark()
    recorded, rows = table.curves["validation_accuracy"][:, seed % 3], table.frame()
    slow = (rows["batch_size"] == 256) & (rows["learning_rate"] <= 0.0046) & (rows["width"] <= 16)
    parts = {
        ALL: rows["width"] > 0,
        TENTH: rows["validation_accuracy"] >= rows["validation_accuracy"].quantile(0.899),
        LATE: slow & rows["momentum"].isin((0.6, 0.9)),
    }
    for curves, part in parts.items():
        drawn, worst, best = (recorded_curves(curves, order, seed) for order in ORDERS)
        assert drawn.shape == (TRIALS, EPOCHS)
        assert set(map(bytes, drawn)) <= set(map(bytes, recorded[part]))
        assert sorted(map(bytes, drawn)) == sorted(map(bytes, worst))
        assert np.all(np.diff(worst[:, -1]) >= 0) and np.array_equal(worst, best[::-1])
    assert np.median(recorded_curves(LATE, DRAWN, seed)[:, 2]) < 0.15  # at chance
    assert not np.array_equal(recorded_curves(ALL, DRAWN, seed), recorded_curves(ALL, DRAWN, seed + 3))


# What pruners do to them


@pytest.mark.parametrize("curves", CURVES)
def test_without_a_pruner_nothing_is_saved(curves: str) -> None:
    """All curves are whole, the best of all is found, nothing is killed."""
    run, (figure, said) = replayed("none", curves, seed=1), draw("none", curves, seed=1)
    values = recorded_curves(curves, DRAWN, 1)
    assert run.saved == 0 and run.best_killed is None and run.final[run.best] == values[:, -1].max()
    assert len(points(figure)["pruned"]["x"]) == len(points(figure)["had it gone on"]["x"]) == 0
    assert "0 of 100 trials pruned, 2,700 epochs spent, 0% saved" in said and "illed" not in said


def test_thresholds_at_the_ends() -> None:
    """A bound of 0 kills nothing, one of 1 everything at once, and then nothing is found."""
    assert not replayed("threshold", ALL, lower=0.0).pruned.any()
    run, (figure, said) = (ask("threshold", ALL, lower=1.0, n_warmup_steps=0) for ask in (replayed, draw))
    assert run.pruned.all() and run.spent == TRIALS
    assert "Best found: nothing. Best killed: trial " in said
    assert points(figure)["best found"]["x"] == [] and points(figure)["saved"]["x"] == [26 / 27, 1]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["successive halving", "Hyperband"])
def test_the_order_matters_to_halving(kind: str, seed: int) -> None:
    """Asynchronous halving prunes far less when every trial is better than those before it."""
    worst, best = (replayed(kind, ALL, order, seed) for order in (WORST, BEST))
    assert worst.spent > 1.3 * best.spent
    assert best.saved > 0.6


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("kind", "repaired"),
    [
        ("median", {"n_warmup_steps": 12}),
        ("percentile", {"n_warmup_steps": 12}),
        ("successive halving", {"min_resource": 9}),
    ],
)
def test_late_bloomers(kind: str, repaired: dict, seed: int) -> None:
    """As it stands the pruner kills one that would have ended above the best found; the repaired one does not."""
    run, (_, said) = (ask(kind, LATE, seed=seed) for ask in (replayed, draw))
    killed = run.best_killed
    assert run.lost > 0.02
    assert f"Best killed: trial {killed}, cut after epoch {run.trained[killed]}, would" in said and " above (" in said
    repaired_run = replayed(kind, LATE, seed=seed, **repaired)
    assert repaired_run.lost == 0 and repaired_run.saved > 0.2


# The picture


@pytest.mark.parametrize("shown", [1, 37, 99, 100])
@pytest.mark.parametrize("kind", PRUNERS)
def test_the_picture_is_the_replay(kind: str, shown: int) -> None:
    """Every trace and figure of the first trials, worked out anew from a replay of those trials alone."""
    curves = recorded_curves(LATE, DRAWN, 3)[:shown]
    alone = replay(make_pruner(kind), curves, study_name="pruner lab")
    seen, (figure, said) = replayed(kind, LATE, seed=3).first(shown), draw(kind, LATE, seed=3, shown=shown)
    traces = points(figure)
    assert np.array_equal(seen.trained, alone.trained) and np.array_equal(seen.pruned, alone.pruned)
    for name, among in (("completed", ~alone.pruned), ("pruned", alone.pruned)):
        pieces = split(traces[name]["x"], traces[name]["y"])
        assert len(pieces) == among.sum()
        for (x, y), curve, end in zip(pieces, curves[among], alone.trained[among], strict=True):
            assert np.array_equal(x, np.arange(1, end + 1)) and np.array_equal(y, curve[:end])
    ends = [(piece[0][-1], piece[1][-1]) for piece in split(traces["pruned"]["x"], traces["pruned"]["y"])]
    assert ends == list(zip(traces["cut here"]["x"], traces["cut here"]["y"], strict=True))
    if alone.best is not None:
        assert np.array_equal(traces["best found"]["y"], curves[alone.best])
        assert traces["best found"]["text"][-1] == f"best found {curves[alone.best, -1]:.3f}"
    if alone.best_killed is not None:
        end, curve = alone.trained[alone.best_killed], curves[alone.best_killed]
        assert np.array_equal(traces["best killed"]["y"], curve[:end])
        assert np.array_equal(traces["had it gone on"]["y"], curve[end - 1 :])
        assert f"cut after epoch {end}, would have ended at {curve[-1]:.3f}" in said
    spent, saved = traces["spent"], traces["saved"]
    assert spent["x"] == pytest.approx([alone.spent / (TRIALS * EPOCHS), (~alone.pruned).sum() / TRIALS])
    assert np.add(spent["x"], saved["x"]) == pytest.approx([shown / TRIALS] * 2)
    rest = shown * EPOCHS - alone.spent
    assert spent["y"][0] == saved["y"][0] == f"{alone.spent:,} epochs spent<br>{rest:,} saved ({alone.saved:.0%})"
    assert f"{alone.pruned.sum()} of {shown} trials pruned, {alone.spent:,} epochs spent" in said


def split(x: list, y: list) -> list[tuple[list, list]]:
    """The lines of a trace whose gaps are nan."""
    gaps = np.flatnonzero(np.isnan(y))
    starts = [0, *(gaps[:-1] + 1)] if len(gaps) else []
    return [(x[a:b], y[a:b]) for a, b in zip(starts, gaps, strict=True)]


# The widget


@pytest.mark.slow
def test_every_pruner_has_its_own_sliders() -> None:
    """They are there while it is chosen, begin where Optuna does, move the picture, and stay as they were left."""
    lab = move(PrunerLab(seed=2), order=BEST, shown=7)
    assert lab.values == {
        "pruner": "median",
        "curves": ALL,
        "order": BEST,
        "shown": 7,
        "n_startup_trials": 5,
        "n_warmup_steps": 0,
        "interval_steps": 1,
    }
    for kind, (_, ranges) in PRUNERS.items():
        move(lab, pruner=kind)
        assert list(lab.controls) == ["pruner", "curves", "order", "shown", *ranges]
        chosen = {}
        for name, (low, high, first) in ranges.items():
            moved = control(lab, name)
            assert (moved.min, moved.max, moved.value) == (low, high, first)
            moved.value = chosen[name] = high if first == low else low
            assert lab.message == draw(kind, ALL, BEST, 2, 7, **chosen)[1], (kind, name)
    assert move(lab, pruner="median").values["n_warmup_steps"] == EPOCHS - 1


def test_all_trials_are_shown_at_first() -> None:
    """Play and slider stand at 100, the last; that they move together is the browser's part."""
    row = next(child for child in PrunerLab().children if isinstance(child, widgets.HBox))
    assert [(part.min, part.max, part.value) for part in row.children] == [(1, TRIALS, TRIALS)] * 2
    assert [type(part) for part in row.children] == [widgets.IntSlider, widgets.Play]


@pytest.mark.slow
@pytest.mark.parametrize("kind", PRUNERS)
def test_an_update_takes_less_than_300_ms(kind: str) -> None:
    """A slider that is moved to where it never was recomputes 100 trials and draws them; the median of several."""
    lab, seconds = move(PrunerLab(seed=4), curves=TENTH, pruner=kind), []
    name, (low, high, first) = next(iter(PRUNERS[kind][1].items()), ("shown", (1, TRIALS, TRIALS)))
    for value in np.linspace(low, high, 7):
        begin = time.process_time()
        lab.controls[name].value = type(first)(value)
        seconds.append(time.process_time() - begin)
    assert np.median(seconds) < 0.3
