"""A real SLURM on this machine: munged, slurmctld and one slurmd, as Debian packs them. Linux and root.

All they write lies in one folder, all ports are free ones, and nothing of them runs on when the block ends.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.fleet.postgres import free_port
from tests.harness.hosts import finish

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue")
CONFIGURATION = """
ClusterName=course
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,batch_sched_delay=0
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
ReturnToService=2
KillWait=5
MailProg=/bin/true
NodeName=localhost CPUs={cpus} RealMemory=16000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP
"""


class Slurm:
    """A cluster of one node; jobs begin in the working folder, with the environment, of whoever submits them."""

    def __init__(self, folder: Path) -> None:
        self.configuration = str(folder / "slurm.conf")

    def order(self, *words: str) -> str:
        """Runs a command of SLURM; what it prints."""
        here = os.environ | {"SLURM_CONF": self.configuration}
        done = subprocess.run(words, env=here, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def is_idle(self) -> bool:
        """Whether the node is there and has nothing to do; False while the controller does not answer yet."""
        try:
            return "idle" in self.order("sinfo", "--noheader", "--format=%t")
        except AssertionError:
            return False

    def submit(self, *words: str) -> str:
        """sbatch; the job's number."""
        return self.order("sbatch", "--parsable", *words)

    def jobs(self, job: str) -> dict[str, str]:
        """The state of each task of a job, by its number in the array."""
        lines = self.order("squeue", "--jobs", job, "--array", "--noheader", "--states=all", "--format=%K %T")
        return dict(line.split() for line in lines.splitlines())

    def wait(self, job: str, states: set[str], timeout_s: float = 60) -> dict[str, str]:
        """Returns when each task of the job is in one of these states."""
        end = time.monotonic() + timeout_s
        while not set((found := self.jobs(job)).values()) <= states:
            assert time.monotonic() < end, f"job {job} is {found}, not {states}"
            time.sleep(0.2)
        return found


def impossible() -> str:
    """Why there can be no cluster here; empty when there can."""
    if sys.platform != "linux" or os.geteuid():
        return "a SLURM of one's own needs Linux and root"
    absent = [program for program in PROGRAMS if not shutil.which(program)]
    return f"apt-get install slurmctld slurmd munge: there is no {', '.join(absent)}" if absent else ""


@contextmanager
def slurm(cpus: int = 4) -> Iterator[Slurm]:
    """A cluster whose node offers so many processors, for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="slurm-") as name:
        folder = Path(name)
        for part in ("state", "spool"):
            (folder / part).mkdir()
        (folder / "key").write_bytes(secrets.token_bytes(128))
        (folder / "key").chmod(0o400)
        ports = {"controller": free_port(), "daemon": free_port()}
        (folder / "slurm.conf").write_text(CONFIGURATION.format(folder=folder, cpus=cpus, **ports))
        munge = [f"--{file}-file={folder / file}" for file in ("key", "pid", "log", "seed")]
        programs: list[subprocess.Popen] = []
        with open(folder / "said", "wb") as said:

            def start(*command: str) -> None:
                cluster = os.environ | {"SLURM_CONF": str(folder / "slurm.conf")}
                programs.append(subprocess.Popen(command, env=cluster, stdout=said, stderr=said))

            try:
                start("munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *munge)
                _until(lambda: (folder / "munge.socket").exists(), folder)
                start("slurmctld", "-D")
                start("slurmd", "-D", "-N", "localhost")
                cluster = Slurm(folder)
                _until(cluster.is_idle, folder)
                yield cluster
            finally:
                for program in reversed(programs):
                    program.terminate()
                for program in reversed(programs):
                    finish(program, 15)


def _until(ready, folder: Path, timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"SLURM does not start: {(folder / 'said').read_text()[-2000:]}")
        time.sleep(0.1)
