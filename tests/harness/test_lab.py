"""`make lab`: it answers soon, to this machine and this learner alone, and leaves nothing behind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import psutil
import pytest

from tests.harness.lab import Lab, alive, serving_lab

KERNEL_DOORS = 5  # shell, control, stdin, iopub and heartbeat
NEWS = "lab/api/settings/@jupyterlab/apputils-extension:notification"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """One server for the tests that only ask."""
    with serving_lab() as server:
        yield server


def listening(lab: Lab, at_least: int, seconds: float = 30) -> list[tuple[str, int]]:
    """Address and port of every open door of the server and its kernels, once there are enough of them."""
    until = time.perf_counter() + seconds
    found: list[tuple[str, int]] = []
    while len(found) < at_least and time.perf_counter() < until:
        time.sleep(0.1)
        doors = []
        for process in lab.family():
            with suppress(psutil.NoSuchProcess):  # it ended while it was looked at
                doors += process.net_connections(kind="inet")
        found = [(door.laddr.ip, door.laddr.port) for door in doors if door.status == psutil.CONN_LISTEN]
    return found


@pytest.mark.slow  # needs the machine for itself
def test_it_answers_soon(lab: Lab) -> None:
    """Within ten seconds of the command."""
    assert lab.seconds < 10


def test_it_listens_on_this_machine_alone(lab: Lab) -> None:
    """Nobody else in the room can reach it, nor the kernel of an open notebook."""
    status, kernel = lab.post("api/kernels", lab.token)
    assert (status, kernel["name"]) == (201, "python3")
    doors = listening(lab, at_least=1 + KERNEL_DOORS)
    assert ("127.0.0.1", urlsplit(lab.url).port) in doors
    assert len(doors) > KERNEL_DOORS
    assert {address for address, _ in doors} == {"127.0.0.1"}


@pytest.mark.parametrize("path", ["api/contents", "api/kernels", NEWS])
def test_the_token_opens_it(lab: Lab, path: str) -> None:
    """No token and a wrong one are refused, the printed one is not."""
    assert lab.get(path)[0] == 403
    assert lab.get(path, "0" * len(lab.token))[0] == 403
    assert lab.get(path, lab.token)[0] == 200


@pytest.mark.parametrize("folder", ["notebooks", "images"])
def test_the_whole_course_is_served(lab: Lab, folder: str) -> None:
    """Notebooks, and the pictures beside them that they show."""
    status, listed = lab.get(f"api/contents/{folder}", lab.token)
    assert status == 200
    assert listed["content"]


def test_no_news_prompt(lab: Lab) -> None:
    """JupyterLab's question about news, and its search for updates, are off before anyone touches a setting."""
    status, news = lab.get(NEWS, lab.token)
    assert status == 200
    assert news["settings"] == {}
    defaults = {name: news["schema"]["properties"][name]["default"] for name in ("fetchNews", "checkForUpdates")}
    assert defaults == {"fetchNews": "false", "checkForUpdates": False}


def test_it_leaves_no_process_behind() -> None:
    """Neither the server nor a kernel that was running."""
    with serving_lab() as lab:
        lab.post("api/kernels", lab.token)
        family = lab.family()
        assert any("ipykernel" in " ".join(process.cmdline()) for process in alive(family))
    assert alive(family) == []


def test_the_first_notebook_is_open(lab: Lab) -> None:
    """The address that is printed leads to notebook 00, also for those who copy it into a browser."""
    assert urlsplit(lab.url).path == "/lab/tree/notebooks/00_start_here.ipynb"
