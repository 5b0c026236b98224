"""Explorables: a Plotly figure under ipywidgets, over a pure function that computes what it shows."""
