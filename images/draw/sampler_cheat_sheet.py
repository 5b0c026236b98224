"""Which sampler: the rules of the chooser (helpers/explore/chooser.py) as questions from top to bottom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from helpers.plots import BLUE, GREEN, ORANGE
from images.draw.svg import GREY, MARGIN, SOFT, TINTS, WORDS, arrow, dot, frame, key, page, tag, text


@dataclass(frozen=True)
class Answer:
    """What is said on the way to a sampler, and below that way."""

    says: str
    sampler: str
    note: str = ""


KINDS = {  # colour, the samplers
    "looks at no result": (ORANGE, ("BruteForce", "QMC", "Random")),
    "builds a model of the results": (BLUE, ("TPE", "GP")),
    "breeds generations": (GREEN, ("NSGA-II", "CMA-ES")),
}
QUESTIONS: tuple[tuple[tuple[str, ...], str, tuple[Answer, ...]], ...] = (  # question, what it means, answers
    (
        ("Can you afford every", "combination?"),
        "a space that is finite and small",
        (Answer("yes", "BruteForce", "or Grid, where nothing is conditional"),),
    ),
    (
        ("Do all trials start at once?",),
        "no result to learn from",
        (Answer("yes, only numbers", "QMC"), Answer("yes, otherwise", "Random")),
    ),
    (
        ("Several objectives?",),
        "with constraints or without",
        (
            Answer("yes, over 500 trials, not conditional", "NSGA-II", "NSGA-III from four objectives on"),
            Answer("yes, otherwise", "TPE"),
        ),
    ),
    (
        ("Only numbers, more than 500", "trials, no constraints?"),
        "float and int, nothing categorical",
        (Answer("yes", "CMA-ES"),),
    ),
    (
        ("At most 500 trials, a second", "or more each, nothing", "conditional?"),
        "with constraints or without",
        (Answer("yes", "GP", "conditional: worth a try, too"),),
    ),
    (("Everything else",), "categorical and conditional too", (Answer("", "TPE", "the default of Optuna"),)),
)
WIDE, TOP, LINE, BETWEEN = 352, 104, 25, 36  # of a question's box, of its lines, and from box to box
RIGHT, PILL = 760, (164, 44)  # where the samplers stand, and their size


def draw() -> str:
    """A box for each question, an arrow to each sampler, an arrow to the next question."""
    body, said, y = [], [], TOP
    for question, means, answers in QUESTIONS:
        tall = max(LINE * (len(question) + 1) + 26, 66 * len(answers) + 10)
        body += [*asked(y, tall, question, means), *answered(y, tall, answers)]
        said.append(sentence(" ".join(question), answers))
        y += tall + BETWEEN
        if question is not QUESTIONS[-1][0]:
            body += [*arrow((MARGIN + 60, y - BETWEEN), (MARGIN + 60, y)), text(MARGIN + 78, y - 12, "no")]
    desc = f"Questions from top to bottom, the first yes decides. {' '.join(said)}"
    note = "From top to bottom: the first yes decides."
    return page(__name__, "Which sampler?", desc, y + 34, [*body, *legend(y)], note)


def asked(y: float, tall: float, question: tuple[str, ...], means: str) -> Iterable[str]:
    """The box of a question."""
    yield frame(MARGIN, y, WIDE, tall, GREY, "#f5f5f5", stroke_width=1.5)
    first = y + (tall - LINE * (len(question) + 1)) / 2 + 18
    for row, words in enumerate(question):
        yield text(MARGIN + 16, first + LINE * row, words, bold=True)
    yield text(MARGIN + 16, first + LINE * len(question), means, fill=SOFT)


def answered(y: float, tall: float, answers: tuple[Answer, ...]) -> Iterable[str]:
    """The ways from a question to its samplers."""
    for n, answer in enumerate(answers):
        middle, left = y + tall * (n + 0.5) / len(answers), MARGIN + WIDE
        yield from arrow((left, middle), (RIGHT, middle))
        if answer.says:
            yield text(left + 12, middle - 11, answer.says)
        if answer.note:
            yield text(left + 12, middle + 24, answer.note, fill=SOFT)
        yield from pill(RIGHT, middle, answer.sampler)


def pill(x: float, y: float, sampler: str) -> Iterable[str]:
    """A sampler, with the sign of its kind."""
    kind = next(kind for kind, (_, samplers) in KINDS.items() if sampler in samplers)
    colour = KINDS[kind][0]
    yield frame(x, y - PILL[1] / 2, *PILL, WORDS[colour], TINTS[colour], rx=22, stroke_width=2)
    yield from signs(kind, x + 22, y)
    yield text(x + 38, y + 6, sampler, bold=True, fill=WORDS[colour])


def signs(kind: str, x: float, y: float) -> Iterable[str]:
    """A dot, a square on its corner or a triangle, in the order of KINDS."""
    colour = WORDS[KINDS[kind][0]]
    if kind == "looks at no result":
        yield dot(x, y, colour)
    elif kind == "builds a model of the results":
        yield tag("polygon", points=f"{x},{y - 8} {x + 8},{y} {x},{y + 8} {x - 8},{y}", fill=colour)
    else:
        yield tag("polygon", points=f"{x},{y - 7} {x + 7},{y + 6} {x - 7},{y + 6}", fill=colour)


def sentence(question: str, answers: tuple[Answer, ...]) -> str:
    """A question and its answers in words."""
    ways = [
        f"{(answer.says or 'then').capitalize()}: {answer.sampler}{f' ({answer.note})' if answer.note else ''}."
        for answer in answers
    ]
    return " ".join([question if question.endswith("?") else f"{question}.", *ways])


def legend(y: float) -> Iterable[str]:
    """What the signs mean."""
    for x, kind in zip((MARGIN, 290, 652), KINDS, strict=True):
        yield from key(x, y, signs(kind, 10, 0), kind, width=20)
