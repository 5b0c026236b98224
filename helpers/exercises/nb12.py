"""Checks of notebook 12, the capstone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import optuna
import pandas as pd
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from helpers.exercises.kit import choice, function
from helpers.problems.capstone import EPOCHS, SEEDS
from helpers.problems.table import SMUDGED

SPACE: dict[str, optuna.distributions.BaseDistribution] = {
    name: optuna.distributions.FloatDistribution(levels[0], levels[-1], log=name in SMUDGED.logarithmic)
    for name, levels in SMUDGED.space.items()
}
COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL


def made(state: TrialState, epochs: Sequence[int], value: float | None = None, place: float = 0.1) -> FrozenTrial:
    """A trial that reported after these epochs, told apart by its learning rate."""
    params = {name: levels[0] for name, levels in SMUDGED.space.items()} | {"learning_rate": place}
    reports = {epoch: (value or 0.3) * epoch / EPOCHS for epoch in epochs}
    return create_trial(
        state=state, value=value, params=params, distributions=SPACE, intermediate_values=reports,
        user_attrs={"seed": 0},
    )  # fmt: skip


DONE, STOPPED = made(COMPLETE, range(1, EPOCHS + 1), 0.4), made(PRUNED, (1, 2, 3), 0.1)
FAILED, WAITING = made(FAIL, range(1, 8)), create_trial(state=TrialState.WAITING)
function(
    "12.1",
    lambda trials: sum(trial.last_step or 0 for trial in trials),
    {
        "two whole trainings": ([DONE, DONE],),
        f"a whole training of {EPOCHS} epochs and one that was pruned after 3": ([DONE, STOPPED],),
        f"a whole training of {EPOCHS} epochs and one that failed after 7": ([FAILED, DONE],),
        f"a whole training of {EPOCHS} epochs and one that waits": ([WAITING, DONE],),
        "a trial that reported after epochs 3, 6 and 9 alone, and was pruned": ([made(PRUNED, (3, 6, 9), 0.2)],),
        "a trial that failed before its first report": ([made(FAIL, ())],),
        "no trial": ([],),
        "all of these": ([WAITING, STOPPED, DONE, FAILED, made(PRUNED, (5, 10), 0.2), STOPPED],),
    },
    {
        "it leaves out what pruned and failed trials trained.": lambda trials: sum(
            trial.last_step for trial in trials if trial.state == COMPLETE
        ),
        "it leaves out what failed trials trained.": lambda trials: sum(
            trial.last_step for trial in trials if trial.state in (COMPLETE, PRUNED)
        ),
        f"a trial that was stopped spent what it trained, not {EPOCHS}.": lambda trials: EPOCHS * len(trials),
        "that counts reports; a trial may report every third epoch. Its last step says how far it came.": (
            lambda trials: sum(len(trial.intermediate_values) for trial in trials)
        ),
        "last_step is None where nothing was reported: such a trial has spent nothing.": lambda trials: sum(
            trial.last_step for trial in trials
        ),
        "that is the number of trials: sum their epochs.": len,
    },
    "What was trained was paid for, whatever became of it.",
)


def by_config(measure: str, whole: bool = True) -> Callable:
    """The configuration with the highest `measure`, of those with all seeds or of all."""

    def best(runs: pd.DataFrame) -> str:
        configs = runs.groupby("config")["accuracy"].agg(["size", measure])
        return configs[configs["size"] == 3 if whole else slice(None)][measure].idxmax()

    return best


def drawn_runs(seed: int) -> pd.DataFrame:
    """Six configurations, some of them with fewer seeds, the rows in any order."""
    rng = np.random.default_rng(seed)
    names = rng.permutation(["wide", "deep", "small", "A", "B", "C"])
    rows = [(name, n, rng.uniform(0.3, 0.5)) for place, name in enumerate(names) for n in range(3 - place // 3)]
    frame = pd.DataFrame(rows, columns=["config", "seed", "accuracy"])
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)


RUNS = {"A": (0.46, 0.40, 0.39), "B": (0.43, 0.44, 0.42), "C": (0.45,), "D": (0.30, 0.31, 0.32)}
TABLE = pd.DataFrame(
    [(name, seed, value) for name, values in RUNS.items() for seed, value in enumerate(values)],
    columns=["config", "seed", "accuracy"],
)
function(
    "12.2",
    by_config("mean"),
    {f"these accuracies, {RUNS},": (TABLE,)}
    | {f"these rows, {drawn_runs(seed).round(2).values.tolist()},": (drawn_runs(seed),) for seed in range(10)},
    {
        "that is the highest single value, the luck of one seed: compare the means.": by_config("max", whole=False),
        "that is the highest single value of those with three seeds: compare the means.": by_config("max"),
        "some were trained with one seed only, and their mean is that seed's luck: ask for all three.": by_config(
            "mean", whole=False
        ),
        "you compare the lowest values: compare the means.": by_config("min"),
        "you compare the medians: compare the means.": by_config("median"),
        "that is the lowest mean: the accuracy is to be high.": lambda runs: by_config("mean")(
            runs.assign(accuracy=-runs["accuracy"])
        ),
    },
    "Three seeds are few, and already better than the luck of one.",
)


def enqueued(answer: Callable, places: dict[float, float], best: int) -> object:
    """Which learning rates, with how many other parameters and which seed, wait after the answer has run."""
    study = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=0))
    study.add_trials([made(COMPLETE, range(1, EPOCHS + 1), value, place) for place, value in places.items()])
    study.add_trial(made(PRUNED, range(1, 10), 0.5, 1.0))
    study.add_trial(made(FAIL, range(1, 4), None, 0.9))
    answer(study, best)
    waiting = [trial for trial in study.trials if trial.state == TrialState.WAITING]
    if len(study.trials) != len(places) + 2 + len(waiting):
        return "trials that ran"
    return sorted(map(_asked, waiting))


def _asked(trial: FrozenTrial) -> str:
    fixed = trial.system_attrs.get("fixed_params", {})
    rate, seed = fixed.get("learning_rate"), trial.user_attrs.get("seed")
    return f"learning rate {rate} and {len(fixed) - 1} more, seed {seed}"


def enqueue(
    seeds: Sequence[int | None] = (1, 2), states: Sequence[TrialState] = (COMPLETE,), sign: int = -1, most: int = 99
) -> Callable:
    """An answer to 12.3 with something of it changed."""

    def again(study: optuna.Study, best: int) -> None:
        finished = [trial for trial in study.trials if trial.state in states]
        for trial in sorted(finished, key=lambda trial: sign * trial.values[0])[: min(best, most)]:
            for seed in seeds:
                study.enqueue_trial(trial.params, user_attrs={} if seed is None else {"seed": seed})

    return again


function(
    "12.3",
    enqueue(),
    {
        f"learning rates with these values, {places}, and best = {best},": (places, best)
        for places in ({0.01: 0.41, 0.03: 0.45, 0.1: 0.43, 0.3: 0.20}, {0.3: 0.1, 0.2: 0.4, 0.05: 0.3})
        for best in (2, 1, 3)
    },
    {
        "no trial waits afterwards: none was enqueued, or skip_if_exists=True left them out, whose parameters exist.": (
            lambda study, best: None
        ),
        "it runs trials: only enqueue, study.optimize comes after it.": lambda study, best: study.ask() and None,
        "it repeats pruned trials, whose value is only their last report: take completed ones.": enqueue(
            states=(COMPLETE, PRUNED)
        ),
        "it repeats the worst ones: this study maximises.": enqueue(sign=1),
        'the seed is missing: enqueue_trial(params, user_attrs={"seed": seed}).': enqueue(seeds=(None, None)),
        "it trains seed 0 again, which would give the same number at the price of a training.": enqueue(SEEDS),
        "one seed is missing: each is to be trained with seeds 1 and 2.": enqueue((1,)),
        "it repeats the best one alone: take as many as `best` says.": enqueue(most=1),
    },
    "Four trainings, and the winner is chosen by three numbers instead of one.",
    watch=enqueued,
)

choice(
    "12.4",
    "b",
    {
        "a": "each study kept its budget, and the twelve together spent twelve of them.",
        "c": "the held-back seeds are fresh for one choice; choosing among twelve scores uses them to choose.",
    },
    "The held-back seeds chose, so they can no longer judge. It is the optimism of the maximum once more.",
)
