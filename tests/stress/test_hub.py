"""The room without installation: the guide's JupyterHub, with three accounts of this machine.

Needs root, JupyterHub beside the course, and its proxy: without them the test says what is missing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from helpers.fleet.postgres import free_port
from tests.harness.lab import Lab, alive
from tests.tools.guide import SERVER_MB
from tests.tools.store_outputs import ROOT

pytestmark = pytest.mark.slow

HUB = Path(sys.executable).with_name("jupyterhub")
ACCOUNTS = ("learner1", "learner2", "learner3")
TOKEN, START_S = "a-token-of-this-test-alone", 90
# What the test needs besides: a door of its own, and a key to every learner's server.
MORE = """
c.JupyterHub.bind_url, c.JupyterHub.hub_port = "http://127.0.0.1:{port}", {hub}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.Spawner.environment = {{"JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1"}}
c.JupyterHub.services = [{{"name": "test", "api_token": "{token}"}}]
scopes = ["admin:users", "admin:servers", "access:servers", "list:users"]
c.JupyterHub.load_roles = [{{"name": "test", "scopes": scopes, "services": ["test"]}}]
"""
DATABASE = """import os
os.chdir(os.path.expanduser("~/learn-optuna/notebooks"))
import optuna
from helpers.fleet import open_storage, start_postgres
with start_postgres() as database:
    study = optuna.create_study(storage=open_storage(database.url))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    print(len(study.trials), "trials")
"""


@dataclass(frozen=True)
class Hub:
    """A JupyterHub that answers."""

    url: str
    process: psutil.Process

    def ask(self, path: str, method: str = "GET") -> object:
        """JSON of the hub's API."""
        headers = {"Authorization": f"token {TOKEN}"}
        request = urllib.request.Request(f"{self.url}/hub/api/{path}", headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or "null")

    def start(self, account: str) -> Lab:
        """The learner's own JupyterLab, started as by a click."""
        with suppress(urllib.error.HTTPError):  # known already
            self.ask(f"users/{account}", "POST")
        self.ask(f"users/{account}/server", "POST")
        until = time.monotonic() + START_S
        while not self.ask(f"users/{account}")["servers"].get("", {}).get("ready"):
            assert time.monotonic() < until, f"{account}'s server did not start"
            time.sleep(0.5)
        return Lab(f"{self.url}/user/{account}/", TOKEN, 0, self.process)


def config(course: Path) -> str:
    """The guide's file, for a checkout elsewhere."""
    guide = (ROOT / "notebooks" / "instructor_guide.md").read_text(encoding="utf-8")
    text = re.search(r"```python\n(course = .*?)```", guide, re.DOTALL)[1]
    return text.replace('"/srv/learn-optuna"', repr(str(course)))


def remove_accounts() -> None:
    """With their homes."""
    for account in ACCOUNTS:
        subprocess.run(["userdel", "--remove", "--force", account], capture_output=True)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """The hub with three accounts; they and their homes are gone afterwards."""
    if os.name == "nt" or os.geteuid():
        pytest.skip("accounts are made by root")
    if not HUB.exists() or not shutil.which("configurable-http-proxy"):
        pytest.skip("JupyterHub or its proxy is missing: the guide says how to install them")
    folder = tmp_path_factory.mktemp("hub")
    for readable in (folder, *folder.parents):
        if readable.stat().st_uid == 0 and str(readable).startswith("/tmp/"):
            readable.chmod(0o755)
    port, inner, api = (free_port() for _ in range(3))
    (folder / "config.py").write_text(config(ROOT) + MORE.format(port=port, hub=inner, api=api, token=TOKEN))
    for account in ACCOUNTS:
        subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", account], check=True)
    if subprocess.run(["su", ACCOUNTS[0], "-c", f"{sys.executable} -V"], capture_output=True).returncode:
        remove_accounts()
        pytest.skip("other accounts cannot run this Python")
    with open(folder / "log", "w") as log:
        started = subprocess.Popen([HUB, "-f", "config.py"], cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    found = Hub(f"http://127.0.0.1:{port}", psutil.Process(started.pid))
    try:
        until = time.monotonic() + START_S
        while True:
            with suppress(OSError):
                found.ask("")
                break
            assert started.poll() is None and time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.5)
        yield found
    finally:
        family = [found.process, *found.process.children(recursive=True)]
        for account in ACCOUNTS:
            with suppress(OSError):
                found.ask(f"users/{account}/server", "DELETE")
        started.terminate()
        started.wait(30)
        psutil.wait_procs(family, timeout=10)
        for process in alive(family):
            process.kill()
        remove_accounts()


def test_three_learners_share_a_machine_and_nothing_else(hub: Hub):
    labs = {account: hub.start(account) for account in ACCOUNTS}
    for account, lab in labs.items():
        said = lab.run_cell("import getpass, os; print(getpass.getuser(), os.getcwd())")
        assert said.split() == [account, f"/home/{account}/learn-optuna/notebooks"], said
        assert (
            lab.run_cell("import resource; print(resource.getrlimit(resource.RLIMIT_AS)[0])").strip() == "12288000000"
        )
        assert lab.run_cell(DATABASE, 120).strip().endswith("3 trials")
    told = labs["learner1"].run_cell("print(open('/home/learner2/learn-optuna/notebooks/handout.md').read(4))")
    assert "PermissionError" in told
    assert "MemoryError" in labs["learner1"].run_cell("bytearray(13_000_000_000)")
    servers = [
        one for one in hub.process.children(recursive=True) if "jupyterhub-singleuser" in " ".join(one.cmdline())
    ]
    assert len(servers) == len(ACCOUNTS)
    assert max(one.memory_info().rss for one in servers) < 1.2e6 * SERVER_MB
