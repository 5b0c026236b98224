"""What matters on the recorded digits: the true importances for two questions, from every configuration."""

from __future__ import annotations

from collections.abc import Iterable

from helpers.plots import BLUE, VERMILLION
from helpers.problems.table import CONFIGURATIONS
from helpers.races.importance import true_importances
from images.draw.svg import MARGIN, SOFT, TINTS, frame, key, page, text

QUESTIONS = {  # column of the true importances: colour, its bars are full, the question, the evaluator
    "best tenth": (VERMILLION, False, "to be among the best tenth", "what PED-ANOVA estimates"),
    "variance": (BLUE, True, "on average, over the whole space", "what fANOVA estimates"),
}
LOW, WIDE, TOP, APART = 200, 1050, 182, 58  # where the bars begin, the length of 1, the first group, its height


def draw() -> str:
    """One group of two bars for each hyperparameter."""
    truth = true_importances("digits").sort_values("best tenth", ascending=False)
    body, said = [], []
    for n, (column, (colour, full, question, evaluator)) in enumerate(QUESTIONS.items()):
        body += key(MARGIN, 116 + 30 * n, [bar(0, -9, 34, colour, full)], f"{question}: {evaluator}")
        order = ", ".join(f"{name.replace('_', ' ')} {share:.2f}" for name, share in truth[column].items())
        said.append(f"{question.capitalize()} ({evaluator}): {order}.")
    for row, name in enumerate(truth.index):
        y = TOP + APART * row
        body += [text(LOW - 14, y + 27, name.replace("_", " "), text_anchor="end")]
        for n, (column, (colour, full, *_)) in enumerate(QUESTIONS.items()):
            body += share(y + 22 * n, truth.loc[name, column], colour, full)
    note = f"All seven together: 1. From all {CONFIGURATIONS:,} recorded configurations."
    title, height = "What matters on the recorded digits", TOP + APART * len(truth) + 16
    return page(__name__, title, " ".join(said), height, body, note)


def share(y: float, of_all: float, colour: str, full: bool) -> Iterable[str]:
    """A bar and its length in figures."""
    length = max(2.0, WIDE * of_all)
    yield bar(LOW, y, length, colour, full)
    yield text(LOW + length + 10, y + 15.5, f"{of_all:.2f}", fill=SOFT)


def bar(x: float, y: float, length: float, colour: str, full: bool) -> str:
    """A full one or a hollow one, so that they differ without colour too."""
    return frame(x, y, length, 18, colour, colour if full else TINTS[colour], rx=0, stroke_width=2)
