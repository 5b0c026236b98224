"""Checks of notebook 12, the capstone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product

import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from helpers.exercises.kit import choice, function, plain
from helpers.problems.capstone import EPOCHS

COMPLETE, PRUNED, FAIL, RUNNING = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING


def trained(state: TrialState, *epochs: int, value: float | None = None, rate: float = 0.1) -> FrozenTrial:
    """A trial that reported after these epochs, with a learning rate and a width."""
    params, reports = {"rate": rate, "width": 10 * rate}, dict.fromkeys(epochs, 0.3)
    spaces: dict[str, BaseDistribution] = dict.fromkeys(params, FloatDistribution(0, 10))
    return create_trial(state=state, value=value, params=params, distributions=spaces, intermediate_values=reports)


TRIALS = {
    "completed": trained(COMPLETE, *range(1, EPOCHS + 1), value=0.4),
    "pruned after epoch 3": trained(PRUNED, 1, 2, 3, value=0.1),
    "pruned after epoch 9, with every third reported": trained(PRUNED, 3, 6, 9, value=0.2),
    "failed after epoch 7": trained(FAIL, *range(1, 8)),
    "failed before a report": trained(FAIL),
    "still running after epoch 5": trained(RUNNING, *range(1, 6)),
}
function(
    "12.1",
    lambda trials: sum(trial.last_step or 0 for trial in trials),
    {f"one trial, {name},": ([trial],) for name, trial in TRIALS.items()}
    | {f"two each of trials {', '.join(TRIALS)},": ([*TRIALS.values()] * 2,), "no trial": ([],)},
    {
        "that counts reports; a trial may report every third epoch. Its last step says how far it came.": (
            lambda trials: sum(len(trial.intermediate_values) for trial in trials)
        ),
        "last_step is None where nothing was reported: such a trial has spent nothing.": (
            lambda trials: sum(trial.last_step for trial in trials)
        ),
    },
    "What was trained was paid for, whatever became of it.",
)


def table(accuracies: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """A row for each training; the seeds of a configuration are 0, 1 and 2, as far as there are any."""
    rows = [(name, seed, value) for name, values in accuracies.items() for seed, value in enumerate(values)]
    return pd.DataFrame(rows, columns=["config", "seed", "accuracy"]).sample(frac=1, random_state=0)


RUNS: Sequence[dict[str, Sequence[float]]] = (
    {"A": (0.46, 0.40, 0.39), "B": (0.43, 0.44, 0.42), "C": (0.45,), "D": (0.30, 0.31, 0.32)},
    {"wide": (0.21, 0.50, 0.20), "deep": (0.25, 0.36, 0.27), "small": (0.48, 0.48), "tiny": (0.29, 0.29, 0.29)},
    {"one": (0.20, 0.50, 0.50), "two": (0.30, 0.30, 0.52), "three": (0.45, 0.44, 0.34), "four": (0.46, 0.45, 0.30)},
)
function(
    "12.2",
    lambda runs: runs.pivot(index="config", columns="seed", values="accuracy").dropna().mean(axis=1).idxmax(),
    {f"these accuracies, {accuracies},": (table(accuracies),) for accuracies in RUNS},
    {
        "that is the highest single value, the luck of one seed: compare the means.": (
            lambda runs: runs.groupby("config")["accuracy"].max().idxmax()
        ),
        "some were trained with one or two seeds only, and their mean is luck: ask for all three.": (
            lambda runs: runs.groupby("config")["accuracy"].mean().idxmax()
        ),
    },
    "Three seeds are few, and already better than the luck of one.",
)


def enqueued(answer: Callable, values: Mapping[float, float], best: int) -> object:
    """The parameters and seeds that wait after the answer has run; `values` by learning rate."""
    study = optuna.create_study(direction="maximize")
    study.add_trials([trained(COMPLETE, 1, value=value, rate=rate) for rate, value in values.items()])
    study.add_trials([trained(PRUNED, 1, value=0.5, rate=1.0), trained(FAIL, 1, rate=0.9)])
    answer(study, best)
    added = study.trials[len(values) + 2 :]
    if any(trial.state != TrialState.WAITING for trial in added):
        return "trials that do not wait"
    waiting = [{**trial.system_attrs["fixed_params"], "seed": trial.user_attrs.get("seed")} for trial in added]
    return sorted(" ".join(f"{name}={plain(value)!r}" for name, value in settings.items()) for settings in waiting)


def again(study: optuna.Study, best: int, skip: bool = False) -> None:
    """An answer to 12.3."""
    finished = sorted(study.get_trials(states=(COMPLETE,)), key=lambda trial: -trial.values[0])
    for trial, seed in product(finished[:best], (1, 2)):
        study.enqueue_trial(trial.params, user_attrs={"seed": seed}, skip_if_exists=skip)


function(
    "12.3",
    again,
    {
        f"learning rates with these values, {values}, and best = {best},": (values, best)
        for values in ({0.01: 0.41, 0.03: 0.45, 0.1: 0.43, 0.3: 0.20}, {0.3: 0.0, 0.2: 0.4, 0.05: 0.3})
        for best in (2, 1, 3)
    },
    {
        "no trial waits afterwards: none was enqueued, or skip_if_exists=True left them out, whose parameters exist.": (
            lambda study, best: again(study, best, skip=True)
        ),
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
