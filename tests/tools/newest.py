"""Tries the course with the newest versions that pyproject.toml allows, whatever is pinned: `make newest`.

Says which packages differ from the pins, and what of Optuna's the next major version takes away; then runs the tests.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import nbformat
import optuna

from tests.tools.install import find_uv
from tests.tools.store_outputs import ROOT, all_notebooks

OPTUNA = Path(optuna.__file__).parent
MARKS = ("deprecated_func", "deprecated_class")
WARNED = "_warn_if_deprecated_argument"  # TPESampler's arguments
PACKAGES = ("terminator",)  # deprecated as a whole


def leaving() -> dict[str, str]:
    """Names of Optuna's that are marked for removal, with the version that removes them; arguments end in "="."""
    found = {}
    for path in OPTUNA.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for mark in getattr(node, "decorator_list", ()):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func).split(".")[-1] in MARKS:
                    found[node.name] = _version(mark)
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(WARNED) and node.args:
                name = ast.literal_eval(node.args[0])
                found[f"{name.strip('`')}="] = _version(node)
    return found | {f"optuna.{name}": "6.0.0" for name in PACKAGES if (OPTUNA / name).exists()}


def _version(call: ast.Call) -> str:
    """The last version number among a mark's arguments."""
    texts = [part.value for part in ast.walk(call) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return [text for text in texts if re.fullmatch(r"\d+\.\d+\.\d+", text)][-1]


def used(code: str, names: set[str]) -> Iterator[str]:
    """Which of these names a piece of Python uses: a name, an attribute, an import, TPESampler's argument."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("TPESampler"):
            yield from names & {f"{keyword.arg}=" for keyword in node.keywords}
        if isinstance(node, ast.Attribute):
            yield from names & {node.attr, ast.unparse(node)}
        if isinstance(node, ast.Name):
            yield from names & {node.id}
        if isinstance(node, ast.ImportFrom):
            yield from names & {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            yield from names & {alias.name for alias in node.names if (node.module or "").startswith("optuna")}


def course_code() -> dict[str, str]:
    """The code of helpers and notebooks by its place; lines that only IPython reads are left out."""
    found = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in (ROOT / "helpers").rglob("*.py")}
    for path in all_notebooks():
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code" and "deprecated" not in cell.metadata.get("tags", ()):
                found[f"{path.name}, {cell.id}"] = re.sub(r"(?m)^\s*[%!].*$", "", cell.source)
    return found


def moves() -> dict[str, set[str]]:
    """What of the course uses a name that leaves Optuna, by its place."""
    names = set(leaving())
    found = {
        place: set(used(code, names)) for place, code in course_code().items() if "optuna" in code or ".ipynb" in place
    }
    return {place: names for place, names in found.items() if names}


def main() -> None:
    """Installs, tells, tests."""
    python = ROOT / ".venv" / "newest" / "bin" / "python"
    if not (uv := find_uv()):
        sys.exit("uv is needed: pip install uv.")
    subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, str(python.parents[1])], check=True)
    subprocess.run([*uv, "pip", "install", "-p", str(python), "--upgrade", "-e", f"{ROOT}[test]"], check=True)
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    here = {
        one.name: one.version for one in metadata.distributions(path=map(str, python.parents[1].glob("lib/*/site-*")))
    }
    for name, version in sorted(here.items()):
        if pins.get(name, version) != version:
            print(f"{name}: {pins[name]} is pinned, {version} is tried")
    print(f"Optuna takes away: {', '.join(f'{name} ({version})' for name, version in sorted(leaving().items()))}.")
    print(f"The course uses of it: {moves() or 'nothing'}.")
    sys.exit(subprocess.run([python, "-m", "pytest", "-m", "not slow", "-q", *sys.argv[1:]], cwd=ROOT).returncode)


if __name__ == "__main__":
    main()
