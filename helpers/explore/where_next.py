"""Where would a sampler look next? Asked of many fresh copies of a study, through Optuna's public API only."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import optuna
import pandas as pd
import plotly.graph_objects as go
from optuna.samplers import BaseSampler
from optuna.search_space import intersection_search_space
from plotly.subplots import make_subplots
from threadpoolctl import threadpool_limits

from helpers import plots
from helpers.errors import BadInput
from helpers.explore.stepper import contour, dots
from helpers.inside import check_function
from helpers.problems.functions import Function
from helpers.races.race import sampler_of


def next_asks(
    study: optuna.Study, make_sampler: Callable[[int], BaseSampler], asks: int = 200, seed: int = 0
) -> pd.DataFrame:
    """The next suggestions, shape (asks, parameters): each from a copy of `study` with a sampler of its own seed.

    Args:
        study: is left as it is; the parameters are those that all its trials share.
        make_sampler: takes a seed and returns a new sampler, such as `lambda seed: TPESampler(seed=seed)`.
        seed: of the whole cloud.

    Raises:
        BadInput: `make_sampler` is something else, the study has no trials, or the sampler refuses its space.
    """
    trials = study.get_trials(deepcopy=False)
    space = intersection_search_space(trials)
    if not space:
        raise BadInput("The study has no finished trials, or they share no parameter: run some first.")
    if asks < 1:
        raise BadInput(f"{asks} asks give no cloud: ask at least once.")
    samplers = (sampler_of(make_sampler, asks * seed + n) for n in range(asks))
    with threadpool_limits(1):  # as in helpers.inside
        return pd.DataFrame([_ask(study, trials, space, sampler) for sampler in samplers])


def _ask(study: optuna.Study, trials: list, space: dict, sampler: BaseSampler) -> dict:
    copy = optuna.create_study(directions=study.directions, sampler=sampler)
    copy.add_trials(trials)
    try:
        return copy.ask(space).params
    except Exception as error:  # each sampler refuses in its own way
        raise BadInput(f"{type(sampler).__name__} cannot continue this study: {error}") from error


def next_asks_figure(
    clouds: Mapping[str, pd.DataFrame], function: Function, study: optuna.Study, title: str
) -> go.Figure:
    """Clouds of suggestions (tables from `next_asks`, by sampler) on the map of a function of two dimensions.

    Raises:
        BadInput: the function has other dimensions.
    """
    check_function(function, 2)
    figure = make_subplots(cols=len(clouds), subplot_titles=list(clouds), shared_yaxes=True, horizontal_spacing=0.02)
    past = study.trials_dataframe(attrs=("params",)).rename(columns=lambda name: name.removeprefix("params_"))
    crosses, pale = dots(plots.INK, size=6, symbol="x"), dots(plots.VERMILLION, size=6, opacity=0.6)
    for column, cloud in enumerate(clouds.values(), start=1):
        place = {"row": 1, "col": column}
        figure.add_trace(contour(function), **place)
        for name, table, style in (("trials so far", past, crosses), ("next suggestions", cloud.round(4), pale)):
            shown = {"name": name, "showlegend": column == 1, "cliponaxis": False}  # many suggestions lie on the edge
            figure.add_scatter(x=table["x0"], y=table["x1"], **shown, **style, **place)
    (low, bottom), (high, top) = function.low, function.high
    figure.update_xaxes(title="x0", range=(low, high), ticklabeloverflow="hide past domain")
    figure.update_yaxes(range=(bottom, top)).update_yaxes(title="x1", col=1)
    return figure.update_layout(title=title, legend={"orientation": "h", "y": -0.25}, margin_t=90)
