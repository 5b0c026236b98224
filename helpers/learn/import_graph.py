"""Which module of a package imports what, read from the source: nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
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

    def target(path: str) -> str:
        """`package.module.name` is the module; what lies outside the package stays a path."""
        holder = path.rpartition(".")[0]
        return holder if path not in files and holder in files else path

    return {name: {target(path) for path, _ in imported(name, file)} for name, file in files.items()}


def parents(name: str) -> set[str]:
    """The packages a module lies in: Python runs them first."""
    parts = name.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts))}


def reachable(graph: Graph, starts: Iterable[str]) -> set[str]:
    """All that is imported, at any remove, when `starts` are; the packages of each module included."""
    seen: set[str] = set()
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += graph.get(name, set()) | parents(name)
    return seen


def cycle(graph: Graph) -> list[str]:
    """A circle of imports, or nothing. That a module's package runs first, and re-exports it, is not one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []
