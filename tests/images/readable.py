"""What a reader of an SVG picture meets: where its words and marks lie, what is under them, how they stand out."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

SVG = "{http://www.w3.org/2000/svg}"
Box = tuple[float, float, float, float]


def numbers(element: ET.Element, *keys: str) -> list[float]:
    """Attributes as numbers, 0 where one is missing."""
    return [float(element.get(key, 0)) for key in keys]


def texts(root: ET.Element) -> list[ET.Element]:
    """Every line of words."""
    return list(root.iter(f"{SVG}text"))


def box(element: ET.Element) -> Box:
    """Left, top, right and bottom of a line of words, a little wider than this font draws it."""
    size, x, y = numbers(element, "font-size", "x", "y")
    width = (0.61 if element.get("font-weight") == "bold" else 0.54) * size * len(element.text)
    before, after = {"middle": (0.5, 0.5), "end": (1, 0)}.get(element.get("text-anchor"), (0, 1))
    if element.get("transform"):  # turned upwards
        return x - 0.8 * size, y - before * width, x + 0.2 * size, y + after * width
    return x - before * width, y - 0.8 * size, x + after * width, y + 0.2 * size


def meet(a: Box, b: Box) -> bool:
    """True when two boxes share a place."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def rectangle(element: ET.Element) -> Box:
    """Left, top, right and bottom."""
    x, y, width, height = numbers(element, "x", "y", "width", "height")
    return x, y, x + width, y + height


def places(element: ET.Element) -> list[tuple[float, float]]:
    """Places every two pixels along a line, the corners of a shape, the rim of a circle; none for other elements."""
    if points := [tuple(map(float, pair.split(","))) for pair in element.get("points", "").split()]:
        ends = pairwise([*points, points[0]] if element.tag.endswith("polygon") else points)
        steps = [np.linspace(a, b, 2 + int(np.hypot(b[0] - a[0], b[1] - a[1]) / 2)) for a, b in ends]
        return [tuple(place) for part in steps for place in part.tolist()]
    if element.tag == f"{SVG}circle":
        x, y, r = numbers(element, "cx", "cy", "r")
        return [(x + r * np.cos(angle), y + r * np.sin(angle)) for angle in np.linspace(0, 2 * np.pi, 12)]
    return []


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    shares = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours #rrggbb, WCAG 2.2: from 1 to 21."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def words_with_ground(root: ET.Element) -> Iterator[tuple[ET.Element, str]]:
    """Every line of words with the colour of the last box drawn under it."""
    for words in texts(root):
        ground = None
        for element in root.iter():
            if element is words:
                break
            if element.tag == f"{SVG}rect" and element.get("fill") != "none" and meet(rectangle(element), box(words)):
                ground = element.get("fill")
        yield words, ground


def drawn_places(element: ET.Element) -> list[tuple[float, float]]:
    """The places of an element with all that is in it; none of the signs of a legend, which lie beside their words."""
    return [] if element.get("class") == "key" else [place for part in element.iter() for place in places(part)]


def shape(element: ET.Element) -> str:
    """An element without its colours: full, hollow or open, dashed or not, wide or narrow, and its form."""
    look = {key: value for key, value in element.attrib.items() if key not in ("fill", "stroke")}
    full = element.get("fill") == element.get("stroke", element.get("fill"))
    return f"{element.tag} {look} {full} {[shape(child) for child in element]}"
