"""The fleet monitor: who runs which trial, who is dead, and how good the best is, drawn while the workers work."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, ClassVar

import ipywidgets as widgets
import plotly.graph_objects as go
from optuna import Study
from optuna.trial import FrozenTrial, TrialState
from plotly.subplots import make_subplots

from helpers import plots
from helpers.errors import BadInput
from helpers.explore.explorable import Drawing, Explorable, legend_above

if TYPE_CHECKING:  # a notebook without a fleet need not pay for its libraries
    from helpers.fleet.fleet import Fleet, WorkerState

LEFT, BEST, NAMELESS = "left behind by a dead worker", "best so far", "no name"
STYLES = {
    "complete": (plots.BLUE, ""), "pruned": (plots.ORANGE, "/"), "failed": (plots.VERMILLION, "x"),
    "running": (plots.SKY, "."), LEFT: (plots.PURPLE, "-"),
}  # fmt: skip
RECENT = timedelta(seconds=10)
ANSWER_S, STILL_S = 2.0, 8.0


def draw(
    trials: Sequence[FrozenTrial], workers: Sequence[WorkerState], now: datetime, direction: str | None = "minimize"
) -> Drawing:
    """A fleet as it stands at `now`: above a row of bars for each worker, below the best value, over one axis of time.

    Times are in seconds since the fleet's first trial. The rate is of the last ten seconds, or of the whole run once no
    worker is alive. `direction` is None for several objectives, which have no single best.
    """
    alive = {worker.name: worker.alive for worker in workers}
    kinds = [_kind(trial, alive) for trial in trials]
    counts = {kind: kinds.count(kind) for kind in (*STYLES, "waiting")}
    started = [trial for trial in trials if trial.datetime_start]
    ours = [trial for trial in started if trial.user_attrs.get("worker") in alive]
    zero = min((start for trial in ours or started if (start := trial.datetime_start)), default=now)
    ends = [end for trial in started if (end := trial.datetime_complete) and end > zero]
    going, last = any(alive.values()), max(ends, default=now)
    until = max(now, last) if going or counts["running"] or counts[LEFT] else last
    begin, end = (max(zero, now - RECENT), now) if going else (zero, last)
    rate = sum(moment > begin for moment in ends) / max((end - begin).total_seconds(), 0.1)
    rows, bars = _bars(trials, kinds, workers, zero, until)
    line, best = _best(trials, zero, until, direction)
    named = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "none yet"
    said = f"Workers alive: {sum(alive.values())} of {len(alive)}. Trials: {named}. {rate:.1f} trials a second. {best}"
    return _figure(rows, bars, line, (until - zero).total_seconds()), said


def _figure(rows: Sequence[str], bars: Mapping[str, dict], line: dict, seconds: float) -> go.Figure:
    """A label for each row, the bars of each kind, the line of the best, and how far the axis reaches."""
    figure = make_subplots(rows=2, shared_xaxes=True, row_heights=[0.62, 0.38], vertical_spacing=0.07)
    for kind, (colour, shape) in STYLES.items():
        pattern = {"shape": shape, "fgcolor": "white", "size": 7}
        marker = {"color": colour, "pattern": pattern, "line": {"color": "white", "width": 1}}
        look = {"orientation": "h", "width": 0.7, "marker": marker, "hoverinfo": "text"}
        figure.add_bar(name=kind, **look, **bars[kind], row=1, col=1)
    steps = {"color": plots.GREEN, "shape": "hv", "width": 3}
    label = {"textposition": "top left", "cliponaxis": False, "textfont": {"color": plots.LABELS[plots.GREEN]}}
    figure.add_scatter(name=BEST, mode="lines+text", line=steps, showlegend=False, **label, **line, row=2, col=1)
    figure.update_xaxes(range=(0, max(1.0, seconds * 1.02))).update_xaxes(title="seconds since the first trial", row=2)
    ticks = {"tickvals": list(range(len(rows))), "ticktext": rows, "range": (len(rows) - 0.4, -0.6)}
    figure.update_yaxes(ticklabelstandoff=6).update_yaxes(**ticks, row=1).update_yaxes(title=BEST, row=2)
    layout = legend_above("Trials by worker", showlegend=True, height=500)  # also when all trials are of one kind
    return figure.update_layout(layout, legend_traceorder="normal", barmode="overlay", margin={"l": 110, "t": 85})


def _kind(trial: FrozenTrial, alive: Mapping[str, bool]) -> str:
    """The storage says RUNNING until somebody says otherwise; a dead worker never does."""
    if trial.state == TrialState.RUNNING and not alive.get(trial.user_attrs.get("worker", NAMELESS), True):
        return LEFT
    return "failed" if trial.state == TrialState.FAIL else trial.state.name.lower()


def _bars(
    trials: Sequence[FrozenTrial], kinds: Sequence[str], workers: Sequence[WorkerState], zero: datetime, until: datetime
) -> tuple[list[str], dict[str, dict[str, tuple]]]:
    """A label for each worker, those of other programs below, and the bars of each kind."""
    rows = {worker.name: f"worker {n}<br>{_condition(worker)}" for n, worker in enumerate(workers)}
    bars: dict[str, list[tuple]] = {kind: [] for kind in STYLES}
    for trial, kind in zip(trials, kinds, strict=True):
        start, end = trial.datetime_start, trial.datetime_complete or until
        name = trial.user_attrs.get("worker", NAMELESS)
        if not start or end < zero or (kind == "running" and name == NAMELESS and end - start < timedelta(seconds=2)):
            continue  # queued; over before the fleet began; its worker is about to write its name
        rows.setdefault(name, name)
        length = max(0.0, (end - start).total_seconds())
        hint = f"trial {trial.number}: {kind}, {length:.1f} s"
        bars[kind].append((list(rows).index(name), (start - zero).total_seconds(), length, hint))
    return list(rows.values()), {
        kind: dict(zip(("y", "base", "x", "hovertext"), zip(*found, strict=True) if found else ((),) * 4, strict=True))
        for kind, found in bars.items()
    }


def _condition(worker: WorkerState) -> str:
    ended = "killed" if (worker.code or 0) < 0 else f"exit code {worker.code}"
    return "alive" if worker.alive else "done" if worker.code == 0 else ended


def _best(
    trials: Sequence[FrozenTrial], zero: datetime, until: datetime, direction: str | None
) -> tuple[dict[str, tuple], str]:
    """The incumbent against time, up to `until`, and a sentence; a trial that breaks a constraint does not count."""
    if direction is None:
        return dict.fromkeys(("x", "y", "text"), ()), "Several objectives: no single best."
    steps: list[tuple[float, float]] = []
    ended = [(end, trial) for trial in trials if (end := trial.datetime_complete)]
    for end, trial in sorted(ended, key=itemgetter(0)):
        if trial.state != TrialState.COMPLETE:
            continue
        value = trial.values[0]
        better = not steps or (value < steps[-1][1] if direction == "minimize" else value > steps[-1][1])
        if better and all(broken <= 0 for broken in trial.constraints.values()):
            steps.append((max(0.0, (end - zero).total_seconds()), value))
            number = trial.number
    if not steps:
        return dict.fromkeys(("x", "y", "text"), ()), "Best so far: none."
    x, y = zip(*steps, ((until - zero).total_seconds(), steps[-1][1]), strict=True)
    text = ("",) * len(steps) + (f"{y[-1]:.4g}",)
    return {"x": x, "y": y, "text": text}, f"Best so far: {y[-1]:.4g} (trial {number})."


class FleetMonitor(Explorable):
    """A live view of a fleet, drawn every `every_s` seconds until no worker is alive. A newer one replaces it.

    A task on the kernel's loop draws whenever no cell runs; a thread waits for the storage, which may be slow. The
    fleet is referred to weakly, so that it still ends its workers when nobody holds it any more.

    Raises:
        BadInput: the fleet works on another study, or `every_s` is not above 0.
    """

    ANNOUNCES = False
    _newest: ClassVar[weakref.WeakKeyDictionary[Fleet, weakref.ref[FleetMonitor]]] = weakref.WeakKeyDictionary()
    _task: asyncio.Task | None = None

    def __init__(self, fleet: Fleet, study: Study, every_s: float = 0.5) -> None:
        if study.study_name != fleet.study_name:
            raise BadInput(f"The fleet works on the study {fleet.study_name!r}, not on {study.study_name!r}.")
        if not every_s > 0:
            raise BadInput(f"every_s is {every_s!r}: choose a number of seconds above 0.")
        self.study, self.every_s, self._fleet = study, every_s, weakref.ref(fleet)
        self._known: tuple = [], fleet.workers, datetime.now(), None
        self._asked, self._trouble, self._news, self._reader = 0.0, "", "", threading.Thread()
        self._victim = widgets.Dropdown(description="worker", layout={"width": "260px"})
        self._kill = widgets.Button(description="Kill (SIGKILL)", button_style="danger", icon="bolt")
        self._add = widgets.Button(description="One worker more", icon="plus", layout={"width": "170px"})
        self._kill.on_click(self._kill_chosen)
        self._add.on_click(self._add_one)
        super().__init__(self._drawing, [widgets.HBox([self._victim, self._kill, self._add])])
        self.status.layout = {"width": f"{plots.WIDTH}px", "min_height": "60px"}  # two lines: the figure stands still
        if older := self._newest.get(fleet, lambda: None)():
            older.stop("Another monitor shows this fleet now.")
        self._newest[fleet] = weakref.ref(self)
        self.refresh()

    @property
    def workers(self) -> list[WorkerState]:
        """The fleet's workers, or none when nobody holds the fleet any more."""
        fleet = self._fleet()
        return fleet.workers if fleet else []

    @property
    def ended(self) -> bool:
        """True when no worker is alive."""
        return not any(worker.alive for worker in self.workers)

    def refresh(self) -> FleetMonitor:
        """Draws once, with what the storage answers within two seconds; goes on by itself while workers are alive."""
        if not self._ask():
            self._reader.join(ANSWER_S)
            self._ask()
        self._reader.join(ANSWER_S)
        self.show()
        self._go_on()
        return self

    def watch(self, seconds: float) -> FleetMonitor:
        """Draws, while the cell waits, until no worker is alive or the time is over."""
        end = time.monotonic() + seconds
        while not self.ended and time.monotonic() < end:
            self.refresh()
            time.sleep(self.every_s)
        return self.refresh()

    def stop(self, why: str = "") -> None:
        """Ends the drawing for good; the workers work on."""
        self._kill.disabled = self._add.disabled = True
        if self._task:
            self._task.cancel()
        self._tell(why)

    def close(self) -> None:
        """Ends the drawing and takes the monitor away."""
        if self._task:
            self._task.cancel()
        super().close()

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        """Text that no run changes; a still picture waits until there is something to see."""
        if plots.wants_stills():
            self.watch(STILL_S)
        said = f"FleetMonitor: {len(self.workers)} workers on the study {self.study.study_name!r}"
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": said}

    def _go_on(self) -> None:
        """Starts the task, unless it runs, was stopped, or there is nothing to see."""
        if not (self.ended or self._kill.disabled or (self._task and not self._task.done())):
            with suppress(RuntimeError):  # no loop: a plain program calls `watch`
                self._task = asyncio.get_running_loop().create_task(self._live())

    async def _live(self) -> None:
        """Draws until all have ended and the last trial is seen, or the storage no longer answers."""
        ended = asked = False
        while not (ended and (self._silent or (asked and not self._reader.is_alive()))):
            ended, asked = self.ended, self._ask()
            await asyncio.sleep(self.every_s)
            self.show()

    def _ask(self) -> bool:
        """Starts a thread that reads the trials; False while an earlier one still waits."""
        if self._reader.is_alive():
            return False
        self._asked, self._reader = time.monotonic(), threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return True

    def _read(self) -> None:
        try:
            workers, now = self.workers, datetime.now()  # before the trials: those of a dead worker change no more
            directions = [direction.name.lower() for direction in self.study.directions]
            trials = self.study.get_trials(deepcopy=False)
            self._known = trials, workers, now, directions[0] if len(directions) == 1 else None
            self._trouble = ""
        except Exception as error:  # every storage has errors of its own
            self._trouble = type(error).__name__

    @property
    def _silent(self) -> bool:
        """True when the storage raised an error, or has kept its reader waiting."""
        return bool(self._trouble) or (self._reader.is_alive() and time.monotonic() - self._asked > ANSWER_S)

    def _drawing(self) -> Drawing:
        """The fleet when the storage was last asked with success, and why that was not just now."""
        figure, said = draw(*self._known)
        again = "refresh() asks again" if self.ended else "trying again"
        trouble = f"No answer from the database ({self._trouble or 'it is slow'}); {again}. " * self._silent
        gone = "The fleet is gone: hold it in a variable. " * (self._fleet() is None)
        return figure, f"{gone or trouble}{said} {self._news}".rstrip()

    def show(self, _: object = None) -> None:
        """Draws the fleet; living workers alone can be killed."""
        living = [(f"{n} (pid {worker.pid})", n) for n, worker in enumerate(self.workers) if worker.alive]
        if list(self._victim.options) != living:
            chosen, there = self._victim.value, [n for _, n in living]
            self._victim.options = living
            self._victim.value = chosen if chosen in there else next(iter(there), None)
        super().show()

    def _kill_chosen(self, _: widgets.Button) -> None:
        fleet, n = self._fleet(), self._victim.value
        if fleet and n is not None:
            worker = fleet.workers[n]
            fleet.kill(n)
            self._tell(f"Worker {n} (pid {worker.pid}) {'was killed' if worker.alive else 'had already ended'}.")

    def _add_one(self, _: widgets.Button) -> None:
        if fleet := self._fleet():
            worker = fleet.add()
            self._tell(f"Worker {len(fleet.workers) - 1} (pid {worker.pid}) was started.")
            self._go_on()

    def _tell(self, news: str) -> None:
        self._news = news
        self.show()
