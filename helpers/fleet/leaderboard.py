"""A leaderboard that a whole room can join: one Optuna study in a shared storage, its trials the submissions."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from math import isclose
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna import Study
from optuna.trial import FrozenTrial, create_trial

from helpers.fleet.storage import VARIABLE, open_storage
from helpers.learn.exercises import is_blank
from helpers.learn.notes import Note
from helpers.problems.capstone import Capstone, Refused, Score

STUDY = "Learn Optuna, capstone: leaderboard"
LONGEST = 30
MOST = 5  # submissions of a name: each tells a held-back score, and who may ask often enough tunes on it
SECRET = Path("~/.cache/learn-optuna/leaderboard")  # says whose a name is


@dataclass(frozen=True)
class Entry:
    """The place of one name: its latest submission, the epochs of all its studies, and how often it submitted."""

    name: str
    score: Score
    epochs: int
    submissions: int
    when: datetime | None = field(repr=False)


class Leaderboard:
    """Submissions in a shared storage; a name has one budget, and its latest submission counts. It belongs to the
    account that used it first. Who writes into the storage by hand can do as he likes: its password is the room's.

    Args:
        url: of the storage, as for `open_storage`; by default that in the environment variable LEARN_OPTUNA_STORAGE,
            and without one a file in a folder that is removed at the end.

    Raises:
        BadInput: the storage cannot be opened.
    """

    def __init__(self, url: str | None = None, problem: Capstone | None = None) -> None:
        self.problem, url = problem or Capstone(), url or os.environ.get(VARIABLE)
        if not url:
            self._folder = tempfile.TemporaryDirectory(prefix="learn-optuna-", ignore_cleanup_errors=True)
            url = f"sqlite:///{Path(self._folder.name).as_posix()}/leaderboard.db"
        self._study = optuna.create_study(
            study_name=STUDY, storage=open_storage(url), direction="maximize", load_if_exists=True
        )

    def submit(self, study: Any, name: Any, config: Any) -> Note:
        """Scores `config` on the held-back seeds and stores it, or says why not; never raises because of the study."""
        if is_blank([study, name, config]):
            return Note("open", "Nothing submitted yet.", "Replace the dots (...) and run the cell again.")
        try:
            name, budget = _checked(name), self.problem.budget
            score = self.problem.examine(study, config)
            known, prints, owner = self._submissions().get(name, []), _prints(study), _owner()
            if known and known[0].user_attrs.get("owner") != owner:
                raise Refused(f"the name {name!r} belongs to who used it first: choose another one.")
            if (spent := _epochs(known, prints)) > budget:
                raise Refused(f"with the studies {name!r} has submitted it is {spent} epochs, and a name has {budget}.")
            submission = {"name": name, "config": score.config, "prints": prints, "owner": owner}
            is_new = not known or known[-1].user_attrs != submission
            if is_new and len(known) >= MOST:
                raise Refused(f"each submission tells a held-back score, and {name!r} has had its {MOST}.")
        except Refused as reason:
            return Note("bad", "Not accepted.", f"Because {reason}")
        if is_new:
            self._study.add_trial(create_trial(value=score.mean, user_attrs=submission))
        place = [entry.name for entry in self.entries()].index(name) + 1
        seen = ", ".join(f"{accuracy:.4f} (seed {seed})" for seed, accuracy in sorted(score.seen.items()))
        said = f"Place {place}; {spent} of {budget} epochs. On the public seeds: {seen}."
        return Note("good", f"{name}: {score.mean:.4f} ± {score.margin:.4f} on the held-back seeds.", said)

    def entries(self) -> list[Entry]:
        """Every name, the best first; the same score, the earlier first."""
        found = []
        for name, trials in self._submissions().items():
            score, when = self.problem.score(trials[-1].user_attrs["config"]), trials[-1].datetime_complete
            found.append(Entry(name, score, _epochs(trials), len(trials), when))
        return sorted(found, key=lambda entry: (-entry.score.mean, entry.when or datetime.max))

    def table(self, ladder: pd.DataFrame | None = None) -> pd.DataFrame:
        """A row a name, with rank; the plans of a ladder (notebook 12) stand between them, without one."""
        columns = ["rank", "name", "score", "±", "epochs", "submissions"]
        rows: list[tuple] = [
            (str(rank), entry.name, entry.score.mean, entry.score.margin, entry.epochs, entry.submissions)
            for rank, entry in enumerate(self.entries(), start=1)
        ]
        if ladder is not None:
            margins = (ladder["high"] - ladder["low"]) / 2
            plans = zip(ladder.index, ladder["score"], margins, strict=True)
            rows += [("", *plan, self.problem.budget, "") for plan in plans]
            rows.sort(key=lambda row: -row[2])
        return pd.DataFrame(rows, columns=columns).round(4).set_index("rank")

    def _submissions(self) -> dict[str, list[FrozenTrial]]:
        """Each name's submissions, in the order in which they arrived. What `submit` did not write is left out."""
        found: dict[str, list[FrozenTrial]] = {}
        for trial in self._study.get_trials(deepcopy=False):
            if self._is_whole(trial):
                known = found.setdefault(trial.user_attrs["name"], [])
                if not known or trial.user_attrs.get("owner") == known[0].user_attrs.get("owner"):
                    known.append(trial)
        return found

    def _is_whole(self, trial: FrozenTrial) -> bool:
        """Whether a trial is a submission whose score is that of its configuration."""
        try:
            score = self.problem.score(trial.user_attrs["config"])
            within = sum(trial.user_attrs["prints"].values()) <= self.problem.budget
            _checked(trial.user_attrs["name"])
            return within and trial.value is not None and isclose(trial.value, score.mean, abs_tol=1e-9)
        except (KeyError, TypeError, AttributeError, ValueError):
            return False


def _owner() -> str:
    """A fingerprint of the account's secret, which is made when it is first needed."""
    file = SECRET.expanduser()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent) as new, suppress(FileExistsError):
            new.write(secrets.token_hex())
            new.flush()
            os.link(new.name, file)  # whole, and one for all who come at once
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        raise Refused(f"{file} cannot be written, which says that a name is yours: make its folder writable.") from None


def _checked(name: object) -> str:
    """A name in one line, or Refused."""
    said = " ".join(name.split()) if isinstance(name, str) else ""
    if not said or len(said) > LONGEST or not said.isprintable():
        raise Refused(f"the name is {str(name)[:40]!r}: give 1 to {LONGEST} letters.")
    return said


def _prints(study: Study) -> dict[str, int]:
    """A fingerprint of every trial that trained, and its epochs: a study that goes on is known again."""
    trained = [trial for trial in study.get_trials(deepcopy=False) if trial.last_step]
    marks = [repr((trial.datetime_start, trial.number, trial.params)) for trial in trained]
    keys = [hashlib.sha256(mark.encode()).hexdigest()[:10] for mark in marks]
    return {key: trial.last_step or 0 for key, trial in zip(keys, trained, strict=True)}


def _epochs(submissions: list[FrozenTrial], more: Mapping[str, int] | None = None) -> int:
    """What several submissions trained; a trial that is in two of them counts once, with its later length."""
    longest = dict(more or {})
    for submission in submissions:
        for key, epochs in submission.user_attrs["prints"].items():
            longest[key] = max(epochs, longest.get(key, 0))
    return sum(longest.values())
