"""The house stays small: lines a folder of `helpers`, blank ones included, against what each may have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

HELPERS = Path(__file__).parents[2] / "helpers"
GOAL = 4700  # lines of all folders but exercises; until it is reached, none may grow
MOST = {
    "ground": 588,  # the modules beside the folders
    "training": 510,
    "problems": 524,
    "races": 302,
    "inside": 244,
    "fleet": 1404,
    "explore": 1483,
    "learn": 409,
    "exercises": 1400,
}
MOST_WITHOUT_EXERCISES = max(GOAL, sum(MOST.values()) - MOST["exercises"])
KINDS, CONTENT = (".py", ".js", ".sh"), ("recorded", "solutions", "questions.py")


def counted(package: Path) -> Iterator[Path]:
    """The files whose lines count: code, not content."""
    for file in package.rglob("*"):
        if file.suffix in KINDS and not set(file.relative_to(package).parts) & set(CONTENT):
            yield file


def lines(package: Path) -> Counter[str]:
    """{folder: lines} of a package, "ground" for the modules beside its folders."""
    found: Counter[str] = Counter()
    for file in counted(package):
        folder, *rest = file.relative_to(package).parts
        found[folder if rest else "ground"] += len(file.read_text(encoding="utf-8").splitlines())
    return found


def table(found: Counter[str]) -> str:
    """A line a folder: what it has, what it may have, and by how much it is over."""
    rows = [(folder, found[folder], most) for folder, most in MOST.items()]
    rows.append(("all but exercises", found.total() - found["exercises"], MOST_WITHOUT_EXERCISES))
    over = {folder: f"  {has - most} too many" for folder, has, most in rows if has > most}
    return "\n".join(f"{folder:<18}{has:>6} of{most:>6}{over.get(folder, '')}" for folder, has, most in rows)


def test_the_house_keeps_to_its_budget() -> None:
    """Every folder has a number, and none has more lines than it says; nor have all of them together."""
    found = lines(HELPERS)
    said = table(found)
    print(f"\n{said}")
    assert set(found) == set(MOST)
    if "too many" in said:
        pytest.fail(f"Take away before you add, or say in tests/house/test_budget.py why it may grow:\n{said}", False)


def test_what_counts(tmp_path: Path) -> None:
    """Code of all kinds, blank lines too; recorded data, solutions and questions do not; one over is told."""
    for name, text in {
        "a.py": "1\n\n2\n",
        "b.js": "1\n",
        "fleet/engines/c.sh": "1\n2",
        "fleet/engines/d.yaml": "1\n",
        "races/recorded/e.py": "1\n",
        "exercises/solutions/f.py": "1\n",
        "exercises/questions.py": "1\n",
        "exercises/g.py": "1\n" * 1401,
    }.items():
        (file := tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert lines(tmp_path) == {"ground": 4, "fleet": 2, "exercises": 1401}
    ground, *_, exercises, together = table(lines(tmp_path)).splitlines()
    assert ground.split() == ["ground", "4", "of", str(MOST["ground"])] and exercises.endswith(
        "1401 of  1400  1 too many"
    )
    assert together.split()[-3:] == ["6", "of", str(MOST_WITHOUT_EXERCISES)]
