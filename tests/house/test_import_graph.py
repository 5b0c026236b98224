"""Arrows between the folders of `helpers` point down, and the training code has never heard of Optuna."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.house.import_graph import Graph, import_graph, imported, modules, parents, reachable

ROOT = Path(__file__).parents[2]
HELPERS = ROOT / "helpers"
FLOORS = (  # what stands on a floor is built on lower floors alone; helpers/__init__.py says what the modules are for
    ("errors", "plots", "accessible"),
    ("training", "learn"),
    ("problems", "machine"),
    ("races",),
    ("inside", "fleet"),
    ("explore", "checkup"),
    ("exercises", "worker"),
)
TRAINING = (
    "helpers.errors",
    "helpers.problems.smudged",
    *sorted(name for name in modules(HELPERS) if name.startswith("helpers.training.")),
)
FORBIDDEN = frozenset(("optuna", "helpers.learn", "helpers.explore", "helpers.exercises", "helpers.plots"))


def arrows_up(package: Path, floors: tuple[tuple[str, ...], ...]) -> set[str]:
    """Every import 'module: path' between two folders (or modules beside them) that does not lead to a lower floor."""
    height = {f"{package.name}.{name}": n for n, floor in enumerate(floors) for name in floor} | {package.name: 0}

    def room(name: str) -> str:
        return ".".join(name.split(".")[:2])

    return {
        f"{name}: {path}"
        for name, paths in import_graph(package).items()
        for path in paths
        if path.startswith(f"{package.name}.") and room(path) != room(name) and height[room(path)] >= height[room(name)]
    }


def private_paths(package: Path, library: str) -> set[str]:
    """Where the package names something private of `library`, outside its folder `inside`: 'module: path'."""
    found = set()
    for name, file in modules(package).items():
        if name.split(".")[1:2] == ["inside"]:
            continue
        local = {alias: path for path, alias in imported(name, file)}
        paths = {*local.values(), *_attribute_paths(file, local)}
        found |= {f"{name}: {path}" for path in paths if path.split(".")[0] == library and _is_private(path)}
    return found


def _attribute_paths(file: Path, local: dict[str, str]) -> Iterator[str]:
    """Every `a.b.c` that starts at an imported name, in absolute paths."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.insert(0, node.attr)
            node = node.value
        if attributes and isinstance(node, ast.Name):
            yield ".".join([local.get(node.id, node.id), *attributes])


def _is_private(path: str) -> bool:
    """True when a part starts with an underscore; `__version__` and its like are public."""
    return any(part.startswith("_") and not part.endswith("__") for part in path.split("."))


def cycle(graph: Graph) -> list[str]:
    """A circle of imports, or nothing. That a module's package runs first, and re-exports it, is not one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """A package that breaks every rule."""
    package = tmp_path / "pack"
    sources = {
        "__init__": "from pack.first import run",
        "first": "import os\ndef run():\n    from pack import second",
        "second": "from .deep.third import value",
        "deep/__init__": "from pack.deep.third import value",
        "deep/third": "def value():\n    from .. import fourth\n    import lib.parts as parts\n    return parts._x",
        "fourth": "from pack.first import run",
        "alone": "import math\nprint(math._x)",
        "user": "import lib\nfrom lib.parts import _made, tree as t\nprint(lib.__version__, lib._a)\nt.b._c = 1",
        "other": "import lib._kept\nprint(lib.open.tree._hidden)",
        "inside/__init__": "from lib import _allowed",
    }
    for name, source in sources.items():
        file = package / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    return package


def test_the_graph_sees_every_form_of_import(made_up: Path) -> None:
    """Imports inside functions, of modules and of names, absolute and relative, are resolved to modules."""
    graph = import_graph(made_up)
    assert graph["pack"] == {"pack.first"}
    assert graph["pack.first"] == {"os", "pack.second"}
    assert graph["pack.second"] == graph["pack.deep"] == {"pack.deep.third"}
    assert graph["pack.deep.third"] == {"pack.fourth", "lib.parts"}
    assert graph["pack.user"] == {"lib", "lib.parts._made", "lib.parts.tree"}


def test_what_is_out_of_sight_is_reached(made_up: Path) -> None:
    """A library three imports away is found, and one that only the package's own file, run first, leads to."""
    graph = import_graph(made_up)
    assert {"lib", "lib.parts", "pack.fourth"} <= reachable(graph, ["pack.first"])
    assert graph["pack.alone"] == {"math"} and "lib" in reachable(graph, ["pack.alone"])
    assert "pack.user" not in reachable(graph, graph.keys() - {"pack.user"})


def test_a_cycle_is_found(made_up: Path) -> None:
    """A circle of four modules is named; without it, packages that re-export their modules are no circle."""
    assert {"pack.first", "pack.second", "pack.deep.third", "pack.fourth"} == set(cycle(import_graph(made_up)))
    (made_up / "fourth.py").write_text("import os")
    assert cycle(import_graph(made_up)) == []


def test_an_arrow_up_is_found(made_up: Path) -> None:
    """So is one along a floor; within a folder every arrow may run. What stands on no floor is a KeyError."""
    floors = (("fourth",), ("deep", "second"), ("first", "alone", "user", "other", "inside"))
    arrows = {"pack: pack.first", "pack.second: pack.deep.third", "pack.fourth: pack.first"}
    assert arrows_up(made_up, floors) == arrows
    with pytest.raises(KeyError, match=r"pack\.(second|deep)"):
        arrows_up(made_up, floors[:1] + floors[2:])


def test_private_names_are_found(made_up: Path) -> None:
    """Private modules, names and attributes of the library are found, under other names too; `inside` may."""
    assert private_paths(made_up, "lib") == {
        "pack.deep.third: lib.parts._x",
        "pack.user: lib.parts._made",
        "pack.user: lib._a",
        "pack.user: lib.parts.tree.b._c",
        "pack.other: lib._kept",
        "pack.other: lib.open.tree._hidden",
    }


def test_the_training_code_stands_alone() -> None:
    """Nothing that the training code imports, at any remove, is Optuna or a device of the course."""
    graph = import_graph(HELPERS)
    assert {"helpers.training.data", "helpers.training.models"} <= graph["helpers.training.train"]
    reached = reachable(graph, TRAINING)
    assert set(TRAINING) <= reached
    assert {name for name in reached if not FORBIDDEN.isdisjoint({name, *parents(name)})} == set()
    assert "optuna" in reachable(graph, ["helpers.explore.chooser"])


def test_arrows_between_folders_point_down() -> None:
    """Each folder is built on lower floors alone, so no circle of folders is possible."""
    assert arrows_up(HELPERS, FLOORS) == set()
    assert {name.split(".")[1] for name in modules(HELPERS) if name != "helpers"} == {n for f in FLOORS for n in f}


def test_no_module_imports_itself_in_a_circle() -> None:
    """The modules of `helpers` can be put in an order in which each imports earlier ones only."""
    assert cycle(import_graph(HELPERS)) == []


def test_nothing_private_of_optuna_is_used() -> None:
    """A new release of Optuna may change what starts with an underscore."""
    assert private_paths(HELPERS, "optuna") == set()


def test_importing_the_training_code_loads_neither_optuna_nor_torchvision() -> None:
    """Optuna stays out; torchvision, slow to import, waits until it is used."""
    watched = ("torch", "optuna", "torchvision")
    code = f"import sys, {', '.join(TRAINING)}; print([name for name in {watched} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "['torch']"
