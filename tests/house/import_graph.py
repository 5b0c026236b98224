"""Which module of a package imports what, read from the source: nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

Graph = dict[str, set[str]]


def modules(package: Path) -> dict[str, Path]:
    """The files of a package by module name; a package has the name of its folder."""
    found = {}
    for file in package.rglob("*.py"):
        parts = file.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imported(name: str, file: Path) -> Iterator[tuple[str, str]]:
    """(path, local name) of everything the module imports, at its top or inside functions, in absolute paths.

    Raises:
        SyntaxError: the file is not Python.
    """
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), file.name)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, alias.asname or alias.name
        elif isinstance(node, ast.ImportFrom):
            here = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
            above = here[: len(here) + 1 - node.level] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{source}.{alias.name}", alias.asname or alias.name


def import_graph(package: Path) -> Graph:
    """What each module imports: modules of the package by their names, all else by its full path."""
    files = modules(package)
    graph: Graph = {name: set() for name in files}
    for name, file in files.items():
        for path, _ in imported(name, file):
            holder = path.rpartition(".")[0]  # of `package.module.name` it is the module that is imported
            graph[name].add(holder if path not in files and holder in files else path)
    return graph


def parents(name: str) -> set[str]:
    """The packages a module lies in: Python runs them first."""
    parts = name.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts))}


def reachable(graph: Graph, starts: Iterable[str]) -> set[str]:
    """All that is imported, at any remove, when `starts` are; the packages of each module included."""
    seen: set[str] = set()
    waiting = set(starts)
    while waiting:
        seen |= waiting
        waiting = {found for name in waiting for found in graph.get(name, set()) | parents(name)} - seen
    return seen
