"""nbval, made strict where it is lax and patient where machines differ."""

from __future__ import annotations

import os

import nbval.plugin
import pytest

from helpers.learn.seed import VARIABLE
from tests.harness.outputs import comparable, without_progress_bars

os.environ[VARIABLE] = "0"  # stored outputs are those of the default seed

_compare = nbval.plugin.IPyNbCell.compare_outputs


def _compare_like_with_like(cell, test, ref, skip_compare=None):
    """Leaves progress bars out and rounds the floats of figures; everything else nbval compares to the letter."""
    test, ref = ([comparable(output) for output in without_progress_bars(outputs)] for outputs in (test, ref))
    return _compare(cell, test, ref, skip_compare)


nbval.plugin.IPyNbCell.compare_outputs = _compare_like_with_like


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A stored notebook with a cell that was never run would pass unseen: it fails here instead."""
    for item in items:
        if isinstance(item, nbval.plugin.IPyNbCell) and item.cell.execution_count is None:
            raise pytest.UsageError(f"{item.parent.name}, {item.name} has no stored output: run `make notebooks`.")
