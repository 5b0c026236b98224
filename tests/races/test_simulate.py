"""The fleet on a virtual clock: against a plain study, against batches, and against arithmetic."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.samplers import RandomSampler, TPESampler

from helpers.errors import BadInput
from helpers.problems.functions import find_function
from helpers.problems.table import load_benchmark
from helpers.races.race import race
from helpers.races.recorded import record_workers
from helpers.races.recorded.record_liar import FILE, SEEDS, TRIALS, final_regret
from helpers.races.recorded.simulate import simulate

HARTMANN = find_function("hartmann6")


@pytest.fixture(autouse=True)
def quiet() -> None:
    """No line of log for each trial."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def tpe(seed: int) -> TPESampler:
    """As Optuna makes it, with constant liar."""
    return TPESampler(seed=seed)


def at_random(seed: int) -> RandomSampler:
    """Learns nothing."""
    return RandomSampler(seed=seed)


@pytest.mark.parametrize("problem", [HARTMANN, load_benchmark()], ids=["minimised", "maximised"])
def test_one_worker_is_a_plain_study(problem: object) -> None:
    """The same values in the same order, whatever a trial's length; each trial begins where the last one ended."""
    study = optuna.create_study(direction=problem.direction, sampler=tpe(3))
    study.optimize(problem, n_trials=30)
    run = simulate(problem, tpe, workers=1, trials=30, seed=3)
    assert run.value.tolist() == [trial.value for trial in study.trials]
    assert run.asked.tolist() == [0.0, *run.told.iloc[:-1]]
    assert run.regret.iloc[-1] == pytest.approx(abs(study.best_value - problem.optimum))


@pytest.mark.parametrize("workers", [1, 8])
def test_equal_lengths_are_batches(workers: int) -> None:
    """Workers that end together ask together: a race counts the same regret, the clock counts the batches."""
    raced = race(HARTMANN, {"TPE": tpe}, trials=50, seeds=(0, 1), workers=workers, quiet=True)
    run = simulate(HARTMANN, tpe, workers=workers, trials=50, seed=1, spread=0)
    assert run.regret.tolist() == raced.regret[0, 1].tolist()
    assert run.told.tolist() == [1 + n // workers for n in range(50)]


def test_nobody_works_twice_at_once(workers: int = 40) -> None:
    """The clock never goes back, and as many trials run at any moment as there are workers, till the end."""
    run = simulate(HARTMANN, at_random, workers=workers, trials=200, seed=0)
    assert len(run.told) == 200 and (np.diff(run.told) >= 0).all() and (run.told > run.asked).all()
    running = [np.sum((run.asked <= begin) & (run.told > begin)) for begin in run.asked]
    assert max(running) == workers and set(running[workers:]) == {workers}


def test_what_runs_is_not_known_to_the_sampler() -> None:
    """A sampler sees the value of a trial only after its end: a fleet as large as the budget searches at random."""
    alone = simulate(HARTMANN, tpe, workers=60, trials=60, seed=0)
    drawn = simulate(HARTMANN, at_random, workers=60, trials=60, seed=0)
    assert sorted(alone.value) == sorted(drawn.value)
    assert sorted(simulate(HARTMANN, tpe, workers=10, trials=60, seed=0).value) != sorted(drawn.value)


@pytest.mark.slow
def test_lengths_have_mean_one_and_the_spread_asked_for() -> None:
    """Log-normal, as documented; other seeds draw other lengths and the same seed the same."""
    run = simulate(HARTMANN, at_random, workers=1, trials=4000, seed=0, spread=0.8)
    lengths = run.told - run.asked
    assert lengths.mean() == pytest.approx(1, abs=0.05) and np.log(lengths).std() == pytest.approx(0.8, abs=0.04)
    again = simulate(HARTMANN, at_random, workers=1, trials=4000, seed=0, spread=0.8)
    assert again.told.tolist() == run.told.tolist()
    assert simulate(HARTMANN, at_random, workers=1, trials=9, seed=1).told[0] != run.told[0]


def test_random_search_is_as_many_times_as_fast(workers: int = 10) -> None:
    """What learns nothing loses nothing: the same trials, in an n-th of the time."""
    alone = simulate(HARTMANN, at_random, workers=1, trials=1000, seed=0)
    fleet = simulate(HARTMANN, at_random, workers=workers, trials=1000, seed=0)
    assert sorted(fleet.value) == sorted(alone.value)
    steady = slice(2 * workers, 1000 - workers)  # while nobody waits at the end
    assert (alone.told[steady] / fleet.told[steady]).mean() == pytest.approx(workers, rel=0.15)


def test_a_nan_is_refused() -> None:
    """A run cannot be ranked by it."""

    class Broken(SimpleNamespace):
        def __call__(self, trial: optuna.Trial) -> float:
            return math.nan

    with pytest.raises(BadInput, match="broken returned nan"):
        simulate(Broken(name="broken", direction="minimize", optimum=0.0), tpe, workers=1, trials=2, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "seed"), [(10, 59), (100, 7)])
def test_the_record_of_the_liar_can_be_made_again(workers: int, seed: int) -> None:
    """Each row is what the simulation gives; nothing is left out."""
    table = pd.read_csv(FILE)
    assert len(table) == len(TRIALS) * len(SEEDS) and not table.duplicated(["workers", "seed"]).any()
    row = table.query("workers == @workers and seed == @seed").iloc[0]
    found = [final_regret(workers, seed, liar) for liar in (False, True)]
    assert found == pytest.approx([row["without the liar"], row["with the liar"]], rel=1e-4, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "seed"), [(10, 39), (100, 3)])
def test_the_record_of_the_workers_can_be_made_again(workers: int, seed: int) -> None:
    """Each run's steps are what the simulation gives; no run is left out, and regret only falls."""
    table = pd.read_csv(record_workers.FILE)
    runs = table.groupby(["workers", "seed"])
    assert set(runs.groups) == {(n, s) for n in record_workers.TRIALS for s in record_workers.SEEDS}
    assert (runs["regret"].diff().dropna() < 0).all() and (runs["ended"].min() == 1).all()
    found, kept = record_workers.steps(workers, seed), runs.get_group((workers, seed))
    assert list(found["ended"]) == list(kept["ended"])
    assert found[["told", "regret"]].to_numpy() == pytest.approx(
        kept[["told", "regret"]].to_numpy(), rel=1e-4, abs=1e-6
    )
