"""The hooks before a commit: they need no network, let a clean file pass, and each stops what it is there for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.tools.store_outputs import ROOT

CONFIG = ".pre-commit-config.yaml"
HOOKS = {hook["id"]: hook for repo in yaml.safe_load((ROOT / CONFIG).read_text())["repos"] for hook in repo["hooks"]}
CLEAN = '"""A module."""\n\n\ndef half(number: float) -> float:\n    """Half of it."""\n    return number / 2\n'
FAULTS = {
    "ruff-check": ('"""A module."""\n', '"""A module."""\n\nimport os\n'),
    "ruff-format": ("number / 2", "number/2"),
    "mypy": ("return number / 2", "return str(number)"),
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the course's settings and one module."""
    folder = tmp_path_factory.mktemp("repository")
    for name in (CONFIG, "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    (folder / "helpers").mkdir()
    (folder / "helpers" / "__init__.py").write_text(CLEAN)
    for command in (("init", "-q"), ("add", "helpers", CONFIG, "pyproject.toml")):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def run(hook: str, repository: Path) -> subprocess.CompletedProcess:
    """One hook on all files."""
    command = [sys.executable, "-m", "pre_commit", "run", hook, "--all-files"]
    own = os.environ | {"PRE_COMMIT_HOME": str(repository / ".pre-commit")}
    return subprocess.run(command, cwd=repository, env=own, capture_output=True, text=True, timeout=300)


def test_nothing_is_fetched() -> None:
    """Every hook is a program of the course's own environment."""
    assert {hook["language"] for hook in HOOKS.values()} == {"system"}
    assert all(hook["entry"].startswith(".venv/bin/python -m ") for hook in HOOKS.values())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="an environment has another layout there")
@pytest.mark.parametrize("hook", FAULTS)
def test_a_hook_stops_its_fault_and_nothing_else(hook: str, repository: Path) -> None:
    """Clean code passes; with the fault the hook fails."""
    module = repository / "helpers" / "__init__.py"
    module.write_text(CLEAN)
    passed = run(hook, repository)
    module.write_text(CLEAN.replace(*FAULTS[hook]))
    stopped = run(hook, repository)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert stopped.returncode == 1, stopped.stdout + stopped.stderr


def test_the_notebooks_hook_runs_tests_that_exist() -> None:
    """The other three are run above; this one would need the whole course in the made-up repository."""
    assert set(HOOKS) == {*FAULTS, "notebooks"}
    *_, tests = HOOKS["notebooks"]["entry"].split()
    assert (ROOT / tests).is_file()
