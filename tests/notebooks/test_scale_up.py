"""Notebook 07 leaves no process behind, however its kernel ends, and two of it do not meet."""

from __future__ import annotations

import asyncio
import os
import time

import nbformat
import psutil
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from helpers.learn.seed import VARIABLE
from tests.harness.lab import alive, commands
from tests.tools.store_outputs import ROOT

pytestmark = pytest.mark.slow  # two kernels with a fleet each, three times

PATH = ROOT / "notebooks" / "07_scale_up.ipynb"
WORKERS = 4
SLEEP = "20"  # seconds a trial, 40 trials: the fleet still works when a busy machine has started the second kernel


def beginning() -> nbformat.NotebookNode:
    """The notebook up to the cell that starts the fleet, and that cell again without its monitor."""
    notebook = nbformat.read(PATH, as_version=4)
    place = next(n for n, cell in enumerate(notebook.cells) if "monitor = FleetMonitor" in cell.source)
    notebook.cells = notebook.cells[: place + 1]
    return notebook


def left(processes: list[psutil.Process], seconds: float = 40) -> list[psutil.Process]:
    """Those that are still there after a while."""
    end = time.monotonic() + seconds
    while (there := alive(processes)) and time.monotonic() < end:
        time.sleep(0.1)
    return there


async def begin() -> tuple[NotebookClient, list[psutil.Process]]:
    """A kernel that has run the beginning, and all processes below it."""
    resources = {"metadata": {"path": str(ROOT / "notebooks")}}
    client = NotebookClient(beginning(), timeout=120, kernel_name="python3", resources=resources)
    client.create_kernel_manager()
    await client.async_start_new_kernel(env={**os.environ, VARIABLE: "0", "LEARN_OPTUNA_SLEEP": SLEEP})
    await client.async_start_new_kernel_client()
    for n, cell in enumerate(client.nb.cells):
        await client.async_execute_cell(cell, n)
    kernel = psutil.Process(client.km.provisioner.pid)
    return client, with_servers(kernel.children(recursive=True))


def with_servers(family: list[psutil.Process]) -> list[psutil.Process]:
    """These, and the servers that they keep on a leash, which are nobody's children."""
    folders = [one.cmdline()[-2] for one in family if any("leash.py" in word for word in one.cmdline())]
    every = [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"]]
    servers = [one for one in every if one.info["cmdline"][-1] in [f"{folder}/data" for folder in folders]]
    assert len(servers) == len(folders)
    return [*family, *servers, *(child for one in servers for child in one.children())]


@pytest.mark.parametrize("end", ["shutdown", "kill", "interrupt"])
def test_no_process_is_left_behind(end: str) -> None:
    """Two kernels at once: a study, a server and four workers each. One ends in the way of the test; the other works
    on meanwhile, and is shut down then."""

    async def both() -> None:
        (first, mine), (second, others) = await begin(), await begin()
        try:
            for processes in (mine, others):
                assert sum("helpers.worker" in name for name in commands(processes)) == WORKERS, commands(processes)
                assert any("leash.py" in name for name in commands(processes))
            if end == "interrupt":
                with pytest.raises(CellExecutionError, match="KeyboardInterrupt"):
                    await asyncio.gather(wait_in_a_cell(first), interrupt(first))
                assert all(one.is_running() for one in mine)  # the learner interrupted a cell, not the search
                await first.km.shutdown_kernel()
            else:
                await first.km.shutdown_kernel(now=end == "kill")
            assert not left(mine), commands(left(mine, 0))
            assert all(one.is_running() for one in others)
        finally:
            for client in (first, second):
                await client.km.shutdown_kernel(now=True)
        assert not left(others), commands(left(others, 0))

    asyncio.run(both())


async def wait_in_a_cell(client: NotebookClient) -> None:
    """A learner waits for the fleet."""
    cell = nbformat.v4.new_code_cell("print('waiting', flush=True)\nfleet.wait(100)")
    client.nb.cells.append(cell)
    await client.async_execute_cell(cell, len(client.nb.cells) - 1)


async def interrupt(client: NotebookClient) -> None:
    """And has enough of it a second after the cell began; an interrupt before that would meet no cell."""
    async with asyncio.timeout(60):
        while not client.nb.cells[-1].get("outputs"):
            await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    await client.km.interrupt_kernel()
