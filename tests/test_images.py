"""The pictures of images/: those that are drawn from records are up to date, and all can be read by everyone."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import pytest

from tests.images import FOLDER, PICTURES, STRATEGIES, TRIALS

SVG = "{http://www.w3.org/2000/svg}"
STALE = "run `python -m tests.images`"


def boxes(root: ET.Element) -> dict[str, tuple[float, float, float, float]]:
    """Left, top, right and bottom of every level line of words, a little wider than this font draws it."""
    found = {}
    for n, element in enumerate(root.iter(f"{SVG}text")):
        size, x, y = (float(element.get(key)) for key in ("font-size", "x", "y"))
        width = (0.61 if element.get("font-weight") == "bold" else 0.54) * size * len(element.text)
        left = x - width * {"middle": 0.5, "end": 1.0}.get(element.get("text-anchor"), 0.0)
        if not element.get("transform"):
            found[f"{n}: {element.text}"] = (left, y - 0.8 * size, left + width, y + 0.2 * size)
    return found


@pytest.mark.parametrize("name", PICTURES)
def test_the_stored_picture_is_what_the_code_draws(name: str) -> None:
    """To the letter, whenever it is drawn."""
    assert (FOLDER / f"{name}.svg").read_text(encoding="utf-8") == PICTURES[name]() == PICTURES[name](), STALE


@pytest.mark.parametrize("name", PICTURES)
def test_the_words_of_a_picture_can_be_read(name: str) -> None:
    """A white page of its own; letters of 13 pixels or more, inside of the picture, none on another."""
    root = ET.fromstring(PICTURES[name]())
    width, height = (float(root.get(key)) for key in ("width", "height"))
    page = root.find(f"{SVG}rect")
    assert (page.get("fill"), float(page.get("width")), float(page.get("height"))) == ("#ffffff", width, height)
    assert width >= 760 and min(float(element.get("font-size")) for element in root.iter(f"{SVG}text")) >= 13
    for words, (left, top, right, bottom) in boxes(root).items():
        assert left >= 0 and top >= 0 and right <= width and bottom <= height, words
    for (one, a), (other, b) in combinations(boxes(root).items(), 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (one, other)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.svg")), ids=lambda file: file.stem)
def test_every_picture_has_a_title_and_a_description(file: Path) -> None:
    """Those that a screen reader reads."""
    root = ET.parse(file).getroot()
    assert root.get("role") == "img" and root.get("aria-labelledby") == "title desc"
    assert len(root.find(f"{SVG}title[@id='title']").text) > 10 and len(root.find(f"{SVG}desc[@id='desc']").text) > 100


@pytest.mark.parametrize(("panel", "name"), list(enumerate(STRATEGIES)))
def test_the_picture_of_the_pruners_draws_what_it_says(panel: int, name: str) -> None:
    """A point for each epoch that its figures and its description name, a cross for each cut, a dot for the others."""
    root = ET.fromstring(PICTURES["pruning_strategy"]())
    group = root.findall(f"{SVG}g")[panel]
    lines, crosses, dots = (group.findall(f"{SVG}{tag}") for tag in ("polyline", "path", "circle"))
    said = root.find(f"{SVG}desc").text.partition(f"{name.capitalize()}: ")[2]
    cut, trials, spent = map(int, re.search(r"(\d+) of (\d+) trials are cut, (\d+) epochs", said).groups())
    assert (len(crosses), len(dots), len(lines)) == (cut, trials - cut, TRIALS)
    assert sum(len(line.get("points").split()) for line in lines) == spent
    shown = [t.text for t in root.iter(f"{SVG}text") if t.get("font-size") == "17" and t.text not in STRATEGIES]
    best = re.search(r"the best found is ([\d.]+\d)", said)[1]
    assert shown[2 * panel].startswith(f"{spent} epochs") and shown[2 * panel + 1] == f"best found: {best}"
