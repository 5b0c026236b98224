"""Optuna Dashboard on a storage, in a process of its own that ends with the kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import weakref
from html import escape

import ipywidgets as widgets

from helpers.errors import BadInput
from helpers.fleet.postgres import free_port, let_go
from helpers.fleet.storage import VARIABLE, check_helpers, hide, open_storage

START_S = 30
SERVER = f"""
import os, sys, threading
from optuna_dashboard import run_server
from helpers.fleet import open_storage
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
run_server(open_storage(os.environ[{VARIABLE!r}], create=False), host="127.0.0.1", port=int(sys.argv[1]))
"""


class Dashboard:
    """A web page about all studies of a storage, at `url`, for this machine alone.

    The storage's URL goes through the environment, so that no process list shows its password.

    Raises:
        BadInput: optuna-dashboard is not installed, the storage cannot be opened, or the page did not appear.
    """

    def __init__(self, storage_url: str) -> None:
        check_helpers()
        open_storage(storage_url, create=False)
        port = free_port()
        self.url, self._shown = f"http://127.0.0.1:{port}/dashboard/", hide(storage_url)
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - each request is a line: a pipe would run full
        command = [sys.executable, "-W", "ignore", "-c", SERVER, str(port)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=self._said,
            stderr=self._said,
            start_new_session=True,
            env=os.environ | {VARIABLE: storage_url},
        )
        self._end = weakref.finalize(self, let_go, self._process, 5)
        self._wait()

    def studies(self) -> list[str]:
        """The names of the studies that the page lists, asked from the page itself."""
        straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever http_proxy says
        with straight.open(self.url.replace("/dashboard/", "/api/studies"), timeout=START_S) as answer:
            return [study["study_name"] for study in json.load(answer)["study_summaries"]]

    def where(self) -> widgets.HTML:
        """A link to the page, and the storage's URL to type into JupyterLab's own Optuna Dashboard."""
        link = f'<a href="{self.url}" target="_blank">{self.url}</a>'
        return _Where(f"The page: {link}<br>The storage: <code>{escape(self._shown)}</code>")

    def close(self) -> None:
        """Ends the page; the studies stay."""
        self._end()

    def __enter__(self) -> Dashboard:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Dashboard of {self._shown}>"

    def _wait(self) -> None:
        """Returns when the page answers."""
        end = time.monotonic() + START_S
        while time.monotonic() < end and self._process.poll() is None:
            try:
                self.studies()
                return
            except OSError:
                time.sleep(0.1)
        self.close()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip().splitlines()[-1:]
        raise BadInput(f"The dashboard did not start: {said[0] if said else 'pip install optuna-dashboard'}.")


class _Where(widgets.HTML):
    """Addresses, which are others in each run: what is stored says so instead."""

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        said = "Run this cell: here stand the page's address and the storage's URL."
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": said}
