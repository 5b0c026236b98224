"""What pruners cut: the same recorded learning curves under three pruners of Optuna.

A pruner sees one training, the record's first seed; what it found is scored on the test images, with the other seeds.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import numpy as np
import optuna
from optuna.pruners import BasePruner, MedianPruner, NopPruner, SuccessiveHalvingPruner

from helpers.plots import BLUE, GREEN, INK, VERMILLION
from helpers.problems.table import EPOCHS, load_benchmark
from helpers.races.replay import Replay, replay
from images.draw.svg import FAINT, GREY, SOFT, Point, centred, cross, dot, key, line, page, text

TRIALS, SEED = 16, 8
WIDE, TALL, TOP, LEFT, APART = 256, 214, 216, 84, 294  # of a panel
STRATEGIES: dict[str, tuple[BasePruner, tuple[str, ...], tuple[int, ...]]] = {  # pruner, rule, rungs
    "no pruner": (NopPruner(), ("Every trial is trained", "to its end."), ()),
    "median": (
        MedianPruner(),
        ("After five trials: cut once", "its best is below the", "median of finished ones."),
        (),
    ),
    "successive halving": (
        SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
        ("At 1, 3, 9 and 27 epochs", "only the best third so far", "goes on."),
        (1, 3, 9, 27),
    ),
}


def draw() -> str:
    """The same recorded curves three times, each cut where the pruner cut it."""
    table = load_benchmark("fashion")
    places = random.Random(SEED).sample(range(len(table.configurations)), TRIALS)
    curves, tested = table.curves["validation_accuracy"][places, 0], table.tested(np.array(places), [0])
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    body, said = [], []
    for n, (name, (pruner, rule, rungs)) in enumerate(STRATEGIES.items()):
        done, x = replay(pruner, curves), LEFT + n * APART
        body += [text(x, 124, name, size=20, bold=True)]
        body += [text(x, 150 + 23 * row, words, fill=SOFT) for row, words in enumerate(rule)]
        body += [*axes(x, rungs, labels=n == 0), "<g>", *cut_curves(x, curves, done), "</g>"]
        body += figures(x, done, tested)
        said.append(f"{name.capitalize()}: {' '.join(rule)} {sentence(done, tested)}")
    head = f"{TRIALS} recorded learning curves, validation accuracy against epochs trained, drawn three times."
    note = f"The same {TRIALS} trials, real curves, three times. Test: with seeds that the pruner did not see."
    return page(__name__, "Stop the hopeless early", " ".join([head, *said]), 620, [*body, *legend(588)], note)


def axes(x: float, rungs: Sequence[int], labels: bool) -> Iterable[str]:
    """The grid of a panel, its ticks and its rungs."""
    for share in (0.0, 0.5, 1.0):
        yield line([at(x, 1, share), at(x, EPOCHS, share)], FAINT, 1)
        if labels:
            yield text(x - 10, at(x, 1, share)[1] + 6, f"{share:g}", text_anchor="end")
    for epoch in rungs or (1, 9, 18, 27):
        if rungs:
            yield line([at(x, epoch, 0), at(x, epoch, 1)], GREY, 1.5, dash="2 4")
        yield centred(at(x, epoch, 0)[0], TOP + TALL + 24, str(epoch))
    yield centred(x + WIDE / 2, TOP + TALL + 48, "epochs trained")
    if labels:
        side, middle = x - 50, TOP + TALL / 2
        yield centred(side, middle, "validation accuracy", transform=f"rotate(-90 {side} {middle:g})")


def cut_curves(x: float, curves: np.ndarray, done: Replay) -> Iterable[str]:
    """Every curve as far as it was trained: a dot where it ended, a cross where it was cut; the notable ones last."""
    notable = {done.best: (GREEN, 4.0, ""), done.best_killed if done.lost else None: (VERMILLION, 4.0, "7 3")}
    for trial in sorted(range(len(curves)), key=lambda trial: (trial in notable, not done.pruned[trial])):
        points = [at(x, epoch, value) for epoch, value in enumerate(curves[trial, : done.trained[trial]], start=1)]
        plain = (GREY, 2.0, "") if done.pruned[trial] else (BLUE, 2.0, "")
        yield from ended(points, bool(done.pruned[trial]), *notable.get(trial, plain))


def ended(points: Sequence[Point], cut: bool, colour: str, width: float, dash: str) -> Iterable[str]:
    """A line with a mark at its end, larger where the line is wide."""
    yield line(points, colour, width, dash)
    notable = width > 2
    if cut:
        yield cross(*points[-1], colour, 6, 3) if notable else cross(*points[-1], INK)
    else:
        yield dot(*points[-1], colour, 5 if notable else 3)


def figures(x: float, done: Replay, tested: np.ndarray) -> Iterable[str]:
    """What a panel's search cost and what it found."""
    saved = f", {done.saved:.0%} saved" if done.pruned.any() else ""
    yield text(x, TOP + TALL + 86, f"{done.spent} epochs{saved}", size=20, bold=True)
    yield text(x, TOP + TALL + 114, f"found, on test: {tested[done.best]:.3f}", size=20)


def sentence(done: Replay, tested: np.ndarray) -> str:
    """The same in words, with what was lost."""
    worth = f"{tested[done.best_killed]:.3f}" if done.lost else ""
    lost = f"; the one that would have ended best was cut, on test it has {worth}" if worth else ""
    cut = f"{done.pruned.sum()} of {len(done.pruned)} trials are cut"
    found = f"the best found is {tested[done.best]:.3f} on test"
    return f"{cut}, {done.spent} epochs are spent, {found}{lost}."


def legend(y: float) -> Iterable[str]:
    """What the lines and their ends mean."""
    notes = {
        "trained to the end": (False, BLUE, 2.0, ""),
        "cut here": (True, GREY, 2.0, ""),
        "best found": (False, GREEN, 4.0, ""),
        "would have ended best": (True, VERMILLION, 4.0, "7 3"),
    }
    for x, (words, kind) in zip((42, 282, 426, 590), notes.items(), strict=True):
        yield from key(x, y, ended([(0, 0), (34, 0)], *kind), words)


def at(x: float, epoch: float, value: float) -> Point:
    """Pixels of a point in the panel that begins at `x`; its value runs from 0 to 1."""
    return x + WIDE * (epoch - 1) / (EPOCHS - 1), TOP + TALL * (1 - value)
