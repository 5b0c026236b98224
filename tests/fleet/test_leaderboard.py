"""The leaderboard: nothing is lost, nothing is believed, a name has one budget, and a whole room submits at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import plotly.graph_objects as go
import pytest
from jupyter_client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from optuna.trial import create_trial

from helpers.errors import BadInput
from helpers.explore.board import A_NAME, MOST, PLAN, YOU, LeaderboardView, draw, luck
from helpers.fleet.leaderboard import STUDY, Leaderboard
from helpers.fleet.storage import VARIABLE
from helpers.problems.capstone import BUDGET, EPOCHS, Capstone
from tests.explore.test_explorable import control
from tests.problems.test_capstone import choose, objective, searched
from tests.tools.store_outputs import ROOT

PROBLEM = Capstone()
LADDER = pd.DataFrame(
    {"score": [0.41, 0.43], "low": [0.4, 0.42], "high": [0.42, 0.44], "spread": 0.001, "runs": 50},
    index=["random", "halving"],
)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Optuna reports no single trial, and the board of whoever runs this is left alone."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def board(tmp_path: Path) -> Leaderboard:
    """An empty one, in a journal: the quickest storage."""
    return Leaderboard(f"journal:///{tmp_path}/board")


def submit(board: Leaderboard, name: str, seed: int = 0, epochs: int = 5 * EPOCHS) -> optuna.Study:
    """Submits an honest search."""
    study = searched(epochs, seed)
    note = board.submit(study, name, study.best_params)
    assert note.mood == "good", note
    return study


# Submitting


def test_a_submission_is_scored_and_ranked(board: Leaderboard) -> None:
    """The best first, with what `score` says; the note names place, epochs and what the search had seen."""
    studies = {name: submit(board, name, seed) for seed, name in enumerate(("Ada", "Bob", "Cleo"))}
    scores = {name: PROBLEM.score(study.best_params) for name, study in studies.items()}
    ranked = sorted(scores, key=lambda name: -scores[name].mean)
    entries = board.entries()
    assert [entry.name for entry in entries] == ranked
    assert [entry.score for entry in entries] == [scores[name] for name in ranked]
    assert {(entry.epochs, entry.submissions) for entry in entries} == {(90, 1)}
    note = board.submit(studies[ranked[1]], ranked[1], studies[ranked[1]].best_params)
    assert f"{ranked[1]}: {scores[ranked[1]].mean:.4f} ± {scores[ranked[1]].margin:.4f}" in note.headline
    assert "Place 2; 90 of 540 epochs." in note.detail
    assert f"{studies[ranked[1]].best_value:.4f} (seed 0)" in note.detail


def test_the_same_again_changes_nothing(board: Leaderboard) -> None:
    """A cell that is run twice; another configuration of the same study counts, and costs no epochs."""
    study = submit(board, "Ada")
    for _ in range(3):
        board.submit(study, "Ada", study.best_params)
    assert [(entry.submissions, entry.epochs) for entry in board.entries()] == [(1, 90)]
    second = sorted(study.trials, key=lambda trial: -trial.value)[1]
    board.submit(study, "  Ada ", second.params)
    (entry,) = board.entries()
    assert (entry.submissions, entry.epochs) == (2, 90)
    assert entry.score == PROBLEM.score(second.params)  # the latest counts, also when it is worse


def test_a_study_that_goes_on_is_counted_once(board: Leaderboard) -> None:
    """Its trials are known again; those of another study come on top."""
    study = submit(board, "Ada")
    study.optimize(objective, n_trials=3)
    board.submit(study, "Ada", study.best_params)
    assert board.entries()[0].epochs == 8 * EPOCHS
    submit(board, "Ada", seed=1)
    assert (board.entries()[0].epochs, board.entries()[0].submissions) == (13 * EPOCHS, 3)


def test_a_name_has_one_budget(board: Leaderboard) -> None:
    """A second study that would pass it is refused, and the first stands; another name may."""
    first, second = submit(board, "Ada", epochs=BUDGET), searched(EPOCHS, seed=1)
    note = board.submit(second, "Ada", second.best_params)
    assert note.mood == "bad"
    assert "with the studies 'Ada' has submitted it is 558 epochs, and a name has 540." in note.detail
    assert board.entries()[0].score == PROBLEM.score(first.best_params)
    assert board.submit(second, "Bob", second.best_params).mood == "good"


@pytest.fixture(autouse=True)
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Whose names these are; the secret of whoever runs this is left alone."""
    monkeypatch.setattr("helpers.fleet.leaderboard.SECRET", tmp_path / "account" / "secret")
    return tmp_path / "account" / "secret"


def test_a_name_belongs_to_who_used_it_first(board: Leaderboard, account: Path) -> None:
    """Another account is told so, and changes nothing, nor does a submission that it has written by hand."""
    first, other = submit(board, "Ada"), searched(5 * EPOCHS, seed=1)
    assert account.stat().st_mode & 0o077 == 0
    mine = account.read_text()
    account.unlink()
    note = board.submit(other, "Ada", other.best_params)
    assert note.mood == "bad" and "the name 'Ada' belongs to who used it first: choose another one." in note.detail
    assert board.submit(other, "Bob", other.best_params).mood == "good"
    forged = board._study.trials[-1]
    forged.user_attrs["name"] = "Ada"
    board._study.add_trial(create_trial(value=forged.value, user_attrs=forged.user_attrs))
    assert {entry.name: entry.score for entry in board.entries()}["Ada"] == PROBLEM.score(first.best_params)
    account.write_text(mine)
    assert board.submit(first, "Ada", first.best_params).mood == "good"


def test_nobody_asks_for_the_held_back_score_again_and_again(board: Leaderboard) -> None:
    """Each submission tells it: with 200 of them a name tuned on it. Five are told."""
    study = searched(12 * EPOCHS)
    trials = sorted(study.trials, key=lambda trial: -trial.value)
    notes = [board.submit(study, "Ada", trial.params) for trial in trials[:7]]
    assert [note.mood for note in notes] == ["good"] * 5 + ["bad"] * 2
    assert "each submission tells a held-back score, and 'Ada' has had its 5." in notes[-1].detail
    assert not any(
        f"{PROBLEM.score(trials[6].params).mean:.4f}" in text for text in (notes[6].headline, notes[6].detail)
    )
    assert board.submit(study, "Ada", trials[4].params).mood == "good"  # the same again, which tells nothing new


def test_a_name_is_a_name(board: Leaderboard) -> None:
    """Empty, very long, unprintable or no text: one sentence."""
    study = searched(EPOCHS)
    for name in ("   \n", "x" * 31, "a\x00b", None, ["Ada"]):
        note = board.submit(study, name, study.best_params)
        assert note.mood == "bad" and "give 1 to 30 letters." in note.detail
    assert board.entries() == []


def test_blanks_and_absurd_studies_are_answered(board: Leaderboard) -> None:
    """A blank is no submission, as stored in the notebook; never an exception, never stored."""
    for blank in ((..., "Ada", {}), (None, ..., {}), (None, "Ada", ...)):
        assert board.submit(*blank).mood == "open"
    for study in (None, "study", [], optuna.create_study, object()):
        note = board.submit(study, "Ada", {"blur": 1})
        assert note.mood == "bad" and "hand over the study itself" in note.detail
    assert board.entries() == []


def test_a_name_is_shown_as_text(board: Leaderboard) -> None:
    """HTML in it is escaped, in the note, the table and the figure."""
    tag = "<b>Ada</b><script>"
    study = submit(board, tag)
    note = board.submit(study, tag, study.best_params)
    view = LeaderboardView(board, pd.DataFrame())
    view.controls["me"].value = tag
    ticks = str(view.figure.layout.yaxis.ticktext)
    for page in (note._repr_html_(), board.table()._repr_html_(), view.status.value, ticks):
        assert "&lt;b&gt;Ada" in page and "<script>" not in page


# What is not believed


def test_what_submit_did_not_write_is_left_out(board: Leaderboard) -> None:
    """Scores written by hand, names that are none, trials without anything: the board shows only what it can check."""
    study = submit(board, "Ada")
    good = board._study.trials[0].user_attrs
    score = PROBLEM.score(study.best_params).mean
    board._study.add_trial(create_trial(value=0.99, user_attrs=good | {"name": "Mallory"}))
    for changes in ({"name": ""}, {"config": {"blur": 1}}, {"config": None}, {"prints": {"a": 541}}, {"prints": None}):
        board._study.add_trial(create_trial(value=score, user_attrs=good | {"name": "Mallory"} | changes))
    board._study.add_trial(create_trial(value=score))
    board._study.add_trial(create_trial(state=optuna.trial.TrialState.FAIL, user_attrs=good | {"name": "Mallory"}))
    board._study.ask()
    assert [entry.name for entry in board.entries()] == ["Ada"]


def test_the_table_holds_the_ladder(board: Leaderboard) -> None:
    """Plans between the names, in order of the score, without a rank."""
    assert list(board.table().columns) == ["name", "score", "±", "epochs", "submissions"] and len(board.table()) == 0
    for seed, name in enumerate(("Ada", "Bob")):
        submit(board, name, seed)
    table = board.table(LADDER)
    assert list(table["score"]) == sorted(table["score"], reverse=True)
    assert set(table["name"]) == {"Ada", "Bob", *LADDER.index}
    assert sorted(table.index) == ["", "", "1", "2"]
    assert table.set_index("name").loc["random", ["score", "±", "epochs"]].tolist() == [0.41, 0.01, 540]


# The storage


def test_alone_the_file_goes_with_the_board() -> None:
    """Without an address it lies in a temporary folder."""
    board = Leaderboard()
    folder = Path(board._folder.name)
    assert (folder / "leaderboard.db").exists()
    board._folder.cleanup()
    assert not folder.exists()


def test_the_environment_names_the_rooms_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that open it see each other; an address in the call goes before it; a bad one is told."""
    monkeypatch.setenv(VARIABLE, f"sqlite:///{tmp_path}/room.db")
    one, other = Leaderboard(), Leaderboard()
    submit(one, "Ada")
    assert [entry.name for entry in other.entries()] == ["Ada"]
    assert Leaderboard(f"journal:///{tmp_path}/mine").entries() == []
    monkeypatch.setenv(VARIABLE, "my database")
    with pytest.raises(BadInput, match="is not the URL of a storage"):
        Leaderboard()


def test_thirty_submit_at_once(url: str) -> None:
    """Each with a connection of its own, opened at the same time: thirty names, none lost, each with its own score."""
    studies = {f"learner {n}": searched(2 * EPOCHS, n) for n in range(30)}

    def hand_in(name: str) -> str:
        return Leaderboard(url).submit(studies[name], name, studies[name].best_params).mood

    with ThreadPoolExecutor(30) as room:
        assert list(room.map(hand_in, studies)) == ["good"] * 30
    scores = {entry.name: entry.score for entry in Leaderboard(url).entries()}
    assert scores == {name: PROBLEM.score(study.best_params) for name, study in studies.items()}


SETUP = f"""import optuna, sys
optuna.logging.set_verbosity(optuna.logging.WARNING)
sys.path.insert(0, {str(ROOT)!r})
from helpers.fleet.leaderboard import Leaderboard
from tests.explore.test_explorable import control
from tests.problems.test_capstone import searched
board = Leaderboard()
studies = [searched(36, OFFSET + n) for n in range(4)]"""
SUBMIT = """for n, study in enumerate(studies):
    board.submit(study, f"NAME {n}", study.best_params)
"""
SHOW = "print(sorted(board.table()['name']))"


@contextmanager
def kernel(url: str) -> Iterator[BlockingKernelClient]:
    """A Jupyter kernel on the board at `url`."""
    manager, client = start_new_kernel(kernel_name="python3", env=os.environ | {VARIABLE: url}, cwd=str(ROOT))
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def finished(client: BlockingKernelClient, message: str) -> str:
    """What the cell with this message printed, once it has ended; an error fails the test."""
    printed, idle = [], False
    while not idle:
        said = client.get_iopub_msg(timeout=120)
        if said["parent_header"].get("msg_id") != message:
            continue
        assert said["msg_type"] != "error", said["content"]
        if said["msg_type"] == "stream":
            printed.append(said["content"]["text"])
        idle = said["msg_type"] == "status" and said["content"]["execution_state"] == "idle"
    return "".join(printed)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_two_kernels_on_one_board(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Both submit four times at once; all eight names are there, and both kernels show them."""
    url = request.getfixturevalue("postgres") if kind == "postgres" else f"sqlite:///{tmp_path}/room.db"
    names = sorted(f"{name} {n}" for name in ("Ada", "Bob") for n in range(4))
    with ExitStack() as stack:
        clients = [stack.enter_context(kernel(url)) for _ in range(2)]
        for cells in (SETUP, SUBMIT):
            own = [cells.replace("OFFSET", str(10 * n)).replace("NAME", name) for n, name in enumerate(("Ada", "Bob"))]
            sent = [client.execute(cell) for client, cell in zip(clients, own, strict=True)]
            for client, message in zip(clients, sent, strict=True):
                assert finished(client, message) == ""
        shown = [finished(client, client.execute(SHOW)) for client in clients]
    for text in shown:
        assert [name for name in names if repr(name) in text] == names
    stored = {entry.name: entry.score for entry in Leaderboard(url).entries()}
    for n, name in enumerate(("Ada", "Bob")):
        for m in range(4):
            assert stored[f"{name} {m}"] == PROBLEM.score(searched(36, 10 * n + m).best_params)


def test_its_study_can_be_opened_by_optuna(tmp_path: Path) -> None:
    """A learner who looks into the storage finds a study as any other."""
    url = f"sqlite:///{tmp_path}/room.db"
    submit(Leaderboard(url), "Ada")
    assert optuna.load_study(study_name=STUDY, storage=url).best_trial.user_attrs["name"] == "Ada"


# The view


def rows(figure: go.Figure) -> dict[str, tuple[str, float]]:
    """Kind and score by the label, from the top."""
    found = {int(y): (trace.name, x) for trace in figure.data for x, y in zip(trace.x, trace.y, strict=True)}
    return {label: found[n] for n, label in enumerate(figure.layout.yaxis.ticktext)}


def test_the_view_knows_you_and_the_ladder(board: Leaderboard) -> None:
    """Rows in order, kinds told apart, and a sentence about where you stand."""
    figure, said = draw([], LADDER[:0])
    assert said == "Nobody has submitted yet." and rows(figure) == {}
    for seed, name in enumerate(("Ada", "Bob", "Cleo")):
        submit(board, name, seed)
    entries = board.entries()
    figure, said = draw(entries, LADDER, f" {entries[1].name} ")
    scores = [score for _, score in rows(figure).values()]
    assert scores == sorted(scores, reverse=True) and len(scores) == 5
    kinds = {label: kind for label, (kind, _) in rows(figure).items()}
    assert kinds[f"1. {entries[0].name}"] == A_NAME and kinds[f"2. {entries[1].name}"] == YOU
    assert kinds["random"] == PLAN
    sure = [name for name, rung in LADDER.iterrows() if entries[1].score.mean > rung["score"] + luck(rung, 3)]
    assert f"You stand at place 2 with {entries[1].score.mean:.4f}, 90 of 540 epochs. Above what luck reaches " in said
    assert said.endswith(f"with so many names: {', '.join(sure) or 'no plan'}.")
    bars = next(trace.error_x.array for trace in figure.data if trace.name == PLAN)
    assert sorted(bars) == pytest.approx(sorted(luck(rung, 3) for _, rung in LADDER.iterrows()))
    assert "90 of 1620 epochs" in draw(entries, LADDER, entries[1].name, budget=1620)[1]
    assert draw(entries, LADDER[:0], "Dan")[1].endswith("Dan has not submitted.")


def test_luck_fools_one_room_in_twenty() -> None:
    """Rooms of thirty who all do the same, against a ladder of fifty such runs: without the correction most rooms have
    somebody above it, with it one in twenty or fewer has (half of them above, half below)."""
    rng, fooled, naive = np.random.default_rng(0), [], []
    for _ in range(2000):
        runs, room = rng.normal(0.42, 0.02, 50), rng.normal(0.42, 0.02, 30)
        rung = pd.Series({"score": runs.mean(), "spread": runs.std(ddof=1), "runs": 50})
        fooled.append((abs(room - rung["score"]) > luck(rung, 30)).any())
        naive.append((abs(room - rung["score"]) > luck(rung, 1)).any())
    assert 0.02 < np.mean(fooled) <= 0.07 and np.mean(naive) > 0.6
    assert luck(rung, 0) == luck(rung, 1) < luck(rung, 30)


def test_a_crowd_leaves_room_for_you(board: Leaderboard) -> None:
    """Of many names the best are drawn, and you."""
    submit(board, "Ada")
    (ada,) = board.entries()
    crowd = [type(ada)(f"learner {n}", ada.score, 90, 1, ada.when) for n in range(50)]
    shown = rows(draw([*crowd, ada], LADDER, "Ada")[0])
    assert len(shown) == MOST + 1 + len(LADDER) and "51. Ada" in shown


def test_the_view_follows_the_board(board: Leaderboard) -> None:
    """A submission from elsewhere appears when refreshed; a name that is typed becomes yours."""
    view = LeaderboardView(board, LADDER)
    assert "Nobody" in view.message and [len(trace.x or ()) for trace in view.figure.data] == [0, 0, 2]
    study = submit(board, "Ada")
    control(view, "Refresh").click()
    assert "Ada leads" in view.message and [len(trace.x) for trace in view.figure.data] == [1, 0, 2]
    view.controls["me"].value = "Ada"
    assert "You stand at place 1" in view.message and [len(trace.x) for trace in view.figure.data] == [0, 1, 2]
    assert view.figure.data[1].x[0] == pytest.approx(PROBLEM.score(study.best_params).mean)
    assert view._repr_mimebundle_()["text/plain"].startswith("LeaderboardView: 1 on the board")


def test_choose_takes_what_the_board_takes(board: Leaderboard) -> None:
    """The configuration of our own 12.2 can be handed in as it is."""
    study = searched(3 * EPOCHS)
    assert board.submit(study, "Ada", choose(study)).mood == "good"
