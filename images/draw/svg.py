"""What the pictures share: a white page, words, lines and marks, written as SVG. All lengths are in pixels.

Every picture is 960 wide and no letter is smaller than SMALL, so that it can still be read at half its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

from helpers.plots import BLUE, GREEN, INK, LABELS, ORANGE, VERMILLION

WIDTH, MARGIN = 960, 36
SMALL, HEAD = 18, 25
GREY, FAINT, SOFT = "#7d7d7d", "#dedede", "#505050"
WORDS = {BLUE: "#00609a", GREEN: "#00694b", VERMILLION: "#a84700", ORANGE: LABELS[ORANGE]}  # dark enough for letters
TINTS = {BLUE: "#eaf3fa", GREEN: "#e8f5f0", VERMILLION: "#fdf1ea", ORANGE: "#fdf6e6"}  # pale enough to lie under them
SANS = "DejaVu Sans, Verdana, Arial, sans-serif"
Point = tuple[float, float]


def page(module: str, title: str, desc: str, height: int, body: Iterable[str], note: str = "") -> str:
    """A whole picture on a white card, with what a screen reader reads.

    Args:
        module: the `__name__` of the module that draws it, for those who open the file.
        note: a line below the title.
    """
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{SANS}" role="img" aria-labelledby="title desc">',
        f"<!-- Drawn by {module.replace('.', '/')}.py: `python -m images.draw` writes it again. -->",
        tag("title", title, id="title"),
        tag("desc", desc, id="desc"),
        frame(1, 1, WIDTH - 2, height - 2, FAINT, "#ffffff", rx=12),
        text(MARGIN, 48, title, size=HEAD, bold=True),
        *([text(MARGIN, 80, note, fill=SOFT)] if note else []),
        *body,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def text(x: float, y: float, words: str, *, size: int = SMALL, fill: str = INK, bold: bool = False, **more: str) -> str:
    """One line of words, on the base line `y`."""
    return tag("text", words, x=x, y=y, font_size=size, fill=fill, font_weight="bold" if bold else "", **more)


def centred(x: float, y: float, words: str, **more: object) -> str:
    """One line of words around `x`."""
    return text(x, y, words, text_anchor="middle", **more)


def line(points: Sequence[Point], colour: str, width: float, dash: str = "") -> str:
    """A line through points."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return tag("polyline", points=places, fill="none", stroke=colour, stroke_width=width, stroke_dasharray=dash)


def arrow(start: Point, end: Point) -> Iterable[str]:
    """A level or an upright arrow."""
    (x, y), right, down = end, sign(end[0] - start[0]), sign(end[1] - start[1])
    back, wing = (x - 11 * right, y - 11 * down), (6 * down, 6 * right)
    head = [end, (back[0] + wing[0], back[1] + wing[1]), (back[0] - wing[0], back[1] - wing[1])]
    yield line([start, back], INK, 2)
    yield tag("polygon", points=" ".join(f"{a:.1f},{b:.1f}" for a, b in head), fill=INK)


def sign(number: float) -> int:
    """-1, 0 or 1."""
    return (number > 0) - (number < 0)


def frame(x: float, y: float, wide: float, high: float, stroke: str, fill: str, **more: object) -> str:
    """A box."""
    return tag("rect", **{"x": x, "y": y, "width": wide, "height": high, "rx": 8} | more, fill=fill, stroke=stroke)


def dot(x: float, y: float, colour: str, r: float = 5) -> str:
    """A full circle."""
    return tag("circle", cx=x, cy=y, r=r, fill=colour)


def ring(x: float, y: float, colour: str, r: float = 5) -> str:
    """A hollow circle."""
    return tag("circle", cx=x, cy=y, r=r, fill="#ffffff", stroke=colour, stroke_width=2)


def cross(x: float, y: float, colour: str, r: float = 4, width: float = 2) -> str:
    """Two strokes through one point."""
    path = f"M{x - r:.1f} {y - r:.1f} l{2 * r} {2 * r} m0 {-2 * r} l{-2 * r} {2 * r}"
    return tag("path", d=path, stroke=colour, stroke_width=width, fill="none")


def key(x: float, y: float, marks: Iterable[str], words: str, width: float = 34) -> Iterable[str]:
    """An entry of a legend: marks, drawn around (0, 0) to (`width`, 0), and what they mean."""
    yield f'<g class="key" transform="translate({x} {y})">{"".join(marks)}</g>'
    yield text(x + width + 12, y + 6, words)


def tag(name: str, words: str = "", **attributes: object) -> str:
    """An element; numbers have one decimal, and empty attributes are left out."""
    plain = {key: f"{value:.1f}" if isinstance(value, float) else str(value) for key, value in attributes.items()}
    written = " ".join(f'{key.replace("_", "-")}="{value}"' for key, value in plain.items() if value)
    return f"<{name} {written}>{escape(words)}</{name}>" if words else f"<{name} {written}/>"
