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


WRONG = [
    ("12.1", lambda trials: 18 * len(trials), "a trial pruned after 3 epochs spent 3"),
    ("12.1", lambda trials: sum(t.last_step for t in trials if t.state in COMPLETE), "a pruned trial trained"),
    ("12.1", lambda trials: sum(t.last_step for t in trials if t.state.is_finished() and t.value), "failed after 7"),
    ("12.1", lambda trials: sum(t.last_step for t in trials), "raised TypeError"),
    ("12.1", lambda trials: len(trials), "two whole trainings are 36 epochs"),
    ("12.1", lambda trials: [t.last_step for t in trials], "return a number of epochs"),
    ("12.1", 540, "hand over the function itself"),
    ("12.2", lambda runs: runs.loc[runs["accuracy"].idxmax(), "config"], "highest single value"),
    ("12.2", lambda runs: runs.groupby("config")["accuracy"].mean().idxmax(), "trained with one seed only"),
    ("12.2", lambda runs: runs.groupby("config")["accuracy"].max().idxmax(), "highest single value"),
    ("12.2", lambda runs: runs.groupby("config")["accuracy"].mean().idxmin(), "D is the lowest"),
    ("12.2", lambda runs: "B", "look at the accuracies"),
    ("12.2", lambda runs: 0.43, "return the name of one configuration"),
    ("12.3", again(states=(TrialState.COMPLETE, TrialState.PRUNED)), "repeats a pruned trial"),
    ("12.3", again(key=lambda trial: trial.value), "this study maximises"),
    ("12.3", again(attrs="run"), "the seed is missing"),
    ("12.3", again(seeds=(0, 1, 2)), "trains seed 0 again"),
    ("12.3", again(seeds=(1000, 1001)), "the public seeds are"),
    ("12.3", again(seeds=(1,)), "needs seeds 1 and 2"),
    ("12.3", again(keep=1), "only some of the parameters"),
    ("12.3", lambda study, best: study.enqueue_trial(study.best_params, user_attrs={"seed": 1}), "the two best have"),
    ("12.3", lambda study, best: None, "no trial waits"),
    ("12.4", "a", "twelve of them"),
    ("12.4", "c", "uses them to choose"),
]
CONTEXT: dict[str, dict] = {}
