"""Optuna Dashboard on a storage, for its owner alone, in a process of its own that ends with the kernel."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import weakref
from html import escape
from typing import Any

import ipywidgets as widgets

from helpers.errors import BadInput
from helpers.fleet.postgres import let_go
from helpers.fleet.storage import VARIABLE, check_helpers, hide, open_storage

TOKEN = "LEARN_OPTUNA_TOKEN"
SERVER = f"""
import os, sys, threading
from wsgiref.simple_server import make_server
import optuna_dashboard
from helpers.fleet import dashboard, open_storage
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
page = optuna_dashboard.wsgi(open_storage(os.environ[{VARIABLE!r}], create=False))
server = make_server("127.0.0.1", 0, page)
dashboard.guard(page, server.server_port, os.environ[{TOKEN!r}])
print(server.server_port, flush=True)
server.serve_forever()
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
        self._token, self._shown = secrets.token_urlsafe(24), hide(storage_url)
        said = tempfile.TemporaryFile()  # noqa: SIM115 - each request is a line: a pipe would run full
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            start_new_session=True,
            env=os.environ | {VARIABLE: storage_url, TOKEN: self._token},
        )
        assert self._process.stdout  # a pipe
        self._end = weakref.finalize(self, let_go, self._process, 5)
        port = self._process.stdout.readline().decode().strip()  # nothing, if it has ended
        if not port:
            self.close()
            said.seek(0)
            last = said.read().decode(errors="replace").strip().splitlines()[-1:]
            raise BadInput(f"The dashboard did not start: {last[0] if last else 'pip install optuna-dashboard'}.")
        self._host = f"127.0.0.1:{port}"
        self.url = f"http://{self._host}/dashboard/?token={self._token}"

    def where(self) -> widgets.HTML:
        """A link to the page, and the storage's URL to type into JupyterLab's own Optuna Dashboard."""
        link = f'<a href="{self.url}" target="_blank">http://{self._host}/dashboard/</a>'
        return _Where(f"The page: {link}<br>The storage: <code>{escape(self._shown)}</code>")

    def close(self) -> None:
        """Ends the page; the studies stay."""
        self._end()


class _Where(widgets.HTML):
    """Addresses, which are others in each run: what is stored says so instead."""

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        said = "Run this cell: here stand the page's address and the storage's URL."
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": said}


def guard(page: Any, port: int, token: str) -> None:
    """Lets a page of bottle's answer at its own address alone, to its own pages (another site could speak with the
    learner's cookies), and to who brings the token: once in the address, then in a cookie."""
    import bottle  # comes with optuna-dashboard

    host, cookie = f"127.0.0.1:{port}", f"optuna-{port}"

    def look() -> None:
        asked: Any = bottle.request
        at_home = asked.get_header("Host") == host and asked.get_header("Origin", f"http://{host}") == f"http://{host}"
        if at_home and _is(token, asked.query.get("token")):
            answer = bottle.HTTPResponse(status=303, Location="/dashboard/")
            answer.set_cookie(cookie, token, path="/", httponly=True, samesite="lax")
            raise answer
        if not (at_home and _is(token, asked.get_cookie(cookie))):
            said = "This page is for its owner alone: open it by the link in the notebook."
            raise bottle.HTTPResponse(said, 403, Content_Type="text/plain")

    page.add_hook("before_request", look)


def _is(secret: str, word: str | None) -> bool:
    """Compared in a time that tells nothing about the secret."""
    return secrets.compare_digest(secret.encode(), (word or "").encode())
