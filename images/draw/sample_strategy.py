"""Where four strategies look: real searches over two hyperparameters of the recorded digits, one of which matters."""

from __future__ import annotations

import warnings
from bisect import bisect
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from math import log

import numpy as np
import optuna
from optuna.samplers import BaseSampler, GridSampler, QMCSampler, RandomSampler, TPESampler

from helpers.plots import BLUE, GREEN, INK
from helpers.problems.table import SPACE, borders, load_benchmark
from images.draw.svg import FAINT, SOFT, TINTS, WORDS, centred, dot, frame, key, line, page, ring, text

LEVELS, SEED, CLOSE = 5, 0, 0.01  # levels a knob of the grid; so near to the best an accuracy is called good
TRIALS, WITHIN = LEVELS**2, f"within {CLOSE} of the best"
KNOBS = {name: (SPACE[name][0], SPACE[name][-1]) for name in ("learning_rate", "weight_decay")}  # both logarithmic
OTHERS = {"width": 16, "depth": 2, "batch_size": 64, "dropout": 0.0, "momentum": 0.0}
LEFT, APART, WIDE = 76, 217, 197  # of a panel; its heights are CURVE, what is tried, and SQUARE
CURVE, SQUARE = (164, 70), (262, 197)  # top and height


def grid() -> dict[str, list[float]]:
    """The middles of equal parts of each range."""
    shares = (np.arange(LEVELS) + 0.5) / LEVELS
    return {name: (low * (high / low) ** shares).tolist() for name, (low, high) in KNOBS.items()}


STRATEGIES: dict[str, tuple[str, Callable[[], BaseSampler]]] = {  # what it does, and the sampler that does it
    "grid": ("every combination", lambda: GridSampler(grid(), seed=SEED)),
    "random": ("anywhere", lambda: RandomSampler(seed=SEED)),
    "quasi-random": ("where no other is", lambda: QMCSampler(scramble=True, seed=SEED)),
    "model: TPE": ("where it went well", lambda: TPESampler(seed=SEED)),
}
STARTUP = 10  # trials that TPE draws at random before it has a model: its default, and a test compares


def accuracy(config: Mapping[str, float]) -> float:
    """The recorded training nearest to it."""
    table = load_benchmark()
    return table.value(table.nearest({**OTHERS, **config}))


def search(sampler: BaseSampler) -> np.ndarray:
    """What a sampler tried, in its order: (trials, 2), learning rate and weight decay."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(
        lambda trial: accuracy({name: trial.suggest_float(name, *ends, log=True) for name, ends in KNOBS.items()}),
        n_trials=TRIALS,
    )
    return np.array([[trial.params[name] for name in KNOBS] for trial in study.trials])


def curve() -> np.ndarray:
    """The accuracy at each recorded learning rate, the mean over the weight decays."""
    decays = SPACE["weight_decay"]
    rates = SPACE["learning_rate"]
    return np.array([np.mean([accuracy({"learning_rate": r, "weight_decay": d}) for d in decays]) for r in rates])


def good_zone() -> tuple[float, float]:
    """The learning rates, lowest and highest, that come within CLOSE of the best."""
    good = np.flatnonzero(curve() >= curve().max() - CLOSE)
    edges = [KNOBS["learning_rate"][0], *borders("learning_rate"), KNOBS["learning_rate"][1]]
    return edges[good[0]], edges[good[-1] + 1]


def draw() -> str:
    """A panel for each strategy: the recorded curve, the learning rates tried, the points."""
    body, said = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        searches = {name: search(make()) for name, (_, make) in STRATEGIES.items()}
    for n, (name, points) in enumerate(searches.items()):
        x, does = LEFT + APART * n, STRATEGIES[name][0]
        rates, (low, high) = sorted(set(points[:, 0])), good_zone()
        hits = bisect(rates, high) - bisect(rates, low)
        body += [text(x, 122, name, size=20, bold=True), text(x, 148, does, fill=SOFT)]
        body += ["<g>", *panel(x, rates), *marks(x, points, STARTUP if "TPE" in name else 0), "</g>"]
        body += [centred(x + 24, 484, "0.001", fill=SOFT), centred(x + WIDE - 6, 484, "1", fill=SOFT)]
        body += [centred(x + WIDE / 2, 506, "learning rate")]
        said.append(f"{name.capitalize()} ({does}): {len(rates)} different learning rates, {hits} of them good.")
        found = (f"{len(rates)} learning rates,", f"{hits} of them good")
        body += [text(x, 546 + 24 * row, words, bold=True) for row, words in enumerate(found)]
    body += [*upright(CURVE, "accuracy"), *upright(SQUARE, "weight decay"), *legend(612)]
    head = f"Four real searches of {TRIALS} trials, learning rate against weight decay; good means {WITHIN}."
    note = f"{TRIALS} trials each on recorded trainings. The learning rate matters, weight decay hardly."
    return page(__name__, "Where does each strategy look?", " ".join([head, *said]), 640, body, note)


def panel(x: float, rates: Iterable[float]) -> Iterable[str]:
    """The good zone, the recorded curve over it, a stroke for each learning rate that was tried, the square."""
    (low, high), (top, tall), bottom = good_zone(), CURVE, sum(SQUARE)
    yield frame(across(x, low), top, across(x, high) - across(x, low), bottom - top, "none", TINTS[GREEN], rx=0)
    for edge in (low, high):
        yield line([(across(x, edge), top), (across(x, edge), bottom)], WORDS[GREEN], 1.5, dash="5 4")
    edges = [KNOBS["learning_rate"][0], *borders("learning_rate"), KNOBS["learning_rate"][1]]
    heights = [top + tall * (1 - value) for value in curve()]
    steps = [(across(x, e), y) for y, pair in zip(heights, pairwise(edges), strict=True) for e in pair]
    yield line(steps, INK, 2)
    for rate in rates:
        yield line([(across(x, rate), top + tall + 6), (across(x, rate), SQUARE[0] - 6)], BLUE, 2)
    yield frame(x, SQUARE[0], WIDE, SQUARE[1], FAINT, "none", rx=0, stroke_width=1.5)


def marks(x: float, points: np.ndarray, startup: int) -> Iterable[str]:
    """A mark for each trial."""
    low, high = map(log, KNOBS["weight_decay"])
    for n, (rate, decay) in enumerate(points):
        y = SQUARE[0] + SQUARE[1] * (high - log(decay)) / (high - low)
        yield (ring if n < startup else dot)(across(x, rate), y, BLUE)


def upright(span: tuple[int, int], words: str) -> Iterable[str]:
    """The name of the first panel's upright axis."""
    x, y = LEFT - 24, span[0] + span[1] / 2
    yield centred(x, y, words, transform=f"rotate(-90 {x} {y:g})")


def legend(y: float) -> Iterable[str]:
    """What the marks mean."""
    band = [frame(0, -10, 34, 20, WORDS[GREEN], TINTS[GREEN], rx=0, stroke_width=1.5, stroke_dasharray="5 4")]
    yield from key(LEFT, y, [dot(17, 0, BLUE)], "a trial")
    yield from key(LEFT + 170, y, [ring(17, 0, BLUE)], "a random one, to begin with")
    yield from key(LEFT + 510, y, band, f"good: {WITHIN}")


def across(x: float, rate: float) -> float:
    """Pixels of a learning rate in the panel that begins at `x`."""
    low, high = map(log, KNOBS["learning_rate"])
    return x + WIDE * (log(rate) - low) / (high - low)
