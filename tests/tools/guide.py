"""Fills in what is generated in the instructor's guide, its sheets and the handout: `python -m tests.tools.guide`.

It stands between `<!-- generated: NAME -->` and `<!-- end -->`. NAME is one of TABLES, or a figure such as
"06 | The median saves more | percent": a notebook, the first words of a claim or a prediction (or a whole heading), and
what is to be said of it, see `figure`. Figures are those of guide.json.
In a route, between `<!-- route: 90 minutes -->` and `<!-- end -->`, the columns talk and machine are filled in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import nbformat

from helpers.errors import BadInput
from helpers.exercises.questions import QUESTIONS
from tests.tools import routes
from tests.tools.record_guide import Record, load
from tests.tools.store_outputs import ROOT, all_notebooks

FILES = GUIDE, SHEETS, HANDOUT = tuple(
    ROOT / "notebooks" / name for name in ("instructor_guide.md", "instructor_sheets.md", "handout.md")
)
GENERATED = re.compile(r"(<!-- generated: ([^>]+) -->).*?(<!-- end -->)", re.DOTALL)
RANGED = re.compile(r"(<|<=|>|>=|within) ")
SERVER_MB = 290  # what a learner's JupyterLab takes beside the kernel (test_hub.py measures it)
TITLES = {path.name[:2]: f"[{path.stem.replace('_', ' ')}]({path.name})" for path in all_notebooks()}


@dataclass(frozen=True)
class Claim:
    """One claim of a notebook: its sentence and test at seed 0, and what was measured at each seed."""

    sentence: str
    test: str
    values: tuple[str, ...]

    @property
    def numbers(self) -> tuple[float, ...]:
        """The figures, one a seed; none when they are not numbers or have to be one exact number."""
        try:
            return tuple(map(float, self.values)) if RANGED.match(self.test) else ()
        except ValueError:
            return ()

    @property
    def spread(self) -> str:
        """From the lowest to the highest figure, as they were shown."""
        low, high = (choose(self.values, key=float) for choose in (min, max))
        return "the same" if low == high else f"{low} to {high}"


def claims(record: Record, notebook: str) -> list[Claim]:
    """The claims of one notebook, in its order; their sentences may differ from seed to seed.

    Raises:
        BadInput: the seeds have different numbers of claims.
    """
    seeds = [[said.split("\n") for said in one["claims"]] for one in record[notebook].values()]
    if len({len(said) for said in seeds}) != 1:
        raise BadInput(f"Notebook {notebook} has not the same claims at each seed: record it again.")
    found = []
    for same in zip(*seeds, strict=True):
        figures = [figure.removeprefix("measured: ").split(" · test: ") for _, figure in same]
        found.append(Claim(same[0][0], figures[0][1], tuple(measured for measured, _ in figures)))
    return found


def predictions(record: Record, notebook: str) -> list[tuple[str, str, str]]:
    """(question, wrong options, what was measured) of one notebook, counted over the seeds."""
    found = []
    for same in zip(*(one["predictions"] for one in record[notebook].values()), strict=True):
        question, options = same[0].split("\n")[0].removesuffix(" ]").split(" [ ")
        counts = Counter(said.split("\n")[1] for said in same).most_common()
        outcome = ", ".join(f"{name} ({n} of {len(same)})" if len(counts) > 1 else name for name, n in counts)
        found.append((question, " / ".join(name for name in options.split(" | ") if name not in dict(counts)), outcome))
    return found


def expected_numbers(record: Record) -> str:
    """For each notebook a table of the claims with a figure that may vary."""
    parts = []
    for notebook in record:
        known = claims(record, notebook)
        shown = [claim for claim in known if claim.numbers]
        rows = [(claim.sentence, claim.values[0], claim.spread, claim.test) for claim in shown]
        parts.append(table([f"{TITLES[notebook]}: the claim", "seed 0", "all seeds", "test"], rows))
        if len(known) > len(shown):
            parts.append(f"Exact at each seed (yes or no, a count, a list): {len(known) - len(shown)} more.")
    return "\n\n".join(parts)


def machine_time(record: Record) -> str:
    """What each notebook takes, exercises solved: the median over the seeds, and its two slowest parts."""
    rows = []
    for notebook, seeds in record.items():
        seconds = sorted(one["seconds"] for one in seeds.values())
        slowest = sorted(routes.sections(seeds).items(), key=lambda part: -part[1])[:2]
        rows.append(
            (
                TITLES[notebook],
                f"{median(seconds):.0f}" + (f" ({seconds[0]:.0f} to {seconds[-1]:.0f})" if seconds[1:] else ""),
                max(one["peak"] for one in seeds.values()),
                "; ".join(f"{f'*{heading}*' if heading else 'setup'} {taken:.0f}" for heading, taken in slowest),
            )
        )
    return table(["notebook", "seconds", "memory, MB", "slowest parts, seconds"], rows)


def quiz(record: Record) -> str:
    """Which questions of the exit quiz belong to which notebook."""
    by_notebook: dict[str, list[str]] = {}
    for number, question in enumerate(QUESTIONS, start=1):
        by_notebook.setdefault(question.notebook[:2], []).append(str(number))
    return table(list(by_notebook), [tuple(", ".join(numbers) for numbers in by_notebook.values())])


def room(record: Record) -> str:
    """What one machine needs for a room: memory for the largest notebook of each, minutes when all run one at once."""
    runs = [one for seeds in record.values() for one in seeds.values()]
    peak, seconds = max(one["peak"] for one in runs), max(one["seconds"] for one in runs)
    rows = [
        (n, f"{n * (peak + SERVER_MB) / 1000:.0f}", *(f"{max(1, n * seconds / cores / 60):.0f}" for cores in (8, 32)))
        for n in (10, 20, 30)
    ]
    return table(["learners", "memory, GB", "minutes, longest notebook, 8 cores", "32 cores"], rows)


def table(head: list[str], rows: list[tuple]) -> str:
    """A table in Markdown."""
    lines = [[str(cell).replace("|", "\\|") for cell in row] for row in [head, *rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in [lines[0], ["---"] * len(head), *lines[1:]])


TABLES: dict[str, Callable[[Record], str]] = {
    "expected numbers": expected_numbers,
    "machine time": machine_time,
    "quiz": quiz,
    "room": room,
}
FORMS: dict[str, Callable[[float], str]] = {
    "number": lambda value: f"{float(f'{value:.2g}'):g}",
    "percent": lambda value: f"{100 * value:.0f}",
}


def figure(record: Record, name: str) -> str:
    """What a marker of this name stands for, by its last word.

    One of FORMS: a claim's figure, from the lowest to the highest over the seeds; "sentence": the claim at seed 0;
    "expect": that with its test. "prediction": the question with its answers; "outcome": the right one.
    "picture": where to find what is drawn under a heading.

    Raises:
        BadInput: no claim or prediction begins so, or several do; there is no such heading.
    """
    notebook, begins, form = name.split(" | ")
    if form == "picture":
        return picture(notebook, begins)
    if form in FORMS or form in ("sentence", "expect"):
        found = [claim for claim in claims(record, notebook) if claim.sentence.startswith(begins)]
    else:
        found = [one for one in predictions(record, notebook) if one[0].startswith(begins)]
    if len(found) != 1:
        raise BadInput(f"{len(found)} of notebook {notebook} begin with {begins!r}: there has to be one.")
    if form == "prediction":
        return f"“{found[0][0]}” Wrong: {found[0][1]}. Measured: **{found[0][2]}**."
    if form == "outcome":
        return found[0][2]
    if form == "sentence":
        return found[0].sentence
    if form == "expect":
        spread = "" if found[0].spread == "the same" else f" (all seeds: {found[0].spread})"
        return f"**{found[0].sentence}** Tested: {found[0].values[0]} {found[0].test}{spread}."
    low, high = (FORMS[form](choose(found[0].numbers)) for choose in (min, max))
    return (low if low == high else f"{low} to {high}") + (" %" if form == "percent" else "")


def picture(notebook: str, heading: str) -> str:
    """A link to a section of a notebook, with the picture of images/ that it shows, if it shows one."""
    prose, _ = section(notebook, heading)
    link = f"[{heading}]({notebook_file(notebook).name}#{heading.replace(' ', '-')})"
    return f"{link} {found[0]}" if (found := re.search(r"!\[[^\]]+\]\([^)]+\)", prose)) else link


def section(notebook: str, heading: str) -> tuple[str, list[nbformat.NotebookNode]]:
    """The prose under a heading "## ..." of a notebook, and the outputs of the code under it.

    Raises:
        BadInput: there is no such heading.
    """
    below, prose, outputs = "", "", []
    for cell in nbformat.read(notebook_file(notebook), as_version=4).cells:
        if cell.cell_type == "code":
            outputs += cell.outputs if below == heading else []
            continue
        before, *titled = re.split(r"^## (.+)$", cell.source, flags=re.MULTILINE)
        for title, text in zip([below, *titled[::2]], [before, *titled[1::2]], strict=True):
            below = title
            prose += text if below == heading else ""
    if not prose:
        raise BadInput(f"Notebook {notebook} has no heading {heading!r}.")
    return prose, outputs


def notebook_file(notebook: str) -> Path:
    """The file of the notebook with this number."""
    return next(path for path in all_notebooks() if path.name[:2] == notebook)


def filled(text: str, record: Record) -> str:
    """The text with all that is generated in it made anew."""

    def fill(found: re.Match) -> str:
        if found[2] in TABLES:
            return f"{found[1]}\n{TABLES[found[2]](record)}\n{found[3]}"
        return f"{found[1]}{figure(record, found[2])}{found[3]}"

    return GENERATED.sub(fill, routes.filled(text, record))


def write(files: tuple[Path, ...] = FILES) -> None:
    """Writes the files with what is generated in them made anew."""
    record = load()
    for file in files:
        file.write_text(filled(file.read_text(encoding="utf-8"), record), encoding="utf-8")
        print(f"{file.relative_to(ROOT)} is written.")


if __name__ == "__main__":
    write()
