"""The fleet monitor: who runs which trial, who is dead, and how good the best is, drawn while the workers work."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from math import nan
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import pandas as pd
import plotly.graph_objects as go
from optuna import Study
from optuna.trial import FrozenTrial, TrialState
from plotly.subplots import make_subplots

from helpers import plots
from helpers.errors import BadInput
from helpers.explore.explorable import Drawing, Explorable, add, end_label, legend_above, line

if TYPE_CHECKING:  # a notebook without a fleet need not pay for its libraries
    from helpers.fleet.fleet import Fleet, WorkerState

LEFT, BEST, NAMELESS = "left behind by a dead worker", "best so far", "no name"
STYLES = {
    "complete": (plots.BLUE, ""),
    "pruned": (plots.ORANGE, "/"),
    "failed": (plots.VERMILLION, "x"),
    "running": (plots.SKY, "."),
    LEFT: (plots.PURPLE, "-"),
}
RECENT_S, ANSWER_S, STILL_S = 10.0, 2.0, 8.0
COLUMNS = {"number": int, "worker": str, "kind": str, "start": float, "end": float, "value": float}


def draw(
    trials: Sequence[FrozenTrial], workers: Sequence[WorkerState], now: datetime, direction: str | None = "minimize"
) -> Drawing:
    """A fleet as it stands at `now`: above a row of bars for each worker, below the best value, over one axis of time.

    Times are in seconds since the fleet's first trial. The rate is of the last ten seconds, or of the whole run once no
    worker is alive. `direction` is None for several objectives, which have no single best.
    """
    alive = {worker.name: worker.alive for worker in workers}
    started = [trial for trial in trials if trial.datetime_start]
    ours = [trial for trial in started if trial.user_attrs.get("worker") in alive]
    zero = min((start for trial in ours or started if (start := trial.datetime_start)), default=now)
    table = pd.DataFrame([_row(trial, alive, zero) for trial in trials], columns=list(COLUMNS)).astype(COLUMNS)
    kinds, seconds, ends = list(table["kind"]), (now - zero).total_seconds(), table["end"][table["end"] > 0]
    going, last = any(alive.values()), ends.max() if len(ends) else seconds
    until = max(seconds, last) if going or {"running", LEFT} & set(kinds) else last
    begin, end = (max(0.0, seconds - RECENT_S), seconds) if going else (0.0, last)
    rate = (ends > begin).sum() / max(end - begin, 0.1)
    named = ", ".join(f"{kinds.count(kind)} {kind}" for kind in (*STYLES, "waiting") if kind in kinds) or "none yet"
    said = f"Workers alive: {sum(alive.values())} of {len(alive)}. Trials: {named}. {rate:.1f} trials a second. "
    if direction is None:
        return _figure(table, table[:0], workers, until), f"{said}Several objectives: no single best."
    ended = table.dropna(subset="value").sort_values("end", kind="stable")
    best = ended["value"].cummin() if direction == "minimize" else ended["value"].cummax()
    steps = ended[best != best.shift()]
    found = [f"{step.value:.4g} (trial {step.number})." for step in steps.itertuples()]
    return _figure(table, steps, workers, until), f"{said}Best so far: {found[-1] if found else 'none.'}"


def _row(trial: FrozenTrial, alive: Mapping[str, bool], zero: datetime) -> tuple:
    """Number, worker, kind, start and end in seconds, and the value of what is complete and breaks no constraint."""
    name = trial.user_attrs.get("worker", NAMELESS)
    kind = "failed" if trial.state == TrialState.FAIL else trial.state.name.lower()
    if kind == "running" and not alive.get(name, True):
        kind = LEFT  # the storage says RUNNING until somebody says otherwise; a dead worker never does
    moments = (trial.datetime_start, trial.datetime_complete)
    start, end = ((moment - zero).total_seconds() if moment else nan for moment in moments)
    counts = kind == "complete" and all(broken <= 0 for broken in trial.constraints.values())
    return trial.number, name, kind, start, end, trial.values[0] if counts else nan


def _figure(table: pd.DataFrame, steps: pd.DataFrame, workers: Sequence[WorkerState], until: float) -> go.Figure:
    """A row for each worker, those of other programs below, with a bar for each trial; the steps of the best."""
    rows, left = {}, set(table["worker"][table["kind"] == LEFT])
    for n, worker in enumerate(workers):
        done = worker.code == 0 and worker.name not in left  # an objective can end its worker with any code
        ended = "done" if done else "killed" if (worker.code or 0) < 0 else f"exit code {worker.code}"
        rows[worker.name] = f"worker {n}<br>{'alive' if worker.alive else ended}"
    ends = table["end"].fillna(until)
    table = table.assign(base=table["start"], x=(ends - table["start"]).clip(0))
    nameless = (table["kind"] == "running") & (table["worker"] == NAMELESS)
    # Not drawn: queued; over before the fleet began; about to write its worker's name.
    table = table[table["start"].notna() & (ends >= 0) & ~(nameless & (table["x"] < 2))]
    rows |= {name: name for name in table["worker"] if name not in rows}
    hovertext = [f"trial {bar.number}: {bar.kind}, {bar.x:.1f} s" for bar in table.itertuples()]
    table = table.assign(y=[list(rows).index(name) for name in table["worker"]], hovertext=hovertext)
    figure = make_subplots(rows=2, shared_xaxes=True, row_heights=[0.62, 0.38], vertical_spacing=0.07)
    for kind, (colour, shape) in STYLES.items():
        bars = table.loc[table["kind"] == kind, ["x", "y", "base", "hovertext"]].to_dict("list")
        pattern = {"shape": shape, "fgcolor": "white", "size": 7}
        look = {"marker": {"color": colour, "pattern": pattern, "line": {"color": "white", "width": 1}}, "width": 0.7}
        figure.add_bar(name=kind, **bars, **look, orientation="h", hoverinfo="text", row=1, col=1)
    steps = pd.concat([steps, steps[-1:].assign(end=until)])  # the last value holds until now
    x, y = steps["end"].clip(0).tolist(), steps["value"].tolist()
    look = line(plots.GREEN, shape="hv", width=3) | end_label("{:.4g}", y, "top left", plots.GREEN)
    add(figure, {BEST: (x, y, look)}, showlegend=False, cliponaxis=False, row=2, col=1)
    figure.update_xaxes(range=(0, max(1.0, until * 1.02))).update_xaxes(title="seconds since the first trial", row=2)
    ticks = {"tickvals": list(range(len(rows))), "ticktext": list(rows.values()), "range": (len(rows) - 0.4, -0.6)}
    figure.update_yaxes(ticklabelstandoff=6).update_yaxes(**ticks, row=1).update_yaxes(title=BEST, row=2)
    layout = legend_above("Trials by worker", showlegend=True, height=500)  # also when all trials are of one kind
    return figure.update_layout(layout, legend_traceorder="normal", barmode="overlay", margin={"l": 110, "t": 85})


class FleetMonitor(Explorable):
    """A live view of a fleet, drawn twice a second until no worker is alive.

    A task on the kernel's loop draws whenever no cell runs; a thread waits for the storage, which may be slow. The
    fleet is referred to weakly, so that it ends its workers when nobody holds it. BadInput: it has another study.
    """

    EVERY_S, TWO_LINES = 0.5, True
    _task: asyncio.Task | None = None

    def __init__(self, fleet: Fleet, study: Study) -> None:
        if study.study_name != fleet.study_name:
            raise BadInput(f"The fleet works on the study {fleet.study_name!r}, not on {study.study_name!r}.")
        self.study, self._fleet = study, weakref.ref(fleet)
        self._known: tuple[Any, ...] = [], fleet.workers, datetime.now(), None
        self._asked, self._trouble, self._news, self._reader = 0.0, "", "", threading.Thread()
        self._victim = widgets.Dropdown(description="worker", layout={"width": "260px"})
        self._kill = widgets.Button(description="Kill (SIGKILL)", button_style="danger", icon="bolt")
        self._add = widgets.Button(description="One worker more", icon="plus", layout={"width": "170px"})
        self._kill.on_click(self._kill_chosen)
        self._add.on_click(self._add_one)
        super().__init__(self._drawing, [widgets.HBox([self._victim, self._kill, self._add])], announces=False)
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
        self._ask()
        self._reader.join(ANSWER_S)
        self.show()
        self._go_on()
        return self

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        """Text that no run changes; a still picture waits until there is something to see."""
        end = time.monotonic() + STILL_S
        while plots.wants_stills() and not self.ended and time.monotonic() < end:
            time.sleep(self.EVERY_S)
            self.refresh()
        said = f"FleetMonitor: {len(self.workers)} workers on the study {self.study.study_name!r}"
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": said}

    def _go_on(self) -> None:
        """Starts the task, unless it runs or there is nothing to see."""
        if not (self.ended or (self._task and not self._task.done())):
            with suppress(RuntimeError):  # no loop: a plain program calls `refresh`
                self._task = asyncio.get_running_loop().create_task(self._live())

    async def _live(self) -> None:
        """Draws until closed, or all have ended and the last trial is seen or the storage is silent."""
        ended = asked = False
        while not (ended and (self._silent or (asked and not self._reader.is_alive()))):
            ended, asked = self.ended, self._ask()
            await asyncio.sleep(self.EVERY_S)
            if not self.comm:
                return
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
