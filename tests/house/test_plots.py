"""The course's look: its template, colours that everyone can tell apart, and curves with their names at their ends."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest
import torch

from helpers import plots
from helpers.plots import (
    PALETTE,
    STILLS,
    best_so_far,
    image_row,
    regret_race,
    use_course_look,
)
from helpers.races.race import Race

LEAST_CONTRAST = 2.0
LEAST_DISTANCE = 12.0

# Machado, Oliveira and Fernandes (2009), "A Physiologically-based Model for Simulation of Color Vision Deficiency",
# at severity 1.0; the matrices are applied to linear RGB.
VISIONS = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = TO_XYZ.sum(axis=1)


def linear(colour: str) -> np.ndarray:
    """Linear RGB from 0 to 1 of "#rrggbb" (the transfer function of sRGB)."""
    encoded = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def contrast_to_white(colour: str) -> float:
    """The contrast ratio of the Web Content Accessibility Guidelines."""
    return 1.05 / (TO_XYZ[1] @ linear(colour) + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear RGB."""
    xyz = TO_XYZ @ rgb / WHITE
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def least_distance(palette: tuple[str, ...], vision: str) -> float:
    """The CIE76 distance of the two colours that look most alike."""
    seen = [lab(np.clip(VISIONS[vision] @ linear(colour), 0, 1)) for colour in palette]
    return min(float(np.linalg.norm(one - other)) for one, other in combinations(seen, 2))


@pytest.mark.parametrize("colour", PALETTE)
def test_colours_stand_out_on_white(colour: str) -> None:
    """The faintest is the orange, at 2.25 to 1."""
    assert contrast_to_white(colour) >= LEAST_CONTRAST


@pytest.mark.parametrize(("colour", "ratio"), [("#ffffff", 1.0), ("#000000", 21.0), ("#767676", 4.54)])
def test_contrast_is_measured_as_the_guidelines_do(colour: str, ratio: float) -> None:
    """Known ratios: white, black, and the lightest grey that passes for text."""
    assert contrast_to_white(colour) == pytest.approx(ratio, abs=0.01)


def test_the_yellow_of_the_original_palette_is_too_faint() -> None:
    """The reason it was left out."""
    assert contrast_to_white("#F0E442") < LEAST_CONTRAST


@pytest.mark.parametrize("vision", VISIONS)
def test_colours_can_be_told_apart(vision: str) -> None:
    """The closest pair is 26 apart as most people see it, and 16 for those who see it worst (tritanopia)."""
    assert least_distance(PALETTE, vision) >= LEAST_DISTANCE


def test_red_and_green_of_equal_lightness_cannot() -> None:
    """The measure catches two colours that most people tell apart at a glance, and others do not."""
    red_green = ("#b03020", "#606600")
    assert lab(linear(red_green[0]))[0] == pytest.approx(lab(linear(red_green[1]))[0], abs=1)
    assert least_distance(red_green, "usual") > 60
    assert least_distance(red_green, "deuteranopia") < LEAST_DISTANCE


@pytest.mark.parametrize("vision", VISIONS)
def test_visions_leave_grey_alone(vision: str) -> None:
    """Every row of a matrix adds up to one, so that greys stay grey."""
    assert VISIONS[vision].sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)


@pytest.fixture(autouse=True)
def _course_look(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The look of the course in these tests, the look of before after them."""
    monkeypatch.delenv(STILLS, raising=False)
    template, renderer = pio.templates.default, pio.renderers.default
    use_course_look()
    yield
    pio.templates.default, pio.renderers.default = template, renderer


def test_every_figure_gets_the_look() -> None:
    """A figure that knows nothing of the course, as Optuna's, has its colours and its size."""
    figure = go.Figure()
    figure.add_scatter(y=[1, 2])
    look = figure.layout.template.layout
    assert pio.templates.default == "learn_optuna"
    assert look.colorway == PALETTE
    assert (look.width, look.height) == (760, 380)
    assert look.xaxis.minorloglabels == look.yaxis.minorloglabels == "none"


@pytest.mark.parametrize(("stills", "renderer"), [("", "plotly_mimetype"), ("1", "plotly_mimetype+png")])
def test_pictures_are_stored_on_request_alone(monkeypatch: pytest.MonkeyPatch, stills: str, renderer: str) -> None:
    """A learner needs no browser for pictures; stored notebooks hold one beside each figure."""
    monkeypatch.setenv(STILLS, stills)
    use_course_look()
    assert pio.renderers.default == renderer


def ends(figure: go.Figure) -> dict[str, go.layout.Annotation]:
    """The names at the ends of the lines, without the signs before them."""
    return {note.text.partition(" ")[2]: note for note in figure.layout.annotations}


def plot_height(figure: go.Figure) -> float:
    """Pixels between the lower and the upper end of the y axis."""
    layout = figure.layout.template.layout
    return layout.height - layout.margin.t - layout.margin.b


def heights(figure: go.Figure) -> list[float]:
    """Where each name is drawn, in pixels above the x axis, from below."""
    low, high = figure.layout.yaxis.range
    scale = plot_height(figure) / (high - low)
    return sorted((note.y - low) * scale + (note.yshift or 0) for note in figure.layout.annotations)


RUNS = {
    "tpe": [[0.5, 0.6, 0.9], [0.7, 0.7, 0.8], [0.6, 0.65, 0.7]],
    "random": [[0.4, 0.4, 0.5], [0.2, 0.6, 0.6]],
    "grid": [[0.3, 0.5, 0.5]],
}


def test_best_so_far_shows_medians_and_bands() -> None:
    """The line is the median (the mean of the middle two where they are even), the band lowest to highest."""
    figure = best_so_far(RUNS, "Three samplers")
    assert figure.layout.title.text == "Three samplers"
    lines = {trace.name: trace for trace in figure.data if trace.name}
    assert {name: list(line.y) for name, line in lines.items()} == {
        "tpe": [0.6, 0.65, 0.8],
        "random": [pytest.approx(value) for value in (0.3, 0.5, 0.55)],
        "grid": [0.3, 0.5, 0.5],
    }
    assert all(list(trace.x) == [1, 2, 3] for trace in figure.data)
    edges = [list(trace.y) for trace in figure.data if not trace.name]
    assert edges == [[0.5, 0.6, 0.7], [0.7, 0.7, 0.9], [0.2, 0.4, 0.5], [0.4, 0.6, 0.6]]
    assert [trace.fill for trace in figure.data if not trace.name] == [None, "tonexty"] * 2


def test_a_band_has_the_colour_of_its_line() -> None:
    """Faint, so that lines stay visible where bands overlap."""
    figure = best_so_far({"tpe": RUNS["tpe"]}, "One sampler")
    _, band, line = figure.data
    assert line.line.color == plots.BLUE
    assert band.fillcolor == "rgba(0,114,178,0.15)"


def test_best_so_far_is_named_at_its_ends() -> None:
    """Each name stands at the last point of its median, in the line's colour."""
    figure = best_so_far(RUNS, "Three samplers")
    lines = {trace.name: trace for trace in figure.data if trace.name}
    assert ends(figure).keys() == lines.keys()
    for name, note in ends(figure).items():
        assert (note.x, note.y) == (3, lines[name].y[-1])
        assert note.font.color == plots.LABELS[lines[name].line.color]


@pytest.mark.parametrize(("floor", "begins"), [(0.0, 0.0), (0.3, 0.3), (0.8, 0.45)])
def test_the_axis_begins_at_the_floor(floor: float, begins: float) -> None:
    """Or lower, so that the end of every line is seen; it ends just above a perfect score."""
    low, high = best_so_far(RUNS, "Three samplers", floor).layout.yaxis.range
    assert low == pytest.approx(begins)
    assert 1 < high < 1.03


@pytest.mark.slow
@pytest.mark.parametrize("end", [0.02, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("lines", [2, 4, 6])
def test_names_of_lines_that_end_together_do_not_cover_each_other(lines: int, end: float) -> None:
    """They stand at least 15 pixels apart, and inside of the figure."""
    figure = best_so_far({f"line {n}": [[0.01, end]] for n in range(lines)}, "All alike")
    placed = heights(figure)
    assert len(placed) == lines
    assert min(higher - lower for lower, higher in pairwise(placed)) >= 15
    margin = figure.layout.template.layout.margin
    assert placed[0] > -margin.b + 8
    assert placed[-1] < plot_height(figure) + margin.t - 8


def test_names_far_apart_stay_where_their_lines_end() -> None:
    """Only names that would touch are moved."""
    figure = best_so_far({f"ends at {end}": [[0.1, end]] for end in (0.2, 0.5, 0.9)}, "Apart")
    assert not any(note.yshift for note in figure.layout.annotations)


def test_names_keep_apart_above_a_floor() -> None:
    """The pixels are those of the axis as it is shown."""
    figure = best_so_far({f"line {n}": [[0.9, 0.97 + n / 1000]] for n in range(4)}, "Close", floor=0.9)
    assert min(higher - lower for lower, higher in pairwise(heights(figure))) >= 15


def test_images_stand_in_a_row_under_their_labels() -> None:
    """One heatmap an image, its first row of pixels on top, its label above it."""
    images = torch.arange(2 * 4, dtype=torch.float64).reshape(2, 1, 2, 2)
    figure = image_row(images, [7, "eight"])
    assert [trace.z.tolist() for trace in figure.data] == images[:, 0].tolist()
    assert [note.text for note in figure.layout.annotations] == ["7", "eight"]
    assert {figure.layout.yaxis.autorange, figure.layout.yaxis2.autorange} == {"reversed"}
    assert (figure.layout.yaxis.scaleanchor, figure.layout.yaxis2.scaleanchor) == ("x", "x2")


RACE = Race(
    "made up",
    ("TPE", "Random"),
    np.multiply.outer([[1.0, 0.1, 0.0], [2.0, 1.0, 1.0]], [4.0, 1.0, 2.0, 3.0, 5.0]).transpose(0, 2, 1),
    np.ones((2, 3)),
)


def lines(figure: go.Figure) -> dict[str, go.Scatter]:
    """The lines that have a name, without the edges of bands."""
    return {trace.name: trace for trace in figure.data if trace.name}


def test_a_race_of_regrets_shows_medians_and_quartiles() -> None:
    """On a logarithmic axis, where a regret of 0 stands at the lowest above it."""
    figure = regret_race(RACE, "A race")
    assert (figure.layout.title.text, figure.layout.yaxis.type) == ("A race", "log")
    assert {name: list(line.y) for name, line in lines(figure).items()} == {
        "TPE": pytest.approx([3.0, 0.3, 0.1]),
        "Random": pytest.approx([6.0, 3.0, 3.0]),
    }
    assert all(list(line.x) == [1, 2, 3] for line in lines(figure).values())
    edges = [pytest.approx(list(trace.y)) for trace in figure.data if not trace.name]
    assert edges == [[2.0, 0.2, 0.1], [4.0, 0.4, 0.1], [4.0, 2.0, 2.0], [8.0, 4.0, 4.0]]


def test_a_race_is_seen_whole() -> None:
    """Every median lies inside of the axis, and so do the powers of ten beside them; all trials are shown."""
    figure = regret_race(RACE, "A race")
    low, high = figure.layout.yaxis.range
    drawn = np.log10(np.concatenate([line.y for line in lines(figure).values()]))
    assert low < drawn.min() and drawn.max() < 1 < high < 1.1
    assert list(figure.layout.xaxis.range) == [1, 3]
    assert figure.layout.xaxis.title.text == "trials" and "regret" in figure.layout.yaxis.title.text


def test_a_race_is_named_at_its_ends() -> None:
    """Each name in its line's colour, after its line's symbol, at the height of its last median."""
    figure = regret_race(RACE, "A race")
    assert ends(figure).keys() == lines(figure).keys()
    for name, note in ends(figure).items():
        assert (note.x, note.y) == (3, pytest.approx(np.log10(lines(figure)[name].y[-1])))
        symbol, sign = plots.SYMBOLS[lines(figure)[name].line.color]
        assert (lines(figure)[name].marker.symbol, note.text) == (symbol, f"{sign} {name}")
        assert note.font.color == plots.LABELS[lines(figure)[name].line.color]


def test_the_emphasised_stands_out() -> None:
    """It alone keeps its band and its thick line; the order and the colours stay."""
    plain, emphasised = regret_race(RACE, "All"), regret_race(RACE, "One", emphasised="TPE")
    assert len(plain.data) == 6 and len(emphasised.data) == 4
    widths = {name: line.line.width for name, line in lines(emphasised).items()}
    assert widths["TPE"] > widths["Random"]
    colours, same = ([line.line.color for line in lines(figure).values()] for figure in (plain, emphasised))
    assert colours == same


@pytest.mark.parametrize("end", [1e-6, 0.3, 1.0])
def test_names_of_entrants_that_end_together_do_not_cover_each_other(end: float) -> None:
    """Six of them, at least 15 pixels apart; over a thousand trials no more points are drawn than can be seen."""
    regret = np.broadcast_to(np.geomspace(1, end, 1000), (6, 5, 1000)) * np.linspace(1, 1.01, 6)[:, None, None]
    figure = regret_race(Race("x", tuple("abcdef"), regret, np.ones((6, 1000))), "Together")
    assert min(higher - lower for lower, higher in pairwise(heights(figure))) >= 15
    for line in lines(figure).values():
        assert (line.x[0], line.x[-1]) == (1, 1000) and len(line.x) <= 150


def test_a_race_that_everyone_wins_is_drawn() -> None:
    """Where every regret is 0 there is nothing above it; the lines are flat."""
    figure = regret_race(Race("x", ("a", "b"), np.zeros((2, 3, 4)), np.ones((2, 4))), "Won")
    assert [len(set(line.y)) for line in lines(figure).values()] == [1, 1]
    low, high = figure.layout.yaxis.range
    assert np.isfinite([low, high]).all() and low < high
