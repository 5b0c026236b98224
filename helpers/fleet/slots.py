"""Filling a study to an exact number of completed trials, however many workers take part.

Places are trials that wait in the queue. Taking one is atomic in every storage: the state goes from WAITING to
RUNNING for one worker only. A worker takes a place only while fewer than `total` trials with lower numbers are
complete or may become so; numbers are given in order, hence never more than `total` complete, whatever happens.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import optuna
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

LIVE = (TrialState.COMPLETE, TrialState.RUNNING, TrialState.WAITING)
PLACE = optuna.create_trial(state=TrialState.WAITING)
DONE, ALONE = 0, 4
BATCH, LOOKS, LOCK = 16, 300, " (a worker is adding trials)"
SAY_S = 5  # a worker that waits for longer says for whom, and again after twice, four times ... as long
LONG_S, LONG = 60, 3  # without heartbeat: a trial is given up after three times the longest one, a minute at least


class Ended(BaseException):
    """Nothing is left to do for a worker, which is no error: the exit code, and a sentence that may be empty."""


class FilledStudy(optuna.Study):
    """A study whose `ask`, and so its `optimize`, takes places; raises KeyError where there is no such study.

    Args:
        total: completed trials wanted, None for any number; pruned and failed ones do not count.
        check: called again and again while no place is free; may raise.
        options: those of `optuna.Study`.
    """

    def __init__(self, total: int | None, check: Callable[[], None] = lambda: None, **options: Any) -> None:
        super().__init__(**options)
        self.total, self.check = total, check
        self._beats = self._storage.get_heartbeat_interval() is not None  # type: ignore[attr-defined]
        self._whom, self._since, self._silent_s = "", 0.0, 0.0  # it waits for
        self._looks = 0  # at a lock that another one holds

    def completed(self) -> int:
        """How many trials are complete now."""
        return len(self.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))

    def ask(self, fixed_distributions: dict[str, Any] | None = None) -> Trial:
        """The next place, as soon as there is one; its trial has given a sign of life.

        Raises:
            Ended: none will be needed any more (DONE), or those that are needed have run elsewhere for very long, in
                a storage without heartbeat (ALONE).
        """
        self.check()
        self._thread_local.cached_all_trials = None  # as Optuna does: the sampler reads the trials anew
        while True:
            for trial in self._live()[: self.total]:
                if trial.state == TrialState.WAITING and self._claim(trial._trial_id):
                    return Trial(self, trial._trial_id)
            if self.total is None:
                self.add_trial(PLACE)
                continue  # unchecked: who ends now would leave the place behind
            if self.completed() >= self.total:
                self._unlock()
                raise Ended(DONE, "")
            if len(self._live()) < self.total:
                self._add(self.total)
            else:
                self._wait()
            self.check()

    def _live(self) -> list[FrozenTrial]:
        """All trials that are complete or may become so, by number."""
        return self.get_trials(deepcopy=False, states=LIVE)

    def _claim(self, trial_id: int) -> bool:
        """Whether the waiting trial is ours now. Optuna's first sign of life comes when the objective starts; who is
        killed before, while the sampler thinks, would leave a trial that is never found to be dead."""
        with suppress(UpdateFinishedTrialError):
            if self._beats:
                self._storage.record_heartbeat(trial_id)  # type: ignore[attr-defined]
            return self._storage.set_trial_state_values(trial_id, TrialState.RUNNING)
        return False

    def _wait(self) -> None:
        """Waits a moment for trials of others, and says so when it takes long."""
        time.sleep(random.uniform(0.1, 0.2))
        optuna.storages.fail_stale_trials(self)
        running = self.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        whom = ", ".join(f"trial {one.number} of {one.user_attrs.get('worker', 'another program')}" for one in running)
        if whom != self._whom or not whom:
            self._whom, self._since, self._silent_s = whom, time.monotonic(), SAY_S
        waited = time.monotonic() - self._since
        if waited > self._silent_s:
            self._silent_s *= 2
            print(f"Nothing to do but to wait for {whom}, for {waited:.0f} s now.", file=sys.stderr)
        longest_s = max((trial.duration.total_seconds() for trial in self._live() if trial.duration), default=0.0)
        if waited > max(LONG_S, LONG * longest_s) and not self._beats:
            raise Ended(
                ALONE,
                f"No sign of life of {whom} for {waited:.0f} s, and this storage keeps none: if its worker is dead, "
                f"`study.tell({running[0].number}, state=TrialState.FAIL)`, and start a worker again.",
            )

    def _add(self, total: int) -> None:
        """Queues places for the trials that are missing, while no other worker does. The names of studies are unique in
        every storage, so a study that exists for a moment is a lock. One whose owner was killed is broken after 300
        looks, which can only cost a place too many in the queue."""
        try:
            self._storage.create_new_study([StudyDirection.MINIMIZE], self.study_name + LOCK)
        except (DuplicatedStudyError, KeyError):  # KeyError: one who needs no place more has removed it at once
            time.sleep(random.uniform(0.05, 0.1))
            self._looks += 1
            if self._looks % LOOKS == 0:
                self._unlock()
            return
        try:
            if self.get_trials(deepcopy=False, states=(TrialState.FAIL,)):
                time.sleep(0.2)  # a trial that has just failed for want of a heartbeat is queued again by its finder
            for _ in range(min(BATCH, total - len(self._live()))):
                self.add_trial(PLACE)
        finally:
            self._looks = 0
            self._unlock()

    def _unlock(self) -> None:
        """Removes the lock: its owner, those who have waited for too long, and who needs no place more."""
        with suppress(KeyError):
            self._storage.delete_study(self._storage.get_study_id_from_name(self.study_name + LOCK))
