"""Faults lose nothing, and workers say what happened; `python -m tests.stress.faults` repeats each of them 20 times."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from helpers.fleet import open_storage
from tests.stress.faults import FAULTS, SUSPENDED_TOTAL, TOTAL, Ground, Outcome, Scene, ground

pytestmark = pytest.mark.slow  # workers that die and wait

GIVEN_UP = "A trial was told by its objective, or given up for dead by another worker: what it returned is dropped."


@pytest.fixture(scope="module")
def place() -> Iterator[Ground]:
    """A folder and a server for all faults."""
    with ground() as place:
        yield place


def strike(place: Ground, name: str, seed: int) -> Outcome:
    """What a fault leaves; skipped where it cannot be made."""
    try:
        outcome = FAULTS[name](place, seed)
    except PermissionError as reason:
        pytest.skip(str(reason))
    assert outcome.sound, outcome
    return outcome


@pytest.mark.parametrize(("kind", "seed"), [("sqlite", 5), ("postgresql", 6), ("postgresql", 7)])
def test_the_trial_of_a_killed_worker_is_run_again(place: Ground, kind: str, seed: int) -> None:
    """The others beat: they find it, and the study is filled to the number wanted."""
    outcome = strike(place, f"killed, {kind}", seed)
    assert (outcome.codes, outcome.said) == ([-9, 0, 0], [""] * 3)
    assert outcome.complete == TOTAL and outcome.recovered <= 1


def test_where_nothing_beats_the_trial_of_a_killed_worker_is_failed_by_hand(place: Ground) -> None:
    """A journal: `tell` with state FAIL, and a new worker goes on."""
    outcome = strike(place, "killed, journal", 8)
    assert outcome.codes == [-9, 0, 0, 0] and outcome.recovered <= 1


@pytest.mark.parametrize("kind", ["sqlite", "journal", "postgresql"])
def test_the_trial_of_a_terminated_worker_is_run_again(place: Ground, kind: str) -> None:
    """In every storage: it says itself that its parameters wait."""
    outcome = strike(place, f"terminated, {kind}", 1)
    assert outcome.codes == [143, 0, 0] and outcome.complete == TOTAL and outcome.recovered <= 1


def test_a_journal_damaged_under_its_workers(place: Ground) -> None:
    """They end with a lost storage; what was told before is saved by the command that the sentence gives."""
    outcome = strike(place, "journal damaged", 2)
    assert outcome.codes == [3, 3, 0] and outcome.complete >= 5
    assert all("its journal is damaged" in said for said in outcome.said[:2]), outcome.said


def test_a_worker_that_slept_past_the_grace_period_goes_on(place: Ground) -> None:
    """Its trial was given to another; it says so, and neither fails nor counts twice."""
    outcome = strike(place, "suspended, postgresql", 2)
    assert outcome.codes == [0, 0] and outcome.complete == SUSPENDED_TOTAL
    assert outcome.said == [GIVEN_UP if outcome.recovered else "", ""]


@pytest.mark.parametrize(("name", "seed"), [("restarted", 0), ("restarted", 1), ("crashed", 2)])
def test_workers_wait_for_a_server_that_comes_back(place: Ground, name: str, seed: int) -> None:
    """Orderly stopped or killed, in the middle of transactions: they go on as if nothing had happened."""
    outcome = strike(place, f"server {name}", seed)
    assert (outcome.codes, outcome.said, outcome.complete) == ([0] * 3, [""] * 3, TOTAL)


def test_workers_give_up_when_the_server_stays_away(place: Ground) -> None:
    """Exit code 3 and a sentence, without a traceback; what they had told is there when the server is."""
    outcome = strike(place, "server gone", 3)
    assert outcome.codes == [3, 3, 0]
    for said in outcome.said[:2]:
        assert said.startswith("The storage is gone: ") and len(said.splitlines()) == 1, said


@pytest.mark.parametrize(("kind", "words"), [("sqlite", "disk is full"), ("journal", "No space left")])
def test_a_full_disk_ends_workers_and_spoils_nothing(place: Ground, kind: str, words: str) -> None:
    """With space again the same file can be used on; of a journal, Optuna alone would leave half a line."""
    outcome = strike(place, f"disk full, {kind}", 4)
    assert outcome.codes == [3, 3, 0]
    assert all(said.startswith("The storage is gone: ") and words in said for said in outcome.said[:2]), outcome.said


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_a_file_that_becomes_read_only_ends_workers(place: Ground, kind: str) -> None:
    """Those at work lose it, exit code 3; one that starts is told so, exit code 2; later a new one goes on."""
    outcome = strike(place, f"read-only, {kind}", 5)
    assert outcome.codes == [3, 3, 0, 2, 0]
    assert all(said.startswith("The storage is gone: ") for said in outcome.said[:2]), outcome.said
    assert "is read-only" in outcome.said[3]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", ["sqlite", "journal", "postgresql"])
def test_two_programs_create_the_same_study(place: Ground, kind: str, seed: int) -> None:
    """In a storage that neither finds; both work on one study afterwards."""
    outcome = strike(place, f"created twice, {kind}", seed)
    assert (outcome.codes, outcome.said, outcome.complete) == ([0, 0], ["", ""], 10)


def test_the_comparison_sees_what_is_wrong(tmp_path: Path) -> None:
    """A result that is not there, one that differs, one told twice, and a trial that still runs."""
    scene = Scene(f"sqlite:///{tmp_path}/study.db", "study", tmp_path / "ledger").create()
    study = optuna.load_study(study_name="study", storage=open_storage(scene.url))
    study.optimize(lambda trial: trial.number, n_trials=4)
    study.ask()
    lines = [(0, 0.0), (1, 1.5), (2, 2.0), (2, 2.0), (9, 9.0)]
    scene.ledger.write_text("".join(f"Trial {n} finished with value: {v} and parameters\n" for n, v in lines))
    outcome = scene.compare([0], [""])
    assert (outcome.told, outcome.lost, outcome.stuck, outcome.repeated, outcome.complete) == (5, 2, 1, 1, 4)
    assert not outcome.sound
    assert scene.give_up() == [4] and study.trials[4].state == TrialState.FAIL
