"""The pictures of images/: they are what the code draws from today's records, and all can be read by everyone."""

from __future__ import annotations

import ast
import inspect
import re
import xml.etree.ElementTree as ET
from functools import cache
from itertools import combinations, product
from pathlib import Path

import nbformat
import numpy as np
import pytest
from optuna.samplers import TPESampler

from helpers.problems.table import LOGARITHMIC, SPACE, load_benchmark
from images.draw import FOLDER, PICTURES, hyperparameters, pruning_strategy, sample_strategy
from images.draw.svg import SMALL, WIDTH
from tests.images.readable import (
    SVG,
    box,
    contrast,
    drawn_places,
    meet,
    numbers,
    rectangle,
    shape,
    texts,
    words_with_ground,
)
from tests.tools.store_outputs import ROOT, all_notebooks

STALE = "run `python -m images.draw`"
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]*?images/(\w+)\.(\w+))\)")
each_picture = pytest.mark.parametrize("name", PICTURES)


@cache
def picture(name: str) -> ET.Element:
    """A picture as it is stored; the first test compares it with what the code draws."""
    return ET.parse(FOLDER / f"{name}.svg").getroot()


def test_the_measure_of_contrast() -> None:
    """Of the extremes, and of the grey that is known to pass just so (#767676 on white, WCAG's own example)."""
    assert contrast("#000000", "#ffffff") == 21 and contrast("#123456", "#123456") == 1
    assert contrast("#777777", "#ffffff") < 4.5 < contrast("#767676", "#ffffff") < 4.6


# What all pictures have


@each_picture
def test_the_stored_picture_is_what_the_code_draws(name: str) -> None:
    """To the letter, whenever it is drawn."""
    assert (FOLDER / f"{name}.svg").read_text(encoding="utf-8") == PICTURES[name]() == PICTURES[name](), STALE


def test_no_picture_is_left_over() -> None:
    """Every drawing of the folder is drawn by a module of its name, which it tells those who open it."""
    assert sorted(file.stem for file in FOLDER.glob("*.svg")) == sorted(PICTURES)
    for name in PICTURES:
        (module,) = re.findall(r"<!-- Drawn by (\S+):", (FOLDER / f"{name}.svg").read_text(encoding="utf-8"))
        assert module == f"images/draw/{name}.py" and (ROOT / module).exists()


@each_picture
def test_a_picture_has_a_title_and_a_description(name: str) -> None:
    """Those that a screen reader reads; the title is also the first line of words."""
    root = picture(name)
    assert root.get("role") == "img" and root.get("aria-labelledby") == "title desc"
    title, desc = (root.find(f"{SVG}{tag}[@id='{tag}']").text for tag in ("title", "desc"))
    assert len(title) > 10 and title == texts(root)[0].text and len(desc) > 200


@each_picture
def test_the_words_of_a_picture_can_be_read_at_half_size(name: str) -> None:
    """9 pixels or more at half of 960; inside of the picture, none on another, on a line or on an edge of a box."""
    root = picture(name)
    width, height = numbers(root, "width", "height")
    assert root.get("viewBox") == f"0 0 {width:g} {height:g}" and width == WIDTH and SMALL == 18
    boxes = {f"{n}: {words.text}": box(words) for n, words in enumerate(texts(root))}
    assert min(float(words.get("font-size")) for words in texts(root)) >= SMALL
    for words, (left, top, right, bottom) in boxes.items():
        assert left >= 8 and top >= 8 and right <= width - 8 and bottom <= height - 8, words
    for (one, a), (other, b) in combinations(boxes.items(), 2):
        assert not meet(a, b), (one, other)
    marks = [place for child in root for place in drawn_places(child)]
    for (words, (left, top, right, bottom)), (x, y) in product(boxes.items(), marks):
        assert not (left < x < right and top < y < bottom), (words, x, y)
    for words, element in product(boxes, root.iter(f"{SVG}rect")):
        a, b = boxes[words], rectangle(element)
        inside = b[0] <= a[0] and b[1] <= a[1] and a[2] <= b[2] and a[3] <= b[3]
        assert inside or not meet(a, b) or element.get("fill") == "none", (words, b)


@each_picture
def test_words_stand_out(name: str) -> None:
    """A white card of its own, on which dark and light pages alike can lie; contrast of all words 4.5 to 1 or more."""
    root = picture(name)
    card = root.find(f"{SVG}rect")
    assert card.get("fill") == "#ffffff" and rectangle(card) == (1, 1, WIDTH - 1, float(root.get("height")) - 1)
    for words, ground in words_with_ground(root):
        assert contrast(words.get("fill"), ground) >= 4.5, (words.text, words.get("fill"), ground)


@pytest.mark.parametrize("name", [name for name in PICTURES if picture(name).findall(f"{SVG}g[@class='key']")])
def test_a_legend_does_not_rest_on_colour(name: str) -> None:
    """The signs of a legend differ with all colours taken away."""
    signs = [[shape(mark) for mark in sign] for sign in picture(name).findall(f"{SVG}g[@class='key']")]
    assert len(signs) > 1 and not [pair for pair in combinations(signs, 2) if pair[0] == pair[1]]


# Where they are shown


def shown() -> dict[Path, str]:
    """Every document with its prose."""
    notebooks = {path: nbformat.read(path, as_version=4).cells for path in all_notebooks()}
    prose = {path: "\n".join(c.source for c in cells if c.cell_type == "markdown") for path, cells in notebooks.items()}
    return {ROOT / "README.md": (ROOT / "README.md").read_text(encoding="utf-8"), **prose}


def test_every_picture_is_shown_with_words_and_the_way_to_its_code() -> None:
    """Somewhere in a notebook; six words or more stand for it, and the link below leads to its own module."""
    found = set()
    for path, prose in shown().items():
        for match in IMAGE.finditer(prose):
            words, target, name, kind = match.groups()
            assert len(words.split()) >= 6 and (path.parent / target).exists(), (path.name, target)
            if kind == "svg" and path.suffix == ".ipynb":
                found.add(name)
                link = f"\n\n[How it is drawn](../images/draw/{name}.py)\n"
                assert f"{prose[match.end() :]}\n".startswith(link), (path.name, target)
    assert found == set(PICTURES)


# What single pictures say


@pytest.mark.parametrize(("panel", "name"), list(enumerate(pruning_strategy.STRATEGIES)))
def test_the_picture_of_the_pruners_draws_what_it_says(panel: int, name: str) -> None:
    """A point for each epoch that its figures and its description name, a cross for each cut, a dot for the others."""
    root = picture("pruning_strategy")
    group = [g for g in root.findall(f"{SVG}g") if not g.get("class")][panel]
    lines, crosses, dots = (group.findall(f"{SVG}{tag}") for tag in ("polyline", "path", "circle"))
    said = root.find(f"{SVG}desc").text.partition(f"{name.capitalize()}: ")[2]
    cut, trials, spent = map(int, re.search(r"(\d+) of (\d+) trials are cut, (\d+) epochs", said).groups())
    assert (len(crosses), len(dots), len(lines)) == (cut, trials - cut, pruning_strategy.TRIALS)
    assert sum(len(line.get("points").split()) for line in lines) == spent
    figures = [t.text for t in texts(root) if t.get("font-size") == "20" and t.text not in pruning_strategy.STRATEGIES]
    best = re.search(r"the best found is ([\d.]+\d)", said)[1]
    assert figures[2 * panel].startswith(f"{spent} epochs") and figures[2 * panel + 1] == f"found, on test: {best}"


@pytest.mark.parametrize(("panel", "name"), list(enumerate(sample_strategy.STRATEGIES)))
def test_the_picture_of_the_samplers_draws_what_it_says(panel: int, name: str) -> None:
    """A point for each trial, a stroke for each learning rate; as many in the good zone as its figures say."""
    root = picture("sample_strategy")
    group = [g for g in root.findall(f"{SVG}g") if not g.get("class")][panel]
    points = [numbers(circle, "cx") for circle in group.findall(f"{SVG}circle")]
    low, high, _, *strokes = [line.get("points").split() for line in group.findall(f"{SVG}polyline")]
    left, right, *tried = [float(stroke[0].split(",")[0]) for stroke in (low, high, *strokes)]
    good = sum(left <= x <= right for x in tried)
    assert len(points) == sample_strategy.TRIALS and {x for (x,) in points} <= set(tried)
    said = root.find(f"{SVG}desc").text.partition(f"{name.capitalize()} (")[2]
    counted = map(int, re.search(r"(\d+) different learning rates, (\d+) of them good", said).groups())
    assert tuple(counted) == (len(tried), good)
    figures = [words.text for words in texts(root) if words.get("font-weight") == "bold" and words.text[0].isdigit()]
    assert figures[2 * panel : 2 * panel + 2] == [f"{len(tried)} learning rates,", f"{good} of them good"]


def test_the_picture_of_the_samplers_tells_the_truth() -> None:
    """Of learning rate and weight decay the former alone matters; good is as near as it says; the rings are random."""
    accuracy, curve = sample_strategy.accuracy, sample_strategy.curve()
    table = np.array(
        [
            [accuracy({"learning_rate": r, "weight_decay": d}) for d in SPACE["weight_decay"]]
            for r in SPACE["learning_rate"]
        ]
    )
    assert np.median(np.ptp(table, axis=1)) < 0.01 < 0.8 < np.ptp(table.mean(axis=1))
    low, high = sample_strategy.good_zone()
    inside = [low < rate < high for rate in SPACE["learning_rate"]]
    assert inside == (curve >= curve.max() - sample_strategy.CLOSE).tolist() and 1 < sum(inside) < len(inside)
    assert {*sample_strategy.KNOBS} <= {*LOGARITHMIC}
    assert inspect.signature(TPESampler).parameters["n_startup_trials"].default == sample_strategy.STARTUP
    rings = [mark for mark in picture("sample_strategy").iter(f"{SVG}circle") if mark.get("fill") == "#ffffff"]
    assert len(rings) == sample_strategy.STARTUP + 1  # one in the legend


def test_the_knobs_have_the_ranges_of_the_first_search() -> None:
    """The search space of notebook 01, name for name; the needles lie inside of every range."""
    knobs = {knob.name: knob for *_, group in hyperparameters.GROUPS for *_, knob in group}
    prose = nbformat.read(ROOT / "notebooks" / "01_first_study.ipynb", as_version=4).cells
    source = next(cell.source for cell in prose if "def objective" in cell.source)
    calls = [
        call
        for call in ast.walk(ast.parse(source))
        if getattr(call.func if isinstance(call, ast.Call) else None, "attr", "").startswith("suggest_")
    ]
    assert len(calls) == 4
    for call in calls:
        name, low, high = (argument.value for argument in call.args)
        knob = knobs[name.replace("_", " ")]
        assert (knob.low, knob.high, knob.log) == (low, high, any(word.arg == "log" for word in call.keywords))
    values = hyperparameters.best_recorded()
    assert set(values) == set(knobs) and len(knobs) == 9
    assert all(0 <= knobs[name].share(value) <= 1 for name, value in values.items())
    assert {name for name, knob in knobs.items() if knob.log} == {name.replace("_", " ") for name in LOGARITHMIC}


def test_turning_one_knob_moves_the_best_place_for_the_others() -> None:
    """Most knobs of the record have levels at which another's best level is a different one."""
    rows = load_benchmark().frame()
    moved = []
    for knob, other in product(SPACE, SPACE):
        if knob != other:
            best = rows.loc[rows.groupby(knob)["validation_accuracy"].idxmax(), other]
            moved.append(best.nunique() > 1)
    assert np.mean(moved) > 0.5
