"""The table of storages says what is so, and the bench measures what it says."""

from __future__ import annotations

from statistics import median

import optuna
import pandas as pd
import pytest

from tests.bench import storages
from tests.bench.ladder import FILE, FORMS, MEMORY, NFS, QUESTIONS, answers
from tests.bench.storages import SLEEP_S, WANTED_OF_LINEAR, WORKERS, of_linear, rate

pytestmark = pytest.mark.slow  # eight workers on each storage


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    """The file, as text."""
    return pd.read_csv(FILE, dtype=str, keep_default_na=False).set_index("storage")


def test_every_yes_and_no_is_found_again(stored: pd.DataFrame) -> None:
    """Tried anew, all answers are those of the file."""
    pd.testing.assert_frame_equal(stored[list(QUESTIONS)], answers().loc[stored.index])


def test_every_question_has_both_answers(stored: pd.DataFrame) -> None:
    """Otherwise it would not help to choose."""
    assert all(set(stored[question]) == {"yes", "no"} for question in QUESTIONS)
    assert list(stored.index) == [MEMORY, *FORMS] and set(NFS) < set(FORMS)


def test_the_speeds_are_numbers(stored: pd.DataFrame) -> None:
    """For all that processes can share; none is claimed for the memory of one."""
    speeds = stored[["trials/s, 1 worker", "trials/s, 8 workers"]]
    assert (speeds.loc[MEMORY] == "").all()
    assert (speeds.drop(index=MEMORY).astype(float) > 1).all(axis=None)


def test_a_rate_is_what_the_clock_says(postgres: str) -> None:
    """Trials of a fifth of a second come five times a second at most, and two workers bring nearly twice as many."""
    alone, two = (rate(postgres, workers, 8, sleep_s=0.2) for workers in (1, 2))
    assert 2 < alone < 5 and 1.3 * alone < two < 10


def test_a_lost_trial_is_noticed(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A study with a trial too few is no measurement."""
    whole = optuna.Study.get_trials
    monkeypatch.setattr(optuna.Study, "get_trials", lambda *args, **options: whole(*args, **options)[1:])
    with pytest.raises(RuntimeError, match="5 of 6 trials are complete"):
        rate(postgres, 2, 3)


def test_a_worker_that_fails_is_noticed(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its exit code and what it said are in the error."""
    monkeypatch.setattr(storages, "SECONDS", "ANOTHER_VARIABLE")
    monkeypatch.setenv("LEARN_OPTUNA_SLEEP", "soon")
    with pytest.raises(RuntimeError, match=r"(?s)\[1, 1\].*could not convert"):
        rate(postgres, 2, 3)


def test_eight_workers_bring_nine_tenths_of_eight() -> None:
    """Half a second a trial, on PostgreSQL, the median of three runs; the bar is the agreed one."""
    assert (WANTED_OF_LINEAR, SLEEP_S, WORKERS) == (0.9, 0.5, (1, 2, 4, 8))
    assert median(of_linear(trials=10) for _ in range(3)) >= WANTED_OF_LINEAR
