"""Typical wrong answers to the exercises of notebook 12."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile

from optuna import Study
from optuna.trial import TrialState
from pandas import DataFrame

COMPLETE = (TrialState.COMPLETE,)


def again(states=COMPLETE, of=None, key=lambda trial: -trial.value, seeds=(1, 2), attrs="seed", keep=7) -> Callable:
    """An answer to exercise 12.3 with something of it changed."""

    def enqueue(study: Study, best: int) -> None:
        trials = [trial for trial in study.get_trials(states=states) if of is None or of(trial)]
        for trial in sorted(trials, key=key)[:best]:
            for seed in seeds:
                params = dict(list(trial.params.items())[:keep])
                study.enqueue_trial(params, user_attrs={attrs: seed})

    return enqueue


def of_three(runs: DataFrame, measure: str, seeds: int = 3) -> str:
    """The configuration with the highest `measure`, of those with so many seeds."""
    configs = runs.groupby("config")["accuracy"].agg(["size", measure])
    return configs[configs["size"] == seeds][measure].idxmax()


def skipping(study: Study, best: int) -> None:
    """Nothing is enqueued, as the parameters exist."""
    for trial in sorted(study.get_trials(states=COMPLETE), key=lambda trial: -trial.value)[:best]:
        for seed in (1, 2):
            study.enqueue_trial(trial.params, user_attrs={"seed": seed}, skip_if_exists=True)


WRONG = [
    ("12.1", lambda trials: sum(len(t.intermediate_values) for t in trials), "that counts reports"),
    ("12.1", lambda trials: sum(t.last_step for t in trials), "last_step is None where nothing was reported"),
    ("12.1", lambda trials: 18 * len(trials), "pruned after epoch 3, it gives 18; asked was 3"),
    (
        "12.1",
        lambda trials: sum(t.last_step for t in trials if t.state in COMPLETE),
        "pruned after epoch 3, it gives 0; asked was 3",
    ),
    (
        "12.1",
        lambda trials: sum(t.last_step for t in trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED)),
        "failed after epoch 7, it gives 0; asked was 7",
    ),
    ("12.1", lambda trials: sum({t.last_step or 0 for t in trials}), "two each of .* it gives .*; asked was"),
    (
        "12.1",
        lambda trials: sum(takewhile(bool, (t.last_step for t in trials))),
        "two each of .* it gives .*; asked was",
    ),
    (
        "12.1",
        lambda trials: sum(t.last_step or 0 for t in trials if t.state.is_finished()),
        "still running after epoch 5, it gives 0; asked was 5",
    ),
    ("12.1", len, "it gives 1; asked was 18"),
    ("12.1", lambda trials: [t.last_step for t in trials], "it gives .18.; asked was 18"),
    ("12.1", 540, "hand over the function itself"),
    ("12.2", lambda runs: runs.loc[runs["accuracy"].idxmax(), "config"], "highest single value"),
    ("12.2", lambda runs: runs.drop(runs.index[0], inplace=True), "work on a copy"),
    ("12.2", lambda runs: runs.groupby("config")["accuracy"].mean().idxmax(), "one or two seeds only"),
    ("12.2", lambda runs: of_three(runs, "min"), "asked was"),
    ("12.2", lambda runs: of_three(runs, "max"), "highest single value"),
    ("12.2", lambda runs: of_three(runs, "median"), "asked was"),
    ("12.2", lambda runs: of_three(runs[runs["seed"] > 0], "mean", 2), "asked was"),
    ("12.2", lambda runs: runs[runs["seed"] > 0].groupby("config")["accuracy"].mean().idxmax(), "asked was"),
    ("12.2", lambda runs: runs.groupby("config")["accuracy"].mean().idxmin(), "gives .D.; asked was .B."),
    ("12.2", lambda runs: runs.groupby("config")["accuracy"].sum().idxmax(), "gives .small.; asked was .wide."),
    ("12.2", lambda runs: "B", "gives 'B'; asked was"),
    ("12.2", lambda runs: 0.43, "gives 0.43"),
    ("12.3", skipping, "skip_if_exists=True left them out"),
    ("12.3", again(states=(TrialState.COMPLETE, TrialState.PRUNED)), "gives .'rate=0.03 .*rate=1.0 "),
    ("12.3", again(key=lambda trial: trial.value), "gives .'rate=0.01 "),
    ("12.3", again(attrs="run"), "seed=None"),
    ("12.3", again(seeds=(0, 1, 2)), "seed=0"),
    ("12.3", again(seeds=(1000, 1001)), "seed=1000"),
    ("12.3", again(seeds=("1", "2")), "seed='1'"),
    ("12.3", again(of=lambda trial: trial.value), "0.3: 0.0.* it gives .*; asked was"),
    ("12.3", again(seeds=(1,)), "gives .'rate=0.03 width=0.3 seed=1', 'rate=0.1 width=1.0 seed=1'.; asked"),
    ("12.3", again(keep=1), "gives .'rate=0.03 seed=1', "),
    (
        "12.3",
        lambda study, best: study.enqueue_trial(study.best_params, user_attrs={"seed": 1}),
        "gives .* seed=1'.; asked was",
    ),
    (
        "12.3",
        lambda study, best: again()(study, best) or study.optimize(lambda trial: 0.0, n_trials=4),
        "that do not wait",
    ),
    ("12.3", lambda study, best: None, "no trial waits"),
    ("12.4", "a", "twelve of them"),
    ("12.4", "c", "uses them to choose"),
]
CONTEXT: dict[str, dict] = {}
