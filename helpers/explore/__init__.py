"""Explorables: a Plotly figure under ipywidgets, over a pure function that computes what it shows.

Each is imported when it is first asked for: a notebook does not pay for the libraries of the others.
"""

from importlib import import_module

HOMES = {
    "BeTheSampler": "game",
    "CmaWindow": "windows",
    "ContourLens": "contour",
    "FleetMonitor": "monitor",
    "GpWindow": "windows",
    "ImportanceLens": "importance_lens",
    "LeaderboardView": "board",
    "LivePlot": "live_plot",
    "OptimismLens": "optimism",
    "ParetoChooser": "pareto",
    "PrunerLab": "pruner_lab",
    "SamplerChooser": "chooser",
    "SuggestionExplorer": "suggestions",
    "TpeWindow": "windows",
    "TrialPicker": "trial_picker",
    "next_asks": "windows",
    "next_asks_figure": "windows",
}
__all__ = list(HOMES)


def __getattr__(name: str) -> object:
    """Called for what is not imported yet (PEP 562)."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
    return found
