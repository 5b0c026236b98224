"""Optuna Dashboard on a storage: it lists the studies, shows no password, and ends with its owner."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import optuna
import psutil
import pytest

from helpers.errors import BadInput
from helpers.fleet import open_storage
from helpers.fleet.dashboard import Dashboard
from tests.fleet.test_storage import dead_proxy
from tests.harness.lab import alive

KERNEL = """
import sys, time
from helpers.fleet.dashboard import Dashboard
dashboard = Dashboard(sys.argv[1])
print(dashboard._process.pid, flush=True)
time.sleep(60)
"""


def test_it_lists_the_studies(url: str) -> None:
    """Of every storage that programs can share; a study that is made later appears too."""
    optuna.create_study(study_name="first", storage=open_storage(url))
    with Dashboard(url) as dashboard:
        assert dashboard.studies() == ["first"]
        optuna.create_study(study_name="second", storage=open_storage(url))
        assert sorted(dashboard.studies()) == ["first", "second"]
        assert dashboard.url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(dashboard.url, timeout=10) as page:
            assert b"Optuna Dashboard" in page.read()
        process = psutil.Process(dashboard._process.pid)
        assert url not in " ".join(process.cmdline())
        listening = {link.laddr.ip for link in process.net_connections() if link.status == psutil.CONN_LISTEN}
        assert listening == {"127.0.0.1"}
    assert not process.is_running()
    with pytest.raises(OSError, match="refused"):
        dashboard.studies()
    for name in ("first", "second"):
        optuna.delete_study(study_name=name, storage=open_storage(url))


def test_no_proxy_stands_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the learner's network knows nothing of this machine's own pages."""
    dead_proxy(monkeypatch)
    url = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(study_name="first", storage=open_storage(url))
    with Dashboard(url) as dashboard:
        assert dashboard.studies() == ["first"]


def test_the_address_is_shown_and_not_stored(tmp_path: Path) -> None:
    """The link is in the widget alone: it is another in each run."""
    url = f"sqlite:///{tmp_path}/study.db"
    open_storage(url)
    with Dashboard(url) as dashboard:
        shown = dashboard.where()
        assert dashboard.url in shown.value and url in shown.value
        assert "127.0.0.1" not in shown._repr_mimebundle_()["text/plain"]
        assert repr(dashboard) == f"<Dashboard of {url}>"


def test_it_ends_with_its_kernel(tmp_path: Path) -> None:
    """Also when the kernel is killed."""
    url = f"sqlite:///{tmp_path}/study.db"
    open_storage(url)
    kernel = subprocess.Popen([sys.executable, "-c", KERNEL, url], stdout=subprocess.PIPE, text=True)
    page = psutil.Process(int(kernel.stdout.readline()))
    kernel.kill()
    kernel.wait()
    end = time.monotonic() + 10
    while alive([page]) and time.monotonic() < end:
        time.sleep(0.1)
    assert not alive([page])


def test_wrong_storages(tmp_path: Path) -> None:
    """The sentence of `open_storage`; no file is made."""
    with pytest.raises(BadInput, match=r"There is no file .*study.db"):
        Dashboard(f"sqlite:///{tmp_path}/study.db")
    assert not list(tmp_path.iterdir())


def test_a_page_that_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own last words are told."""
    url = f"sqlite:///{tmp_path}/study.db"
    open_storage(url)
    monkeypatch.setattr("helpers.fleet.dashboard.SERVER", "raise SystemExit('no such module')")
    with pytest.raises(BadInput, match="The dashboard did not start: no such module"):
        Dashboard(url)
