"""How many minutes an exercise takes a learner who types, by a rule; `python -m tests.exercises.minutes` prints them.

The task and its cell are read at 130 words a minute. To think takes half a minute for each choice that is to be made,
one minute for one line to write, and two for more. Each line of the solution that the cell does not hold yet takes half
a minute to type. One attempt is wrong: its reason is read, and one line is written again, in a minute. Running is not
counted.
"""

from __future__ import annotations

import ast
import math
import re
from pathlib import Path

import nbformat

from helpers.learn.exercises import read_solutions

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CHECK = re.compile(r'^check\("(\d\d\.\d)"', re.MULTILINE)
WORDS, CHOICE, LINE, WRONG = 1 / 130, 0.5, 0.5, 1.0


def exercises(notebook: str) -> dict[str, float]:
    """The minutes of each exercise of one notebook ("01")."""
    cells = nbformat.read(next(NOTEBOOKS.glob(f"{notebook}_*.ipynb")), as_version=4).cells
    solutions, found = read_solutions(notebook), {}
    for place, cell in enumerate(cells):
        if cell.cell_type != "code" or not (asked := CHECK.search(cell.source)):
            continue
        key = asked[1]
        first = max((n for n in range(place) if f"**{key}**" in cells[n].source), default=place)
        words = sum(len(part.source.split()) for part in cells[first : place + 1])
        found[key] = words * WORDS + writing(solutions[key], cell.source) + WRONG
    return found


def writing(solution: str, cell: str) -> float:
    """To think of the solution, and to type what of it the cell does not hold."""
    values = [node.value for node in ast.walk(ast.parse(solution)) if isinstance(node, ast.Assign)]
    if len(values) == 1 and isinstance(values[0], ast.Dict | ast.Constant) and "def " not in solution:
        return CHOICE * (len(values[0].keys) if isinstance(values[0], ast.Dict) else 1)
    given = {line.strip() for line in cell.splitlines()}
    typed = [line for line in solution.splitlines() if line.strip() and line.strip() not in given]
    return min(len(typed), 2) + LINE * len(typed)


def stated(notebook: str) -> dict[str, int]:
    """What the first cell of a notebook promises: "minutes" in all, and those of reading, exercises, computing, ..."""
    text = nbformat.read(next(NOTEBOOKS.glob(f"{notebook}_*.ipynb")), as_version=4).cells[0].source
    promise = re.search(r"\*\*\d+ minutes\*\*.*", text)
    assert promise
    return {word: int(number) for number, word in re.findall(r"(\d+) (?:of )?(\w+)", promise[0])}


if __name__ == "__main__":
    for number in sorted(path.name[:2] for path in NOTEBOOKS.glob("*.ipynb")):
        table = exercises(number)
        total = math.ceil(sum(table.values()))
        print(f"{number}: {total} minutes:", ", ".join(f"{key} {minutes:.1f}" for key, minutes in table.items()))
