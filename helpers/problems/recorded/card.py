"""The figures of Fashion-MNIST's data card, counted in its record: `python -m helpers.problems.recorded.card`."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd
from scipy.stats import rankdata, spearmanr

from helpers.problems.table import Benchmark, load_benchmark

EARLY, FALL, NEAR = 3, 0.01, (0.001, 0.0025, 0.005)  # an epoch; accuracies
SHARES = {"all": 1.0, "the best tenth": 0.1, "the best hundredth": 0.01}


def variance(table: Benchmark) -> dict[str, float]:
    """The share of the final validation accuracy's variance that a seed makes, and each hyperparameter alone (its main
    effect: the variance of the means over its levels; of what one optimizer alone has, among that one's)."""
    values = table.curves["validation_accuracy"][:, :, -1]
    frame = pd.DataFrame(table.configurations)
    shares = {"seed": values.var(axis=1).mean() / values.var()}
    for name in table.space:
        there = frame[name].notna().to_numpy()
        own = values[there]
        means = frame.loc[there].assign(value=own.mean(axis=1)).groupby(name)["value"].transform("mean")
        shares[name] = means.var(ddof=0) / own.var()
    return shares


def ties(table: Benchmark) -> float:
    """The share of configurations whose mean final validation accuracy another one has, too."""
    right = np.rint(table.curves["validation_accuracy"][:, :, -1] * table.recording.images).sum(axis=1)
    _, places, counts = np.unique(right, return_inverse=True, return_counts=True)
    return float((counts[places] > 1).mean())


def regret_on_test(table: Benchmark, rows: int | np.ndarray, chosen_with: Collection[int] = ()) -> np.ndarray:
    """How far these rows stand below the best by test, both over the seeds that did not choose: a few may be above it
    where they are not all."""
    return table.tested(table.row(table.best_on_test), chosen_with) - table.tested(rows, chosen_with)


def near_the_top(table: Benchmark, within: float) -> int:
    """How many configurations stand so close to the best by test, itself included."""
    return int((regret_on_test(table, np.arange(len(table.configurations))) <= within + 1e-12).sum())


def agreement(table: Benchmark, share: float) -> float:
    """Spearman's rank correlation of validation and test accuracy in the best of them by validation."""
    frame = table.frame().nlargest(round(share * len(table.configurations)), "validation_accuracy")
    return float(spearmanr(frame["validation_accuracy"], frame["test_accuracy"]).statistic)


def falling(table: Benchmark) -> float:
    """The share of configurations whose mean validation curve ends more than 0.01 below its maximum."""
    curves = table.curves["validation_accuracy"].mean(axis=1)
    return float((curves.max(axis=1) - curves[:, -1] > FALL).mean())


def late_bloomers(table: Benchmark) -> tuple[int, float]:
    """Configurations below the best quarter after three epochs and in the best tenth at the end: how many, and their
    share of the best tenth."""
    curves = table.curves["validation_accuracy"].mean(axis=1)
    early, end = (rankdata(curves[:, epoch]) / len(curves) for epoch in (EARLY - 1, -1))
    late = (early <= 0.75) & (end > 0.9)
    return int(late.sum()), float(late.sum() / (end > 0.9).sum())


def lines(table: Benchmark) -> Iterator[str]:
    """The card's figures, a line each."""
    noise = table.frame()["noise"]
    lost = np.mean(~np.isfinite(table.curves["validation_loss"][:, :, -1]))
    late, share = late_bloomers(table)
    yield f"- Variance: {', '.join(f'{name} {part:.1%}' for name, part in variance(table).items())}."
    yield f"- Noise: {noise.median():.4f} over seeds (median; {noise.quantile(0.9):.4f} at 90 %)."
    yield f"- Diverged: {lost:.1%} of the trainings."
    yield f"- Ties: {ties(table):.1%} of the configurations share their mean validation accuracy with another."
    yield f"- Top: {', '.join(f'{near_the_top(table, gap)} within {gap:g}' for gap in NEAR)} of the best by test."
    yield f"- Ranks: {', '.join(f'{agreement(table, part):.2f} in {name}' for name, part in SHARES.items())}."
    yield f"- Overfit: {falling(table):.1%} of the curves end more than {FALL:g} below their maximum."
    yield f"- Late bloomers: {late}, {share:.1%} of the best tenth were below the best quarter after {EARLY} epochs."
    for where, config in {"test": table.best_on_test, "validation": table.best}.items():
        seen, tested = (table.value(config, f"{part}_accuracy") for part in ("validation", "test"))
        yield f"- Best by {where}: {said(config)}; validation {seen:.4f}, test {tested:.4f}."


def said(config: dict) -> str:
    """A configuration in words."""
    return ", ".join(f"{name} {level if isinstance(level, str) else f'{level:g}'}" for name, level in config.items())


if __name__ == "__main__":
    print(*lines(load_benchmark("fashion")), sep="\n")
