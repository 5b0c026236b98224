"""Checks of notebook 07, scale up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.samplers import RandomSampler, TPESampler
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from helpers.learn.exercises import NotQuite, exercise, is_number

STORAGES = ("memory", "SQLite", "journal", "PostgreSQL", "proxy")
RIGHT = {"a": "memory", "b": "journal", "c": "PostgreSQL", "d": "proxy"}
REASONS = {
    ("a", "SQLite"): "a file costs milliseconds for each trial, and nobody else wants to look.",
    ("a", "journal"): "a file costs time for each trial, and nobody else wants to look.",
    ("b", "memory"): "other processes cannot see the memory of the first.",
    ("b", "SQLite"): "it works, but with several writers a journal file is faster.",
    ("b", "PostgreSQL"): "that works, but no server was wanted.",
    ("c", "journal"): "a file has no heartbeat: the trials of dead workers would stay RUNNING.",
    ("c", "SQLite"): "thirty machines cannot share its file: on a network file system its locks break.",
    ("c", "proxy"): "a proxy has no heartbeat: the trials of dead workers would stay RUNNING.",
    ("d", "PostgreSQL"): "every worker would open connections of its own, and the server allows 100.",
}


@exercise("07.1")
def a_storage_for_each(answer: object) -> str:
    """One rung of the ladder for each of four situations."""
    if not isinstance(answer, Mapping) or set(answer) != set(RIGHT):
        raise NotQuite("the answer is a dictionary with the keys a, b, c and d.")
    for key, right in RIGHT.items():
        chosen = answer[key]
        if chosen not in STORAGES:
            raise NotQuite(f"({key}) {chosen!r} is not one of {', '.join(STORAGES)}.")
        if chosen != right:
            raise NotQuite(f"({key}) {REASONS.get((key, chosen), 'it cannot be reached from other machines.')}")
    return "As low on the ladder as the work allows."


@exercise("07.2")
def what_is_left_to_do(answer: Any) -> str:
    """(100 - 60) / 4."""
    reasons = {
        25: "60 of the 100 are there already.",
        40: "each worker would run 40: the number counts for one worker.",
        100: "each worker would run 100 more: the number counts for one worker, and means more, not in all.",
        15: "that is what each has done; asked is what is left to do.",
    }
    if not is_number(answer):
        raise NotQuite("the answer is a number of trials.")
    if answer != 10:
        raise NotQuite(reasons.get(int(answer) if answer == answer else 0, "40 are missing, for four workers."))
    return "Forty are missing, ten for each. With --total 100 you need not reckon."


@exercise("07.3")
def release_the_dead(release: Callable) -> str:
    """RUNNING trials of workers that are gone become FAIL; their numbers come back; all else stays."""
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    for worker in ("b", "a", "c", "b", None):
        trial = study.ask()
        if worker:
            trial.set_user_attr("worker", worker)
    study.tell(3, 1.0)
    found = release(study, ["a"])
    states = [trial.state for trial in study.get_trials(deepcopy=False)]
    if states[1] != TrialState.RUNNING:
        raise NotQuite("it gave up a trial of worker a, which is alive.")
    if states[3] != TrialState.COMPLETE:
        raise NotQuite("it touched a trial that was complete: look at RUNNING ones only.")
    if states[4] == TrialState.FAIL:
        raise NotQuite("a trial that names no worker was given up: it may belong to another program. Leave it.")
    if [states[0], states[2]] != [TrialState.FAIL] * 2:
        raise NotQuite("trials 0 and 2 of the dead workers b and c still run: tell them TrialState.FAIL.")
    if not isinstance(found, list) or sorted(found) != [0, 2]:
        raise NotQuite(f"it returned {found!r}: return the list of the numbers it gave up, [0, 2].")
    return "Where there is no heartbeat, that is the broom."


@exercise("07.4")
def streams_of_their_own(make_sampler: Callable) -> str:
    """Repeatable, and different for every pair of seed and worker."""
    drawn: dict[tuple[int, int], float] = {}
    for pair in [(seed, worker) for seed in range(5) for worker in range(5)]:
        values = []
        for _ in range(2):
            sampler = make_sampler(*pair)
            if not isinstance(sampler, TPESampler):
                raise NotQuite(f"it returned {type(sampler).__name__}: a TPESampler was asked for.")
            values.append(optuna.create_study(sampler=sampler).ask().suggest_float("x", 0, 1))
        if values[0] != values[1]:
            raise NotQuite("with the same seed and worker it draws different values: give TPESampler a seed.")
        same = next((other for other, value in drawn.items() if value == values[0]), None)
        if same and same[0] == pair[0]:
            raise NotQuite(f"workers {same[1]} and {pair[1]} draw the same: let the worker's number into the seed.")
        if same and same[1] == pair[1]:
            raise NotQuite(f"seeds {same[0]} and {pair[0]} draw the same: let the seed into it.")
        if same:
            raise NotQuite(
                f"worker {pair[1]} of seed {pair[0]} draws what worker {same[1]} of seed {same[0]} draws: keep them "
                "apart, with 1000 * seed + worker, or np.random.SeedSequence([seed, worker])."
            )
        drawn[pair] = values[0]
    return "Each worker looks elsewhere, and you could still tell who drew what."


@exercise("07.5")
def join_with_a_direction(join: Callable) -> str:
    """Creates, joins, and refuses a direction that contradicts the study."""
    storage = InMemoryStorage()
    first = join(storage, "shared", "maximize")
    if not isinstance(first, optuna.Study) or first.study_name != "shared":
        raise NotQuite("for a new name it should create the study of that name, and return it.")
    if first.direction.name != "MAXIMIZE":
        raise NotQuite("the study that it created minimises: hand on the direction.")
    first.add_trial(optuna.create_trial(value=1.0))
    try:
        if len(join(storage, "shared", "maximize").trials) != 1:
            raise NotQuite("the second to come should find the same study, with its trial.")
    except optuna.exceptions.DuplicatedStudyError:
        raise NotQuite("it cannot join at all: use load_if_exists=True.") from None
    try:
        join(storage, "shared", "minimize")
    except ValueError as refusal:
        if not str(refusal):
            raise NotQuite("it refuses without a word: say in the ValueError what is wrong.") from None
        return "Now a contradiction is noticed on the first day and not after a week."
    raise NotQuite("the study maximises, a worker came to minimise, and was let in: raise a ValueError.")
