"""A leaderboard that a whole room can join: one Optuna study in a shared storage, its trials the submissions."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import optuna
import pandas as pd
from optuna.trial import TrialState, create_trial

from helpers.fleet.storage import VARIABLE, open_storage
from helpers.learn.exercises import is_blank
from helpers.learn.notes import Note
from helpers.problems.capstone import Capstone, Refused, Score, epochs_spent

STUDY = "Learn Optuna, capstone: leaderboard"
LONGEST = 30


@dataclass(frozen=True)
class Entry:
    """The submission of a name, and the epochs that its study had trained."""

    name: str
    score: Score
    epochs: int


class Leaderboard:
    """Submissions in a shared storage. A name submits once: each submission tells a held-back score, and who may ask
    often tunes on it. Who writes into the storage by hand can do as he likes: its password is the room's.

    Args:
        url: of the storage, as for `open_storage`; by default that in the environment variable LEARN_OPTUNA_STORAGE,
            and without one a board of one's own in memory.

    Raises:
        BadInput: the storage cannot be opened.
    """

    def __init__(self, url: str | None = None, problem: Capstone | None = None) -> None:
        self.problem, url = problem or Capstone(), url or os.environ.get(VARIABLE)
        storage = open_storage(url) if url else None
        self._study = optuna.create_study(storage=storage, study_name=STUDY, direction="maximize", load_if_exists=True)

    def submit(self, study: Any, name: Any, config: Any) -> Note:
        """Scores `config` on the held-back seeds and stores it, or says why not; never raises because of the study."""
        if is_blank([study, name, config]):
            return Note("open", "Nothing submitted yet.", "Replace the dots (...) and run the cell again.")
        try:
            name = " ".join(name.split()) if isinstance(name, str) else ""
            if not name.isprintable() or not 0 < len(name) <= LONGEST:
                raise Refused(f"the name is {name[:40]!r}: give 1 to {LONGEST} letters.")
            score = self.problem.examine(study, config)
            if name not in [entry.name for entry in self.entries()]:
                told = {"name": name, "config": score.config, "epochs": epochs_spent(study)}
                self._study.add_trial(create_trial(value=score.mean, user_attrs=told))
            place, entry = next(row for row in enumerate(self.entries(), start=1) if row[1].name == name)
            if entry.score != score:
                said = f"{name!r} has submitted another configuration, and a name submits once"
                raise Refused(f"{said}, as each tells a held-back score. Not yours? Choose another name.")
        except Refused as reason:
            return Note("bad", "Not accepted.", f"Because {reason}")
        seen = ", ".join(f"{accuracy:.4f} (seed {seed})" for seed, accuracy in sorted(score.seen.items()))
        said = f"Place {place}; {entry.epochs} of {self.problem.budget} epochs. On the public seeds: {seen}."
        return Note("good", f"{name}: {score.mean:.4f} ± {score.margin:.4f} on the held-back seeds.", said)

    def entries(self) -> list[Entry]:
        """Every name, the best first; the same score, the earlier first. Of a name its first submission counts."""
        found: dict[str, Entry] = {}
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            told = trial.user_attrs
            with suppress(KeyError, TypeError, AttributeError, ValueError):  # somebody has written it by hand
                entry = Entry(str(told["name"]), self.problem.score(told["config"]), int(told["epochs"]))
                found.setdefault(entry.name, entry)
        return sorted(found.values(), key=lambda entry: -entry.score.mean)

    def table(self) -> pd.DataFrame:
        """A row a name, with its rank."""
        rows = [(entry.name, entry.score.mean, entry.score.margin, entry.epochs) for entry in self.entries()]
        ranks = pd.RangeIndex(1, len(rows) + 1, name="rank")
        return pd.DataFrame(rows, ranks, ["name", "score", "±", "epochs"]).round(4)
