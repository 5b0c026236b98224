"""A program under limits that hold: one core, so much memory, no network, no write access outside its home folder.

Control groups of Linux (version 1) hold the cores and the memory of the whole family of processes; namespaces hold the
network and the file system. Both need root. The ordinary user may read everything, as on Binder, where all that the
course needs is readable: that is the one capability it keeps.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

USER, UID = "learner", 1000
PROGRAMS = ("unshare", "ip", "mount", "setpriv")
GROUPS = Path("/sys/fs/cgroup")
RIGHT = "-all,+dac_read_search"  # to read what other users keep for themselves; nothing else of what root may do
RIGHTS = [f"--{kind}={RIGHT}" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
# Every file system becomes read-only but what the kernel makes itself; the home, mounted on itself, is not.
SHUT = """
mount --bind "$HOME" "$HOME"
mount --bind {passwd} /etc/passwd
mount -t tmpfs -o size=64m,mode=1777 tmpfs /dev/shm
while read -r _ place kind _; do
    case "$kind" in proc | sysfs | devpts | cgroup* | nsfs) continue ;; esac
    case "$place" in "$HOME" | /dev/shm) continue ;; esac
    mount -o remount,bind,ro "$place"
done </proc/self/mounts
cd "$PWD"
"""


@dataclass(frozen=True)
class Limits:
    """What a program may not do.

    Attributes:
        network: False leaves it this machine's own address 127.0.0.1 alone.
        cores: how many it can use; None for all.
        memory: bytes, of all its processes together; None for all.
        home_only: it runs as an ordinary user who can write to the home folder and nowhere else.
    """

    network: bool = True
    cores: int | None = None
    memory: int | None = None
    home_only: bool = False

    def impossible(self) -> str:
        """Why this machine cannot hold the limits; empty when it can."""
        if self == Limits():
            return ""
        if sys.platform != "linux" or os.geteuid() != 0:
            return "limits need Linux and root"
        if absent := [program for program in PROGRAMS if not shutil.which(program)]:
            return f"there is no program {' or '.join(absent)}"
        wanted = [name for name, limit in (("cpuset", self.cores), ("memory", self.memory)) if limit]
        if closed := [name for name in wanted if not os.access(_own_group(name) / "cgroup.procs", os.W_OK)]:
            return f"there is no control group (version 1) for {' and '.join(closed)}"
        tried = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True)
        return tried.stderr.strip()


class Cage:
    """Starts programs under limits; made by `caged`."""

    def __init__(self, limits: Limits, home: Path, groups: dict[str, Path], passwd: Path) -> None:
        self.limits, self.home, self._groups, self._passwd = limits, home, groups, passwd

    def start(self, command: list[str], **options: Any) -> subprocess.Popen[str]:
        """Popen(command, text=True, **options); `env` gets the home folder as HOME."""
        environment = {**(options.pop("env", None) or os.environ), "HOME": str(self.home)}
        return subprocess.Popen([*self._doors(), *command], env=environment, text=True, **options)

    def killed(self) -> int:
        """How many processes the limit of memory has ended."""
        if "memory" not in self._groups:
            return 0
        words = (self._groups["memory"] / "memory.oom_control").read_text().split()
        return int(words[words.index("oom_kill") + 1])

    def _doors(self) -> list[str]:
        """The programs that each shut one door and become the next one."""
        limits = self.limits
        doors: list[str] = []
        if self._groups:
            join = "".join(f"echo $$ >{shlex.quote(str(group / 'cgroup.procs'))}; " for group in self._groups.values())
            doors += ["sh", "-ec", f'{join} exec "$@"', "join"]
        if not limits.network or limits.home_only:
            kinds = ["--net"] * (not limits.network) + ["--mount"] * limits.home_only
            setup = "ip link set lo up\n" * (not limits.network)
            setup += SHUT.format(passwd=shlex.quote(str(self._passwd))) * limits.home_only
            doors += ["unshare", *kinds, "sh", "-ec", f'{setup}\nexec "$@"', "shut"]
        if limits.home_only:
            doors += ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs", *RIGHTS, "--"]
        return doors


@contextmanager
def caged(limits: Limits, home: Path) -> Iterator[Cage]:
    """A cage that stands as long as the block runs.

    Args:
        home: the home folder; with `home_only` it becomes the ordinary user's, with all that is in it.
    """
    groups: dict[str, Path] = {}
    with tempfile.TemporaryDirectory() as folder:
        passwd = Path(folder, "passwd")
        try:
            if limits.cores:
                groups["cpuset"] = _new_group("cpuset")
                allowed = ",".join(str(core) for core in sorted(os.sched_getaffinity(0))[-limits.cores :])
                (groups["cpuset"] / "cpuset.cpus").write_text(allowed)
                (groups["cpuset"] / "cpuset.mems").write_text((_own_group("cpuset") / "cpuset.mems").read_text())
            if limits.memory:
                groups["memory"] = _new_group("memory")
                (groups["memory"] / "memory.limit_in_bytes").write_text(str(limits.memory))
            if limits.home_only:
                passwd.write_text(f"{USER}:x:{UID}:{UID}::{home}:/bin/sh\n" + Path("/etc/passwd").read_text())
                passwd.chmod(0o644)
                for path in (home, *home.rglob("*")):
                    os.chown(path, UID, UID, follow_symlinks=False)
            yield Cage(limits, home, groups, passwd)
        finally:
            for group in groups.values():
                _remove(group)


def _own_group(name: str) -> Path:
    """The control group of this process, for one kind of limit."""
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    own = next((path for _, kinds, path in lines if name in kinds.split(",")), "/")
    return GROUPS / name / own.lstrip("/")


def _new_group(name: str) -> Path:
    """A control group below that of this process."""
    return Path(tempfile.mkdtemp(prefix="learn-optuna-", dir=_own_group(name)))


def _remove(group: Path) -> None:
    """Removes a control group, once the last of its processes is gone."""
    for _ in range(100):
        try:
            group.rmdir()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{group} still has processes: {(group / 'cgroup.procs').read_text().split()}")
