"""Optuna Dashboard on a storage, for its owner alone, in a process of its own that ends with the kernel."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request
import weakref
from collections.abc import Callable, Iterable
from html import escape
from urllib.parse import parse_qs

import ipywidgets as widgets

from helpers.errors import BadInput
from helpers.fleet.postgres import free_port, let_go
from helpers.fleet.storage import VARIABLE, check_helpers, hide, open_storage

START_S = 30
TOKEN = "LEARN_OPTUNA_TOKEN"
SERVER = f"""
import os, sys, threading
import bottle, optuna_dashboard
from helpers.fleet import dashboard, open_storage
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
page = optuna_dashboard.wsgi(open_storage(os.environ[{VARIABLE!r}], create=False))
page = dashboard.guarded(page, "127.0.0.1:" + sys.argv[1], os.environ[{TOKEN!r}])
bottle.run(page, host="127.0.0.1", port=int(sys.argv[1]))
"""


class Dashboard:
    """A web page about all studies of a storage, at `url`, for this account alone: every account of a machine reaches
    127.0.0.1, so the page wants a token, which `url` holds.

    The storage's URL and the token go through the environment, so that no process list shows them.

    Raises:
        BadInput: optuna-dashboard is not installed, the storage cannot be opened, or the page did not appear.
    """

    def __init__(self, storage_url: str) -> None:
        check_helpers()
        open_storage(storage_url, create=False)
        port, self._token, self._shown = free_port(), secrets.token_urlsafe(24), hide(storage_url)
        self._host = f"127.0.0.1:{port}"
        self.url = f"http://{self._host}/dashboard/?token={self._token}"
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - each request is a line: a pipe would run full
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", SERVER, str(port)],
            stdin=subprocess.PIPE,
            stdout=self._said,
            stderr=self._said,
            start_new_session=True,
            env=os.environ | {VARIABLE: storage_url, TOKEN: self._token},
        )
        self._end = weakref.finalize(self, let_go, self._process, 5)
        self._wait()

    def studies(self) -> list[str]:
        """The names of the studies that the page lists, asked from the page itself."""
        cookie = {"Cookie": _cookie(self._host, self._token)}
        asked = urllib.request.Request(f"http://{self._host}/api/studies", headers=cookie)
        straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever http_proxy says
        with straight.open(asked, timeout=START_S) as answer:
            return [study["study_name"] for study in json.load(answer)["study_summaries"]]

    def where(self) -> widgets.HTML:
        """A link to the page, and the storage's URL to type into JupyterLab's own Optuna Dashboard."""
        link = f'<a href="{self.url}" target="_blank">http://{self._host}/dashboard/</a>'
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


def guarded(page: Callable, host: str, token: str) -> Callable:
    """A WSGI application that answers at its own address alone, to its own pages (another site could speak with the
    learner's cookies), and to who brings the token: once in the address, then in a cookie."""
    own, cookie = f"http://{host}", _cookie(host, token)

    def answer(asked: dict[str, str], start: Callable) -> Iterable[bytes]:
        at_home = asked.get("HTTP_HOST") == host and asked.get("HTTP_ORIGIN", own) == own
        if at_home and _among(token, parse_qs(asked["QUERY_STRING"]).get("token", [])):
            kept = ("Set-Cookie", f"{cookie}; HttpOnly; SameSite=Lax; Path=/")
            start("303 See Other", [("Location", "/dashboard/"), kept])
            return []
        if at_home and _among(cookie, asked.get("HTTP_COOKIE", "").split("; ")):
            return page(asked, start)
        start("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"This page is for its owner alone: open it by the link in the notebook."]

    return answer


def _cookie(host: str, token: str) -> str:
    return f"optuna-{host.rpartition(':')[2]}={token}"


def _among(secret: str, words: list[str]) -> bool:
    """Compared in a time that tells nothing about the secret."""
    return any(secrets.compare_digest(secret.encode(), word.encode()) for word in words)
