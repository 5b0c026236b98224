"""A quiz: questions with radio buttons, one score for all, and for each wrong answer why and where to read again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from uuid import uuid4

import ipywidgets as widgets
from IPython.display import Markdown

from helpers.accessible import ANNOUNCED, AccessibleNames
from helpers.learn.notes import MARKS

BEFORE = Path("answers_before_the_course.json")  # beside the notebooks: it outlives the kernel


@dataclass(frozen=True)
class Question:
    """One question of a quiz."""

    key: str  # names the proof of the answer
    text: str
    options: tuple[str, ...]
    right: int  # the place of the right option, from 0
    why: str  # it is right, and what is wrong with the others
    notebook: str  # where it is taught, such as "07_scale_up.ipynb"

    @property
    def answer(self) -> str:
        """The right option."""
        return self.options[self.right]

    @property
    def title(self) -> str:
        """The notebook's number and name, "07 · scale up"."""
        return self.notebook.removesuffix(".ipynb").replace("_", " · ", 1).replace("_", " ")


class Quiz(widgets.VBox):
    """Radio buttons under each question, and one button at the end; nothing depends on the answers."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = tuple(questions)
        self._radios, self._marks, groups = [], [], []
        for n, asked in enumerate(self.questions, start=1):
            look = {"layout": {"width": "auto"}, "tooltip": f"Question {n}: {asked.text}"}
            self._radios.append(widgets.RadioButtons(options=asked.options, value=None, **look))
            self._marks.append(widgets.HTML())
            head = widgets.HTML(f"<b>{n}. {escape(asked.text)}</b>")
            groups.append(widgets.VBox([head, self._radios[-1], self._marks[-1]]))
        self._button = widgets.Button(description="How did I do?", icon="check", button_style="primary")
        self._button.on_click(lambda _: self.mark())
        self._total = widgets.HTML().add_class(ANNOUNCED)
        super().__init__([*groups, self._button, self._total, AccessibleNames()])

    @property
    def answers(self) -> tuple[str | None, ...]:
        """What was chosen, question by question; None where nothing was."""
        return tuple(radio.value for radio in self._radios)

    def mark(self) -> None:
        """Shows the score, and under each question that was answered whether it is right, and why."""
        for asked, given, mark in zip(self.questions, self.answers, self._marks, strict=True):
            good, why = f"{MARKS['good']} {escape(asked.why)}", f"<b>{escape(asked.answer)}</b>. {escape(asked.why)}"
            bad = f"{MARKS['bad']} The answer: {why} Read again: notebook {escape(asked.title)}."
            mark.value = "" if given is None else good if given == asked.answer else bad
        self._total.value = f"<b>{self._said()}</b>"

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
        score = sum(given == asked.answer for asked, given in zip(self.questions, self.answers, strict=True))
        return f"{score} of {len(self.questions)} right; {self.answers.count(None)} not answered."

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        text, page = [f"Quiz: {len(self.questions)} questions"], ["<ol>"]
        for n, question in enumerate(self.questions, start=1):
            text += [f"{n}. {question.text}", *(f"   ( ) {option}" for option in question.options)]
            options = "".join(f"<li>{escape(option)}</li>" for option in question.options)
            page.append(f"<li>{escape(question.text)}<ul>{options}</ul></li>")
        shown = {"text/plain": "\n".join(text), "text/html": "\n".join([*page, "</ol>"])}
        return super()._repr_mimebundle_(**kwargs) | shown


class QuizBefore(Quiz):
    """Some of the questions before the course: an answer is kept in BEFORE once it is chosen, and none is marked."""

    def __init__(self, questions: Sequence[Question]) -> None:
        super().__init__(questions)
        self._button.layout.display = "none"
        for asked, radio in zip(self.questions, self._radios, strict=True):
            radio.value = kept if (kept := answers_before().get(asked.key)) in asked.options else None
            radio.observe(self._keep, "value")

    def _keep(self, _: object) -> None:
        """Writes what was chosen, or says why it cannot."""
        chosen = {one.key: given for one, given in zip(self.questions, self.answers, strict=True) if given}
        try:
            BEFORE.write_text(json.dumps({"who": uuid4().hex} | answers_before() | chosen), encoding="utf-8")
            self._total.value = f"{len(chosen)} of {len(self.questions)} answered, kept in {BEFORE} for notebook 12."
        except OSError as error:
            self._total.value = f"Your answers are not kept: {escape(str(error))}."


def answers_before() -> dict[str, str]:
    """What was chosen before the course, by the question's key, and a random `who`; empty without a whole file."""
    try:
        return dict(json.loads(BEFORE.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}
