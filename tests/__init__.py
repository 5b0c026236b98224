"""Tests, the benchmark of the training loop, and the tool that stores the notebooks' outputs."""
