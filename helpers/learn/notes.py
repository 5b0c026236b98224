"""How the course's devices speak in a notebook: one short note, as text and as a coloured box."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

MARKS = {"good": "✓", "bad": "✗", "open": "○"}  # in the theme's own ink: no green can be read on white and on black
EDGES = {"good": "#009E73", "bad": "#D55E00", "open": "#0072B2"}


@dataclass(frozen=True)
class Note:
    """A headline and what stands below it; `mood` is "good", "bad" or "open"."""

    mood: str
    headline: str
    detail: str = ""

    def __repr__(self) -> str:
        return "\n  ".join([f"{MARKS[self.mood]} {self.headline}", *self.detail.splitlines()])

    def _repr_html_(self) -> str:
        lines = "<br>".join([f"<b>{escape(self.headline)}</b>", *map(escape, self.detail.splitlines())])
        style = f"border-left:4px solid {EDGES[self.mood]};padding:2px 10px;margin:4px 0"
        return f'<div style="{style}">{MARKS[self.mood]} {lines}</div>'
