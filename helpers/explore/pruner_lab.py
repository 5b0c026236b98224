"""The pruner lab: Optuna's own pruners on a hundred recorded learning curves, each cut where the pruner cut it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache, partial

import ipywidgets as widgets
import numpy as np
from optuna import exceptions, pruners
from plotly.subplots import make_subplots

from helpers import plots
from helpers.explore.explorable import Drawing, Explorable, add, dots, end_label, legend_above, line, menu, slider
from helpers.problems.table import EPOCHS, IMAGES, SEEDS, load_benchmark
from helpers.races.replay import Replay, replay

TRIALS, GREY = 100, "#5f5f5f"
Ranges = dict[str, tuple[float, float, float]]  # of each parameter the lowest value, the highest, and the first one
STARTUP, WARMUP = {"n_startup_trials": (0, 50, 5)}, {"n_warmup_steps": (0, EPOCHS - 1, 0)}
PATIENCE: Ranges = {"patience": (0, EPOCHS - 1, 3), "min_delta": (0.0, 0.2, 0.0)}
HALVING: Ranges = {"min_resource": (1, EPOCHS, 1), "reduction_factor": (2, 9, 3)}
PRUNERS: dict[str, tuple[Callable[..., pruners.BasePruner], Ranges]] = {
    "none": (pruners.NopPruner, {}),
    "median": (pruners.MedianPruner, {**STARTUP, **WARMUP, "interval_steps": (1, 9, 1)}),
    "percentile": (pruners.PercentilePruner, {"percentile": (0.0, 100.0, 25.0), **STARTUP, **WARMUP}),
    "successive halving": (pruners.SuccessiveHalvingPruner, {**HALVING, "min_early_stopping_rate": (0, 3, 0)}),
    "Hyperband": (partial(pruners.HyperbandPruner, max_resource=EPOCHS), HALVING),
    "patient median": (partial(pruners.PatientPruner, pruners.MedianPruner()), PATIENCE),
    "threshold": (pruners.ThresholdPruner, {"lower": (0.0, 1.0, 0.5), "n_warmup_steps": (0, EPOCHS - 1, 5)}),
}
CURVES = ("all configurations", "the best tenth", "late bloomers")
ORDERS = ("as drawn", "worst first", "best first")


def make_pruner(kind: str, **parameters: float) -> pruners.BasePruner:
    """One of PRUNERS; a parameter that is not given has the value the lab begins with."""
    make, ranges = PRUNERS[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exceptions.ExperimentalWarning)  # PatientPruner
        return make(**{name: first for name, (*_, first) in ranges.items()} | parameters)


@lru_cache(maxsize=16)
def recorded_curves(curves: str, order: str, seed: int) -> np.ndarray:
    """(100, 27); validation accuracies of configurations drawn with `seed`, as one recorded seed gave them."""
    table = load_benchmark()
    rows = table.frame()
    if curves == "the best tenth":
        rows = rows.nlargest(len(rows) // 10, "validation_accuracy")
    elif curves == "late bloomers":  # few and small steps: every network lingers at chance first
        rows = rows.query("batch_size == 256 and learning_rate < 0.005 and momentum > 0.5 and width <= 16")
    drawn = np.random.default_rng(seed).choice(rows.index, TRIALS, replace=False)
    found = table.curves["validation_accuracy"][drawn, seed % len(SEEDS)]
    ranked = found[:, -1].argsort(kind="stable")
    return {"worst first": found[ranked], "best first": found[ranked[::-1]]}.get(order, found)


@lru_cache(maxsize=16)
def replayed(pruner: str, curves: str, order: str = ORDERS[0], seed: int = 0, **parameters: float) -> Replay:
    """What a pruner does to a hundred recorded curves; kept, so that showing fewer of its trials costs nothing."""
    return replay(make_pruner(pruner, **parameters), recorded_curves(curves, order, seed), study_name="pruner lab")


def draw(
    pruner: str, curves: str, order: str = ORDERS[0], seed: int = 0, shown: int = TRIALS, **parameters: float
) -> Drawing:
    """The curves, each as far as the pruner let it go, above; the epochs and trials spent and saved as bars below."""
    seen = replayed(pruner, curves, order, seed, **parameters).first(shown)
    figure = make_subplots(rows=2, row_heights=[0.77, 0.23], vertical_spacing=0.17)
    add(figure, _traces(seen, recorded_curves(curves, order, seed)[:shown]), cliponaxis=False)
    saved, killed = seen.length * shown - seen.spent, int(seen.pruned.sum())
    epochs = f"{seen.spent:,} epochs spent<br>{saved:,} saved ({seen.saved:.0%})"
    trials = f"{shown - killed} trials completed<br>{killed} pruned"
    striped = {"color": GREY, "pattern": {"shape": "/", "fgcolor": "white"}}
    look = {"y": (epochs, trials), "orientation": "h", "showlegend": False, "row": 2, "col": 1}
    spent = (seen.spent / EPOCHS / TRIALS, (shown - killed) / TRIALS)
    figure.add_bar(name="spent", x=spent, marker={"color": plots.BLUE}, **look)
    figure.add_bar(name="saved", x=(saved / EPOCHS / TRIALS, killed / TRIALS), marker=striped, **look)
    figure.update_xaxes(title="epochs trained", range=[0.7, EPOCHS + 0.3], dtick=2, row=1)
    figure.update_xaxes(title=f"share of {TRIALS} whole trainings", range=[0, 1], tickformat=".0%", row=2)
    figure.update_yaxes(title="validation accuracy", range=[0, 1.02], row=1)
    figure.update_yaxes(side="right", autorange="reversed", ticklabelstandoff=6, row=2)
    figure.update_layout(legend_above("Recorded curves, each as far as the pruner let it go", height=560))
    figure.update_layout(barmode="stack", margin={"t": 85, "r": 170}, legend_traceorder="normal")
    return figure, _said(pruner, seen)


def _traces(seen: Replay, curves: np.ndarray) -> dict[str, tuple]:
    """What stands above; the best found and the best killed are empty where there is none."""
    cut, ends, epochs = seen.pruned, seen.trained[seen.pruned], np.arange(1, EPOCHS + 1)
    found = () if seen.best is None else curves[seen.best]
    killed, end = ((), 1) if seen.best_killed is None else (curves[seen.best_killed], seen.trained[seen.best_killed])
    rest = killed[end - 1 :]
    places = ("top right", "bottom right")[:: 1 if seen.lost == 0 else -1]  # the higher line's label stands above it
    thin, unnamed = {"opacity": 0.7}, {"showlegend": False}
    cross = {"mode": "lines+markers", "marker": {"size": 9}}
    on = end_label("best killed {:.3f}", rest, places[1], plots.VERMILLION)
    best = line(plots.GREEN, width=4) | end_label("best found {:.3f}", found, places[0], plots.GREEN)
    return {
        "completed": (*_joined(curves[~cut], seen.trained[~cut]), line(plots.BLUE, width=1) | thin),
        "pruned": (*_joined(curves[cut], ends), line(GREY, width=1) | thin),
        "cut here": (ends, curves[cut, ends - 1], dots(GREY, symbol="x", size=7)),
        "had it gone on": (epochs[EPOCHS - len(rest) :], rest, line(plots.VERMILLION, width=3, dash="dot") | on),
        "best killed": (epochs[: len(killed[:end])], killed[:end], line(plots.VERMILLION, width=4) | cross | unnamed),
        "best found": (epochs[: len(found)], found, best | unnamed),
    }


def _joined(curves: np.ndarray, trained: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(x, y): the curves as far as they were trained, one after the other, each followed by a gap."""
    x = [float(epoch) for end in trained for epoch in range(1, end + 2)]
    y = [value for curve, end in zip(curves, trained, strict=True) for value in (*curve[:end], np.nan)]
    return np.array(x), np.array(y)


def _said(kind: str, seen: Replay) -> str:
    """The figures in words."""
    trials, killed = len(seen.pruned), seen.best_killed
    said = f"Pruner {kind}: {seen.pruned.sum()} of {trials} trials pruned, "
    said += f"{seen.spent:,} epochs spent, {seen.saved:.0%} saved. Best found: "
    said += "nothing." if seen.best is None else f"{seen.final[seen.best]:.3f} (trial {seen.best})."
    if killed is None:
        return said
    end = f"trial {killed}, cut after epoch {seen.trained[killed]}, would have ended at {seen.final[killed]:.3f}"
    above = f", {seen.lost:.3f} above ({round(seen.lost * IMAGES)} of {IMAGES} images)" if seen.lost else ""
    return f"{said} Best killed: {end}{above}."


class PrunerLab(Explorable):
    """Choose a pruner, its parameters and the curves; press play to see trial after trial. `seed` draws the curves.

    Each pruner has sliders of its own, which stay as they were left.
    """

    TWO_LINES = True

    def __init__(self, seed: int = 0) -> None:
        self._sliders: dict[str, dict[str, widgets.Widget]] = {}
        for kind, (_, ranges) in PRUNERS.items():
            self._sliders[kind] = {}
            for name, (low, high, first) in ranges.items():
                whole = isinstance(first, int)
                cls, step = (widgets.IntSlider, 1) if whole else (widgets.FloatSlider, (high - low) / 20)
                moved = slider(cls, name, min=low, max=high, value=first, step=step)
                moved.observe(self.show, "value")
                self._sliders[kind][name] = moved
        self._parameters = widgets.VBox()
        pruner = menu("pruner", tuple(PRUNERS), value="median")
        curves, order = menu("curves", CURVES), menu("order", ORDERS)
        shown = slider(widgets.IntSlider, "trials shown", min=1, max=TRIALS, value=TRIALS)
        play = widgets.Play(min=1, max=TRIALS, value=TRIALS, interval=150, show_repeat=False)
        widgets.jslink((play, "value"), (shown, "value"))
        self._always = {"pruner": pruner, "curves": curves, "order": order, "shown": shown}
        rows = [pruner, self._parameters, curves, order, widgets.HBox([shown, play])]
        super().__init__(partial(draw, seed=seed), rows, **self._always)

    def show(self, _: object = None) -> None:
        """Draws what the controls ask for, among them the sliders of the pruner that is chosen."""
        own = self._sliders[self._always["pruner"].value]
        self.controls = {**self._always, **own}
        self._parameters.children = tuple(own.values())
        super().show()
