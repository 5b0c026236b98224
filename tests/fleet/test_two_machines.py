"""The page "Your own PostgreSQL and two machines" of notebook 07: its commands as they stand, on hosts of their own,
with a server that listens on an address, speaks TLS and asks for a password."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from helpers.fleet.leash import unprivileged
from tests.fleet.test_engines import cell, wait_until
from tests.harness.hosts import NETWORK, Hosts
from tests.tools.store_outputs import ROOT

pytestmark = pytest.mark.slow  # three hosts, a server of their own

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))  # the wheel's speaks no TLS
PASSWORD = "pass:word"  # a password file wants a backslash before the colon
# What a machine of one's own has and a host of network namespaces has not: sudo and systemd, a registry, ssh.
SHIMS = {
    "sudo": '[ "$1" = -u ] && shift 2\nexec setpriv {who} --clear-groups env PGHOST={socket} PGUSER=postgres "$@"',
    "systemctl": "exec pg_ctl -D {data} -l {data}/log -w -s $1",
    "pip": 'for word in "$@"; do case $word in install | --upgrade) ;; *) python -c "import importlib.metadata as m; '
    "m.version('${{word%%[*}}')\" ;; esac; done",
    "scp": 'for last; do :; done\nfor file in "${{@:1:$#-1}}"; do cp "$file" {homes}/"${{last%:}}"; done',
}


def blocks() -> list[str]:
    """The page's commands, block by block."""
    cells = nbformat.read(ROOT / "notebooks" / "07_scale_up.ipynb", as_version=4).cells
    page = "\n".join(one.source for one in cells if one.id.startswith("scaleup-server-"))
    return re.findall(r"```(?:bash)?\n(.*?)```", page, re.DOTALL)


@dataclass
class Machines:
    """Three hosts: the database's, and two that work; each has a home folder."""

    hosts: Hosts
    place: Path
    profile: str = ""

    def home(self, host: int) -> Path:
        """Of the host's user."""
        return self.place / f"node{host}"

    def start(self, host: int, script: str, **options: object) -> subprocess.Popen:
        """Runs commands in a shell on a host."""
        (file := self.home(host) / "commands.sh").write_text(f"set -euo pipefail\n{self.profile}{script}")
        mounted = f'mount --bind {self.place}/hosts /etc/hosts; exec bash "{file}"'
        return subprocess.Popen(
            [*self.hosts.on(host), "unshare", "--mount", "sh", "-ec", mounted],
            cwd=self.home(host),
            env={
                "HOME": str(self.home(host)),
                "PATH": f"{self.place}/bin:{SERVERS[-1].parent}:{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PYTHONWARNINGS": "ignore",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # no terminal: createuser reads the password from its input
        )

    def run(self, host: int, script: str, said: str = "", fails: bool = False) -> str:
        """The output of commands that have to succeed, or of some that have to fail."""
        begin, program = time.monotonic(), self.start(host, script)
        out, err = program.communicate(said, timeout=60)
        assert bool(program.returncode) == fails, f"{script}\n{out}\n{err}"
        print(f"{time.monotonic() - begin:5.1f} s, host {host}: {script.splitlines()[0][:80]}")
        return err if fails else out


@pytest.fixture
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """With a new PostgreSQL on host 0, as its package leaves it: a socket for those on the machine, and no more."""
    if not SERVERS:
        pytest.skip("apt-get install postgresql: the wheel's server speaks no TLS")
    try:
        with Hosts(1):
            pass
    except PermissionError as reason:
        pytest.skip(str(reason))
    place, who = Path("/tmp") / f"machines-{os.getpid()}", unprivileged()
    place.mkdir(mode=0o755)
    data, socket = place / "data", place / "socket"
    try:
        for folder in (data, socket, *(place / f"node{host}" for host in range(3)), place / "bin"):
            folder.mkdir()
        for folder in (data, socket):
            os.chown(folder, who["user"], who["group"])
        ids = f"--reuid={who['user']} --regid={who['group']}"
        for name, text in SHIMS.items():
            shim = place / "bin" / name
            shim.write_text(f"#!/bin/bash\n{text.format(who=ids, socket=socket, data=data, homes=place)}\n")
            shim.chmod(0o755)
        (place / "hosts").write_text(f"127.0.0.1 localhost\n{NETWORK}.1 db.example.org\n")
        initdb = [SERVERS[-1].parent / "initdb", "-D", data, "-U", "postgres", "--auth-local=trust", "--no-sync"]
        subprocess.run([*initdb, "--auth-host=reject"], check=True, capture_output=True, cwd="/", **who)
        with open(data / "postgresql.conf", "a") as settings:
            settings.write(f"unix_socket_directories = '{socket}'\n")
        with Hosts(3) as hosts:
            machines = Machines(hosts, place)
            machines.run(0, "cd /; sudo systemctl start")
            yield machines
            machines.run(0, "cd /; sudo systemctl stop")
    finally:
        subprocess.run(["rm", "-rf", place], check=True)


def test_the_page(machines: Machines) -> None:
    """Ten steps, from the user to the copy of the study; between them what has to be refused is."""
    users, server, copying, node, create, work, watch, tell, dump, restore, upgrade = blocks()
    machines.run(0, f"cd /\n{users}", said=f"{PASSWORD}\n{PASSWORD}\n")
    machines.run(0, server)
    (machines.home(0) / "search.py").write_text(cell("%%writefile search.py").partition("\n")[2])
    for host in (1, 2):
        machines.run(0, copying.replace("node1", f"node{host}"))
        machines.run(host, node, said=PASSWORD.replace(":", "\\:") + "\n")
        assert (machines.home(host) / ".pgpass").stat().st_mode & 0o777 == 0o600
    machines.profile = "".join(f"{line}\n" for line in node.splitlines() if line.startswith("export "))

    refused = machines.run(1, "OPTUNA_STORAGE=${OPTUNA_STORAGE/verify-full/disable}\noptuna studies", fails=True)
    assert "no encryption" in refused
    refused = machines.run(1, "PGPASSWORD=wrong optuna studies", fails=True)
    assert "password authentication failed" in refused

    machines.run(1, create)
    for host in (1, 2):
        machines.run(host, f"{work}sleep 0.1")
    listed = "optuna trials --study-name search --format json"

    def states() -> list[str]:
        return [trial["state"] for trial in json.loads(machines.run(2, listed))]

    wait_until(lambda: states().count("COMPLETE") >= 12 and "RUNNING" not in states(), 60)
    assert 12 <= len(states()) <= 15
    for host in (1, 2):
        assert not any("Traceback" in log.read_text() for log in machines.home(host).glob("worker-*.log"))

    number = json.loads(machines.run(1, "optuna ask --study-name search --search-space '{}' --format json"))["number"]
    assert "RUNNING" in machines.run(2, watch)
    machines.run(2, tell.replace("--trial-number 7", f"--trial-number {number}"))
    assert states()[number] == "FAIL"

    machines.run(0, f"cd {machines.home(0)}\n{dump}")
    machines.run(0, restore)
    count = 'sudo -u postgres psql -tAc "SELECT count(*) FROM trials" '
    assert machines.run(0, f"{count} optuna") == machines.run(0, f"{count} again") == f"{len(states())}\n"
    machines.run(1, upgrade)
    home = "optuna trials --storage sqlite:///search.db --study-name search --format json"
    assert len(json.loads(machines.run(1, home))) == len(states())
