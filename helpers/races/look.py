"""The trials of a study that can be compared."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from helpers.errors import BadInput


def finite_trials(study: Study, target: Callable | None = None, *, differ: bool) -> list[FrozenTrial]:
    """The completed trials with finite values; BadInput where there are none, or (with `differ`) all are equal."""
    trials = study.get_trials(deepcopy=False)
    found = [trial for trial in trials if trial.state == TrialState.COMPLETE and np.isfinite(trial.values).all()]
    if not trials:
        raise BadInput(
            f"The study {study.study_name!r} has no trials yet: run study.optimize first. If it should have "
            "some, its storage or its name is another than you think."
        )
    if not found:
        states = ", ".join(sorted({trial.state.name for trial in trials}))
        raise BadInput(f"None of the {len(trials)} trials ({states}) is complete with a finite value: read the log.")
    if differ and len({target(trial) if target else tuple(trial.values) for trial in found}) == 1:
        raise BadInput("All values are equal, there is nothing to compare: look at what the objective returns.")
    return found
