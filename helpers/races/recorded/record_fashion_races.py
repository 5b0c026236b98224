"""Records races on the second record (Fashion-MNIST), all or those named; it can be stopped and started again.

A search sees what a learner sees: one training per trial, all with one seed (run n: the recorded seed n modulo 5), and
its validation accuracy after the last epoch. What its choice is worth is read from the test images, over the seeds
that the search did not use.
"""

from __future__ import annotations

import shutil
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import date
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
import optuna
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PatientPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, NSGAIISampler, QMCSampler, RandomSampler, TPESampler
from optuna.trial import TrialState
from scipy.stats import t, ttest_1samp
from threadpoolctl import threadpool_limits

from helpers.problems.recorded.card import regret_on_test
from helpers.problems.recorded.record_tables import run_missing, write
from helpers.problems.table import FASHION, Benchmark, load_benchmark
from helpers.problems.two_objectives import hypervolume
from helpers.races.race import FASHION_RACES, Race, load_races

FILE = FASHION_RACES
CHUNK, TRIALS, FEW, EPOCHS = 20, 200, 60, FASHION.epochs
BUDGET, TOP, AGAIN = 60, 5, 2  # a pruner's budget counts whole trainings; the TOP trials are trained AGAIN
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "Random": lambda seed: RandomSampler(seed=seed),
    "QMC": lambda seed: QMCSampler(scramble=True, seed=seed),
    "TPE": lambda seed: TPESampler(seed=seed),
    "CMA-ES": lambda seed: CmaEsSampler(seed=seed),
}
WITH_GP = SAMPLERS | {"GP": lambda seed: GPSampler(seed=seed)}
PRUNERS: dict[str, Callable[[], BasePruner]] = {
    "no pruner": NopPruner,
    "median": MedianPruner,
    "percentile 25": lambda: PercentilePruner(25.0),
    "halving": lambda: SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    "Hyperband": lambda: HyperbandPruner(min_resource=1, max_resource=EPOCHS, reduction_factor=3),
    "median, patience 3": lambda: PatientPruner(MedianPruner(), patience=3),
}
SEVERAL = {name: SAMPLERS[name] for name in ("Random", "TPE")} | {"NSGA-II": lambda seed: NSGAIISampler(seed=seed)}
PLANS = {  # race: (entrants, runs, length of its last axis)
    "samplers": (tuple(SAMPLERS), 200, TRIALS),
    "pruners, Random": (tuple(PRUNERS), 200, BUDGET),
    "top five again": (("once", "again"), 60, 1),
    "with GP": (tuple(WITH_GP), 40, FEW),
    "pruners, TPE": (tuple(PRUNERS), 200, BUDGET),
    "two objectives": (tuple(SEVERAL), 60, TRIALS),
}
KINDS = ("validation", "test")


def seed_of(run: int) -> int:
    """The recorded seed that a run trains with."""
    return run % len(FASHION.metrics["validation_accuracy"][0])


def search(table: Benchmark, sampler: BaseSampler, run: int, trials: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows tried and their validation accuracies, both (trials,)."""
    study, rows, values = optuna.create_study(direction="maximize", sampler=sampler), [], []
    for _ in range(trials):
        trial = study.ask()
        config = table.nearest(table.suggest(trial))
        rows.append(table.row(config))
        values.append(table.value(config, seed=seed_of(run)))
        study.tell(trial, values[-1])
    return np.array(rows), np.array(values)


def regrets(table: Benchmark, run: int, chosen: np.ndarray) -> np.ndarray:
    """(2, choices): regret by validation, with the run's own seed, and on test, over the other seeds."""
    validation = table.curves["validation_accuracy"][:, seed_of(run), -1]
    return np.stack([validation.max() - validation[chosen], regret_on_test(table, chosen, [seed_of(run)])])


def of_samplers(table: Benchmark, name: str, run: int, trials: int) -> np.ndarray:
    """(2, trials)."""
    rows, values = search(table, WITH_GP[name](run), run, trials)
    return regrets(table, run, rows[incumbents(values)])


def incumbents(values: np.ndarray) -> np.ndarray:
    """After each value the place of the highest so far, the first of equals; (n,) to (n,)."""
    places, best = [], 0
    for place, value in enumerate(values):
        best = place if value > values[best] else best
        places.append(best)
    return np.array(places)


def of_pruners(table: Benchmark, sampler: str, name: str, run: int) -> np.ndarray:
    """(2, BUDGET): after the epochs of each whole training; until a trial has ended, the worst regret."""
    study = optuna.create_study(
        direction="maximize", sampler=SAMPLERS[sampler](run), pruner=PRUNERS[name](), study_name=f"run {run}"
    )
    worst = int(np.argmin(table.curves["validation_accuracy"][:, seed_of(run), -1]))
    chosen, best, trained = np.full(BUDGET * EPOCHS + 1, worst), -1.0, 0
    while trained < BUDGET * EPOCHS:
        trial = study.ask()
        config = table.nearest(table.suggest(trial))
        for epoch, value in enumerate(table.curve(config, seed=seed_of(run)).tolist(), start=1):
            trial.report(value, epoch)
            trained += 1
            if trial.should_prune():
                study.tell(trial, state=TrialState.PRUNED)
                break
        else:
            study.tell(trial, value)
            if value > best and trained <= BUDGET * EPOCHS:
                best, chosen[trained:] = value, table.row(config)
    return regrets(table, run, chosen[EPOCHS::EPOCHS])


def of_two(table: Benchmark, name: str, run: int) -> np.ndarray:
    """(2, TRIALS): the share of the hypervolume that is missing, accuracy against width; on test, the front that the
    search chose by validation."""
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=SEVERAL[name](run))
    widths = np.log10([config["width"] for config in table.configurations])
    own, validation = [seed_of(run)], table.curves["validation_accuracy"][:, seed_of(run), -1]
    rows: list[int] = []
    for _ in range(TRIALS):
        trial = study.ask()
        rows.append(table.row(table.nearest(table.suggest(trial))))
        study.tell(trial, [validation[rows[-1]], widths[rows[-1]]])
    test = table.tested(np.arange(len(widths)), own)
    best = [_front_of(values, widths, values) for values in (validation, test)]
    return np.array(
        [
            [1 - _front_of(values, widths, validation, rows[: n + 1]) / whole for n in range(TRIALS)]
            for values, whole in zip((validation, test), best, strict=True)
        ]
    )


def _front_of(values: np.ndarray, widths: np.ndarray, chosen_by: np.ndarray, rows: list[int] | None = None) -> float:
    """The hypervolume, by `values`, of the best row of each width among `rows` by `chosen_by`."""
    among = np.arange(len(widths)) if rows is None else np.array(rows)
    best = [max(among[widths[among] == width], key=chosen_by.__getitem__) for width in np.unique(widths[among])]
    points = np.column_stack([values[best], widths[best]])
    return hypervolume(points)


def of_top(table: Benchmark, name: str, run: int) -> np.ndarray:
    """(2, 1): with the epochs of BUDGET trainings, TPE alone, or the last of them for the best ones with new seeds."""
    own, seeds = seed_of(run), table.recording.metrics["validation_accuracy"][0]
    new = [(own + n) % len(seeds) for n in range(1, AGAIN + 1)]
    rows, values = search(table, TPESampler(seed=run), run, BUDGET - TOP * AGAIN * (name == "again"))
    chosen = rows[np.argmax(values)]
    if name == "again":
        ranked = np.array(list(dict.fromkeys(rows[np.argsort(-values, kind="stable")])))[:TOP]
        means = table.curves["validation_accuracy"][ranked][:, [own, *new], -1].mean(axis=1)
        chosen = ranked[np.argmax(means)]
    validation = table.curves["validation_accuracy"][:, own, -1]
    return np.array([[validation.max() - validation[chosen]], [regret_on_test(table, chosen, [own, *new])]])


def chunk(race: str, entrant: str, first: int) -> np.ndarray:
    """(runs, 2, length) of CHUNK runs."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    table = load_benchmark("fashion")
    one: Callable[[int], np.ndarray] = {
        "samplers": lambda run: of_samplers(table, entrant, run, TRIALS),
        "with GP": lambda run: of_samplers(table, entrant, run, FEW),
        "pruners, Random": lambda run: of_pruners(table, "Random", entrant, run),
        "pruners, TPE": lambda run: of_pruners(table, "TPE", entrant, run),
        "two objectives": lambda run: of_two(table, entrant, run),
        "top five again": lambda run: of_top(table, entrant, run),
    }[race]
    with threadpool_limits(1):
        return np.stack([one(run) for run in range(first, first + CHUNK)])


def chunk_to(path: Path, race: str, entrant: str, first: int) -> None:
    """Some runs of one entrant, stored in one step."""
    begin = time.perf_counter()
    regret = chunk(race, entrant, first)
    write(path, {"regret": regret.astype(np.float32), "seconds": np.array(time.perf_counter() - begin)})


def compared(regret: np.ndarray, others: np.ndarray) -> dict[str, float]:
    """The mean lead of paired runs, its 95 % interval (Student's t), and the least true lead that so many runs find
    with a probability of 0.8 (two-sided, 0.05)."""
    gap = others - regret
    test, error = ttest_1samp(gap, 0), gap.std(ddof=1) / np.sqrt(len(gap))
    low, high = test.confidence_interval()
    least = (t.ppf(0.975, len(gap) - 1) + t.ppf(0.8, len(gap) - 1)) * error
    return {"lead": gap.mean(), "low": low, "high": high, "least": least}


def card() -> str:
    """The data card: every entrant against the first of its race, at the end."""
    rows = []
    for name, race in load_races(FILE).items():
        for entrant in race.names[1:]:
            found = compared(race.final(entrant), race.final(race.names[0]))
            figures = [f"{found[key]:+.4f}" for key in ("lead", "low", "high")] + [f"{found['least']:.4f}"]
            rows.append(f"| {name} | {entrant} | {race.names[0]} | {race.regret.shape[1]} | {' | '.join(figures)} |")
    return f"""# Data card: races on the second record

Searches on the record of Fashion-MNIST (../../problems/recorded/fashion.md). A search sees one training a trial, all
with one seed (run n: seed n modulo 5), and its validation accuracy after the last epoch. "validation" is the regret of
what it chose by that accuracy; "test" is that of the same choice on the test images, mean over the seeds it did not
use, against the configuration that is best by test over all seeds.

- samplers: {TRIALS} trials, Optuna's defaults; QMC with `scramble=True`.
- pruners, by sampler: the epochs of {BUDGET} whole trainings; the last axis counts whole trainings.
- top five again: the epochs of {BUDGET} trainings. "once": TPE's best trial. "again": the last {TOP * AGAIN} trainings
  repeat the {TOP} best trials with {AGAIN} new seeds each, and the highest mean is chosen; tested on the other seeds.

Regrets at the end, paired by run: the lead over the first entrant, its 95 % interval (Student's t), and the least true
lead that so many runs find with a probability of 0.8.

| race | entrant | against | runs | lead | low | high | least |
|---|---|---|---|---|---|---|---|
{chr(10).join(rows)}

**File.** fashion_races.npz, {FILE.stat().st_size / 1e6:.1f} MB, arranged as races.npz (races.md).

**How made.** `python -m helpers.races.recorded.record_fashion_races RACE ...`, on {date.today():%d %B %Y}.
Optuna {version("optuna")}, cmaes {version("cmaes")}.
`tests/races/test_fashion_races.py` repeats some runs.

**Licence.** MIT, as the course.
"""


def main(races: Sequence[str] = tuple(PLANS)) -> None:
    """Runs what is missing of these races, one process a core, and writes them in one step, with their card; the races
    in the file that are not named stay as they are."""
    folder = FILE.parent / "fashion_parts"
    work = [
        (race, name, first) for race in races for name in PLANS[race][0] for first in range(0, PLANS[race][1], CHUNK)
    ]
    work.sort(key=lambda job: job[1] != "GP")  # the slowest first, so that no core waits at the end
    files = {job: folder / f"{', '.join(map(str, job))}.npz" for job in work}
    run_missing(chunk_to, [(files[job], *job) for job in work], unit="part", desc="racing")
    stored = dict(load_races(FILE)) if FILE.exists() else {}
    for race, (n, kind) in product(races, enumerate(KINDS)):
        names, runs, length = PLANS[race]
        parts = [[np.load(files[race, name, first]) for first in range(0, runs, CHUNK)] for name in names]
        regret = np.stack([np.concatenate([part["regret"][:, n] for part in p]) for p in parts])
        seconds = [sum(float(part["seconds"]) for part in p) / runs / length for p in parts]
        full = np.repeat(np.array(seconds)[:, None], length, axis=1)
        stored[f"{race}, {kind}"] = Race(race, names, regret, full)
    kept = [name for race in PLANS for kind in KINDS if (name := f"{race}, {kind}") in stored]
    arrays: dict[str, np.ndarray] = {"races": np.array(kept)}
    for n, name in enumerate(kept):
        arrays[f"{n} entrants"] = np.array(stored[name].names)
        arrays[f"{n} regret"] = stored[name].regret.astype(np.float32)
        arrays[f"{n} seconds"] = stored[name].seconds
    write(FILE, arrays)
    load_races.cache_clear()
    FILE.with_suffix(".md").write_text(card(), encoding="utf-8")
    shutil.rmtree(folder)
    print(f"{FILE} is written.")


if __name__ == "__main__":
    main(sys.argv[1:] or tuple(PLANS))
