"""Runs the notebooks, solved, at any seeds, and says how safely each claim holds: `make seeds SEEDS="5 77 4242"`.

A claim that fails, or a cell that raises, stops nothing: at the end all of them are listed. Without seeds, three are
drawn anew each time. With `--keep FOLDER` each run is kept there, so it can be stopped and started again.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import sys
import time
from functools import partial
from math import inf, nan
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import nbformat

from helpers.learn import claims, seed
from tests.notebooks.test_notebooks import solved
from tests.tools.record_guide import CLAIMED, fingerprint, named, side_by_side, texts
from tests.tools.store_outputs import run

DRAWN, BELOW = 3, 1_000_000
Run = dict[str, Any]  # what `record` returns


def record(path: Path, at: int) -> Run:
    """Runs one notebook, solved, at one seed: its claims by cell, and what else went wrong."""
    notebook, keys = solved(path)
    code, begin = fingerprint(notebook), time.perf_counter()
    run(notebook, go_on=True, **{seed.VARIABLE: str(at), claims.VARIABLE: "show"})
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    said = "\n".join(text for cell in cells for text in texts(cell))
    wrong = [
        f"{cell.id}: {output.ename}: {output.evalue}"
        for cell in cells
        for output in cell.outputs
        if output.output_type == "error"
    ]
    wrong += [
        f"the solution of exercise {key} is not found correct"
        for key in keys
        if f"Exercise {key}: correct." not in said
    ]
    return {
        "notebook": path.name[:2],
        "seed": at,
        "code": code,
        "seconds": round(time.perf_counter() - begin, 1),
        "wrong": wrong,
        "claims": [claim for cell in cells for claim in claims_of(cell)],
    }


def claims_of(cell: nbformat.NotebookNode) -> list[list[str]]:
    """[where, mark and sentence, measured, test] of each claim that a cell shows."""
    found = [text for text in texts(cell) if CLAIMED.match(text)]
    parts = [re.split(r"\n  measured: | · test: ", text) for text in found]
    return [[f"{cell.id} {n}", *three] for n, three in enumerate(parts)]


def kept(folder: Path, path: Path, at: int) -> Run:
    """What `record` returns, from the folder where it lies there for the same code."""
    file, code = folder / f"{path.name[:2]}-{at}.json", fingerprint(solved(path)[0])
    if file.exists() and (known := json.loads(file.read_text(encoding="utf-8")))["code"] == code:
        return known
    found = record(path, at)
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
    return found


def distances(measured: str, test: str) -> tuple[float, ...]:
    """How far a figure lies on the right side of its bound, or of both; nothing where that says nothing.

    >>> distances("0.5", "> 0.2"), distances("3", "within 1 to 4"), distances("True", "== True")
    ((0.3,), (2.0, 1.0), ())
    """
    sign, bound = test.split(" ", 1)
    try:
        figure, bounds = float(measured), [float(one) for one in bound.split(" to ")]
    except ValueError:
        return ()
    if sign == "within":
        return figure - bounds[0], bounds[1] - figure
    return {"<": (bounds[0] - figure,), ">": (figure - bounds[0],)}.get(sign[0], ())


def margin(figures: list[tuple[str, str]]) -> float:
    """The mean distance from the bound in standard deviations over the seeds; NaN where there is none."""
    sides = [one for one in zip(*(distances(*figure) for figure in figures), strict=False) if len(one) > 1]
    return min(
        (inf if stdev(side) == 0 < mean(side) else mean(side) / (stdev(side) or nan) for side in sides), default=nan
    )


def report(runs: list[Run]) -> tuple[str, list[str]]:
    """A table of all claims, and what failed."""
    by_claim: dict[tuple[str, str], list[tuple[int, list[str]]]] = {}
    for one in sorted(runs, key=lambda one: (one["notebook"], one["seed"])):
        for where, *claim in one["claims"]:
            by_claim.setdefault((one["notebook"], where), []).append((one["seed"], claim))
    lines, failed = ["    margin  seeds  failed  claim, and its figures"], []
    for (notebook, _), same in by_claim.items():
        bad = [(at, claim) for at, claim in same if claim[0].startswith("✗")]
        failed += [f"{notebook} at seed {at}: {claim[0]} measured: {claim[1]} · test: {claim[2]}" for at, claim in bad]
        figures = [(measured, test) for _, (_, measured, test) in same]
        numbers = sorted({measured for measured, _ in figures}, key=_number)
        spread = numbers[0] if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
        safety = f"{margin(figures):.1f}".replace("nan", "n/a")
        lines.append(
            f"{notebook} {safety:>9} {len(same):6} {len(bad):7}  {same[0][1][0][2:]} [{spread}; {figures[0][1]}]"
        )
    failed += [f"{one['notebook']} at seed {one['seed']}: {words}" for one in runs for words in one["wrong"]]
    return "\n".join(lines), failed


def _number(text: str) -> tuple[float, str]:
    try:
        return float(text), text
    except ValueError:
        return nan, text


def main(arguments: list[str] | None = None) -> None:
    """Runs what is asked for, prints the table and ends with an error when anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seeds", nargs="*", type=int, help=f"whole numbers; {DRAWN} new ones, if none is given")
    parser.add_argument(
        "--notebooks", nargs="*", default=[], help="numbers or files, such as 06; all, if none is given"
    )
    parser.add_argument("--jobs", type=int, default=1, help="how many runs side by side")
    parser.add_argument("--keep", type=Path, help="a folder that keeps every run")
    given = parser.parse_args(arguments)
    seeds = given.seeds or [secrets.randbelow(BELOW) for _ in range(DRAWN)]
    print("Seeds:", *seeds, flush=True)
    work = partial(kept, given.keep) if given.keep else record
    runs, broken = [], []
    for path, at, done in side_by_side(work, [(p, at) for at in seeds for p in named(given.notebooks)], given.jobs):
        if error := done.exception():
            broken.append(f"{path.name[:2]} at seed {at}: {error}")
        else:
            runs.append(done.result())
    table, failed = report(runs)
    print(table)
    if failed + broken:
        sys.exit("\n".join([f"{len(failed + broken)} failed:", *failed, *broken]))


if __name__ == "__main__":
    main()
