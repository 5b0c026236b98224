"""Wrong answers to the exercises of notebook 10, each with what it has to be told."""

from __future__ import annotations

import optuna

from helpers.errors import BadInput
from helpers.training.checkpoint import load_training
from helpers.training.data import load_dataset
from helpers.training.train import Training, TrainingConfig

FAIL = optuna.trial.TrialState.FAIL
CONTEXT = {"10.2": {"data": load_dataset()}}


def space(always=False, log=True, choices=("constant", "cosine"), build=TrainingConfig, **changes):
    """An answer to exercise 10.1 with something of it changed."""

    def suggest_config(trial):
        optimizer = trial.suggest_categorical("optimizer", ["sgd", "adam"])
        settings = {
            "learning_rate": trial.suggest_float("learning_rate", 0.001, 0.1, log=log),
            "schedule": trial.suggest_categorical("schedule", choices),
        }
        if always or optimizer == "sgd":
            settings["momentum"] = trial.suggest_float("momentum", 0, 0.95)
        return build(**({"model": "cnn", "epochs": 10, "optimizer": optimizer} | settings | changes))

    return suggest_config


def first_only(paths, config, data):
    """Trusts the newest file."""
    return load_training(paths[0], data, config) if paths else Training(config, data)


def tried(caught=BadInput, order=list, check=True, nothing=Training):
    """An answer to exercise 10.2 with something of it changed."""

    def resume(paths, config, data):
        for path in order(paths):
            try:
                return load_training(path, data, config if check else None)
            except caught:
                pass
        return nothing(config, data)

    return resume


def chosen(limit=lambda lowest, tolerance: lowest + tolerance, key=lambda trial: (trial.values[1], trial.values[0])):
    """An answer to exercise 10.3: the first by `key` of the trials with at most the error `limit`."""

    def smallest_good(study, tolerance):
        done = [trial for trial in study.trials if trial.values]
        lowest = min(trial.values[0] for trial in done)
        return min((trial for trial in done if trial.values[0] <= limit(lowest, tolerance)), key=key)

    return smallest_good


def batch(log=True, order=list, at_once=True, told=lambda study, trial, value: study.tell(trial, state=FAIL)):
    """An answer to exercise 10.4; `told` deals with a NaN."""

    def run_batch(study, train_many, size):
        trials = [study.ask() for _ in range(size)]
        rates = [trial.suggest_float("learning_rate", 0.001, 1, log=log) for trial in trials]
        accuracies = train_many(rates) if at_once else [train_many([rate])[0] for rate in rates]
        for trial, accuracy in zip(order(trials), accuracies, strict=True):
            told(study, trial, accuracy) if accuracy != accuracy else study.tell(trial, accuracy)

    return run_batch


def fewer(study, train_many, size):
    """Tells all but the last."""
    batch(order=lambda trials: trials)(study, lambda rates: train_many(rates), size)
    study.ask()


WRONG = [
    ("10.1", space(always=True), "put it inside an `if`"),
    ("10.1", space(log=False), "log=True"),
    ("10.1", space(choices=("constant", "cosine", "step")), "schedule is one of"),
    ("10.1", space(build=dict), "make a TrainingConfig"),
    ("10.1", space(model="mlp"), "model is 'mlp', and should be 'cnn'"),
    ("10.1", space(momentum=0.9), "momentum is 0.9, and should be 0.7"),
    ("10.1", lambda trial: TrainingConfig(learning_rate=trial.suggest_float("learning_rate", 0.001, 0.1)),
     "never asks for 'optimizer'"),
    ("10.2", first_only, "when the newest file is damaged it raises BadInput"),
    ("10.2", lambda paths, config, data: Training(config, data), "holds 0 epochs, and should hold 2"),
    ("10.2", tried(order=reversed), "holds 1 epochs, and should hold 2"),
    ("10.2", tried(caught=FileNotFoundError), "Catch it, and look at the next one"),
    ("10.2", tried(check=False), "hand `config` to load_training"),
    ("10.2", tried(nothing=lambda config, data: None), "when no file can be loaded it returns NoneType"),
    ("10.3", chosen(limit=lambda lowest, tolerance: tolerance), "only 0.04 above the lowest one"),
    ("10.3", chosen(key=lambda trial: (trial.values[1], -trial.values[0])), "trial 2 has the lower error"),
    ("10.3", chosen(key=lambda trial: trial.values[0]), "only 0.04 above the lowest one"),
    ("10.3", lambda study, tolerance: study.best_trials[0].number, "return the trial itself"),
    ("10.3", lambda study, tolerance: min(study.best_trials, key=lambda t: t.values[1]), "the most accurate one"),
    ("10.4", batch(at_once=False), "ask for all 6 first, then call it once"),
    ("10.4", batch(log=False), "in equal factors"),
    ("10.4", batch(order=lambda trials: trials[::-1]), "not the accuracy of its learning rate"),
    ("10.4", batch(told=lambda study, trial, value: None), "trial 2 still runs"),
    ("10.4", batch(told=lambda study, trial, value: study.tell(trial, 0.0)), "tell it as failed"),
    ("10.4", batch(told=lambda study, trial, value: study.tell(trial, value)), "told as a value"),
    ("10.4", fewer, "has 7 trials afterwards"),
]  # fmt: skip
