"""nbval, made strict where it is lax and patient where machines differ."""

from __future__ import annotations

import os
from unittest import mock

import nbval.plugin
import pytest

from helpers.learn.seed import VARIABLE
from tests.harness.arithmetic import ARITHMETICS, environment, has_the_reference
from tests.harness.outputs import comparable, statement, without_progress_bars

os.environ[VARIABLE] = "0"  # stored outputs are those of the default seed

_compare, _setup = nbval.plugin.IPyNbCell.compare_outputs, nbval.plugin.IPyNbFile.setup


def pytest_addoption(parser: pytest.Parser) -> None:
    """In which arithmetic notebooks run; only the outputs of the reference are compared to the last digit."""
    usual = "reference" if has_the_reference() else "own"
    parser.addoption("--arithmetic", choices=ARITHMETICS, default=usual, help="see tests/harness/arithmetic.py")


def _start_kernel(notebook):
    with mock.patch.dict(os.environ, environment(notebook.config.option.arithmetic), clear=True):
        _setup(notebook)


def _compare_like_with_like(cell, test, ref, skip_compare=None):
    """Leaves progress bars out; compares to the letter, figures' floats rounded, or else what the outputs state."""
    view = comparable if cell.config.option.arithmetic == "reference" else statement
    test, ref = ([view(output) for output in without_progress_bars(outputs)] for outputs in (test, ref))
    return _compare(cell, test, ref, skip_compare)


nbval.plugin.IPyNbCell.compare_outputs, nbval.plugin.IPyNbFile.setup = _compare_like_with_like, _start_kernel


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A stored notebook with a cell that was never run would pass unseen: it fails here instead."""
    for item in items:
        if isinstance(item, nbval.plugin.IPyNbCell) and item.cell.execution_count is None:
            raise pytest.UsageError(f"{item.parent.name}, {item.name} has no stored output: run `make notebooks`.")
