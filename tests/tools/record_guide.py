"""Records what the notebooks claim and how long they take, for the instructor's guide: `make guide`.

One notebook at one seed is one run, with every exercise solved. What was recorded of the same code is kept, so it can
be stopped and started again; `--again` keeps nothing. `python -m tests.tools.record_guide 06 12 --seeds 0 1 --jobs 2`
records two notebooks at two seeds, two runs side by side.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from tqdm import tqdm

from tests.harness.outputs import without_progress_bars
from tests.notebooks.test_notebooks import measured_run, solved
from tests.tools.store_outputs import ROOT, all_notebooks

FILE = ROOT / "tests" / "tools" / "guide.json"
SEEDS = range(5)
ASKED = re.compile(r"^(\w+) = predict\(", re.MULTILINE)
ANSWERED = re.compile(r"\b(\w+)\.reveal\(")
MEASURED = "○ Measured: "
CLAIMED = re.compile(r"^[✓✗] (.+\n)  (measured: .+ · test: .+)$")
Record = dict[str, dict[str, dict[str, Any]]]  # notebook ("06"), seed ("0"), what record_run returns


def load() -> Record:
    """What is recorded, by notebook and seed; nothing at first."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def save(record: Record) -> None:
    """Writes the record in one step, notebooks and seeds in order."""
    waiting = FILE.with_suffix(".tmp")
    ordered = {notebook: dict(sorted(record[notebook].items())) for notebook in sorted(record)}
    waiting.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    waiting.replace(FILE)


def record_run(path: Path, seed: int) -> dict[str, Any]:
    """Runs one notebook, solved, in the reference arithmetic; memory in MB, the rest in seconds."""
    notebook, _ = solved(path)
    code = fingerprint(notebook)
    seconds, peak, _ = measured_run(notebook, seed, "reference")
    return {
        "code": code,
        "seconds": round(seconds, 1),
        "peak": round(peak / 1e6),
        "sections": section_seconds(notebook),
        "claims": claims(notebook),
        "predictions": predictions(notebook),
    }


def fingerprint(notebook: nbformat.NotebookNode) -> str:
    """The same for the same code, whatever the prose and the outputs."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()[:12]


def sections(notebook: nbformat.NotebookNode) -> list[tuple[str, nbformat.NotebookNode]]:
    """Each code cell with the heading "## ..." that it stands under."""
    heading, found = "", []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            found.append((heading, cell))
        elif titles := re.findall(r"^## (.+)$", cell.source, re.MULTILINE):
            heading = titles[-1]
    return found


def section_seconds(notebook: nbformat.NotebookNode) -> dict[str, float]:
    """How long the cells under each heading took, in the order of the notebook."""
    total: dict[str, float] = {}
    for heading, cell in sections(notebook):
        times = cell.metadata.execution
        begin, end = (datetime.fromisoformat(times[name]) for name in ("iopub.execute_input", "shell.execute_reply"))
        total[heading] = total.get(heading, 0) + (end - begin).total_seconds()
    return {heading: round(seconds, 1) for heading, seconds in total.items()}


def texts(cell: nbformat.NotebookNode) -> list[str]:
    """What a cell displays, as text; progress bars aside."""
    return [output.data.get("text/plain", "") for output in without_progress_bars(cell.outputs) if "data" in output]


def claims(notebook: nbformat.NotebookNode) -> list[str]:
    """Every claim that was shown, in order, on two lines: its sentence, and its figure with the test."""
    shown = [text for _, cell in sections(notebook) for text in texts(cell)]
    return ["".join(found.groups()) for text in shown if (found := CLAIMED.match(text))]


def predictions(notebook: nbformat.NotebookNode) -> list[str]:
    """Every prediction, on lines: the question with its options, what was measured, and the explanation."""
    asked, found = {}, []
    for _, cell in sections(notebook):
        if name := ASKED.search(cell.source):
            asked[name[1]] = texts(cell)[0].removeprefix("Your prediction: ")
        if name := ANSWERED.search(cell.source):
            said = next(text for text in texts(cell) if text.startswith(MEASURED))
            outcome, why = said.split("\n", 1)
            outcome = outcome.removeprefix(MEASURED).removesuffix(".")
            why = why.strip().removeprefix("You made no prediction this time.").strip()
            found.append("\n".join([asked[name[1]], outcome, why]))
    return found


def is_recorded(record: Record, path: Path, seed: int) -> bool:
    """True when this notebook's present code was recorded at this seed."""
    return record.get(path.name[:2], {}).get(str(seed), {}).get("code") == fingerprint(solved(path)[0])


def named(notebooks: list[str]) -> list[Path]:
    """The notebooks of these numbers or files, such as 06; all, if none is given."""
    files = [Path(name).absolute() for name in notebooks if name.endswith(".ipynb")]
    return files + [path for path in all_notebooks() if not notebooks or path.name[:2] in notebooks]


def side_by_side(
    work: Callable[[Path, int], dict[str, Any]], runs: list[tuple[Path, int]], jobs: int
) -> Iterator[tuple[Path, int, Future]]:
    """Does `work(notebook, seed)` for each of the runs, `jobs` at a time, and gives each as soon as it has ended."""
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(work, *one): one for one in runs}
        for done in tqdm(as_completed(waiting), total=len(runs), desc="runs"):
            yield *waiting[done], done


def main() -> None:
    """Records what is missing; each run is kept as soon as it has ended, and one that fails stops no other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", help="numbers or files, such as 06; all, if none is given")
    parser.add_argument("--seeds", nargs="*", type=int, choices=SEEDS, default=list(SEEDS))
    parser.add_argument("--jobs", type=int, default=1, help="how many runs side by side")
    parser.add_argument("--again", action="store_true", help="record what is recorded already, too")
    given, record = parser.parse_args(), load()
    runs = [
        (path, seed)
        for path in named(given.notebooks)
        for seed in given.seeds
        if given.again or not is_recorded(record, path, seed)
    ]
    failed = []
    for path, seed, done in side_by_side(record_run, runs, given.jobs):
        if error := done.exception():
            failed.append(f"{path.stem} at seed {seed}: {error}")
        else:
            record.setdefault(path.name[:2], {})[str(seed)] = done.result()
            save(record)
    if failed:
        sys.exit("\n".join(["Not recorded:", *failed]))


if __name__ == "__main__":
    main()
