"""A quiz: questions with radio buttons, one score for all, and for each wrong answer why and where to read again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import ipywidgets as widgets
from IPython.display import Markdown

from helpers.accessible import AccessibleNames, announced
from helpers.errors import BadInput
from helpers.learn.notes import MARKS


@dataclass(frozen=True)
class Question:
    """One question of a quiz.

    Attributes:
        key: a short name, for the proof of the answer.
        options: at least three, one of them right.
        right: the place of the right one, from 0.
        why: explains the right answer, and what is wrong with the others.
        notebook: the file in which it is taught, such as "07_scale_up.ipynb".
    """

    key: str
    text: str
    options: tuple[str, ...]
    right: int
    why: str
    notebook: str

    def __post_init__(self) -> None:
        if len(set(self.options)) < 3 or len(set(self.options)) < len(self.options):
            raise BadInput(f"Question {self.key!r} needs at least three different options.")
        if not 0 <= self.right < len(self.options):
            raise BadInput(f"Question {self.key!r} has no option number {self.right}.")

    @property
    def answer(self) -> str:
        """The right option."""
        return self.options[self.right]

    @property
    def title(self) -> str:
        """The notebook's number and name, "07 · scale up"."""
        number, _, rest = self.notebook.removesuffix(".ipynb").partition("_")
        return f"{number} · {rest.replace('_', ' ')}"


class Quiz(widgets.VBox):
    """Radio buttons under each question, and one button at the end; nothing depends on the answers.

    Raises:
        BadInput: no question, or one twice.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        if not questions or len({question.text for question in questions}) < len(questions):
            raise BadInput("A quiz needs at least one question, and every question once.")
        self.questions = tuple(questions)
        self._radios = [
            widgets.RadioButtons(
                options=question.options, value=None, layout={"width": "auto"}, tooltip=f"Question {n}: {question.text}"
            )
            for n, question in enumerate(self.questions, start=1)
        ]
        self._marks = [widgets.HTML() for _ in self.questions]
        self._button = widgets.Button(description="How did I do?", icon="check", button_style="primary")
        self._button.on_click(lambda _: self.mark())
        self._total = announced(widgets.HTML())
        heads = [widgets.HTML(f"<b>{n}. {escape(asked.text)}</b>") for n, asked in enumerate(self.questions, start=1)]
        groups = map(widgets.VBox, zip(heads, self._radios, self._marks, strict=True))
        super().__init__([*groups, self._button, self._total, AccessibleNames()])

    @property
    def answers(self) -> tuple[str | None, ...]:
        """What was chosen, question by question; None where nothing was."""
        return tuple(radio.value for radio in self._radios)

    def answer(self, number: int, option: str) -> Quiz:
        """Chooses an option of question `number`, from 1, in code.

        Raises:
            BadInput: no such question or option.
        """
        if not 1 <= number <= len(self.questions):
            raise BadInput(f"There is no question {number}: choose 1 to {len(self.questions)}.")
        if option not in self.questions[number - 1].options:
            raise BadInput(f"Question {number} has no option {option!r}.")
        self._radios[number - 1].value = option
        return self

    @property
    def score(self) -> int:
        """How many answers are right."""
        return sum(given == question.answer for given, question in zip(self.answers, self.questions, strict=True))

    def mark(self) -> None:
        """Shows the score, and under each question that was answered whether it is right, and why."""
        for question, given, mark in zip(self.questions, self.answers, self._marks, strict=True):
            mark.value = "" if given is None else _marked(question, given)
        self._total.value = f"<b>{escape(self._said())}</b>"

    def review(self) -> Markdown:
        """The score, and for each wrong answer the right one, the reason, and the notebook to read again."""
        rows = [
            f"| {n} | {one.text} | **{one.answer}.** {one.why} | [{one.title}]({one.notebook}) |"
            for n, (one, given) in enumerate(zip(self.questions, self.answers, strict=True), start=1)
            if given not in (None, one.answer)
        ]
        table = ["", "| | question | answer | read again |", "|---|---|---|---|", *rows] if rows else []
        return Markdown("\n".join([self._said(), *table]))

    def _said(self) -> str:
        """The score in words."""
        given = sum(answer is not None for answer in self.answers)
        return f"{self.score} of {len(self.questions)} right; {len(self.questions) - given} not answered."

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        text, page = [f"Quiz: {len(self.questions)} questions"], ["<ol>"]
        for n, question in enumerate(self.questions, start=1):
            text += [f"{n}. {question.text}", *(f"   ( ) {option}" for option in question.options)]
            options = "".join(f"<li>{escape(option)}</li>" for option in question.options)
            page.append(f"<li>{escape(question.text)}<ul>{options}</ul></li>")
        shown = {"text/plain": "\n".join(text), "text/html": "\n".join([*page, "</ol>"])}
        return super()._repr_mimebundle_(**kwargs) | shown


def _marked(question: Question, given: str) -> str:
    """What stands under a question that was answered."""
    if given == question.answer:
        return f"{MARKS['good']} {escape(question.why)}"
    again = f"Read again: notebook {escape(question.title)}."
    return f"{MARKS['bad']} The answer: <b>{escape(question.answer)}</b>. {escape(question.why)} {again}"
