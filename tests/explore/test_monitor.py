"""The fleet monitor: what it computes of a fleet, and that it draws that and nothing else, for as long as it should."""

from __future__ import annotations

import asyncio
import gc
import pkgutil
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from helpers import explore
from helpers.errors import BadInput
from helpers.explore import monitor
from helpers.explore.monitor import BEST, LEFT, NAMELESS, STYLES, FleetMonitor, draw
from helpers.fleet import Fleet, open_storage
from helpers.fleet.fleet import WorkerState
from helpers.plots import STILLS
from tests.explore.test_explorable import control, plain, points

ZERO = datetime(2026, 9, 1, 12)
ALIVE, DONE, DEAD = (
    WorkerState(name, pid, code is None, code)
    for name, pid, code in (
        ("host-1", 1, None),
        ("host-2", 2, 0),
        ("host-3", 3, -9),
    )
)


@pytest.fixture(autouse=True)
def _quiet_optuna() -> None:
    """No line for every study."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def at(seconds: float) -> datetime:
    """A moment after the first trial's start."""
    return ZERO + timedelta(seconds=seconds)


def trial(
    number: int, state: str, start: float | None = 0, end: float | None = None, worker: str = "", value: float = 1.0
) -> FrozenTrial:
    """A made-up trial; times in seconds."""
    made = create_trial(state=TrialState[state], value=value if state == "COMPLETE" else None)
    made.number = number
    made.datetime_start, made.datetime_complete = (None if moment is None else at(moment) for moment in (start, end))
    made.user_attrs = {"worker": worker} if worker else {}
    return made


# What it computes


@pytest.mark.parametrize(
    ("state", "worker", "kind", "row"),
    [
        ("COMPLETE", ALIVE, "complete", "alive"),
        ("COMPLETE", DEAD, "complete", "killed"),
        ("PRUNED", ALIVE, "pruned", "alive"),
        ("FAIL", ALIVE, "failed", "alive"),
        ("FAIL", DEAD, "failed", "killed"),
        ("RUNNING", ALIVE, "running", "alive"),
        ("RUNNING", DEAD, LEFT, "killed"),
        ("RUNNING", DONE, LEFT, "exit code 0"),
        ("RUNNING", WorkerState("host-4", 4, False, 3), LEFT, "exit code 3"),
    ],
)
def test_a_bar_for_each_trial(state: str, worker: WorkerState, kind: str, row: str) -> None:
    """From start to end, or to now, in its worker's row; RUNNING with a dead worker is said to be left behind."""
    end = None if state == "RUNNING" else 5
    trials = [trial(0, "COMPLETE", 0, 1, ALIVE.name), trial(1, state, 2, end, worker.name)]
    figure, said = draw(trials, [ALIVE, worker] if worker != ALIVE else [ALIVE], at(6))
    n, length = int(worker != ALIVE), 4.0 if state == "RUNNING" else 3.0
    assert figure.layout.yaxis.ticktext[n] == f"worker {n}<br>{row}"
    (bars,) = figure.select_traces({"name": kind})
    last = bars.y[-1], bars.base[-1], bars.x[-1], bars.hovertext[-1]
    assert last == (n, 2.0, length, f"trial 1: {kind}, {length:.1f} s")
    assert sum(len(points(figure)[name]["x"]) for name in STYLES) == 2
    assert f"Trials: {'2 complete' if kind == 'complete' else f'1 complete, 1 {kind}'}." in said


def test_what_is_left_behind_grows() -> None:
    """Nobody alive, and the trial is still RUNNING: its bar ends now, whenever that is; else the picture rests."""
    left = [trial(0, "COMPLETE", 0, 1, DONE.name), trial(1, "RUNNING", 0, None, DEAD.name)]
    assert [points(draw(left, [DONE, DEAD], at(now))[0])[LEFT]["x"] for now in (10, 20)] == [[10], [20]]
    over = [draw(left[:1], [DONE], at(now)) for now in (10, 20)]
    assert plain(over[0][0]) == plain(over[1][0]) and over[0][1] == over[1][1]
    assert over[0][0].layout.xaxis.range == pytest.approx((0, 1.02))


def test_an_empty_study() -> None:
    """Workers that have not begun, or queued trials alone, make no bars and raise nothing."""
    for trials, said in (([], "none yet"), ([trial(0, "WAITING", None)], "1 waiting")):
        figure, message = draw(trials, [ALIVE, DEAD], ZERO)
        assert message == f"Workers alive: 1 of 2. Trials: {said}. 0.0 trials a second. Best so far: none."
        assert not any(trace["x"] for trace in points(figure).values())
    assert draw([], [], ZERO)[0].layout.yaxis.ticktext == ()


@pytest.mark.parametrize(
    ("direction", "y", "said"),
    [
        ("minimize", [3, 1, 1], "Best so far: 1 (trial 2)."),
        ("maximize", [3, 4, 4], "Best so far: 4 (trial 3)."),
        (None, [], "Several objectives: no single best."),
    ],
)
def test_the_best_so_far(direction: str | None, y: list, said: str) -> None:
    """In the order of their ends, the better ones, up to now; what fails or breaks a constraint does not count."""
    trials = [
        trial(0, "COMPLETE", 0, 1, "host-1", 3),
        trial(1, "FAIL", 0, 1, "host-1"),
        trial(2, "COMPLETE", 0, 4, "host-1", 1),
        trial(3, "COMPLETE", 0, 3, "host-1", 4 if direction == "maximize" else 3),
        trial(4, "COMPLETE", 0, 2, "host-1", 9 if direction == "maximize" else -9),
    ]
    trials[4].set_constraint("memory", 0.5)
    figure, message = draw(trials, [ALIVE], at(5), direction)
    x = {"minimize": [1, 4, 5], "maximize": [1, 3, 5], None: []}[direction]
    assert (points(figure)[BEST]["x"], points(figure)[BEST]["y"]) == (x, y)
    assert message.endswith(said)


def test_trials_a_second() -> None:
    """The last ten seconds, fewer at the beginning; the whole run once it is over."""
    trials = [trial(n, "COMPLETE", n, n + 1, "host-1") for n in range(4)]
    trials += [trial(n, "PRUNED", 4, 14, "host-1") for n in range(4, 20)]
    ended = WorkerState("host-1", 1, False, 0)
    for some, worker, now, rate in (
        (trials[:4], ALIVE, 4, "1.0"),
        (trials[:4], ALIVE, 12, "0.2"),
        (trials[:4], ALIVE, 20, "0.0"),
        (trials, ALIVE, 20, "1.6"),
        (trials, ended, 1000, f"{20 / 14:.1f}"),
    ):
        assert f" {rate} trials a second." in draw(some, [worker], at(now))[1]


def test_other_programs() -> None:
    """They have rows below the fleet's, with or without a name; what ended before the fleet began has no bar."""
    trials = [
        trial(0, "COMPLETE", -99, -90, value=0.1),
        trial(1, "COMPLETE", 0, 1, "host-1"),
        trial(2, "RUNNING", 1, None, "elsewhere-9"),
        trial(3, "COMPLETE", 1, 2),
        trial(4, "RUNNING", 3.5),
    ]
    figure, said = draw(trials, [ALIVE], at(4))
    assert figure.layout.yaxis.ticktext == ("worker 0<br>alive", "elsewhere-9", NAMELESS)
    assert points(figure)["complete"]["y"] == [0, 2]
    assert points(figure)["running"]["y"] == [1]  # trial 4 has half a second to write its worker's name
    assert points(draw(trials, [ALIVE], at(6))[0])["running"]["y"] == [1, 2]
    assert said.endswith("Best so far: 0.1 (trial 0).")


# What it draws


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty pictures a second."""
    monkeypatch.setattr(FleetMonitor, "EVERY_S", 0.02)


class MadeUp:
    """A fleet of made-up workers."""

    def __init__(self, *workers: WorkerState) -> None:
        self.study_name, self.workers, self.killed = "made up", list(workers), []

    def kill(self, n: int) -> None:
        """As a real one."""
        self.killed.append(n)
        dead = WorkerState(self.workers[n].name, self.workers[n].pid, False, -9)
        self.workers = [*self.workers[:n], dead, *self.workers[n + 1 :]]  # who read the list before keeps what it read

    def add(self) -> WorkerState:
        """As a real one."""
        self.workers.append(WorkerState("host-8", 8, True, None))
        return self.workers[-1]


@pytest.fixture
def study() -> optuna.Study:
    """Trials of three workers."""
    made = optuna.create_study(study_name="made up")
    rows = (("COMPLETE", 0, 2, 1), ("COMPLETE", 0, 3, 2), ("FAIL", 3, 4, 2), ("PRUNED", 2, 5, 1), ("COMPLETE", 0, 1, 3))
    for n, (state, start, end, worker) in enumerate(rows):
        made.add_trial(trial(n, state, start, end, f"host-{worker}", value=5 - n))
    return made


def test_the_picture_is_drawn_from_the_storage(study: optuna.Study) -> None:
    """Every trace, the rows' labels and the sentence; anew when trials have come."""
    fleet = MadeUp(DONE, DEAD)
    shown = FleetMonitor(fleet, study)
    for _ in range(2):
        figure, said = draw(study.trials, fleet.workers, datetime.now())
        assert points(shown.figure) == points(figure) and shown.message == said
        assert shown.figure.layout.yaxis.ticktext == figure.layout.yaxis.ticktext
        study.add_trial(trial(5, "COMPLETE", 3, 6, DONE.name, value=0.5))
        shown.refresh()
    assert "Best so far: 0.5" in shown.message


def test_the_buttons(study: optuna.Study) -> None:
    """Only living workers can be chosen; it is said who was killed, and who was started."""
    fleet = MadeUp(DONE, ALIVE, ALIVE)
    shown = FleetMonitor(fleet, study)
    menu, kill, add = (control(shown, name) for name in ("worker", "Kill (SIGKILL)", "One worker more"))
    assert menu.options == (("1 (pid 1)", 1), ("2 (pid 1)", 2))
    menu.value = 2
    shown.refresh()
    assert menu.value == 2
    kill.click()
    assert fleet.killed == [2] and shown.message.endswith("Worker 2 (pid 1) was killed.")
    assert menu.options == (("1 (pid 1)", 1),) and menu.value == 1
    add.click()
    assert shown.message.endswith("Worker 3 (pid 8) was started.") and len(menu.options) == 2
    fleet.kill(1)
    kill.click()
    assert shown.message.endswith("Worker 1 (pid 1) had already ended.")
    fleet.kill(3)
    shown.refresh()
    kill.click()
    assert menu.options == () and fleet.killed == [2, 1, 1, 3]


def test_a_worker_that_ends_while_trials_are_read_has_left_nothing(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last trial was RUNNING when the storage was read, complete when the worker ended: nobody is accused."""
    fleet, last = MadeUp(ALIVE), [trial(0, "RUNNING", 0, None, ALIVE.name)]
    monkeypatch.setattr(study, "get_trials", lambda **_: fleet.kill(0) or last)
    shown = FleetMonitor(fleet, study)
    assert "Trials: 1 running." in shown.message and LEFT not in shown.message
    assert f"1 {LEFT}" in shown.refresh().message


def test_a_storage_that_raises_is_survived(study: optuna.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last picture stays, a line says why it does; then it goes on."""
    fleet = MadeUp(DONE, ALIVE)
    shown = FleetMonitor(fleet, study)
    before = plain(shown.figure)
    with monkeypatch.context() as broken:
        broken.setattr(study, "get_trials", lambda **_: 1 / 0)
        study.add_trial(trial(5, "COMPLETE", 3, 6, DONE.name))
        shown.refresh()
        assert shown.message.startswith("No answer from the database (ZeroDivisionError); trying again. Workers alive:")
        assert plain(shown.figure) == before
    shown.refresh()
    assert shown.message.startswith("Workers alive:") and plain(shown.figure) != before


def test_a_storage_that_keeps_waiting_is_survived(study: optuna.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """No call blocks for long, one thread waits, not many, and its answer is shown when it comes."""
    monkeypatch.setattr(monitor, "ANSWER_S", 0.1)
    fleet, answer, read = MadeUp(DONE, DEAD), threading.Event(), study.get_trials
    shown = FleetMonitor(fleet, study)
    monkeypatch.setattr(study, "get_trials", lambda **options: answer.wait(20) and read(**options))
    threads, begin = threading.active_count(), time.monotonic()
    for _ in range(3):
        shown.refresh()
    assert time.monotonic() - begin < 5 and threading.active_count() == threads + 1
    assert shown.message.startswith("No answer from the database (it is slow); refresh() asks again.")
    answer.set()
    assert shown.refresh().message.startswith("Workers alive:")


def test_it_follows_until_the_end(study: optuna.Study, quick: None) -> None:
    """Without a call it draws what comes; when no worker is alive it has seen the last trial, and nothing runs on."""
    fleet, threads = MadeUp(ALIVE), threading.active_count()

    async def kernel() -> FleetMonitor:
        shown = FleetMonitor(fleet, study)
        await until(lambda: "Workers alive: 1 of 1" in shown.message)
        study.add_trial(trial(5, "COMPLETE", 3, 6, ALIVE.name, value=-7))
        await until(lambda: "Best so far: -7 (trial 5)" in shown.message)
        study.add_trial(trial(6, "COMPLETE", 3, 6, ALIVE.name, value=-8))
        fleet.kill(0)
        await until(lambda: len(asyncio.all_tasks()) == 1)
        return shown

    shown = asyncio.run(kernel())
    assert "Workers alive: 0 of 1" in shown.message and "Best so far: -8 (trial 6)" in shown.message
    assert threading.active_count() == threads


async def until(condition: Callable[[], bool]) -> None:
    """Waits ten seconds at most."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("waited in vain")


@pytest.mark.parametrize("end", ["close", "forget"])
def test_nothing_runs_on(study: optuna.Study, quick: None, end: str) -> None:
    """After the widget is closed, or nobody holds the fleet any more."""
    fleets, threads = [MadeUp(ALIVE, ALIVE)], threading.active_count()

    async def kernel() -> None:
        shown = FleetMonitor(fleets[0], study)
        await asyncio.sleep(0.1)
        assert len(asyncio.all_tasks()) == 2
        if end == "close":
            shown.close()
        else:
            held = weakref.ref(fleets.pop())
            await until(lambda: gc.collect() >= 0 and held() is None)
            await until(lambda: shown.message.startswith("The fleet is gone: hold it in a variable."))
        await until(lambda: len(asyncio.all_tasks()) == 1)

    asyncio.run(kernel())
    assert threading.active_count() == threads


def test_bad_input() -> None:
    """One sentence, before anything is drawn."""
    with pytest.raises(BadInput, match="study 'made up', not on 'other'"):
        FleetMonitor(MadeUp(ALIVE), optuna.create_study(study_name="other"))


def test_what_is_stored_is_the_same_in_every_run(study: optuna.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text holds no time and no count of trials; there is no picture unless pictures are stored."""
    monkeypatch.delenv(STILLS, raising=False)
    fleet = MadeUp(ALIVE, DEAD)
    bundle = FleetMonitor(fleet, study)._repr_mimebundle_()
    assert bundle["text/plain"] == "FleetMonitor: 2 workers on the study 'made up'"
    assert "image/png" not in bundle


def test_a_real_fleet(tmp_path: Path) -> None:
    """Two workers on a journal file: watched to the end, every trial has its bar in the row of who ran it."""
    url = f"journal:///{tmp_path}/journal.log"
    study = optuna.create_study(study_name="real", storage=open_storage(url))
    objective = "helpers.fleet.objectives:sleeping"
    with Fleet(url, "real", objective, workers=2, trials=4, environment={"LEARN_OPTUNA_SLEEP": "0.1"}) as fleet:
        shown = FleetMonitor(fleet, study)
        fleet.wait(60)
        shown.refresh()
        assert [worker.code for worker in fleet.workers] == [0, 0]
        assert shown.ended and "Workers alive: 0 of 2. Trials: 8 complete." in shown.message
        assert shown.figure.layout.yaxis.ticktext == ("worker 0<br>done", "worker 1<br>done")
        names = [worker.name for worker in fleet.workers]
    bars = shown.figure.data[0]
    assert [names[n] for n in bars.y] == [done.user_attrs["worker"] for done in study.trials]
    assert sorted(bars.y) == [0] * 4 + [1] * 4
    assert list(bars.x) == pytest.approx([done.duration.total_seconds() for done in study.trials])
    assert shown.figure.data[-1].y[-1] == study.best_value


@pytest.mark.slow
def test_the_other_notebooks_do_not_pay_for_it() -> None:
    """An explorable loads neither the fleet nor its libraries, but for the two that read a shared storage."""
    heavy = {"helpers.fleet", "sqlalchemy", "psycopg", "grpc", "psutil", "sklearn"}
    others = {module.name for module in pkgutil.iter_modules(explore.__path__)} - {"monitor", "board"}
    code = f"import sys; from helpers.explore import {', '.join(others)}; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
