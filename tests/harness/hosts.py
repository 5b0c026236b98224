"""Hosts that share one machine: network namespaces, joined by a bridge on the first of them. Linux, root, iproute2.

Their names hold the process id, so that nothing of two test runs meets, and the kernel removes links and bridge with
the namespaces.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from helpers.errors import BadInput
from helpers.fleet import Database, open_storage, start_postgres
from helpers.fleet.leash import unprivileged
from helpers.fleet.postgres import NAME, USER, _programs

NETWORK, PORT = "10.77.0", 13000
_numbers = count()


class Hosts:
    """Some hosts; number 0 has address 10.77.0.1, and so on. A context manager.

    Raises:
        PermissionError: this machine does not allow it; the reason stands in it.
    """

    def __init__(self, hosts: int = 3) -> None:
        if sys.platform != "linux" or os.geteuid() or not shutil.which("ip") or not shutil.which("nsenter"):
            raise PermissionError("Network namespaces need Linux, root, and the programs ip and nsenter.")
        number = next(_numbers)
        self.names = [f"optuna-{os.getpid()}-{number}-{host}" for host in range(hosts)]

    def __enter__(self) -> Hosts:
        try:
            first = self.names[0]
            for name in self.names:
                _ip("netns", "add", name)
                _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", first, "link", "add", "bridge", "type", "bridge")
            for host, name in enumerate(self.names[1:], start=1):
                _ip("-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", f"port{host}", "netns", first)
                _ip("-n", first, "link", "set", f"port{host}", "master", "bridge", "up")
            for host, name in enumerate(self.names):
                device = "eth0" if host else "bridge"
                _ip("-n", name, "address", "add", f"{NETWORK}.{host + 1}/24", "dev", device)
                _ip("-n", name, "link", "set", device, "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)

    def on(self, host: int) -> tuple[str, ...]:
        """The words before a command that runs on that host."""
        return ("nsenter", f"--net=/run/netns/{self.names[host]}")

    def link(self, host: int, state: str) -> None:
        """Cuts the link of a host at the bridge, `down`, or joins it again, `up`."""
        _ip("-n", self.names[0], "link", "set", f"port{host}", state)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        raise PermissionError(f"ip {' '.join(words)}: {done.stderr.strip()}")


@contextmanager
def postgres(hosts: Hosts, folder: Path) -> Iterator[tuple[str, str]]:
    """A PostgreSQL on host 0: its URL on this machine (a socket), and the one for the other hosts, by password."""
    with start_postgres() as database:
        database.stop()  # its data and its password are used
        with open(database.data / "pg_hba.conf", "a") as rules:
            rules.write(f"host all all {NETWORK}.0/24 scram-sha-256\n")
        who, near = unprivileged(), database.url
        command = [*hosts.on(0), f"--setuid={who['user']}", f"--setgid={who['group']}", _programs(folder) / "postgres"]
        command += ["-D", database.data, f"--listen_addresses={NETWORK}.1"]
        with open(folder / "log", "wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=database.data)
        try:
            _wait_until_ready(near)
            yield near, f"postgresql+psycopg://{USER}@{NETWORK}.1/{NAME}?passfile={near.split('passfile=')[1]}"
        finally:
            server.send_signal(signal.SIGINT)  # a fast shutdown
            finish(server)


def _wait_until_ready(url: str, timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while True:
        try:
            open_storage(url)
            return
        except BadInput:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


PROXY = """
import optuna, sys
from helpers.fleet import open_storage
optuna.logging.set_verbosity(optuna.logging.ERROR)
optuna.storages.run_grpc_proxy_server(open_storage(sys.argv[1]), host=sys.argv[2], port=int(sys.argv[3]))
"""


@contextmanager
def proxy(hosts: Hosts, server: Database) -> Iterator[tuple[str, str]]:
    """A gRPC proxy on host 0 in front of a database: the database's URL, and the one for the other hosts."""
    where = f"{NETWORK}.1", str(PORT)
    command = [*hosts.on(0), sys.executable, "-W", "ignore", "-c", PROXY, server.url, *where]
    program = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    probe = [*hosts.on(1), sys.executable, "-c", f"import socket; socket.create_connection({where}, 1)"]
    try:
        end = time.monotonic() + 30
        while subprocess.run(probe, capture_output=True).returncode:
            if time.monotonic() > end or program.poll() is not None:
                raise TimeoutError("The proxy does not start.")
            time.sleep(0.1)
        yield server.url, f"grpc://{where[0]}:{where[1]}"
    finally:
        program.terminate()
        finish(program)


def finish(process: subprocess.Popen, timeout_s: float = 10) -> None:
    """Waits for a process that was told to end; kills one that does not."""
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
