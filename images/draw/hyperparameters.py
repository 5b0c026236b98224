"""The knobs of a training run: the ranges of notebook 01, the needles where the best recorded training has them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from helpers.plots import BLUE, GREEN, INK, ORANGE, VERMILLION
from helpers.problems.table import EPOCHS, load_benchmark
from helpers.training.train import AUGMENTATIONS
from images.draw.svg import GREY, MARGIN, SOFT, TINTS, WORDS, Point, arrow, centred, dot, frame, line, page, tag, text

RADIUS, TOP, TALL, ROWS = 34, 104, 412, (222, 404)


@dataclass(frozen=True)
class Knob:
    """A hyperparameter: its lowest and its highest value, steps between them, names where it has no numbers."""

    name: str
    low: float
    high: float
    log: bool = False
    steps: int = 8
    names: tuple[str, ...] = ()

    def share(self, value: float) -> float:
        """How far the needle is turned, from 0 to 1."""
        low, high, value = map(math.log, (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return (value - low) / (high - low)

    def ticks(self) -> list[float]:
        """Equal steps; on a log scale 1, 2 and 5 of each power of ten."""
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            round_ones = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
            return [tick for tick in round_ones if 0.999 * self.low <= tick <= 1.001 * self.high]
        return [self.low + (self.high - self.low) * n / self.steps for n in range(self.steps + 1)]


GROUPS = (  # title, colour, left edge and width; each knob with the middle of its dial and its row
    (
        "the data",
        ORANGE,
        36,
        164,
        (
            (118, 0, Knob("batch size", 8, 256, log=True)),
            (118, 1, Knob("augmentation", 0, 2, steps=2, names=AUGMENTATIONS)),
        ),
    ),
    (
        "the network",
        BLUE,
        226,
        228,
        (
            (284, 0, Knob("width", 4, 128, log=True)),
            (398, 0, Knob("depth", 1, 4, steps=3)),
            (340, 1, Knob("dropout", 0, 0.8)),
        ),
    ),
    (
        "the optimizer",
        VERMILLION,
        480,
        308,
        (
            (558, 0, Knob("learning rate", 1e-4, 1, log=True)),
            (712, 0, Knob("momentum", 0, 0.95)),
            (558, 1, Knob("weight decay", 1e-6, 0.01, log=True)),
            (712, 1, Knob("epochs", 1, 100)),
        ),
    ),
)


def best_recorded() -> dict[str, float]:
    """Where every needle stands; the recorded trainings take 27 epochs and do not augment."""
    best = {name.replace("_", " "): value for name, value in load_benchmark().best.items()}
    return {**best, "epochs": EPOCHS, "augmentation": AUGMENTATIONS.index("none")}


def draw() -> str:
    """Nine dials in three groups, and one gauge."""
    values, accuracy, body, said = best_recorded(), load_benchmark().optimum, [], []
    for title, colour, left, wide, knobs in GROUPS:
        body += [frame(left, TOP, wide, TALL, colour, TINTS[colour], stroke_width=1.5)]
        body += [centred(left + wide / 2, TOP + 30, title, size=20, bold=True, fill=WORDS[colour])]
        for x, row, knob in knobs:
            body += dial(x, ROWS[row], knob, values[knob.name], WORDS[colour])
        said.append(f"{title.capitalize()}: {', '.join(knob.name for *_, knob in knobs)}.")
        body += arrow((left + wide, TOP + TALL / 2), (left + wide + 26, TOP + TALL / 2))
    body += gauge(872, TOP + TALL / 2 + 24, accuracy)
    body += [text(MARGIN, TOP + TALL + 38, "Turn one knob, and the best place for the others moves.")]
    desc = f"Nine dials in three groups. {' '.join(said)} All lead to one gauge, the validation accuracy."
    desc = f"{desc} The needles show a good setting: {accuracy:.3f}."
    note = "Nine knobs, one number that comes back. The needles show a good setting."
    return page(__name__, "The knobs of a training run", desc, 584, body, note)


def dial(x: float, y: float, knob: Knob, value: float, colour: str) -> Iterable[str]:
    """One knob: its name, its ticks, its needle, its range."""
    low, high = knob.names[:: knob.steps] if knob.names else map(short, (knob.low, knob.high))
    yield centred(x, y - 50, knob.name, bold=True)
    yield tag("circle", cx=x, cy=y, r=RADIUS, fill="#ffffff", stroke=colour, stroke_width=3)
    for tick in knob.ticks():
        yield line([turned(x, y, knob.share(tick), RADIUS + 3), turned(x, y, knob.share(tick), RADIUS + 9)], GREY, 1.5)
    yield line([(x, y), turned(x, y, knob.share(value), RADIUS - 7)], colour, 6)
    yield centred(x - 38, y + 54, low, fill=SOFT)
    yield centred(x + 38, y + 54, high, fill=SOFT)
    if knob.log:
        yield centred(x, y + 78, "log scale", fill=SOFT)


def gauge(x: float, y: float, accuracy: float) -> Iterable[str]:
    """The accuracy, on a half circle from 0 to 1."""
    yield tag("path", d=f"M{x - 46} {y} A46 46 0 0 1 {x + 46} {y}", fill="none", stroke=GREEN, stroke_width=10)
    angle = math.pi * (1 - accuracy)
    yield line([(x, y), (x + 38 * math.cos(angle), y - 38 * math.sin(angle))], INK, 4)
    yield dot(x, y, INK)
    for row, words in enumerate((f"{accuracy:.3f}", "validation", "accuracy")):
        yield centred(x, y + 34 + 24 * row, words, bold=row == 0)


def turned(x: float, y: float, share: float, radius: float) -> Point:
    """A place on a dial: the lowest value points down to the left, the highest down to the right."""
    angle = math.radians(225 - 270 * share)
    return x + radius * math.cos(angle), y - radius * math.sin(angle)


def short(value: float) -> str:
    """As code writes it."""
    return f"{value:g}".replace("e-0", "e-")
