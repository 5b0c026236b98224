"""Optuna Dashboard on a storage: it lists the studies, shows no password, and ends with its owner."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from http.cookiejar import CookieJar
from pathlib import Path

import optuna
import psutil
import pytest

from helpers.errors import BadInput
from helpers.fleet import open_storage
from helpers.fleet.dashboard import Dashboard
from tests.fleet.test_storage import dead_proxy
from tests.harness.accounts import as_another, needs_root
from tests.harness.lab import alive

KERNEL = """
import sys, time
from helpers.fleet.dashboard import Dashboard
dashboard = Dashboard(sys.argv[1])
print(dashboard._process.pid, flush=True)
time.sleep(60)
"""


def browser() -> urllib.request.OpenerDirector:
    """Follows the link of the notebook and keeps the cookie."""
    return urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))


def cookie(dashboard: Dashboard) -> str:
    """What the page gives a browser."""
    return f"optuna-{dashboard._host.split(':')[1]}={dashboard._token}"


def studies(dashboard: Dashboard) -> list[str]:
    """The names of the studies that the page lists, asked from the page itself."""
    asked = urllib.request.Request(f"http://{dashboard._host}/api/studies", headers={"Cookie": cookie(dashboard)})
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with straight.open(asked, timeout=10) as answer:
        return [study["study_name"] for study in json.load(answer)["study_summaries"]]


def code(url: str, method: str = "GET", **headers: str) -> int:
    """What the page answers to somebody without a browser."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method, headers=headers), timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


@pytest.mark.slow
def test_it_lists_the_studies(url: str) -> None:
    """Of every storage that programs can share; a study that is made later appears too."""
    optuna.create_study(study_name="first", storage=open_storage(url))
    with closing(Dashboard(url)) as dashboard:
        assert studies(dashboard) == ["first"]
        optuna.create_study(study_name="second", storage=open_storage(url))
        assert sorted(studies(dashboard)) == ["first", "second"]
        assert dashboard.url.startswith("http://127.0.0.1:")
        with browser().open(dashboard.url, timeout=10) as page:
            assert b"Optuna Dashboard" in page.read() and "token" not in page.url
        process = psutil.Process(dashboard._process.pid)
        assert not any(secret in " ".join(process.cmdline()) for secret in (url, dashboard._token))
        listening = {link.laddr.ip for link in process.net_connections() if link.status == psutil.CONN_LISTEN}
        assert listening == {"127.0.0.1"}
    assert not process.is_running()
    with pytest.raises(OSError, match="refused"):
        studies(dashboard)
    for name in ("first", "second"):
        optuna.delete_study(study_name=name, storage=open_storage(url))


@pytest.mark.slow
@needs_root
def test_another_account_can_do_nothing(tmp_path: Path) -> None:
    """Not list, make or delete a study, nor read the token: neither as it is, nor with a token of its own making."""
    url = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(study_name="private", storage=open_storage(url))
    with closing(Dashboard(url)) as dashboard:
        page = f"http://{dashboard._host}"
        tried = [("GET", "/"), ("GET", "/dashboard/"), ("GET", "/api/studies"), ("GET", "/api/studies/1")]
        tried += [("POST", "/api/studies"), ("DELETE", "/api/studies/1"), ("GET", "/dashboard/?token=guessed")]
        assert {as_another(code, page + path, method) for method, path in tried} == {403}
        for file in ("environ", "cmdline"):
            try:
                said = as_another(Path(f"/proc/{dashboard._process.pid}/{file}").read_bytes)
            except PermissionError:
                said = b""
            assert dashboard._token.encode() not in said and url.encode() not in said
        assert studies(dashboard) == ["private"]


@pytest.mark.slow
def test_it_answers_to_its_own_name_and_pages(tmp_path: Path) -> None:
    """A name that somebody else points to this machine, and a page of another port, get nothing, token or not."""
    url = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(study_name="first", storage=open_storage(url))
    with closing(Dashboard(url)) as dashboard:
        page, mine = f"http://{dashboard._host}/api/studies", cookie(dashboard)
        assert code(page, Cookie=mine) == code(page, Cookie=f"other=1; {mine}") == 200
        assert code(page, Cookie=mine, Origin=f"http://{dashboard._host}") == 200
        assert code(page, Cookie=mine, Host="evil.example.org") == 403
        assert code(page, Cookie=mine, Origin="http://127.0.0.1:9") == 403
        assert code(page, Cookie=mine + "x") == code(page, Cookie="optuna") == code(page) == 403
        assert code(dashboard.url, Host="evil.example.org") == 403


@pytest.mark.slow
def test_no_proxy_stands_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the learner's network knows nothing of this machine's own pages."""
    dead_proxy(monkeypatch)
    url = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(study_name="first", storage=open_storage(url))
    with closing(Dashboard(url)) as dashboard:
        assert studies(dashboard) == ["first"]


@pytest.mark.slow
def test_the_address_is_shown_and_not_stored(tmp_path: Path) -> None:
    """The link is in the widget alone: it is another in each run."""
    url = f"sqlite:///{tmp_path}/study.db"
    open_storage(url)
    with closing(Dashboard(url)) as dashboard:
        shown = dashboard.where()
        assert dashboard.url in shown.value and url in shown.value
        assert "127.0.0.1" not in shown._repr_mimebundle_()["text/plain"]


@pytest.mark.slow
def test_it_ends_with_its_kernel(tmp_path: Path) -> None:
    """Also when the kernel is killed."""
    url = f"sqlite:///{tmp_path}/study.db"
    open_storage(url)
    kernel = subprocess.Popen([sys.executable, "-c", KERNEL, url], stdout=subprocess.PIPE, text=True)
    page = psutil.Process(int(kernel.stdout.readline()))
    kernel.kill()
    kernel.wait()
    end = time.monotonic() + 10
    while alive([page]) and time.monotonic() < end:
        time.sleep(0.1)
    assert not alive([page])


def test_wrong_storages(tmp_path: Path) -> None:
    """The sentence of `open_storage`; no file is made."""
    with pytest.raises(BadInput, match=r"There is no file .*study.db"):
        Dashboard(f"sqlite:///{tmp_path}/study.db")
    assert not list(tmp_path.iterdir())


def test_a_page_that_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own last words are told."""
    url = f"sqlite:///{tmp_path}/study.db"
    open_storage(url)
    monkeypatch.setattr("helpers.fleet.dashboard.SERVER", "raise SystemExit('no such module')")
    with pytest.raises(BadInput, match="The dashboard did not start: no such module"):
        Dashboard(url)
