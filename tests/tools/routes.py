"""The routes of the instructor's guide: what is run when, with the minutes to talk, to exercise and to compute.

A route is a table in the guide. A row says when it begins and what is run: a notebook, whole or "up to" one of its
sections, from where the route has stopped in it; or "only" one section, after its setup. The machine's minutes are
those recorded, rounded up; what is left beside them and the exercise is for reading and talking.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from statistics import median
from typing import Any

from helpers.errors import BadInput
from tests.tools.record_guide import Record

ROUTE = re.compile(r"(<!-- route: (\d+) minutes -->\n)(.*?)(\n<!-- end -->)", re.DOTALL)
HEAD = "| at | run | talk | exercise | machine | checkpoint |\n|---|---|---|---|---|---|\n"
NOTEBOOK = re.compile(r"\[(\d\d)\]\(")
UP_TO = re.compile(r"(up to|only) \*([^*]+)\*")


@dataclass(frozen=True)
class Step:
    """One row: `at` and the minutes from the start; `notebook` is "" in a break and at the end."""

    at: int
    run: str
    exercise: int
    checkpoint: str
    length: int
    seconds: float

    @property
    def notebook(self) -> str:
        """Its number, such as "06"."""
        return found[1] if (found := NOTEBOOK.search(self.run)) else ""

    @property
    def machine(self) -> int:
        """Minutes of computing, rounded up."""
        return math.ceil(self.seconds / 60)

    @property
    def talk(self) -> int:
        """Minutes that are left for reading and talking."""
        return self.length - self.exercise - self.machine


def sections(seeds: dict[str, dict[str, Any]]) -> dict[str, float]:
    """The median seconds over the seeds for each section of one notebook, the kernel's start with the first."""
    found = {
        heading: median(one["sections"][heading] for one in seeds.values())
        for heading in next(iter(seeds.values()))["sections"]
    }
    start = median(one["seconds"] - sum(one["sections"].values()) for one in seeds.values())
    return {heading: seconds + (start if n == 0 else 0) for n, (heading, seconds) in enumerate(found.items())}


def steps(rows: str, record: Record) -> list[Step]:
    """The rows of one route's table, the end last.

    Raises:
        BadInput: a row names a section that its notebook has not.
    """
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows.splitlines()[2:]]
    begins = [60 * int(hours) + int(minutes) for hours, minutes in (row[0].split(":") for row in cells)]
    stopped: dict[str, int] = {}
    found = []
    for row, at, until in zip(cells, begins, [*begins[1:], begins[-1]], strict=True):
        seconds = seconds_of(row[1], record, stopped)
        found.append(Step(at, row[1], int(row[3].strip("*") or 0), row[5], until - at, seconds))
    return found


def seconds_of(run: str, record: Record, stopped: dict[str, int]) -> float:
    """The seconds of one row; keeps in `stopped` how many sections of each notebook the route has run."""
    if not (notebook := NOTEBOOK.search(run)):
        return 0
    known = sections(record[notebook[1]])
    names, seconds = list(known), list(known.values())
    until, begin = len(names), stopped.get(notebook[1], 0)
    if part := UP_TO.search(run):
        if part[2] not in names:
            raise BadInput(f"Notebook {notebook[1]} has no code under the heading {part[2]!r}.")
        until = names.index(part[2]) + 1
        if part[1] == "only":
            return seconds[0] + seconds[until - 1]
    stopped[notebook[1]] = until
    return sum(seconds[begin:until])


def row(step: Step) -> str:
    """One row with the columns talk and machine filled in."""
    if not step.notebook:
        return f"| {clock(step.at)} | {step.run} | | | | |"
    machine = f"{step.machine} ({step.seconds:.0f} s)"
    return f"| {clock(step.at)} | {step.run} | {step.talk} | {step.exercise} | {machine} | {step.checkpoint} |"


def clock(minutes: int) -> str:
    """90 as "1:30"."""
    return f"{minutes // 60}:{minutes % 60:02}"


def filled(text: str, record: Record) -> str:
    """The text with its routes filled in; their last row sums up."""

    def fill(found: re.Match) -> str:
        known = steps(found[3], record)
        work = [step for step in known if step.notebook]
        sums = (sum(getattr(step, name) for step in work) for name in ("talk", "exercise", "machine"))
        last = f"| {clock(known[-1].at)} | **end** | {' | '.join(f'**{total}**' for total in sums)} | |"
        return found[1] + HEAD + "\n".join([*map(row, known[:-1]), last]) + found[4]

    return ROUTE.sub(fill, text)
