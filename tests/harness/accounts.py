"""What another account of the same machine can do."""

from __future__ import annotations

import encodings.idna  # noqa: F401 - asking a host needs it, and that account may not read Python's own files
import multiprocessing
import os
from collections.abc import Callable
from typing import Any

import pytest

NOBODY = 12345
needs_root = pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can become another account")


def as_another(act: Callable[..., Any], *arguments: Any) -> Any:
    """The result of `act(*arguments)` in a copy of this process that belongs to an account without rights; what it
    needs is imported before. Its error is raised here."""
    with multiprocessing.get_context("fork").Pool(1, _become) as pool:
        return pool.apply_async(act, arguments).get(60)


def _become() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
