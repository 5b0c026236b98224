"""The training loop keeps its speed."""

from __future__ import annotations

import pytest
import torch

from tests.bench import WANTED_OVER_BARE, WANTED_OVER_EXAMPLE, measure


@pytest.fixture(scope="module")
def figures() -> dict[str, float]:
    """A short measurement, which leaves the number of threads as it was."""
    before = torch.get_num_threads()
    figures = measure(repetitions=4)
    assert torch.get_num_threads() == before
    return figures


def test_the_bars_are_those_agreed() -> None:
    """No one lowers a bar to get over it."""
    assert (WANTED_OVER_EXAMPLE, WANTED_OVER_BARE) == (8, 0.85)


def test_fit_is_eight_times_as_fast_as_the_official_example(figures: dict[str, float]) -> None:
    """Images in memory beat a DataLoader that reads them one by one."""
    assert figures["fit over example"] >= WANTED_OVER_EXAMPLE, figures


def test_fit_spends_its_time_on_arithmetic(figures: dict[str, float]) -> None:
    """Shuffling, batches and scores cost at most 15 % of the speed of the bare steps."""
    assert figures["fit over bare"] >= WANTED_OVER_BARE, figures
