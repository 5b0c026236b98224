"""Which storage for which work: one question at each rung, and the lowest rung that will do."""

from __future__ import annotations

from collections.abc import Iterable

from helpers.plots import BLUE
from images.draw.svg import GREY, MARGIN, SOFT, TINTS, WIDTH, arrow, frame, page, text

RUNGS = (  # question, the storage if the answer is no, why
    ("Shall anything outlive the program?", "in memory", "nothing to set up"),
    ("More than one program at a time?", "SQLite", "one file, a heartbeat"),
    ("More than one machine?", "journal file", "fast (killed workers: SQLite)"),
    ("Hundreds of workers, and none is killed?", "PostgreSQL", "a server, a heartbeat"),
)
LAST = ("gRPC proxy before PostgreSQL", "few connections, no heartbeat")
TOP, APART, TALL = 82, 98, 60  # of a rung
WIDE, RIGHT = 460, 600


def draw() -> str:
    """Questions on the left, storages on the right."""
    body, said = [], []
    for n, (question, name, why) in enumerate(RUNGS):
        y, stem = TOP + APART * n, MARGIN + WIDE / 2
        body += [frame(MARGIN, y, WIDE, TALL, GREY, "#ffffff", stroke_width=1.5), text(MARGIN + 20, y + 37, question)]
        body += [*arrow((MARGIN + WIDE, y + TALL / 2), (RIGHT, y + TALL / 2)), text(MARGIN + WIDE + 26, y + 22, "no")]
        body += [*storage(RIGHT, y, WIDTH - RIGHT - MARGIN, name, why)]
        body += [*arrow((stem, y + TALL), (stem, y + APART)), text(stem + 14, y + TALL + 25, "yes")]
        said.append(f"{question} If not: {name}, {why}.")
    y = TOP + len(RUNGS) * APART
    body += [*storage(MARGIN, y, WIDE, *LAST)]
    said.append("Else a gRPC proxy before PostgreSQL.")
    return page(__name__, "Which storage? The lowest rung that will do", " ".join(said), y + TALL + 34, body)


def storage(x: float, y: float, wide: float, name: str, why: str) -> Iterable[str]:
    """A storage and what speaks for it."""
    yield frame(x, y, wide, TALL, BLUE, TINTS[BLUE], stroke_width=2)
    yield text(x + 20, y + 26, name, bold=True)
    yield text(x + 20, y + 49, why, fill=SOFT)
