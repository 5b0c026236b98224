"""Keeps a PostgreSQL on a leash: `python leash.py FOLDER PG_CTL` runs it as its standard input says.

Its standard error is the server's log. The caller holds the other end of the pipe. When the caller dies, however it
dies, the pipe closes: the server is stopped and FOLDER removed. A program of its own, without imports from the course,
so that it starts in no time.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import Any


def main(folder: str, pg_ctl: str) -> None:
    """Obeys lines from stdin, `start` and `stop`, and answers each with pg_ctl's exit code, until there are no more."""
    try:
        for line in sys.stdin:
            print(control(folder, pg_ctl, line.strip()), flush=True)
    finally:  # also where the caller died while it waited for an answer
        control(folder, pg_ctl, "stop", "--mode=immediate")  # spares the writing of what is removed
        shutil.rmtree(folder, ignore_errors=True)


def control(folder: str, pg_ctl: str, *words: str) -> int:
    """Has PostgreSQL's own program start or stop the server, and wait until it is done."""
    command = [pg_ctl, "--silent", "--pgdata", os.path.join(folder, "data"), *words]
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, **unprivileged()).returncode


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
