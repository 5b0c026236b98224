"""Predictions: a question with buttons before the run, compared with the result after it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import ipywidgets as widgets

from helpers.accessible import AccessibleNames
from helpers.errors import one_of
from helpers.learn.notes import Note

_revealed: dict[str, bool] = {}


class Prediction(widgets.VBox):
    """A question and its buttons, at least two; nothing depends on the answer."""

    def __init__(self, question: str, options: Sequence[str]) -> None:
        self.question, self.options = question, tuple(options)
        look = {"style": {"button_width": "auto"}, "layout": {"width": "auto"}, "tooltip": question}
        self._buttons = widgets.ToggleButtons(options=self.options, value=None, **look)
        asked = widgets.HTML(f"<b>Your prediction:</b> {escape(question)}")
        super().__init__([asked, self._buttons, AccessibleNames()])

    def reveal(self, outcome: str, why: str = "") -> Note:
        """Compares the option that was pressed last with the `outcome`, one of the options (or BadInput)."""
        one_of("outcome", outcome, self.options)
        guess = self._buttons.value
        if guess is None:
            return Note("open", f"Measured: {outcome}.", f"You made no prediction this time. {why}".strip())
        _revealed[self.question] = right = guess == outcome
        score = f"Your predictions in this notebook: {sum(_revealed.values())} of {len(_revealed)} right."
        headline = f"You predicted {guess}; measured: {outcome}."
        return Note("good" if right else "bad", headline, f"{why}\n{score}".strip())

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        text = f"Your prediction: {self.question} [ {' | '.join(self.options)} ]"
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": text}
