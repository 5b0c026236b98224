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

from helpers.errors import BadInput
from helpers.explore import PrunerLab
from helpers.explore.pruner_lab import (
    CURVES,
    ORDERS,
    PRUNERS,
    TRIALS,
    LabState,
    lab_state,
    make_pruner,
    recorded_curves,
)
from helpers.problems.table import EPOCHS, load_benchmark
from helpers.races.replay import replay

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


def test_a_parameter_reaches_optuna() -> None:
    """Each of them changes what is pruned, somewhere in its range; the kinds are Optuna's classes."""
    for kind, (_, ranges) in PRUNERS.items():
        for name, (low, high, first) in ranges.items():
            values = (low, high, first, (low + high) // 2)
            seen = {tuple(lab_state(kind, {name: value}, ALL, DRAWN, 0).run.trained) for value in values}
            assert len(seen) > 1, (kind, name)
    made = [make_pruner(kind) for kind in ("none", "Hyperband", "patient median")]
    assert list(map(type, made)) == [NopPruner, HyperbandPruner, PatientPruner]


@pytest.mark.parametrize(
    ("kind", "parameters", "said"),
    [
        ("wilcoxon", {}, "Unknown pruner 'wilcoxon': choose one of 'none', 'median'"),
        (["median"], {}, "Unknown pruner"),
        ("none", {"lower": 1}, "The pruner 'none' takes no parameter, but no 'lower'"),
        ("median", {"percentile": 25}, "takes n_startup_trials, n_warmup_steps, interval_steps, but no 'percentile'"),
        ("median", {"n_startup_trials": -1}, "n_startup_trials is -1: choose a whole number from 0 to 50"),
        ("median", {"interval_steps": 0}, "choose a whole number from 1 to 9"),
        ("median", {"n_warmup_steps": 2.5}, "choose a whole number from 0 to 26"),
        ("percentile", {"percentile": 101}, "percentile is 101: choose a number from 0 to 100"),
        ("percentile", {"percentile": "25"}, "percentile is '25'"),
        ("successive halving", {"reduction_factor": 1}, "choose a whole number from 2 to 9"),
        ("successive halving", {"min_resource": "auto"}, "choose a whole number from 1 to 27"),
        ("Hyperband", {"min_resource": 0}, "choose a whole number from 1 to 27"),
        ("patient median", {"min_delta": -0.1}, "choose a number from 0 to 0.2"),
        ("patient median", {"patience": [3]}, r"patience is \[3\]"),
        ("threshold", {"lower": float("nan")}, "lower is nan: choose a number from 0 to 1"),
    ],
)
def test_nonsense_is_bad_input(kind: str, parameters: dict, said: str) -> None:
    """One sentence says what is wrong and what to choose, from the pruner and from the state."""
    with pytest.raises(BadInput, match=said):
        make_pruner(kind, **parameters)
    with pytest.raises(BadInput, match=said):
        lab_state(kind, parameters, ALL, DRAWN, 0)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"curves": "mine"}, "Unknown curves 'mine': choose one of 'all configurations'"),
        ({"order": ["as drawn"]}, "Unknown order"),
        ({"seed": -1}, "The seed is -1: choose a whole number"),
        ({"seed": None}, "The seed is None"),
        ({"shown": 0}, "0 trials cannot be shown: choose a whole number from 1 to 100"),
        ({"shown": 101}, "101 trials cannot be shown"),
        ({"shown": 9.5}, r"9\.5 trials cannot be shown"),
    ],
)
def test_nothing_else_can_be_asked_for(changed: dict, said: str) -> None:
    """Unknown curves, an unknown order, a seed or a number of trials that is none."""
    with pytest.raises(BadInput, match=said):
        lab_state(**{"kind": "none", "parameters": {}, "curves": ALL, "order": DRAWN, "seed": 0, **changed})


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
    state = lab_state("none", {}, curves, DRAWN, 1)
    values = recorded_curves(curves, DRAWN, 1)
    assert state.run.saved == 0 and state.run.best_killed is None
    assert state.run.final[state.run.best] == values[:, -1].max()
    assert len(state.traces["pruned"][0]) == len(state.traces["had it gone on"][0]) == 0
    assert "0 of 100 trials pruned, 2,700 epochs spent, 0% saved" in state.message and "illed" not in state.message


def test_thresholds_at_the_ends() -> None:
    """A bound of 0 kills nothing, one of 1 everything at once, and then nothing is found."""
    assert not lab_state("threshold", {"lower": 0.0}, ALL, DRAWN, 0).run.pruned.any()
    state = lab_state("threshold", {"lower": 1.0, "n_warmup_steps": 0}, ALL, DRAWN, 0)
    assert state.run.pruned.all() and state.run.spent == TRIALS
    assert "Best found: nothing. Best killed: trial " in state.message
    assert len(state.traces["best found"][0]) == 0 and state.traces["saved"][0] == (26 / 27, 1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["successive halving", "Hyperband"])
def test_the_order_matters_to_halving(kind: str, seed: int) -> None:
    """Asynchronous halving prunes far less when every trial is better than those before it."""
    worst, best = (lab_state(kind, {}, ALL, order, seed).run for order in (WORST, BEST))
    assert worst.spent > 1.3 * best.spent
    assert best.saved > 0.6


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
    state = lab_state(kind, {}, LATE, DRAWN, seed)
    killed = state.run.best_killed
    assert state.run.lost > 0.02
    assert f"A late bloomer: trial {killed}, cut after epoch {state.run.trained[killed]}, would" in state.message
    repaired_run = lab_state(kind, repaired, LATE, DRAWN, seed).run
    assert repaired_run.lost == 0 and repaired_run.saved > 0.2


# The state


@pytest.mark.parametrize("shown", [1, 37, 99, 100])
@pytest.mark.parametrize("kind", PRUNERS)
def test_the_state_is_the_replay(kind: str, shown: int) -> None:
    """Every trace and figure of the first trials, worked out anew from a replay of those trials alone."""
    curves = recorded_curves(LATE, DRAWN, 3)[:shown]
    alone = replay(make_pruner(kind), curves, study_name="pruner lab")
    state = lab_state(kind, {}, LATE, DRAWN, 3, shown)
    seen, traces = state.seen, state.traces
    assert len(state.run.trained) == TRIALS
    assert np.array_equal(seen.trained, alone.trained) and np.array_equal(seen.pruned, alone.pruned)
    for name, among in (("completed", ~alone.pruned), ("pruned", alone.pruned)):
        pieces = split(*traces[name])
        assert len(pieces) == among.sum()
        for (x, y), curve, end in zip(pieces, curves[among], alone.trained[among], strict=True):
            assert np.array_equal(x, np.arange(1, end + 1)) and np.array_equal(y, curve[:end])
    ends = [(piece[0][-1], piece[1][-1]) for piece in split(*traces["pruned"])]
    assert ends == list(zip(*traces["cut here"], strict=True))
    if alone.best is not None:
        assert np.array_equal(traces["best found"][1], curves[alone.best])
        assert traces["best found"][2][-1] == f"best found {curves[alone.best, -1]:.3f}"
    if alone.best_killed is not None:
        end, curve = alone.trained[alone.best_killed], curves[alone.best_killed]
        assert np.array_equal(traces["best killed"][1], curve[:end])
        assert np.array_equal(traces["had it gone on"][1], curve[end - 1 :])
        assert f"cut after epoch {end}, would have ended at {curve[-1]:.3f}" in state.message
    share = alone.spent / (TRIALS * EPOCHS), (~alone.pruned).sum() / TRIALS
    assert traces["spent"][0] == pytest.approx(share)
    assert np.add(traces["spent"][0], traces["saved"][0]) == pytest.approx([shown / TRIALS] * 2)
    saved = shown * EPOCHS - alone.spent
    assert traces["saved"][1][0] == f"{alone.spent:,} epochs spent<br>{saved:,} saved ({alone.saved:.0%})"
    assert f"{alone.pruned.sum()} of {shown} trials pruned, {alone.spent:,} epochs spent" in state.message


def split(x: np.ndarray, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The lines of a trace whose gaps are nan."""
    gaps = np.flatnonzero(np.isnan(y))
    starts = [0, *(gaps[:-1] + 1)] if len(gaps) else []
    return [(x[a:b], y[a:b]) for a, b in zip(starts, gaps, strict=True)]


# The widget


def controls(lab: PrunerLab) -> dict[str, widgets.Widget]:
    """The visible menus and sliders by their names."""
    found, waiting = {}, [lab]
    while waiting:
        widget = waiting.pop()
        waiting += getattr(widget, "children", ())
        if getattr(widget, "description", ""):
            found[widget.description] = widget
    return found


def shows(lab: PrunerLab, state: LabState) -> bool:
    """True when picture, sentence and property are the state."""
    drawn = {trace.name: trace for trace in lab.figure.data}
    same = all(
        np.array_equal(np.array(drawn[name][part]), np.array(values), equal_nan=part != "text" and name not in BARS)
        for name, trace in state.traces.items() for part, values in zip(("x", "y", "text"), trace, strict=False)
    )  # fmt: skip
    return same and drawn.keys() == state.traces.keys() and lab.message == state.message == lab.state.message


BARS = ("spent", "saved")


def test_every_control_redraws() -> None:
    """Menus, the sliders of every pruner and the number of trials lead to the state of what they say."""
    lab = PrunerLab(seed=2)
    found = controls(lab)
    assert shows(lab, lab_state("median", {}, ALL, DRAWN, 2))
    for curves, order, shown in ((TENTH, DRAWN, 60), (LATE, WORST, 100), (ALL, BEST, 7)):
        found["curves"].value, found["order"].value, found["trials shown"].value = curves, order, shown
        assert shows(lab, lab_state("median", {}, curves, order, 2, shown))
    messages = set()
    for kind, (_, ranges) in PRUNERS.items():
        found["pruner"].value = kind
        sliders, chosen = controls(lab), {}
        assert set(sliders) == {"pruner", "curves", "order", "trials shown", *ranges}
        for name, (low, high, first) in ranges.items():
            assert (sliders[name].min, sliders[name].max, sliders[name].value) == (low, high, first)
            sliders[name].value = chosen[name] = high if first == low else low
            assert shows(lab, lab_state(kind, chosen, ALL, BEST, 2, 7)), (kind, name)
        messages.add(lab.message)
    assert len(messages) >= 5


def test_a_pruner_remembers_its_sliders() -> None:
    """Back at a pruner its parameters are as they were left."""
    lab = PrunerLab()
    found = controls(lab)
    found["n_warmup_steps"].value = 11
    for kind in ("threshold", "median"):
        found["pruner"].value = kind
    assert controls(lab)["n_warmup_steps"].value == 11
    assert shows(lab, lab_state("median", {"n_warmup_steps": 11}, ALL, DRAWN, 0))


def test_all_trials_are_shown_at_first() -> None:
    """Play and slider stand at 100, the last; that they move together is the browser's part."""
    row = next(child for child in PrunerLab().children if isinstance(child, widgets.HBox))
    assert [(part.min, part.max, part.value) for part in row.children] == [(1, TRIALS, TRIALS)] * 2
    assert [type(part) for part in row.children] == [widgets.IntSlider, widgets.Play]


@pytest.mark.parametrize("kind", PRUNERS)
def test_an_update_takes_less_than_300_ms(kind: str) -> None:
    """A slider that is moved to where it never was recomputes 100 trials and draws them; the median of several."""
    lab, seconds = PrunerLab(seed=4), []
    found = controls(lab)
    found["curves"].value = TENTH
    found["pruner"].value = kind
    name, (low, high, first) = next(iter(PRUNERS[kind][1].items()), ("trials shown", (1, TRIALS, TRIALS)))
    moved = controls(lab)[name]
    for value in np.linspace(low, high, 7):
        begin = time.process_time()  # of this program's processor time: other programs do not count
        moved.value = type(first)(value)
        seconds.append(time.process_time() - begin)
    assert np.median(seconds) < 0.3
