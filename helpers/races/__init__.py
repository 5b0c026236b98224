"""Samplers and pruners against each other over many seeds, and what their results say."""
