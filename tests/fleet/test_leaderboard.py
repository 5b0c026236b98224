"""The leaderboard: nothing is lost, nothing is believed, a name submits once, and a whole room submits at once."""

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
    assert {entry.epochs for entry in entries} == {90}
    note = board.submit(studies[ranked[1]], ranked[1], studies[ranked[1]].best_params)
    assert f"{ranked[1]}: {scores[ranked[1]].mean:.4f} ± {scores[ranked[1]].margin:.4f}" in note.headline
    assert "Place 2; 90 of 540 epochs." in note.detail
    assert f"{studies[ranked[1]].best_value:.4f} (seed 0)" in note.detail


def test_a_name_submits_once(board: Leaderboard) -> None:
    """A cell that is run twice changes nothing, nor does a study that has gone on. Another configuration or study under
    this name, whoever submits it, is refused and told no score: with 200 of them a name tuned on it."""
    study = submit(board, "Ada", epochs=12 * EPOCHS)
    entries = board.entries()
    study.optimize(objective, n_trials=1)
    others = sorted(study.trials, key=lambda trial: -trial.value)[1:6]
    for _ in range(3):
        note = board.submit(study, "  Ada ", entries[0].score.config)
        assert note.mood == "good" and "Place 1; 216 of 540 epochs." in note.detail
    other = searched(5 * EPOCHS, seed=1)
    for again, config in [(other, other.best_params), *((study, trial.params) for trial in others)]:
        note, score = board.submit(again, "Ada", config), PROBLEM.score(config)
        if score == entries[0].score:
            continue
        assert (
            note.mood == "bad" and "'Ada' has submitted another configuration, and a name submits once" in note.detail
        )
        assert not any(f"{score.mean:.4f}" in text for text in (note.headline, note.detail))
    assert board.entries() == entries and len(board._study.trials) == 1
    assert board.submit(other, "Bob", other.best_params).mood == "good"


def test_of_two_at_once_the_first_counts(board: Leaderboard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other is told so, and not its score."""
    first, other = searched(5 * EPOCHS), searched(5 * EPOCHS, seed=1)
    add = board._study.add_trial

    def late(trial: optuna.trial.FrozenTrial) -> None:
        monkeypatch.undo()
        board.submit(first, "Ada", first.best_params)
        add(trial)

    monkeypatch.setattr(board._study, "add_trial", late)
    assert board.submit(other, "Ada", other.best_params).mood == "bad"
    assert len(board._study.trials) == 2
    assert [entry.score for entry in board.entries()] == [PROBLEM.score(first.best_params)]


def test_a_study_has_one_budget(board: Leaderboard) -> None:
    """One that passes it is refused."""
    study = searched(BUDGET)
    study.optimize(objective, n_trials=1)
    assert "epochs of 540" in board.submit(study, "Ada", study.best_params).detail and board.entries() == []


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
    """Names that are none, trials without anything; and a score written by hand is not believed: the board shows what
    the configuration really has."""
    study = submit(board, "Ada")
    good = board._study.trials[0].user_attrs
    score = PROBLEM.score(study.best_params)
    for changes in ({"config": {"blur": 1}}, {"config": None}, {"epochs": "a"}, {"epochs": None}):
        board._study.add_trial(create_trial(value=0.99, user_attrs=good | {"name": "Mallory"} | changes))
    board._study.add_trial(create_trial(value=0.99, user_attrs={"name": "Mallory"}))
    board._study.add_trial(create_trial(value=0.99))
    board._study.add_trial(create_trial(state=optuna.trial.TrialState.FAIL, user_attrs=good | {"name": "Mallory"}))
    board._study.ask()
    assert [entry.name for entry in board.entries()] == ["Ada"]
    board._study.add_trial(create_trial(value=0.99, user_attrs=good | {"name": "Mallory"}))
    assert [(entry.name, entry.score) for entry in board.entries()] == [("Ada", score), ("Mallory", score)]


def test_the_table(board: Leaderboard) -> None:
    """A row a name, the best first."""
    assert list(board.table().columns) == ["name", "score", "±", "epochs"] and len(board.table()) == 0
    for seed, name in enumerate(("Ada", "Bob")):
        submit(board, name, seed)
    table, entries = board.table(), board.entries()
    assert list(table.index) == [1, 2] and table.index.name == "rank"
    assert list(table["name"]) == [entry.name for entry in entries]
    assert list(table["score"]) == [round(entry.score.mean, 4) for entry in entries]


# The storage


def test_alone_each_board_is_its_own() -> None:
    """Without an address it lies in memory."""
    submit(one := Leaderboard(), "Ada")
    assert [entry.name for entry in one.entries()] == ["Ada"] and Leaderboard().entries() == []


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


@pytest.mark.slow
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


@pytest.mark.slow
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
    crowd = [type(ada)(f"learner {n}", ada.score, 90) for n in range(50)]
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
