"""An account that is a number alone, without a name and without a home folder, as many containers give it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.fleet.storage import VARIABLE
from tests.fleet.test_postgres import needs_wheel
from tests.harness.cage import RIGHTS

ROOT = Path(__file__).parents[2]
needs_root = pytest.mark.skipif(
    not shutil.which("setpriv") or os.geteuid() != 0, reason="only root can become another account, with setpriv"
)
NAMELESS = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", *RIGHTS, "--", "env", "-u", "HOME"]
TRAINING = """
from helpers.training import models, train
from helpers.training.data import load_dataset
print(len(load_dataset("digits").train))
"""
POSTGRES = "from helpers.fleet import start_postgres; print('begin', flush=True); start_postgres()"


def nameless(code: str) -> tuple[str, str]:
    """What such an account's Python prints, and the last line of its errors, if there are any."""
    done = subprocess.run(
        [*NAMELESS, sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=300
    )
    return done.stdout.strip(), done.stderr.strip().rpartition("\n")[2]


@pytest.mark.slow
@needs_root
def test_the_training_code_needs_no_home() -> None:
    """It is imported, and the digits are loaded; tests/training has the folder of Fashion-MNIST."""
    assert nameless(TRAINING) == ("1077", "")


@needs_wheel
@needs_root
def test_postgresql_wants_a_name() -> None:
    """initdb cannot do without: the sentence blames the account, not a folder, and says the way out."""
    began, said = nameless(POSTGRES)
    assert began == "begin"
    assert "BadInput: PostgreSQL cannot be started by an account without a name (number 12345): " in said
    assert said.endswith(f"use an account that /etc/passwd lists, or put the URL of a PostgreSQL into {VARIABLE}.")


@pytest.mark.parametrize("home", [None, "/some/where"])
def test_jupyter_gets_a_home(home: str | None) -> None:
    """It cannot start without one: then make gives it one beside the environment."""
    ask = ["make", "--silent", "--eval", "where: ; @echo $$HOME", "where"]
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    environment |= {"HOME": home} if home else {}
    said = subprocess.run(ask, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert said.strip() == (home or str(ROOT / ".venv" / "home"))
