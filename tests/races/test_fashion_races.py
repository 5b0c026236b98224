"""The races on the second record: some runs come out the same again, and the card says what is in the file."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.problems.table import load_benchmark
from helpers.races.race import FASHION_RACES, load_races
from helpers.races.recorded import record_fashion_races as recorder

AGAIN = [("samplers", "Random", 200), ("pruners, Random", "halving", 60), ("top five again", "again", 1)]


@pytest.mark.parametrize(("name", "entrant", "length"), AGAIN)
def test_a_run_comes_out_the_same(name: str, entrant: str, length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By validation and on test; the searches of TPE are compared as far as its random start goes."""
    monkeypatch.setattr(recorder, "CHUNK", 1)
    run = int(np.random.default_rng().integers(recorder.PLANS[name][1]))
    found = recorder.chunk(name, entrant, run)[0]
    stored = [load_races(FASHION_RACES)[f"{name}, {kind}"] for kind in recorder.KINDS]
    kept = np.stack([race.regret[race.names.index(entrant), run] for race in stored])
    assert found.shape == kept.shape == (2, length)
    if entrant == "again":  # TPE's path may part on another processor, the rules of the choice do not
        assert found.max() < 0.2 and found[0, 0] >= 0
    else:
        np.testing.assert_allclose(found, kept, atol=1e-6)


def test_regrets_by_hand() -> None:
    """A search's own regret is against its seed's best by validation; on test the seeds that it used do not count."""
    table = load_benchmark("fashion")
    rows, values = recorder.search(table, recorder.SAMPLERS["Random"](3), 3, 20)
    best = recorder.incumbents(values)
    assert [values[place] for place in best] == np.maximum.accumulate(values).tolist()
    validation, test = recorder.regrets(table, 3, rows[best])
    own = table.curves["validation_accuracy"][:, 3, -1]
    assert validation[-1] == pytest.approx(own.max() - values.max())
    others = table.curves["test_accuracy"][:, [0, 1, 2, 4], -1].mean(axis=1)
    top = table.row(table.best_on_test)
    assert test[-1] == pytest.approx(others[top] - others[rows[best[-1]]])


def test_a_pruned_search_spends_its_budget_and_no_more() -> None:
    """Without a pruner a budget of whole trainings is as many trials: the race of samplers, one axis for the other."""
    table = load_benchmark("fashion")
    trials = recorder.of_samplers(table, "Random", 7, recorder.BUDGET)
    np.testing.assert_allclose(recorder.of_pruners(table, "Random", "no pruner", 7), trials, atol=1e-12)


def test_the_card_is_of_the_file() -> None:
    """Its rows are recomputed."""
    told = FASHION_RACES.with_suffix(".md").read_text(encoding="utf-8")
    rows = [line for line in recorder.card().splitlines() if line.startswith("| ")]
    assert len(rows) > 15 and all(row in told for row in rows)


@pytest.mark.slow
def test_the_least_lead_is_found_four_times_in_five() -> None:
    """The card's last column, by simulation."""
    rng = np.random.default_rng(0)
    found = [recorder.compared(-rng.normal(0.5, 1, 40), np.zeros(40)) for _ in range(2000)]
    least = np.mean([one["least"] for one in found])
    shifted = [recorder.compared(-rng.normal(least, 1, 40), np.zeros(40))["low"] > 0 for _ in range(2000)]
    assert np.mean(shifted) == pytest.approx(0.8, abs=0.04)
