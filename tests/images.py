"""Draws the pictures of images/ that show recorded figures: `python -m tests.images` writes them all."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import optuna
from optuna.pruners import BasePruner, MedianPruner, NopPruner, SuccessiveHalvingPruner

from helpers.benchmark import CONFIGURATIONS, EPOCHS, load_benchmark
from helpers.importance import true_importances
from helpers.plots import BLUE, GREEN, INK, VERMILLION
from helpers.replay import Replay, replay

FOLDER = Path(__file__).parents[1] / "images"
GREY, FAINT, SOFT = "#8a8a8a", "#e4e4e4", "#555555"
TRIALS, SEED = 16, 0
WIDE, TALL, TOP, LEFT, APART = 268, 210, 126, 70, 300  # of a panel, in pixels
STRATEGIES: dict[str, tuple[BasePruner, tuple[str, str], tuple[int, ...]]] = {  # pruner, rule, rungs
    "no pruner": (NopPruner(), ("Every trial is trained", "to its end."), ()),
    "median": (MedianPruner(), ("After five trials: cut once its best", "is below the median of finished ones."), ()),
    "successive halving": (
        SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
        ("At 1, 3, 9 and 27 epochs only", "the best third so far goes on."),
        (1, 3, 9, 27),
    ),
}


def write_all() -> None:
    """Every picture, into images/."""
    for name, draw in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(draw(), encoding="utf-8")
        print(f"images/{name}.svg is written.")


def pruning_strategy() -> str:
    """The same recorded curves under three pruners of Optuna, each cut where the pruner cut it."""
    places = random.Random(SEED).sample(range(CONFIGURATIONS), TRIALS)
    curves = load_benchmark().curves["validation_accuracy"][places].mean(axis=1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    body, said = [text(LEFT, 36, "Stop the hopeless early", size=20, bold=True)], []
    body.append(text(LEFT + 292, 36, f"The same {TRIALS} trials, real curves, three times.", fill=SOFT))
    for n, (name, (pruner, rule, rungs)) in enumerate(STRATEGIES.items()):
        done, x = replay(pruner, curves), LEFT + n * APART
        body += [text(x, 74, name, size=17, bold=True)]
        body += [text(x, 96 + 19 * row, line, fill=SOFT) for row, line in enumerate(rule)]
        body += [*frame(x, rungs, labels=n == 0), "<g>", *cut_curves(x, curves, done), "</g>", *figures(x, done)]
        said.append(f"{name.capitalize()}: {' '.join(rule)} {sentence(done)}")
    head = f"{TRIALS} recorded learning curves, validation accuracy against epochs trained, drawn three times."
    return svg("Stop the hopeless early", " ".join([head, *said]), 960, 500, [*body, *legend(480)])


def frame(x: float, rungs: Sequence[int], labels: bool) -> Iterable[str]:
    """The grid of a panel, its ticks and its rungs."""
    for share in (0.0, 0.5, 1.0):
        yield line([at(x, 1, share), at(x, EPOCHS, share)], FAINT, 1)
        if labels:
            yield text(x - 10, at(x, 1, share)[1] + 5, f"{share:g}", text_anchor="end")
    for epoch in rungs or (1, 9, 18, 27):
        if rungs:
            yield line([at(x, epoch, 0), at(x, epoch, 1)], GREY, 1.2, dash="2 4")
        yield text(at(x, epoch, 0)[0], TOP + TALL + 22, str(epoch), text_anchor="middle")
    yield text(x + WIDE / 2, TOP + TALL + 42, "epochs trained", text_anchor="middle")
    if labels:
        side, middle = x - 48, TOP + TALL / 2
        turned = f"rotate(-90 {side} {middle:g})"
        yield text(side, middle, "validation accuracy", text_anchor="middle", transform=turned)


def cut_curves(x: float, curves: np.ndarray, done: Replay) -> Iterable[str]:
    """Every curve as far as it was trained: a dot where it ended, a cross where it was cut; the notable ones last."""
    notable = {done.best: (GREEN, 4.0, ""), done.best_killed if done.lost else None: (VERMILLION, 4.0, "7 3")}
    for trial in sorted(range(len(curves)), key=lambda trial: (trial in notable, not done.pruned[trial])):
        points = [at(x, epoch, value) for epoch, value in enumerate(curves[trial, : done.trained[trial]], start=1)]
        plain = (GREY, 1.7, "") if done.pruned[trial] else (BLUE, 1.7, "")
        colour, width, dash = notable.get(trial, plain)
        yield line(points, colour, width, dash)
        yield (cross if done.pruned[trial] else dot)(*points[-1], colour if trial in notable else None)


def figures(x: float, done: Replay) -> Iterable[str]:
    """What a panel's search cost and what it found."""
    saved = f", {done.saved:.0%} saved" if done.pruned.any() else ""
    yield text(x, TOP + TALL + 76, f"{done.spent} epochs{saved}", size=17, bold=True)
    yield text(x, TOP + TALL + 100, f"best found: {done.final[done.best]:.3f}", size=17)


def sentence(done: Replay) -> str:
    """The same in words, with what was lost."""
    lost = f"; the best that was cut would have reached {done.final[done.best_killed]:.3f}" if done.lost else ""
    cut = f"{done.pruned.sum()} of {len(done.pruned)} trials are cut"
    return f"{cut}, {done.spent} epochs are spent, the best found is {done.final[done.best]:.3f}{lost}."


def legend(y: float) -> Iterable[str]:
    """What the lines and their ends mean."""
    notes = [
        (dot, BLUE, 1.7, "", "trained to the end"),
        (cross, GREY, 1.7, "", "cut here"),
        (dot, GREEN, 4, "", "best found"),
        (cross, VERMILLION, 4, "7 3", "would have been better"),
    ]
    for x, (mark, colour, width, dash, label) in zip((70, 300, 450, 620), notes, strict=True):
        yield line([(x, y - 5), (x + 32, y - 5)], colour, width, dash)
        yield mark(x + 32, y - 5, colour if width > 2 else None)
        yield text(x + 44, y, label)


def at(x: float, epoch: float, value: float) -> tuple[float, float]:
    """Pixels of a point in the panel that begins at `x`; its value runs from 0 to 1."""
    return x + WIDE * (epoch - 1) / (EPOCHS - 1), TOP + TALL * (1 - value)


def dot(x: float, y: float, colour: str | None = None) -> str:
    """The end of a training."""
    return tag("circle", cx=x, cy=y, r=5 if colour else 3, fill=colour or BLUE)


def cross(x: float, y: float, colour: str | None = None) -> str:
    """A cut."""
    r, width = (6, 3) if colour else (4, 2)
    path = f"M{x - r:.1f} {y - r:.1f} l{2 * r} {2 * r} m0 {-2 * r} l{-2 * r} {2 * r}"
    return tag("path", d=path, stroke=colour or INK, stroke_width=width, fill="none")


def line(points: Sequence[tuple[float, float]], colour: str, width: float, dash: str = "") -> str:
    """A line through points, in pixels."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return tag("polyline", points=places, fill="none", stroke=colour, stroke_width=width, stroke_dasharray=dash)


def text(x: float, y: float, words: str, *, size: float = 15, fill: str = INK, bold: bool = False, **more: str) -> str:
    """One line of words."""
    return tag("text", words, x=x, y=y, font_size=size, fill=fill, font_weight="bold" if bold else "", **more)


def tag(name: str, words: str = "", **attributes: object) -> str:
    """An element; numbers have one decimal, and empty attributes are left out."""
    plain = {key: f"{value:.1f}" if isinstance(value, float) else str(value) for key, value in attributes.items()}
    written = " ".join(f'{key.replace("_", "-")}="{value}"' for key, value in plain.items() if value)
    return f"<{name} {written}>{escape(words)}</{name}>" if words else f"<{name} {written}/>"


def svg(title: str, desc: str, width: int, height: int, body: Iterable[str]) -> str:
    """A whole picture on white, with what a screen reader reads."""
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    font = 'font-family="DejaVu Sans, Verdana, Arial, sans-serif"'
    lines = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font} role="img" aria-labelledby="title desc">',
        tag("title", title, id="title"),
        tag("desc", desc, id="desc"),
        tag("rect", width=width, height=height, fill="#ffffff"),
        *body,
        "</svg>",
    )
    return "\n".join(lines) + "\n"


LADDER = (  # question, the storage if the answer is no, why
    ("Shall anything outlive the program?", "in memory", "nothing to set up"),
    ("More than one program at a time?", "SQLite", "one file, a heartbeat"),
    ("More than one machine, or killed workers?", "journal file", "one file, fast"),
    ("More workers than connections?", "PostgreSQL", "a server, a heartbeat"),
)


def storage_ladder() -> str:
    """Which storage for which work: one question at each rung, and the lowest rung that will do."""
    body = [text(40, 40, "The lowest rung that will do", size=20, bold=True)]
    said, high = [], 84
    for n, (question, storage, why) in enumerate(LADDER):
        y = 76 + n * high
        body += [box(40, y, 430, GREY, "#ffffff"), text(60, y + 31, question, size=17)]
        body += [line([(470, y + 25), (560, y + 25)], INK, 1.7), arrow(560, y + 25, 1, 0), text(500, y + 17, "no")]
        body += [*rung(560, y, storage, why)]
        body += [line([(255, y + 50), (255, y + high)], INK, 1.7), arrow(255, y + high, 0, 1), text(267, y + 72, "yes")]
        said.append(f"{question} If not: {storage}, {why}.")
    y = 76 + len(LADDER) * high
    body += [*rung(40, y, "gRPC proxy before PostgreSQL", "few connections", wide=430)]
    said.append("Else a gRPC proxy before PostgreSQL.")
    return svg("Which storage for which work", " ".join(said), 880, y + 74, body)


def rung(x: float, y: float, storage: str, why: str, wide: float = 290) -> Iterable[str]:
    """A storage and what speaks for it."""
    yield box(x, y, wide, BLUE, "#eaf3fa")
    yield text(x + 16, y + 22, storage, size=17, bold=True)
    yield text(x + 16, y + 42, why, fill=SOFT)


def box(x: float, y: float, wide: float, stroke: str, fill: str) -> str:
    """A frame 50 pixels high."""
    return tag("rect", x=x, y=y, width=wide, height=50, rx=6, fill=fill, stroke=stroke, stroke_width=1.5)


def arrow(x: float, y: float, right: int, down: int) -> str:
    """The head of an arrow that ends there."""
    left, wing = (x - 9 * right, y - 9 * down), (5 * down, 5 * right)
    points = [(x, y), (left[0] + wing[0], left[1] + wing[1]), (left[0] - wing[0], left[1] - wing[1])]
    return tag("polygon", points=" ".join(f"{a:.1f},{b:.1f}" for a, b in points), fill=INK)


QUESTIONS = {  # column of the true importances: colour, the question, the evaluator
    "best tenth": (VERMILLION, "to be among the best tenth", "what PED-ANOVA estimates"),
    "variance": (BLUE, "on average, over the whole space", "what fANOVA estimates"),
}


def hyperparameter_importances() -> str:
    """The true importances of the recorded digits, one group of bars for each hyperparameter."""
    truth, low, wide = true_importances("digits").sort_values("best tenth", ascending=False), 220, 520
    body = [text(40, 40, "What matters on the recorded digits", size=20, bold=True)]
    said = []
    for n, (column, (colour, question, evaluator)) in enumerate(QUESTIONS.items()):
        body += [tag("rect", x=40, y=62 + 26 * n, width=16, height=16, fill=colour)]
        body += [text(66, 75 + 26 * n, f"{question}: {evaluator}")]
        order = ", ".join(f"{name.replace('_', ' ')} {share:.2f}" for name, share in truth[column].items())
        said.append(f"{question.capitalize()} ({evaluator}): {order}.")
    for row, name in enumerate(truth.index):
        y = 132 + 50 * row
        body += [text(low - 14, y + 25, name.replace("_", " "), text_anchor="end")]
        for n, (column, (colour, *_)) in enumerate(QUESTIONS.items()):
            share = truth.loc[name, column]
            body += [tag("rect", x=low, y=y + 18 * n, width=max(2.0, wide * share), height=15, fill=colour)]
            body += [text(low + max(2.0, wide * share) + 8, y + 12.5 + 18 * n, f"{share:.2f}", size=13, fill=SOFT)]
    body += [text(40, 508, "All seven together: 1. From all 12,150 recorded configurations.", fill=SOFT)]
    return svg("What matters on the recorded digits", " ".join(said), 820, 530, body)


SIDES = {  # left edge, colour, colour of the boxes, title and subtitle; the parts and what each does
    "training code": (40, BLUE, "#eaf3fa", "has never heard of Optuna", (
        ("data", "train, validation, test in memory"), ("network", "built from the configuration"),
        ("loop", "yields an epoch, and an epoch, ..."), ("checkpoint", "weights, optimizer, schedule, curve"),
    )),
    "Optuna code": (600, GREEN, "#e8f5f0", "knows trials, and no gradient", (
        ("objective", "suggests, reports, returns"), ("study and sampler", "choose the next configuration"),
        ("pruner", "says when to stop"), ("storage, artifact store", "keep trials, keep files"),
    )),
}  # fmt: skip
CROSSING = (  # height, whether it goes to the right, what crosses the border
    (190, False, "a configuration"), (300, True, "one epoch at a time"), (355, False, "go on, or stop"),
    (410, True, "a file, to keep"), (465, False, "a file, to resume"),
)  # fmt: skip


def optuna_pytorch_overview() -> str:
    """Which side owns what, and what crosses the border between them."""
    body = [text(40, 42, "Two programs, one border", size=20, bold=True)]
    said = []
    for name, (x, colour, fill, motto, parts) in SIDES.items():
        body += [tag("rect", x=x, y=66, width=320, height=434, rx=10, fill="#ffffff", stroke=colour, stroke_width=2)]
        body += [text(x + 20, 100, name, size=19, bold=True, fill=colour), text(x + 20, 124, motto, fill=SOFT)]
        for n, (part, does) in enumerate(parts):
            y = 148 + 86 * n
            body += [tag("rect", x=x + 16, y=y, width=288, height=64, rx=6, fill=fill)]
            body += [text(x + 30, y + 27, part, size=18, bold=True), text(x + 30, y + 50, does, fill=SOFT)]
        said.append(f"The {name} {motto}: {'; '.join(f'{part}: {does}' for part, does in parts)}.")
    for y, right, what in CROSSING:
        start, end = (370, 590) if right else (590, 370)
        body += [line([(start, y), (end, y)], INK, 2), arrow(end, y, 1 if right else -1, 0)]
        body += [text(480, y - 10, what, text_anchor="middle", size=16)]
        said.append(f"To the {'Optuna' if right else 'training'} code goes {what}.")
    return svg("What PyTorch owns and what Optuna owns", " ".join(said), 960, 520, body)


PICTURES: dict[str, Callable[[], str]] = {
    "pruning_strategy": pruning_strategy,
    "storage_ladder": storage_ladder,
    "hyperparameter_importances": hyperparameter_importances,
    "optuna_pytorch_overview": optuna_pytorch_overview,
}

if __name__ == "__main__":
    write_all()
