"""Workers on any Dask cluster: the lines that use it stay, only the cluster is another.

    here = "127.0.0.1:0"  # by default the dashboard answers the whole network
    with LocalCluster(n_workers=4, threads_per_worker=1, dashboard_address=here) as cluster, Client(cluster) as client:
        run_workers(client, 4, "--study", "letters", "--objective", "training:objective", "--total", "100")

On SLURM: cluster = dask_jobqueue.SLURMCluster(cores=1, memory="2GB", job_script_prologue=["source ~/storage"]), then
cluster.scale(20). On Kubernetes: dask_kubernetes.operator.KubeCluster. The storage's URL is read from
LEARN_OPTUNA_STORAGE in the environment of Dask's own workers, so no password travels with a task.
"""

from __future__ import annotations

import subprocess
import sys

from distributed import Client

from helpers.errors import BadInput
from helpers.fleet.storage import check_helpers


def run_workers(client: Client, count: int, *arguments: str) -> list[int]:
    """Runs so many `helpers.worker` with these arguments, as many at once as the cluster has threads.

    Returns:
        Their exit codes (see helpers/fleet/worker.py).

    Raises:
        BadInput: no worker is asked for, or a worker refuses its input; then its sentence.
    """
    if count < 1:
        raise BadInput(f"{count} workers cannot work: ask for at least 1.")
    # pure=False: equal calls are different tasks. Dask would run them once and share the result.
    return client.gather([client.submit(work, *arguments, pure=False) for _ in range(count)])


def work(*arguments: str) -> int:
    """One worker, from start to end, in a process of its own: Python handles signals in main threads only."""
    check_helpers()
    command = [sys.executable, "-m", "helpers.worker", "--quiet", "--leashed", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as worker:
        assert worker.stderr  # a pipe
        said = worker.stderr.read()  # and stdin stays open: with this process the worker ends too
    if worker.returncode == 2:
        raise BadInput(said.strip().splitlines()[-1])
    return worker.returncode
