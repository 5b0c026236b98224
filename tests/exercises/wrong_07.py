"""Typical wrong answers to the exercises of notebook 07."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np
import optuna
from optuna.samplers import RandomSampler, TPESampler

RUNGS = {"a": "in memory", "b": "journal file", "c": "PostgreSQL", "d": "gRPC proxy"}


def joined(direction: str | None = None, refuse: bool = True, exists: bool = True, words: tuple = ("no",)) -> Callable:
    """Creates or joins; `direction` is what it hands on, if not what it was told."""

    def join(storage, name, wanted):
        study = optuna.create_study(
            storage=storage, study_name=name, direction=direction or wanted, load_if_exists=exists
        )
        if refuse and study.direction.name.lower() != wanted:
            raise ValueError(*words)
        return study

    return join


def judged(when: Callable = lambda study: True, spoil: Callable = lambda study: None) -> Callable:
    """Refuses another direction `when` that is true of the study, and does something to it first."""

    def join(storage, name, wanted):
        study = optuna.create_study(storage=storage, study_name=name, direction=wanted, load_if_exists=True)
        if when(study) and study.direction.name.lower() != wanted:
            spoil(study)
            raise ValueError("no")
        return study

    return join


def delete(study: optuna.Study) -> None:
    """Nothing of it is left."""
    optuna.delete_study(study_name=study.study_name, storage=study._storage)


def of_the_clock(seed: int, worker: int) -> TPESampler:
    """Within a second it is the same, but no later."""
    return TPESampler(seed=int(np.random.SeedSequence([seed, worker, int(time.time())]).generate_state(1)[0]))


CONTEXT: dict[str, dict] = {}
WRONG = [
    ("07.1", {"a": "in memory"}, "with the keys"),
    ("07.1", RUNGS | {"a": "SQLite"}, "takes milliseconds for each trial"),
    ("07.1", RUNGS | {"b": "in memory"}, "see the memory"),
    ("07.1", RUNGS | {"b": "SQLite"}, "a journal file is faster"),
    ("07.1", RUNGS | {"b": "gRPC proxy"}, "it is a server, and none was wanted"),
    ("07.1", RUNGS | {"c": "journal file"}, "no heartbeat"),
    ("07.1", RUNGS | {"c": "SQLite"}, "its locks break"),
    ("07.1", RUNGS | {"d": "PostgreSQL"}, "connections of its own"),
    ("07.1", RUNGS | {"d": "journal file"}, "the study lies on a PostgreSQL"),
    ("07.1", RUNGS | {"d": "Redis"}, "is not one of"),
    ("07.2", 40, "the number counts for one worker"),
    ("07.2", 25, "60 of the 100 are there"),
    ("07.2", 100, "means more, not in all"),
    ("07.2", 15, "what is left to do"),
    ("07.2", 11, "40 are missing"),
    ("07.3", lambda seed, worker: TPESampler(seed=10 * seed + worker), "with 23 workers each it gives .* 92,"),
    ("07.3", lambda seed, worker: TPESampler(seed=seed + worker), "with 23 workers each it gives"),
    ("07.3", lambda seed, worker: TPESampler(seed=1000 * seed + worker + os.getpid()), "in another process': False"),
    ("07.3", of_the_clock, "'different streams': 20, 'the same in another process': False"),
    ("07.3", lambda seed, worker: TPESampler(), "'the same in another process': False"),
    (
        "07.3",
        lambda seed, worker: TPESampler(seed=hash((str(seed), worker)) % 2**32),
        "'the same in another process': False",
    ),
    ("07.3", lambda seed, worker: TPESampler(seed=seed), "20 workers of one seed it gives .'different streams': 1,"),
    ("07.3", lambda seed, worker: TPESampler(seed=worker), "with 23 workers each it gives .'different streams': 23,"),
    ("07.3", lambda seed, worker: RandomSampler(seed=seed), "a TPESampler was asked for"),
    ("07.4", joined(refuse=False), "'minimize' it gives .*, 1 trials', .*; asked was .*'a ValueError that says"),
    ("07.4", lambda storage, name, direction: None, "return the study, or raise a ValueError"),
    ("07.4", joined(exists=False), "the error DuplicatedStudyError"),
    ("07.4", joined(direction="minimize", refuse=False), "gives .'shared, to minimize, .*asked was .'shared, to max"),
    ("07.4", joined(words=()), "without a word"),
    (
        "07.4",
        judged(when=lambda study: study.trials),
        "its_trials = 0, .* to maximize, 0 trials.*asked was .*ValueError",
    ),
    ("07.4", judged(spoil=delete), "'studies: 0'.; asked was .*'studies: 1'"),
    ("07.4", lambda storage, name, direction: name, "it returned str: return the study"),
]
