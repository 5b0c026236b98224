"""What notebook 11 keeps with a study, taken from the notebook: versions and the state of the code."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import torch

from tests.tools.store_outputs import ROOT


def taken() -> Callable[[], dict[str, str]]:
    """The notebook's function, with the modules of the standard library that it imports."""
    notebook = nbformat.read(ROOT / "notebooks" / "11_best_practices.ipynb", as_version=4)
    nodes = [n for c in notebook.cells if c.cell_type == "code" for n in ast.parse(c.source).body]
    kept = [n for n in nodes if isinstance(n, ast.Import) and n.names[0].name in ("platform", "subprocess")]
    kept += [n for n in nodes if isinstance(n, ast.ImportFrom) and n.module == "importlib.metadata"]
    kept += [n for n in nodes if isinstance(n, ast.FunctionDef) and n.name == "surroundings"]
    names: dict = {}
    exec(compile(ast.Module(kept, []), "notebook 11", "exec"), names)
    return names["surroundings"]


surroundings = taken()


def git_state(folder: Path) -> str:
    """What is said of the code from a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return surroundings()["code"]


def git(folder: Path, *command: str) -> None:
    """One git command by an author of its own."""
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)


def test_versions_are_those_installed() -> None:
    """Text for a database, the same twice."""
    found = surroundings()
    assert found["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert {"optuna", "torch", "numpy", "scikit-learn"} | {"python", "machine", "code"} == set(found)
    assert all(isinstance(value, str) and value for value in found.values()) and found == surroundings()


def test_the_state_of_the_code(tmp_path: Path) -> None:
    """The commit; with a mark when a file differs from it; unknown where there is none."""
    assert git_state(tmp_path) == "unknown"
    git(tmp_path, "init")
    (tmp_path / "train.py").write_text("x = 1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    git(tmp_path, "tag", "-a", "v1", "-m", "a tag is no commit")
    clean = git_state(tmp_path)
    assert re.fullmatch("[0-9a-f]{40,64}", clean)
    (tmp_path / "notes.txt").write_text("beside the code")
    assert git_state(tmp_path) == clean
    (tmp_path / "train.py").write_text("x = 2")
    assert git_state(tmp_path) == clean + "+changes"


def test_without_git_it_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No error where git is not installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(tmp_path) == "unknown"
