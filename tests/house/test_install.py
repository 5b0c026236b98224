"""The course installs with uv and with pip, offline where nothing is missing, and on machines with odd settings."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import sys
import sysconfig
import threading
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.harness.copies import ROOT, copy_course
from tests.harness.lab import FIRST, serving_lab
from tests.tools import install

SITE = sysconfig.get_path("purelib")
ODD = "Übung ß 課"
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "off", "UV_OFFLINE": "1"}
MAKE = ["make", ".venv/installed", f"PYTHON={sys.executable}", "TORCH=default"]
BACKEND = '''
import zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    """The smallest wheel there is."""
    with zipfile.ZipFile(folder + "/tiny-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1\\n"
                       "Requires-Dist: torch>=2\\nRequires-Dist: extra; extra == 'test'\\nProvides-Extra: test\\n")
        wheel.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("tiny-1.dist-info/RECORD", "")
    return "tiny-1-py3-none-any.whl"
build_wheel = build_editable
'''
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "tiny"
version = "1"
requires-python = ">=3.11"
dependencies = ["torch>=2"]
optional-dependencies.test = ["extra"]
"""
needs_uv = pytest.mark.skipif(not install.find_uv(), reason="there is no uv here")

each_installer = pytest.mark.parametrize(
    "installer", [pytest.param("uv", marks=needs_uv), pytest.param("pip", marks=pytest.mark.slow)]
)


def run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command without PYTHONPATH, as a reader runs it."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MAKEFLAGS")}
    return subprocess.run(command, cwd=folder, env=inherited | variables, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course in a folder with odd letters, installed by make and pip; its packages are those of this run."""
    folder = tmp_path_factory.mktemp("odd") / ODD / "course"
    copy_course(folder)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=folder, check=True)
    (site,) = (folder / ".venv").glob("lib/python*/site-packages")
    (site / "0_packages_of_this_run.pth").write_text(SITE)
    done = run([*MAKE, "INSTALLER=pip"], folder, LC_ALL="C", PIP_USER="1", PIP_TARGET="elsewhere", **OFFLINE)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_settings_of_pip_do_not_lead_elsewhere(course: Path) -> None:
    """PIP_USER and PIP_TARGET were set: the course is in its own environment all the same."""
    assert list((course / ".venv").glob("lib/python*/site-packages/learn_optuna*"))
    assert not (course / "elsewhere").exists()


def test_a_second_start_installs_nothing(course: Path) -> None:
    """Nor does it ask the network."""
    assert run(["make", "--question", ".venv/installed"], course).returncode == 0
    assert run(["make", "--question", ".venv/installed-test"], course).returncode == 1


@pytest.mark.parametrize("locale", ["C", "de_DE.CP1252"])
def test_a_folder_may_have_any_letters(course: Path, locale: str, tmp_path: Path) -> None:
    """Before Python 3.13 a .pth file is read in the code page; in UTF-8 mode other names of files are as on Windows."""
    if locale != "C" and (not shutil.which("localedef") or not Path("/usr/share/i18n/locales/de_DE").exists()):
        pytest.skip("locales cannot be made here")
    if locale != "C":
        subprocess.run(["localedef", "-i", "de_DE", "-f", "CP1252", str(tmp_path / locale)], check=True)
    command = [".venv/bin/python", "-X", "utf8", "-c", "import helpers; print(ascii(helpers.__file__))"]
    command[0] = str(course / command[0])
    done = run(command, course / "notebooks", LC_ALL=locale, LOCPATH=str(tmp_path))
    assert done.stdout.strip() == ascii(str(course / "helpers" / "__init__.py")), done.stderr
    assert not done.stderr
    for file in (course / ".venv").glob("lib/python*/site-packages/*learn_optuna*.pth"):
        assert file.read_bytes().isascii()


@pytest.mark.slow
def test_the_first_notebook_opens_whatever_jupyter_is_told(course: Path, tmp_path: Path) -> None:
    """In a folder with odd letters, under LC_ALL=C, where the reader's Jupyter starts in another folder."""
    (tmp_path / "elsewhere").mkdir()
    names = ("ServerApp.root_dir", "ServerApp.notebook_dir", "ServerApp.preferred_dir", "FileContentsManager.root_dir")
    lines = [f"c.{name} = {str(tmp_path / 'elsewhere')!r}" for name in names]
    lines.append("c.FileContentsManager.preferred_dir = 'mine'")
    (tmp_path / "jupyter_server_config.py").write_text("\n".join(lines))
    with serving_lab(course=course, LC_ALL="C", JUPYTER_CONFIG_DIR=str(tmp_path), PYTHONPATH="") as lab:
        assert lab.get(f"api/contents/{FIRST}", lab.token)[0] == 200
        assert (
            lab.run_cell("import helpers; print(ascii(helpers.__file__))").strip().startswith(ascii(str(course))[:-1])
        )


def test_lines_end_as_they_are_stored(tmp_path: Path) -> None:
    """Where git is told to write CRLF, scripts of the shell would not run."""
    copy_course(tmp_path / "a")
    git = ["git", "-c", "core.autocrlf=true", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run([*git, *words], cwd=tmp_path / "a", check=True, capture_output=True)
    subprocess.run([*git, "clone", "-q", "a", "b"], cwd=tmp_path, check=True)
    files = [path for path in (tmp_path / "a").rglob("*") if path.is_file() and ".git" not in path.parts]
    changed = [
        path for path in files if (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes() != path.read_bytes()
    ]
    assert len(files) > 200 and changed == []


class Index(SimpleHTTPRequestHandler):
    """Package indexes of a folder: PyPI's over http, and PyTorch's behind a proxy that answers for it."""

    protocol_version = "HTTP/1.1"
    context: ssl.SSLContext

    def do_CONNECT(self) -> None:
        """From here on this is the asked host."""
        self.send_response(200)
        self.end_headers()
        self.close_connection = False
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def wheel(folder: Path, name: str, version: str) -> None:
    """A wheel without content, with the page that leads to it."""
    folder = folder / name
    folder.mkdir(parents=True)
    file = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(folder / file, "w") as written:
        info = f"{name}-{version}.dist-info"
        written.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        written.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        written.writestr(f"{info}/RECORD", "")
    (folder / "index.html").write_text(f'<a href="{file.replace("+", "%2B")}">{file}</a>')


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Settings that lead pip and uv to indexes of this test: PyPI has torch, PyTorch's own has torch +cpu."""
    if not shutil.which("openssl"):
        pytest.skip("a certificate is made with openssl")
    folder = tmp_path_factory.mktemp("indexes")
    wheel(folder / "simple", "torch", "2.15.0")
    wheel(folder / "simple", "extra", "1")
    wheel(folder / "whl" / "cpu", "torch", "2.15.0+cpu")
    key, certificate = str(folder / "key.pem"), str(folder / "certificate.pem")
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=a -keyout {key} -out {certificate}"
    for more in ("subjectAltName=DNS:download.pytorch.org", "basicConstraints=critical,CA:FALSE"):
        command += f" -addext {more}"
    subprocess.run(command.split(), check=True, capture_output=True)
    Index.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    Index.context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Index, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}"
        names = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", "UV_CACHE_DIR": str(folder / "cache")}
        names |= dict.fromkeys(("PIP_FIND_LINKS", "SSL_CERT_DIR"), "")
        names |= dict.fromkeys(("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), f"{here}/simple")
        names |= dict.fromkeys(("HTTPS_PROXY", "https_proxy"), here)
        names |= dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1")
        names |= dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"), certificate)
        yield names
        server.shutdown()


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A project that is installed as the course is, in a second."""
    files = {"pyproject.toml": PROJECT, "backend.py": BACKEND, "constraints.txt": "torch==2.15.0\nextra==1\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "tests" / "tools").mkdir(parents=True)
    for name in ("Makefile", "tests/tools/install.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def versions(folder: Path) -> dict[str, str]:
    """What is installed in a folder's environment."""
    infos = (folder / ".venv").glob("lib/python*/site-packages/*.dist-info")
    return dict(info.name.removesuffix(".dist-info").split("-") for info in infos)


@pytest.mark.slow
@each_installer
def test_the_small_build_wins_where_its_index_answers(installer: str, tiny: Path, indexes: dict[str, str]) -> None:
    """The pin admits it; the tests' packages come later, and leave it alone where the index is out of reach by then."""
    if install.has_gpu():
        pytest.skip("this machine has a GPU")
    choice = [f"PYTHON={sys.executable}", f"INSTALLER={installer}"]
    done = run(["make", ".venv/installed", *choice], tiny, **indexes)
    assert done.returncode == 0, done.stdout + done.stderr
    assert versions(tiny)["torch"] == "2.15.0+cpu" and "extra" not in versions(tiny)
    done = run(["make", ".venv/installed-test", *choice], tiny, **indexes | {"HTTPS_PROXY": "", "https_proxy": ""})
    assert done.returncode == 0 and "does not answer" in done.stdout, done.stdout + done.stderr
    assert versions(tiny)["torch"] == "2.15.0+cpu" and versions(tiny)["extra"] == "1"
    assert run(["make", "--question", ".venv/installed", ".venv/installed-test"], tiny).returncode == 0


@pytest.mark.slow
@each_installer
def test_one_sentence_says_that_the_build_is_the_default_one(
    installer: str, tiny: Path, indexes: dict[str, str]
) -> None:
    """Where the index of PyTorch cannot be reached, a moment later; pins are held."""
    unreached = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    command = ["make", ".venv/installed-test", f"PYTHON={sys.executable}", f"INSTALLER={installer}"]
    done = run(command, tiny, **indexes | unreached)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("does not answer") == 1
    assert versions(tiny)["torch"] == "2.15.0"
    (tiny / "constraints.txt").write_text("torch==2.14.0\n")
    assert run(command, tiny, **indexes | unreached).returncode
    assert "TORCH=default" in run([*command, "TORCH=cpu"], tiny, **indexes | unreached).stderr


def test_the_question_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that takes the call and says nothing is one that does not answer."""
    monkeypatch.setattr(install, "ANSWER_S", 2)
    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as silent:
        begin = time.perf_counter()
        assert not install.is_reached(f"http://127.0.0.1:{silent.server_port}/")
        assert time.perf_counter() - begin < 10


@needs_uv
def test_the_readmes_commands_without_make(tiny: Path, indexes: dict[str, str]) -> None:
    """Those for Windows, in the shell of this machine and with its Python; a program stands in for JupyterLab."""
    block = re.search(r"```\n(uv venv.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    lines = block[1].splitlines()
    assert [line.split()[1] for line in lines] == ["venv", "pip", "run"]
    lines[0] = re.sub(r"3\.\d+", sys.executable, lines[0])
    # Not `python -m uv`: that installs beside its Python.
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    for line in lines:
        done = run([uv, *line.split()[1:]], tiny, **indexes, VIRTUAL_ENV="")
        assert done.returncode == 0, done.stderr
        if line == lines[0]:
            program = tiny / ".venv" / "bin" / "jupyter"
            program.write_text('#!/bin/sh\necho "opened $2"\n')
            program.chmod(0o755)
    assert done.stdout == f"opened {FIRST}\n"
    assert versions(tiny) == {"torch": "2.15.0+cpu", "tiny": "1"}
