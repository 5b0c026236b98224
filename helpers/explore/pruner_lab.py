"""The pruner lab: Optuna's own pruners on a hundred recorded learning curves, each cut where the pruner cut it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache, partial
from numbers import Integral, Real

import ipywidgets as widgets
import numpy as np
from optuna import exceptions, pruners
from plotly.subplots import make_subplots

from helpers import plots
from helpers.errors import BadInput, one_of
from helpers.explore.explorable import Drawing, Explorable, dots, legend_above, line, slider
from helpers.inside import fixed
from helpers.problems.table import EPOCHS, IMAGES, SEEDS, load_benchmark
from helpers.races.replay import Replay, replay

TRIALS, GREY = 100, "#5f5f5f"
Ranges = dict[str, tuple[float, float, float]]  # of each parameter the lowest value, the highest, and the first one
STARTUP, WARMUP = {"n_startup_trials": (0, 50, 5)}, {"n_warmup_steps": (0, EPOCHS - 1, 0)}
HALVING: Ranges = {"min_resource": (1, EPOCHS, 1), "reduction_factor": (2, 9, 3)}
PRUNERS: dict[str, tuple[Callable[..., pruners.BasePruner], Ranges]] = {
    "none": (pruners.NopPruner, {}),
    "median": (pruners.MedianPruner, {**STARTUP, **WARMUP, "interval_steps": (1, 9, 1)}),
    "percentile": (pruners.PercentilePruner, {"percentile": (0.0, 100.0, 25.0), **STARTUP, **WARMUP}),
    "successive halving": (pruners.SuccessiveHalvingPruner, {**HALVING, "min_early_stopping_rate": (0, 3, 0)}),
    "Hyperband": (partial(pruners.HyperbandPruner, max_resource=EPOCHS), HALVING),
    "patient median": (
        partial(pruners.PatientPruner, pruners.MedianPruner()),
        {"patience": (0, EPOCHS - 1, 3), "min_delta": (0.0, 0.2, 0.0)},
    ),
    "threshold": (pruners.ThresholdPruner, {"lower": (0.0, 1.0, 0.5), "n_warmup_steps": (0, EPOCHS - 1, 5)}),
}
CURVES = ("all configurations", "the best tenth", "late bloomers")
ORDERS = ("as drawn", "worst first", "best first")
RED, GREEN = ({"textfont_color": plots.LABELS[colour]} for colour in (plots.VERMILLION, plots.GREEN))
STYLES = {
    "completed": line(plots.BLUE, width=1) | {"opacity": 0.7},
    "pruned": line(GREY, width=1) | {"opacity": 0.7},
    "cut here": dots(GREY, symbol="x", size=7),
    "had it gone on": line(plots.VERMILLION, width=3, dash="dot") | {"mode": "lines+text", **RED},
    "best killed": line(plots.VERMILLION, width=4) | {"mode": "lines+markers", "marker": {"size": 9}},
    "best found": line(plots.GREEN, width=4) | {"mode": "lines+text", **GREEN},
}


def make_pruner(kind: str, **parameters: float) -> pruners.BasePruner:
    """One of PRUNERS; a parameter that is not given has the value the lab begins with.

    Raises:
        BadInput: unknown kind or parameter, or a value outside of its range.
    """
    one_of("pruner", kind, tuple(PRUNERS))
    make, ranges = PRUNERS[kind]
    for name, value in parameters.items():
        if name not in ranges:
            raise BadInput(f"The pruner {kind!r} takes {', '.join(ranges) or 'no parameter'}, but no {name!r}.")
        low, high, first = ranges[name]
        whole = isinstance(first, int)
        if not isinstance(value, Integral if whole else Real) or not low <= value <= high:
            raise BadInput(f"{name} is {value!r}: choose a {'whole ' * whole}number from {low:g} to {high:g}.")
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
    return fixed({"worst first": found[ranked], "best first": found[ranked[::-1]]}.get(order, found))


@lru_cache(maxsize=16)
def _run(kind: str, parameters: tuple[tuple[str, float], ...], *drawn: str | int) -> Replay:
    """The replay; kept, so that showing fewer of its trials costs nothing."""
    return replay(make_pruner(kind, **dict(parameters)), recorded_curves(*drawn), study_name="pruner lab")


def replayed(
    pruner: str, curves: str, order: str = ORDERS[0], seed: int = 0, shown: int = TRIALS, **parameters: float
) -> Replay:
    """What a pruner does to the first `shown` of a hundred recorded curves.

    Raises:
        BadInput: as `make_pruner`; or unknown curves or order, a seed below 0, `shown` not from 1 to 100.
    """
    make_pruner(pruner, **parameters)  # first, since a cache has no good sentence for nonsense
    one_of("curves", curves, CURVES)
    one_of("order", order, ORDERS)
    if not isinstance(seed, Integral) or seed < 0:
        raise BadInput(f"The seed is {seed!r}: choose a whole number, 0 or above.")
    if not isinstance(shown, Integral) or not 1 <= shown <= TRIALS:
        raise BadInput(f"{shown!r} trials cannot be shown: choose a whole number from 1 to {TRIALS}.")
    return _run(pruner, tuple(parameters.items()), curves, order, seed).first(shown)


def draw(
    pruner: str, curves: str, order: str = ORDERS[0], seed: int = 0, shown: int = TRIALS, **parameters: float
) -> Drawing:
    """The curves, each as far as the pruner let it go, above; the epochs and trials spent and saved as bars below.

    Raises:
        BadInput: as `replayed`.
    """
    seen = replayed(pruner, curves, order, seed, shown, **parameters)
    figure = make_subplots(rows=2, row_heights=[0.77, 0.23], vertical_spacing=0.17)
    traces = _traces(seen, recorded_curves(curves, order, seed)[:shown])
    for name, style in STYLES.items():
        places = dict(zip(("x", "y", "text", "textposition"), traces.get(name, ()), strict=False))
        figure.add_scatter(name=name, cliponaxis=False, showlegend=not name.startswith("best"), **style, **places)
    saved, killed = seen.length * shown - seen.spent, int(seen.pruned.sum())
    names = (
        f"{seen.spent:,} epochs spent<br>{saved:,} saved ({seen.saved:.0%})",
        f"{shown - killed} trials completed<br>{killed} pruned",
    )
    for name, (epochs, trials), look in (
        ("spent", (seen.spent, shown - killed), {"color": plots.BLUE}),
        ("saved", (saved, killed), {"color": GREY, "pattern": {"shape": "/", "fgcolor": "white"}}),
    ):
        shares = {"x": (epochs / EPOCHS / TRIALS, trials / TRIALS), "y": names, "orientation": "h"}
        figure.add_bar(name=name, marker=look, showlegend=False, **shares, row=2, col=1)
    figure.update_xaxes(title="epochs trained", range=[0.7, EPOCHS + 0.3], dtick=2, row=1)
    figure.update_xaxes(title=f"share of {TRIALS} whole trainings", range=[0, 1], tickformat=".0%", row=2)
    figure.update_yaxes(title="validation accuracy", range=[0, 1.02], row=1)
    figure.update_yaxes(side="right", autorange="reversed", ticklabelstandoff=6, row=2)
    figure.update_layout(legend_above("Recorded curves, each as far as the pruner let it go", height=560))
    figure.update_layout(barmode="stack", margin={"t": 85, "r": 170}, legend_traceorder="normal")
    return figure, _said(pruner, seen)


def _traces(seen: Replay, curves: np.ndarray) -> dict[str, tuple]:
    """(x, y) of what stands above, by its name, or (x, y, text at each point, its place)."""
    cut, ends, epochs = seen.pruned, seen.trained[seen.pruned], np.arange(1, EPOCHS + 1)
    traces: dict[str, tuple] = {
        "completed": _joined(curves[~cut], seen.trained[~cut]),
        "pruned": _joined(curves[cut], ends),
        "cut here": (ends, curves[cut, ends - 1]),
    }
    places = ("top right", "bottom right")[:: 1 if seen.lost == 0 else -1]  # the higher line's label stands above it
    if seen.best is not None:
        curve = curves[seen.best]
        traces["best found"] = epochs, curve, _end_label("best found", curve), places[0]
    if seen.best_killed is not None:
        curve, end = curves[seen.best_killed], seen.trained[seen.best_killed]
        traces["best killed"] = epochs[:end], curve[:end]
        rest = curve[end - 1 :]
        traces["had it gone on"] = epochs[end - 1 :], rest, _end_label("best killed", rest), places[1]
    return traces


def _end_label(name: str, curve: np.ndarray) -> list[str]:
    """A text for each point, empty but for the last."""
    return [""] * (len(curve) - 1) + [f"{name} {curve[-1]:.3f}"]


def _joined(curves: np.ndarray, trained: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(x, y): the curves as far as they were trained, one after the other, each followed by a gap."""
    x = np.tile(np.arange(1.0, EPOCHS + 2), (len(curves), 1))
    y = np.pad(curves, ((0, 0), (0, 1)))
    y[x > trained[:, None]] = np.nan
    kept = x <= trained[:, None] + 1
    return x[kept], y[kept]


def _said(kind: str, seen: Replay) -> str:
    """The figures in words."""
    trials, killed = len(seen.pruned), seen.best_killed
    said = f"Pruner {kind}: {seen.pruned.sum()} of {trials} trials pruned, "
    said += f"{seen.spent:,} epochs spent, {seen.saved:.0%} saved. Best found: "
    said += "nothing." if seen.best is None else f"{seen.final[seen.best]:.3f} (trial {seen.best})."
    if killed is None:
        return said
    end = f"trial {killed}, cut after epoch {seen.trained[killed]}, would have ended at {seen.final[killed]:.3f}"
    if seen.lost == 0:
        return f"{said} Best killed: {end}."
    images = round(seen.lost * IMAGES)
    return f"{said} A late bloomer: {end}, {seen.lost:.3f} above the best found ({images} of {IMAGES} images)."


class PrunerLab(Explorable):
    """Choose a pruner, its parameters and the curves; press play to see trial after trial. `seed` draws the curves.

    Each pruner has sliders of its own, which stay as they were left.
    """

    def __init__(self, seed: int = 0) -> None:
        self._sliders = {
            kind: {name: _slider(name, bounds) for name, bounds in ranges.items()}
            for kind, (_, ranges) in PRUNERS.items()
        }
        self._parameters = widgets.VBox()
        shown = slider(widgets.IntSlider, "trials shown", min=1, max=TRIALS, value=TRIALS)
        play = widgets.Play(min=1, max=TRIALS, value=TRIALS, interval=150, show_repeat=False)
        widgets.jslink((play, "value"), (shown, "value"))
        menus = {
            name: widgets.Dropdown(options=options, description=name, layout={"width": "340px"})
            for name, options in {"pruner": tuple(PRUNERS), "curves": CURVES, "order": ORDERS}.items()
        }
        menus["pruner"].value = "median"
        self._always = {**menus, "shown": shown}
        for control in (*self._always.values(), *(one for own in self._sliders.values() for one in own.values())):
            control.style.description_width = "165px"
            control.observe(self.show, "value")
        rows = [menus["pruner"], self._parameters, menus["curves"], menus["order"], widgets.HBox([shown, play])]
        super().__init__(partial(draw, seed=seed), rows, **self._always)
        self.status.layout = {"width": f"{plots.WIDTH}px", "min_height": "60px"}  # two lines: the figure stands still

    def show(self, _: object = None) -> None:
        """Draws what the controls ask for, among them the sliders of the pruner that is chosen."""
        own = self._sliders[self._always["pruner"].value]
        self.controls = {**self._always, **own}
        self._parameters.children = tuple(own.values())
        super().show()


def _slider(name: str, bounds: tuple[float, float, float]) -> widgets.Widget:
    """The slider of one parameter."""
    low, high, first = bounds
    kind, step = (widgets.IntSlider, 1) if isinstance(first, int) else (widgets.FloatSlider, (high - low) / 20)
    return slider(kind, name, min=low, max=high, value=first, step=step)
