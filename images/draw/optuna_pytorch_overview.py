"""What PyTorch owns and what Optuna owns, and what crosses the border between them."""

from __future__ import annotations

from helpers.plots import BLUE, GREEN
from images.draw.svg import MARGIN, SOFT, TINTS, WORDS, arrow, centred, frame, page, text

SIDES = {  # left edge, colour, motto; the parts and what each does
    "training code": (
        MARGIN,
        BLUE,
        "has never heard of Optuna",
        (
            ("data", "train, validation and test"),
            ("network", "built from the configuration"),
            ("loop", "yields one epoch after another"),
            ("checkpoint", "what the loop needs to go on"),
        ),
    ),
    "Optuna code": (
        592,
        GREEN,
        "knows trials, and no gradient",
        (
            ("study and sampler", "choose the next configuration"),
            ("objective", "suggests, reports, returns"),
            ("pruner", "says when to stop"),
            ("storage, artifact store", "keep trials, keep files"),
        ),
    ),
}
WIDE, TOP, FIRST, APART = 332, 76, 166, 92  # of a side; its first part, and from part to part
CROSSING = (  # beside which part, how far below its middle, whether it goes to the right, what crosses the border
    (1, 0, False, "a configuration"),
    (2, -20, True, "one epoch at a time"),
    (2, 30, False, "go on, or stop"),
    (3, -12, True, "a file, to keep"),
    (3, 36, False, "a file, to resume"),
)


def draw() -> str:
    """Two columns, and arrows between them."""
    body, said = [], []
    for name, (x, colour, motto, parts) in SIDES.items():
        body += [frame(x, TOP, WIDE, 472, colour, "#ffffff", rx=10, stroke_width=2)]
        body += [text(x + 16, TOP + 36, name, size=21, bold=True, fill=WORDS[colour])]
        body += [text(x + 16, TOP + 64, motto, fill=SOFT)]
        for n, (part, does) in enumerate(parts):
            y = FIRST + APART * n
            body += [frame(x + 12, y, WIDE - 24, 70, "none", TINTS[colour])]
            body += [text(x + 22, y + 29, part, size=20, bold=True), text(x + 22, y + 56, does, fill=SOFT)]
        said.append(f"The {name} {motto}: {'; '.join(f'{part}: {does}' for part, does in parts)}.")
    for part, below, right, what in CROSSING:
        left, y = MARGIN + WIDE + 8, FIRST + APART * part + 35 + below
        ends = [(left, y), (592 - 8, y)]
        body += [*arrow(*(ends if right else reversed(ends))), centred((left + 584) / 2, y - 12, what)]
        said.append(f"To the {'Optuna' if right else 'training'} code goes {what}.")
    return page(__name__, "Two programs, one border", " ".join(said), 572, body)
