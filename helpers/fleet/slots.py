"""Filling a study to an exact number of completed trials, however many workers take part.

Places are trials that wait in the queue. Taking one is atomic in every storage: the state goes from WAITING to
RUNNING for one worker only. A worker takes a place only while fewer than `total` trials with lower numbers are
complete or may become so; numbers are given in order, hence never more than `total` complete, whatever happens.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import optuna
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial, TrialState

LIVE = (TrialState.COMPLETE, TrialState.RUNNING, TrialState.WAITING)
BATCH = 16


class Filled(Exception):
    """The study has as many completed trials as it should have."""


class Slots:
    """`take` stands in for `study.ask`.

    Args:
        total: completed trials wanted; pruned and failed ones do not count.
        check: called again and again while no place is free; may raise.
    """

    def __init__(self, study: optuna.Study, storage: BaseStorage, total: int, check: Callable[[], None]) -> None:
        self.study, self.storage, self.total, self.check = study, storage, total, check
        self.study_id = storage.get_study_id_from_name(study.study_name)

    def completed(self) -> int:
        """How many trials are complete now."""
        return len(self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))

    def take(self) -> Trial:
        """The next free place, as soon as there is one; raises `Filled` when none will be needed any more."""
        while True:
            self.check()
            for trial in self._live()[: self.total]:
                if trial.state == TrialState.WAITING and (trial_id := self._claim(trial)) is not None:
                    return Trial(self.study, trial_id)
            if self.completed() >= self.total:
                raise Filled
            if len(self._live()) < self.total:
                self._add()
            else:
                time.sleep(random.uniform(0.1, 0.2))
                optuna.storages.fail_stale_trials(self.study)

    def _live(self) -> list[FrozenTrial]:
        """All trials that are complete or may become so, by number."""
        return self.study.get_trials(deepcopy=False, states=LIVE)

    def _claim(self, trial: FrozenTrial) -> int | None:
        """The id of the waiting trial if it is ours now."""
        trial_id = self.storage.get_trial_id_from_study_id_trial_number(self.study_id, trial.number)
        with suppress(UpdateFinishedTrialError):
            if self.storage.set_trial_state_values(trial_id, TrialState.RUNNING):
                return trial_id
        return None

    def _add(self) -> None:
        """Queues places for the trials that are missing, while no other worker does."""
        with alone(self.storage, self.study.study_name):
            if self.study.get_trials(deepcopy=False, states=(TrialState.FAIL,)):
                time.sleep(0.2)  # a trial that has just failed for want of a heartbeat is queued again by its finder
            for _ in range(min(BATCH, self.total - len(self._live()))):
                self.study.add_trial(optuna.create_trial(state=TrialState.WAITING))


@contextmanager
def alone(storage: BaseStorage, study_name: str) -> Iterator[None]:
    """One worker at a time. The names of studies are unique in every storage, so a study that exists for a moment is
    a lock. A lock whose owner was killed is broken after 300 looks, which can only cost a place too many in the queue.
    """
    lock, looks = f"{study_name} (a worker is adding trials)", 0
    while True:
        with suppress(DuplicatedStudyError):
            lock_id = storage.create_new_study([optuna.study.StudyDirection.MINIMIZE], lock)
            break
        time.sleep(random.uniform(0.05, 0.1))
        looks += 1
        if looks % 300 == 0:
            with suppress(KeyError):
                storage.delete_study(storage.get_study_id_from_name(lock))
    try:
        yield
    finally:
        with suppress(KeyError):
            storage.delete_study(lock_id)
