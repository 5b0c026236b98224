"""The first questions of a decision tree, and what each removes of the variance: mean decrease impurity in small."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from sklearn.tree import DecisionTreeRegressor

from helpers.plots import BLUE
from images.draw.svg import GREY, SOFT, TINTS, WIDTH, arrow, centred, frame, page, text

NAMES, WEIGHTS, DRAWS = "abc", (1.0, 0.7, 0.4), 400  # the bowl of notebook 09, without its dummy
BOX, TALL, TOP, APART = 290, 74, 104, 130  # a question's width and height, the first one's top, from row to row
LEAF, LOW, LONG = 208, 200, 600  # a group's width; where the bars begin, and the length of a share of 1


def draw() -> str:
    """Three questions, four groups, and the shares added up for each knob."""
    rng = np.random.default_rng(0)
    places = rng.random((DRAWS, len(NAMES)))
    values = places**2 @ np.array(WEIGHTS)
    tree = DecisionTreeRegressor(max_depth=2, random_state=0).fit(places, values).tree_
    body, shares, said = [], dict.fromkeys(NAMES, 0.0), []
    for node, x, row in ((0, WIDTH / 2, 0), (tree.children_left[0], 255, 1), (tree.children_right[0], WIDTH - 255, 1)):
        name, share = NAMES[tree.feature[node]], removed(tree, node)
        shares[name] += share
        words = f"{name} above {tree.threshold[node]:.2f}?"
        said.append(f"{words} This removes {share:.0%} of the variance.")
        body += question(x, TOP + row * APART, words, f"removes {share:.0%} of the variance")
        for child, side in ((tree.children_left[node], -1), (tree.children_right[node], 1)):
            end = x + side * (WIDTH / 2 - 255 if row == 0 else LEAF / 2 + 8)
            body += branch(x, end, TOP + row * APART, "no" if side < 0 else "yes")
            if row:
                body += group(end, TOP + 2 * APART, tree.value[child].item(), int(tree.n_node_samples[child]))
    for n, (name, share) in enumerate(shares.items()):
        y = TOP + 3 * APART + 10 + 32 * n
        body += [text(LOW - 14, y + 15, f"{name}, added up", text_anchor="end")]
        body += [frame(LOW, y, max(2.0, LONG * share), 20, BLUE, TINTS[BLUE], rx=0, stroke_width=2)]
        body += [text(LOW + LONG * share + 10, y + 15, f"{share:.0%}", fill=SOFT)]
    said.append("Added up: " + ", ".join(f"{name} {share:.0%}" for name, share in shares.items()) + ".")
    title, note = "The first three questions of one tree", f"{DRAWS} trials of a² + 0.7 b² + 0.4 c²"
    said.insert(0, f"A decision tree on {note}, four groups below three questions.")
    return page(__name__, title, " ".join(said), TOP + 3 * APART + 120, body, note)


def removed(tree: object, node: int) -> float:
    """The share of all variance by which the two groups below a node vary less than the node."""
    weight, impurity = tree.weighted_n_node_samples, tree.impurity
    below = sum(weight[child] * impurity[child] for child in (tree.children_left[node], tree.children_right[node]))
    return float((weight[node] * impurity[node] - below) / (weight[0] * impurity[0]))


def question(x: float, y: float, words: str, share: str) -> Iterable[str]:
    """A box around `x`."""
    yield frame(x - BOX / 2, y, BOX, TALL, BLUE, TINTS[BLUE], stroke_width=2)
    yield centred(x, y + 31, words, bold=True)
    yield centred(x, y + 57, share, fill=SOFT)


def branch(x: float, end: float, y: float, answer: str) -> Iterable[str]:
    """From the lower edge of a question straight down to what is below; the answer stands beside it."""
    side = 1 if end > x else -1
    start = x + side * min(abs(end - x), BOX / 2 - 40)
    yield from arrow((start, y + TALL), (start, y + APART))
    yield text(start + 12 * side, y + TALL + 35, answer, text_anchor="start" if side > 0 else "end")


def group(x: float, y: float, mean: float, trials: int) -> Iterable[str]:
    """What a group of trials is worth on average."""
    yield frame(x - LEAF / 2, y, LEAF, TALL, GREY, "#ffffff", stroke_width=1.5)
    yield centred(x, y + 31, f"{trials} trials")
    yield centred(x, y + 57, f"mean value {mean:.2f}", fill=SOFT)
