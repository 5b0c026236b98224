"""Workers on other hosts, and a link that is cut in mid-run; the hosts are network namespaces."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.harness.hosts import Hosts
from tests.stress.faults import Ground, cut, ground

pytestmark = pytest.mark.slow  # three hosts and a cut link


@pytest.fixture(scope="module")
def place() -> Iterator[Ground]:
    """A folder and a server; skipped where there can be no hosts."""
    try:
        with Hosts(1):
            pass
    except PermissionError as reason:
        pytest.skip(str(reason))
    with ground() as place:
        yield place


def reaches(hosts: Hosts, start: int, end: int) -> bool:
    """Whether a connection from one host to another is answered, be it by a refusal."""
    code = "import socket, sys; sys.exit(socket.socket().connect_ex((sys.argv[1], 9)) not in (0, 111))"
    command = [*hosts.on(start), "timeout", "1", sys.executable, "-c", code, f"10.77.0.{end + 1}"]
    return subprocess.run(command).returncode == 0


def test_hosts_are_apart_until_they_are_linked(place: Ground) -> None:
    """Each reaches the others through the bridge; a cut link concerns one of them; nothing is left afterwards."""
    with Hosts() as hosts:
        assert reaches(hosts, 1, 0) and reaches(hosts, 1, 2)
        hosts.link(1, "down")
        assert not reaches(hosts, 1, 0) and reaches(hosts, 2, 0)
        hosts.link(1, "up")
        assert any(reaches(hosts, 1, 0) for _ in range(5))  # a bridge takes a moment to forward again
    left = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    assert not [name for name in hosts.names if name in left]


@pytest.mark.parametrize("kind", ["postgresql", "grpc"])
def test_a_link_is_cut_and_joined_again(place: Ground, kind: str) -> None:
    """The worker on the other host goes on meanwhile, the one cut off does so afterwards; nothing is lost."""
    outcome = cut(place, 1, kind, longest_s=6)
    assert outcome.sound, outcome
    assert outcome.codes == [130, 130], outcome.said
