"""Keeps a server on a leash: `python leash.py FOLDER COMMAND...` starts and stops it as its standard input says.

Its standard error is the server's log. The caller holds the other end of the pipe. When the caller dies, however it
dies, the pipe closes: the server is stopped and FOLDER removed. A program of its own, without imports from the course,
so that it starts in no time.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from typing import Any


def main(folder: str, *command: str) -> None:
    """Obeys lines from stdin, `start` and `stop`, and answers each with a line, until there are no more."""
    server = None
    for line in sys.stdin:
        stop(server)
        server = None
        if line.strip() == "start":
            server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, **unprivileged())
        print(server.pid if server else 0, flush=True)
    stop(server, "SIGQUIT" if os.path.join(folder, "data") in command else "SIGINT")
    shutil.rmtree(folder, ignore_errors=True)


def stop(server: subprocess.Popen | None, how: str = "SIGINT") -> None:
    """PostgreSQL's fast shutdown (SIGINT): what was committed stays; SIGQUIT spares the writing of what is removed."""
    if server is None or server.poll() is not None:
        return
    server.send_signal(getattr(signal, how) if os.name != "nt" else signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(20)
    if server.poll() is None:
        server.kill()
        server.wait(5)


def unprivileged() -> dict[str, Any]:
    """Options for `subprocess`: PostgreSQL refuses to run as root, so root runs it as the user nobody."""
    if os.name == "nt" or os.geteuid():
        return {}
    import pwd

    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


if __name__ == "__main__":
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # the pipe alone says when to end
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    main(*sys.argv[1:])
