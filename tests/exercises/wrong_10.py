"""Wrong answers to the exercises of notebook 10, each with what it has to be told."""

from __future__ import annotations

import math
import zipfile

import optuna
import torch

FAIL = optuna.trial.TrialState.FAIL
CONTEXT: dict[str, dict] = {}


def first_only(paths):
    """Trusts the newest file."""
    return torch.load(paths[0]) if paths else None


def tried(caught=Exception, order=list, nothing=None):
    """An answer to exercise 10.1 with something of it changed."""

    def newest(paths):
        for path in order(paths):
            try:
                return torch.load(path)
            except caught:
                pass
        return nothing

    return newest


def one(path):
    """What it holds, or None."""
    return tried()([path])


def chosen(limit=lambda lowest, tolerance: lowest + tolerance, key=lambda trial: (trial.values[1], trial.values[0])):
    """An answer to exercise 10.2: the first by `key` of the trials with at most the error `limit`."""

    def smallest_good(study, tolerance):
        done = [trial for trial in study.trials if trial.values]
        lowest = min(trial.values[0] for trial in done)
        return min((trial for trial in done if trial.values[0] <= limit(lowest, tolerance)), key=key)

    return smallest_good


def batch(
    log=True, order=list, at_once=True, bad=math.isnan, told=lambda study, trial, value: study.tell(trial, state=FAIL)
):
    """An answer to exercise 10.3; `told` deals with a NaN."""

    def run_batch(study, train_many, size):
        trials = [study.ask() for _ in range(size)]
        rates = [trial.suggest_float("learning_rate", 0.001, 1, log=log) for trial in trials]
        accuracies = train_many(rates) if at_once else [train_many([rate])[0] for rate in rates]
        for trial, accuracy in zip(order(trials), accuracies, strict=True):
            told(study, trial, accuracy) if bad(accuracy) else study.tell(trial, accuracy)

    return run_batch


def fewer(study, train_many, size):
    """Tells all but the last."""
    batch(order=lambda trials: trials)(study, lambda rates: train_many(rates), size)
    study.ask()


WRONG = [
    ("10.1", first_only, "the files .'half', 'epoch 9', 'epoch 8'. it gives the error RuntimeError"),
    ("10.1", lambda paths: next((torch.load(p) for p in paths if zipfile.is_zipfile(p)), None), "the error Unpickling"),
    (
        "10.1",
        lambda paths: next((torch.load(p) for p in paths if p.exists() and p.stat().st_size > 900), None),
        "the files .'half', 'epoch 9', 'epoch 8'. it gives the error",
    ),
    ("10.1", tried(order=reversed), "gives .'epoch': 8.; asked was .'epoch': 9"),
    ("10.1", tried(caught=FileNotFoundError), "the error RuntimeError"),
    ("10.1", tried(caught=RuntimeError), "the error FileNotFoundError"),
    ("10.1", tried(caught=(RuntimeError, OSError)), "the error (EOFError|UnpicklingError)"),
    ("10.1", tried(caught=(RuntimeError, OSError, EOFError)), "the error (IndexError|UnpicklingError)"),
    ("10.1", tried(nothing={}), "the files .'half', 'missing'. it gives {}; asked was None"),
    (
        "10.1",
        lambda paths: next(filter(None, map(one, paths)), None),
        r"'epoch 8'. it gives {'epoch': 8}; asked was {}",
    ),
    ("10.2", chosen(limit=lambda lowest, tolerance: tolerance), "gives 'trial 1'; asked was 'trial 0'"),
    ("10.2", chosen(key=lambda trial: (trial.values[1], -trial.values[0])), "gives 'trial 3'; asked was 'trial 5'"),
    ("10.2", chosen(key=lambda trial: trial.values[1]), "gives 'trial 3'; asked was 'trial 5'"),
    ("10.2", chosen(key=lambda trial: (trial.values[1], -trial.number)), "gives 'trial 6'; asked was 'trial 5'"),
    ("10.2", chosen(key=lambda trial: trial.values[0]), "gives 'trial 1'; asked was 'trial 0'"),
    ("10.2", lambda study, tolerance: study.best_trials[0].number, "it gives 0; asked was 'trial 0'"),
    ("10.2", lambda study, tolerance: min(study.best_trials, key=lambda t: t.values[1]), "tolerance = 0.0, it gives"),
    ("10.3", batch(at_once=False), r"\[1, 1, 1, 1, 1, 1\].*asked was .'trained at once': \[6\]"),
    ("10.3", batch(log=False), "in equal factors"),
    ("10.3", batch(bad=lambda accuracy: not accuracy > 0), "'own accuracy': 4, 'told to fail': 2"),
    ("10.3", batch(order=lambda trials: trials[::-1]), "'own accuracy': 0.*asked was .*'own accuracy': 5"),
    ("10.3", batch(told=lambda study, trial, value: None), "'told to fail': 0.; asked was .*'told to fail': 1"),
    ("10.3", batch(told=lambda study, trial, value: study.tell(trial, 0.0)), "'told to fail': 0"),
    ("10.3", batch(told=lambda study, trial, value: study.tell(trial, value)), "'told to fail': 0"),
    ("10.3", batch(told=lambda study, trial, value: study.tell(trial, values=value)), "'told to fail': 0"),
    ("10.3", fewer, 'each trial is asked for "learning_rate" alone'),
]
