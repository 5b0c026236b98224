"""Explorables: a Plotly figure under ipywidgets, over a pure function that computes what it shows."""

from helpers.explore.chooser import SamplerChooser
from helpers.explore.cma_window import CmaWindow
from helpers.explore.contour_lens import ContourLens
from helpers.explore.game import BeTheSampler
from helpers.explore.gp_window import GpWindow
from helpers.explore.importance_lens import ImportanceLens
from helpers.explore.live_plot import LivePlot
from helpers.explore.monitor import FleetMonitor
from helpers.explore.next_asks import next_asks, next_asks_figure
from helpers.explore.pruner_lab import PrunerLab
from helpers.explore.suggestions import SuggestionExplorer
from helpers.explore.tpe_window import TpeWindow
from helpers.explore.trial_picker import TrialPicker

__all__ = [
    "BeTheSampler", "CmaWindow", "ContourLens", "FleetMonitor", "GpWindow", "ImportanceLens", "LivePlot", "PrunerLab",
    "SamplerChooser", "SuggestionExplorer", "TpeWindow", "TrialPicker", "next_asks", "next_asks_figure",
]  # fmt: skip
