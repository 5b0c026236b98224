"""A JupyterLab server of one test: started as a learner starts it, with settings of its own, and gone afterwards."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from websocket import create_connection

from helpers.fleet.postgres import free_port

ROOT = Path(__file__).parents[2]
STAMP = ROOT / ".venv" / "installed"
FIRST = "notebooks/00_start_here.ipynb"
START, STOP = 60, 30
OWN_FOLDERS = (
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
    "IPYTHONDIR",
)
NOT_INHERITED = ("JUPYTER_TOKEN", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")
# A page that stays open for two minutes would otherwise write the notebook back.
NO_AUTOSAVE = Path("@jupyterlab", "docmanager-extension", "plugin.jupyterlab-settings")


@dataclass(frozen=True)
class Lab:
    """A server that answers: its address with the token, and how long it took to answer."""

    url: str
    token: str
    seconds: float
    process: psutil.Process

    def get(self, path: str, token: str | None = None) -> tuple[int, object]:
        """Status and JSON of a GET request, without a token unless one is given."""
        return self._request(urllib.request.Request(self.address(path, token)))

    def post(self, path: str, token: str | None = None, body: dict | None = None) -> tuple[int, object]:
        """The same of a POST request."""
        data = json.dumps(body or {}).encode()
        return self._request(urllib.request.Request(self.address(path, token), data=data, method="POST"))

    def run_cell(self, code: str, seconds: float = 60) -> str:
        """What a cell prints, or its traceback, in a new kernel as the first notebook gets it."""
        kernel = {"type": "notebook", "path": FIRST, "name": "", "kernel": {"name": "python3"}}
        _, session = self.post("api/sessions", self.token, kernel)
        address = self.address(f"api/kernels/{session['kernel']['id']}/channels", self.token)
        header = {"msg_id": "1", "msg_type": "execute_request", "session": "1", "username": "", "version": "5.4"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": {"code": code}, "channel": "shell"}
        said, until, waits = "", time.perf_counter() + seconds, {"reply", "idle"}  # on two channels, in either order
        with closing(create_connection(address.replace("http", "ws", 1), timeout=seconds)) as socket:
            socket.send(json.dumps(message))
            while waits and time.perf_counter() < until:
                answer = json.loads(socket.recv())
                kind, content = answer["msg_type"], answer["content"]
                if answer["parent_header"].get("msg_id") != header["msg_id"]:
                    continue
                if kind == "stream":
                    said += content["text"]
                elif kind == "error":
                    said += "\n".join(content["traceback"])
                elif kind == "execute_reply":
                    waits.discard("reply")
                elif kind == "status" and content["execution_state"] == "idle":
                    waits.discard("idle")
        if not waits:
            return said
        raise RuntimeError(f"The cell did not end within {seconds} s.")

    def address(self, path: str, token: str | None = None) -> str:
        """The full address of a path such as "api/contents"."""
        parts = urlsplit(self.url)
        home = parts.path.partition("/lab")[0].rstrip("/")  # under a hub a server is not at the root
        return f"{parts.scheme}://{parts.netloc}{home}/{path}" + (f"?token={token}" if token else "")

    def family(self) -> list[psutil.Process]:
        """The started process and everything below it, kernels too."""
        with suppress(psutil.NoSuchProcess):
            return [self.process, *self.process.children(recursive=True)]
        return []

    @staticmethod
    def _request(request: urllib.request.Request) -> tuple[int, object]:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, None


@contextmanager
def serving_lab(
    folder: Path | None = None, course: Path = ROOT, start_s: float = START, **variables: str
) -> Iterator[Lab]:
    """Runs `make lab` in the repository, or JupyterLab with the same options in a folder of the test.

    Args:
        course: another copy of the repository; nothing is installed in ROOT itself.
        variables: of the environment.

    Raises:
        RuntimeError: the server did not start in time, or one of its processes outlived it.
    """
    if folder is None and course == ROOT:
        _skip_unless_installed()
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="lab-") as own, open(Path(own, "log"), "w+", encoding="utf-8") as log:
        begin = time.perf_counter()
        started = subprocess.Popen(
            _command(port, folder),
            cwd=course,
            env=_environment(Path(own)) | variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        process = psutil.Process(started.pid)
        lab = Lab("", "", 0, process)
        try:
            url = _wait_for_url(started, port, Path(log.name), begin + start_s)
            lab = Lab(url, url.split("token=")[1], 0, process)
            _wait_for_answer(lab, begin + start_s)
            yield Lab(url, lab.token, time.perf_counter() - begin, process)
        finally:
            _stop(started, lab.family())


def _skip_unless_installed() -> None:
    """`make lab` would install packages where the stamp is missing or old; a test does not."""
    if not STAMP.exists():
        pytest.skip("`make lab` has not installed the course here")
    current = subprocess.run(["make", "--question", str(STAMP.relative_to(ROOT))], cwd=ROOT, capture_output=True)
    if current.returncode:
        pytest.skip("the course's list of packages is newer than what is installed: run `make lab`")


def _command(port: int, folder: Path | None) -> list[str]:
    options = ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0"]
    if folder is None:
        return ["make", "lab", f"LAB_OPTIONS={' '.join(options)}"]
    here = ["--ip=127.0.0.1", "--allow-root", f"--ServerApp.root_dir={folder}"]
    return [sys.executable, "-m", "jupyterlab", *here, *options]


def _environment(own: Path) -> dict[str, str]:
    """This process's environment, with Jupyter's folders in `own`: nobody's settings are read or written."""
    folders = {name: str(own / name) for name in OWN_FOLDERS}
    settings = Path(folders["JUPYTERLAB_SETTINGS_DIR"], NO_AUTOSAVE)
    settings.parent.mkdir(parents=True)
    settings.write_text('{"autosave": false}', encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return inherited | folders | {"PYTHONUNBUFFERED": "1"}


def _wait_for_url(started: subprocess.Popen, port: int, log: Path, until: float) -> str:
    """The address that the server prints."""
    while time.perf_counter() < until:
        text = log.read_text(encoding="utf-8")
        if found := re.search(rf"http://127\.0\.0\.1:{port}/\S*\?token=\w+", text):
            return found.group()
        if started.poll() is not None:
            raise RuntimeError(f"JupyterLab ended with {started.returncode}:\n{text}")
        time.sleep(0.05)
    raise RuntimeError(f"JupyterLab printed no address in time:\n{log.read_text(encoding='utf-8')}")


def _wait_for_answer(lab: Lab, until: float) -> None:
    while time.perf_counter() < until:
        with suppress(urllib.error.URLError):
            if lab.get("api")[0] == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(f"JupyterLab did not answer at {lab.url} in time.")


def alive(family: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; one that waits for its parent to take notice of its end does not."""
    return [process for process in family if _runs(process)]


def commands(family: list[psutil.Process]) -> list[str]:
    """What each runs, in words; one that has just ended is left out."""
    found = []
    for process in family:
        with suppress(psutil.NoSuchProcess):
            found.append(" ".join(process.cmdline()))
    return found


def doors(family: list[psutil.Process]) -> list[tuple[str, int]]:
    """Address and port of everything that they listen on; one that has just ended listens on nothing."""
    found = []
    for process in family:
        with suppress(psutil.NoSuchProcess):
            links = process.net_connections(kind="inet")
            found += [(link.laddr.ip, link.laddr.port) for link in links if link.status == psutil.CONN_LISTEN]
    return found


def _runs(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _stop(started: subprocess.Popen, family: list[psutil.Process]) -> None:
    """Ends the process group and waits for the whole family; what outlives it is ended too, and reported."""
    with suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGTERM)
    until = time.perf_counter() + STOP
    while alive(family) and time.perf_counter() < until:
        time.sleep(0.05)
    outlived = alive(family)
    for process in outlived:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    started.wait(STOP)
    if outlived:
        raise RuntimeError(f"These processes outlived JupyterLab: {outlived}")
