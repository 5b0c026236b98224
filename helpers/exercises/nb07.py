"""Checks of notebook 07, scale up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from time import time
from unittest import mock

import numpy as np
import optuna
from optuna.samplers import TPESampler
from optuna.storages import InMemoryStorage
from optuna.trial import create_trial

from helpers.exercises.kit import choice, choices, function
from helpers.learn.exercises import NotQuite
from helpers.problems.functions import Direction

SLOWER = "that takes milliseconds for each trial, and nobody else wants to look."
NOT_SHARED = {"in memory": "no other process can see the memory of the first."}
SERVER = "that works, but it is a server, and none was wanted."
WRITERS = "it works, but with several writers a journal file is faster."
BREAKS = "thirty machines cannot share its file: on a network file system its locks break."
NO_HEARTBEAT = "that has no heartbeat: the trials of dead workers would stay RUNNING."
ELSEWHERE = "the study lies on a PostgreSQL, and the workers are to reach that."
FEW = "each of the six hundred would open connections of its own, and the server allows 100."
choices(
    "07.1",
    {"a": "in memory", "b": "journal file", "c": "PostgreSQL", "d": "gRPC proxy"},
    {
        "a": dict.fromkeys(("SQLite", "journal file", "PostgreSQL", "gRPC proxy"), SLOWER),
        "b": NOT_SHARED | {"SQLite": WRITERS, "PostgreSQL": SERVER, "gRPC proxy": SERVER},
        "c": NOT_SHARED | {"SQLite": BREAKS, "journal file": NO_HEARTBEAT, "gRPC proxy": NO_HEARTBEAT},
        "d": NOT_SHARED | {"SQLite": ELSEWHERE, "journal file": ELSEWHERE, "PostgreSQL": FEW},
    },
    "As low on the ladder as the work allows.",
)
choice(
    "07.2",
    10,
    {
        25: "60 of the 100 are there already.",
        40: "each worker would run 40: the number counts for one worker.",
        100: "each worker would run 100 more: the number counts for one worker, and means more, not in all.",
        15: "that is a quarter of the 60 that are there; asked is what is left to do.",
    },
    "Forty are missing, ten for each. With --total 100 you need not reckon.",
    hint="the answer is one number of trials: 40 are missing, for four workers.",
)


@contextmanager
def another_process() -> Iterator[None]:
    """It starts at another time, and Python salts the hash of a text in each process anew."""
    plain, later = hash, time() + 86_400
    salted = mock.patch("builtins.hash", lambda value: plain((value, "salt") if "'" in repr(value) else value))
    with salted, mock.patch("time.time", lambda: later), mock.patch("os.getpid", lambda: 7):
        yield


def streams(make_sampler: Callable, seeds: Sequence[int], workers: Sequence[int]) -> dict:
    """How many of the workers draw something of their own, and whether they draw it again in another process."""

    def draw(pair: tuple[int, int]) -> float:
        sampler = make_sampler(*pair)
        if not isinstance(sampler, TPESampler):
            raise NotQuite(f"it returned {type(sampler).__name__}: a TPESampler was asked for.")
        return optuna.create_study(sampler=sampler).ask().suggest_float("x", 0, 1)

    first = list(map(draw, product(seeds, workers)))
    with another_process():
        elsewhere = list(map(draw, product(seeds, workers)))
    return {"different streams": len(set(first)), "the same in another process": first == elsewhere}


function(
    "07.3",
    lambda seed, worker: TPESampler(seed=int(np.random.SeedSequence([seed, worker]).generate_state(1)[0])),
    {
        "20 workers of one seed": ((7,), range(20)),
        "six seeds with 23 workers each": ((0, 1, 2, 3, 10, 11), (*range(20), 100, 101, 599)),
    },
    praise="Each worker looks elsewhere, and you could still tell who drew what.",
    watch=streams,
)


def met(join: Callable, first_worker: str, its_trials: int, second_worker: str) -> list:
    """What two workers find, one after the other, and how many studies are left."""
    storage, found = InMemoryStorage(), []
    for direction in (first_worker, second_worker):
        try:
            study = join(storage, "shared", direction)
        except ValueError as refusal:
            found.append("a ValueError that says something" if str(refusal) else "a ValueError without a word")
            continue
        if not isinstance(study, optuna.Study):
            raise NotQuite(f"it returned {type(study).__name__}: return the study, or raise a ValueError.")
        found.append(f"{study.study_name}, to {study.direction.name.lower()}, {len(study.trials)} trials")
        study.add_trials([create_trial(value=1.0)] * its_trials)
    return [*found, f"studies: {len(storage.get_all_studies())}"]


def join(storage: InMemoryStorage, name: str, direction: Direction) -> optuna.Study:
    """An answer to 07.4."""
    study = optuna.create_study(study_name=name, storage=storage, direction=direction, load_if_exists=True)
    if study.direction.name.lower() != direction:
        raise ValueError("another direction")
    return study


function(
    "07.4",
    join,
    list(product(("maximize", "minimize"), (1, 0), ("maximize", "minimize"))),
    praise="Now a contradiction is noticed on the first day and not after a week.",
    watch=met,
)
