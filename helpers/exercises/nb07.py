"""Checks of notebook 07, scale up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import optuna
from optuna.samplers import RandomSampler, TPESampler
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from helpers.exercises.kit import choice, choices, function
from helpers.learn.exercises import NotQuite, check_function, exercise, tell

RUNNING, COMPLETE, FAIL = TrialState.RUNNING, TrialState.COMPLETE, TrialState.FAIL
SLOWER = "that takes milliseconds for each trial, and nobody else wants to look."
NOT_SHARED = "no other process can see the memory of the first."
NO_HEARTBEAT = "that has no heartbeat: the trials of dead workers would stay RUNNING."
FEW = "each of the six hundred would open connections of its own, and the server allows 100."
choices(
    "07.1",
    {"a": "memory", "b": "journal", "c": "PostgreSQL", "d": "proxy"},
    {
        "a": dict.fromkeys(("SQLite", "journal", "PostgreSQL", "proxy"), SLOWER),
        "b": {
            "memory": NOT_SHARED,
            "SQLite": "it works, but with several writers a journal file is faster.",
            "PostgreSQL": "that works, but no server was wanted.",
            "proxy": "that works, but a proxy is a server, too, and none was wanted.",
        },
        "c": {
            "memory": NOT_SHARED,
            "SQLite": "thirty machines cannot share its file: on a network file system its locks break.",
            "journal": NO_HEARTBEAT,
            "proxy": NO_HEARTBEAT,
        },
        "d": {
            "memory": NOT_SHARED,
            "SQLite": "the study lies on a PostgreSQL, and the workers are to reach that.",
            "journal": "the study lies on a PostgreSQL, and the workers are to reach that.",
            "PostgreSQL": FEW,
        },
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
        15: "that is what each has done; asked is what is left to do.",
    },
    "Forty are missing, ten for each. With --total 100 you need not reckon.",
    hint="the answer is one number of trials: 40 are missing, for four workers.",
)


def swept(release: Callable, workers: Sequence[tuple[str | None, TrialState]], alive: list[str]) -> object:
    """Which trials have failed afterwards, and which numbers came back."""
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    for worker, _ in workers:
        trial = study.ask()
        if worker is not None:
            trial.set_user_attr("worker", worker)
    for number, (_, state) in enumerate(workers):
        if state == COMPLETE:
            study.tell(number, 1.0)
        elif state == FAIL:
            study.tell(number, state=FAIL)
    returned = release(study, alive)
    states = [trial.state for trial in study.get_trials(deepcopy=False)]
    changed = [n for n, (now, (_, then)) in enumerate(zip(states, workers, strict=True)) if now != then]
    if any(states[number] != FAIL for number in changed) or len(states) != len(workers):
        return "other trials than before"
    return {"failed": changed, "returned": returned if isinstance(returned, int | float) else _sorted(returned)}


def _sorted(numbers: object) -> object:
    return sorted(numbers) if isinstance(numbers, list | tuple | set) else numbers


def broom(
    dead: Callable = lambda worker, alive: worker is not None and worker not in alive,
    result: Callable = lambda numbers: numbers, tell_by: Callable = lambda trial: trial.number,
) -> Callable:  # fmt: skip
    """An answer to 07.3 with something of it changed."""

    def release(study: optuna.Study, alive: list[str]) -> object:
        numbers = []
        for trial in study.get_trials(deepcopy=False, states=(RUNNING,)):
            if dead(trial.user_attrs.get("worker"), alive):
                study.tell(tell_by(trial), state=FAIL)
                numbers.append(trial.number)
        return result(numbers)

    return release


FLEET = [("b", RUNNING), ("a", RUNNING), ("c", RUNNING), ("b", COMPLETE), (None, RUNNING), ("", RUNNING), ("d", FAIL)]
function(
    "07.3",
    broom(),
    {
        f"trials of {[worker for worker, _ in FLEET]}, of which 3 and 6 have ended, and alive = {alive},": (
            FLEET,
            alive,
        )
        for alive in (["a"], ["a", "b"], ["c", "a", "z"], [])
    },
    {
        "it gives up the trials of workers that are alive, and leaves the others.": broom(
            lambda worker, alive: worker in alive
        ),
        "a trial that names no worker was given up: it may belong to another program. Leave it.": broom(
            lambda worker, alive: worker not in alive
        ),
        "study.tell wants a number here, trial.number: what get_trials gives is a copy of the trial.": broom(
            tell_by=lambda trial: trial
        ),
        "that is how many were given up: return the list of their numbers.": broom(result=len),
        "it gives up the right ones, and returns nothing: return the list of their numbers.": broom(
            result=lambda numbers: None
        ),
        "worker names can be empty: ask for None.": broom(lambda worker, alive: worker and worker not in alive),
    },
    "Where there is no heartbeat, that is the broom.",
    watch=swept,
)


@exercise("07.4")
def streams_of_their_own(make_sampler: Callable) -> str:
    """Repeatable, and different for every pair of seed and worker."""
    drawn: dict[tuple[int, int], float] = {}
    check_function(make_sampler)
    workers = (*range(20), 100, 101, 599)
    for pair in [(seed, worker) for seed in (0, 1, 2, 3, 10, 11) for worker in workers]:
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
    check_function(join)
    for wanted, other in (("maximize", "minimize"), ("minimize", "maximize")):
        storage = InMemoryStorage()
        first = join(storage, "shared", wanted)
        if not isinstance(first, optuna.Study) or first.study_name != "shared":
            raise NotQuite("for a new name it should create the study of that name, and return it.")
        if first.direction.name.lower() != wanted:
            raise NotQuite(f"asked to {wanted}, it created a study that does not: hand on the direction.")
        first.add_trial(optuna.create_trial(value=1.0))
        try:
            if len(join(storage, "shared", wanted).trials) != 1:
                raise NotQuite("the second to come should find the same study, with its trial.")
        except optuna.exceptions.DuplicatedStudyError:
            raise NotQuite("it cannot join at all: use load_if_exists=True.") from None
        except ValueError as refusal:
            raise NotQuite(f"a worker came with the study's own direction, and was refused: {tell(refusal)}") from None
        try:
            join(storage, "shared", other)
        except ValueError as refusal:
            if not str(refusal):
                raise NotQuite("it refuses without a word: say in the ValueError what is wrong.") from None
        else:
            raise NotQuite(f"the study is to {wanted}, a worker came to {other}, and was let in: raise a ValueError.")
    return "Now a contradiction is noticed on the first day and not after a week."
