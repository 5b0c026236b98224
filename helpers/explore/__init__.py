"""Explorables: a Plotly figure under ipywidgets, over a pure function that computes what it shows."""

from helpers.explore.game import BeTheSampler
from helpers.explore.suggestions import SuggestionExplorer

__all__ = ["BeTheSampler", "SuggestionExplorer"]
