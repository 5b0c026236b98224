"""Typical wrong answers to the exercises of notebook 12."""

from __future__ import annotations

from collections.abc import Callable

from optuna import Study
from optuna.trial import TrialState

COMPLETE = (TrialState.COMPLETE,)


def again(states=COMPLETE, key=lambda trial: -trial.value, seeds=(1, 2), attrs="seed", keep=7) -> Callable:
    """An answer to exercise 12.3 with something of it changed."""

    def enqueue(study: Study, best: int) -> None:
        for trial in sorted(study.get_trials(states=states), key=key)[:best]:
            for seed in seeds:
                params = dict(list(trial.params.items())[:keep])
                study.enqueue_trial(params, user_attrs={attrs: seed})

    return enqueue


def skipping(study: Study, best: int) -> None:
    """Nothing is enqueued, as the parameters exist."""
    for trial in sorted(study.get_trials(states=COMPLETE), key=lambda trial: -trial.value)[:best]:
        for seed in (1, 2):
            study.enqueue_trial(trial.params, user_attrs={"seed": seed}, skip_if_exists=True)


WRONG = [
    ("12.1", lambda trials: sum(len(t.intermediate_values) for t in trials), "that counts reports"),
    ("12.2", lambda runs: runs[runs.seed > 0].groupby("config").accuracy.mean().idxmax(), "asked was"),
    ("12.3", skipping, "skip_if_exists=True left them out"),
    ("12.1", lambda trials: 18 * len(trials), "spent what it trained, not 18"),
    (
        "12.1",
        lambda trials: sum(t.last_step for t in trials if t.state in COMPLETE),
        "what pruned and failed trials trained",
    ),
    (
        "12.1",
        lambda trials: sum(t.last_step for t in trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED)),
        "what failed trials trained",
    ),
    ("12.1", lambda trials: sum(t.last_step for t in trials), "last_step is None where nothing was reported"),
    ("12.1", lambda trials: len(trials), "the number of trials"),
    ("12.1", lambda trials: [t.last_step for t in trials], "it gives .18, 18.; asked was 36"),
    ("12.1", 540, "hand over the function itself"),
    ("12.2", lambda runs: runs.loc[runs["accuracy"].idxmax(), "config"], "highest single value"),
    ("12.2", lambda runs: runs.groupby("config")["accuracy"].mean().idxmax(), "trained with one seed only"),
    ("12.2", lambda runs: runs.groupby("config")["accuracy"].max().idxmax(), "highest single value"),
    ("12.2", lambda runs: runs.groupby("config")["accuracy"].mean().idxmin(), "gives .D.; asked was .B."),
    ("12.2", lambda runs: "B", "gives 'B'; asked was"),
    ("12.2", lambda runs: 0.43, "gives 0.43"),
    ("12.3", again(states=(TrialState.COMPLETE, TrialState.PRUNED)), "repeats pruned trials"),
    ("12.3", again(key=lambda trial: trial.value), "this study maximises"),
    ("12.3", again(attrs="run"), "the seed is missing"),
    ("12.3", again(seeds=(0, 1, 2)), "trains seed 0 again"),
    ("12.3", again(seeds=(1000, 1001)), "seed 1000"),
    ("12.3", again(seeds=(1,)), "one seed is missing"),
    ("12.3", again(keep=1), "and 0 more, seed 1"),
    (
        "12.3",
        lambda study, best: study.enqueue_trial(study.best_params, user_attrs={"seed": 1}),
        "gives .* seed 1.\\]; asked was",
    ),
    ("12.3", lambda study, best: None, "no trial waits"),
    ("12.4", "a", "twelve of them"),
    ("12.4", "c", "uses them to choose"),
]
CONTEXT: dict[str, dict] = {}
