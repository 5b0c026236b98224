"""Formulas as MathML, which browsers draw by themselves: no page asks another host for anything."""

from __future__ import annotations

from docutils.nodes import SkipNode
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


def inline(page: HTML5Translator, node) -> None:
    """A formula in a line."""
    page.body.append(convert(node.astext()))
    raise SkipNode


def block(page: HTML5Translator, node) -> None:
    """A formula of its own."""
    page.body.append(f"<p>{convert(node.astext(), display='block')}</p>")
    raise SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Adds the renderer that `html_math_renderer` names."""
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
