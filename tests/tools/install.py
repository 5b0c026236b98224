"""Installs the course into .venv, for `make lab` and `make test`: before it there is nothing but Python.

uv does it: the machine's own, else one that pip brings into .venv. pip does it where there is no uv to be had.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

VENV = Path(".venv")
PYTHON = str(VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
CPU_BUILDS = "https://download.pytorch.org/whl/cpu"
ASK = "import sys, urllib.request as r; r.urlopen(r.Request(sys.argv[1], method='HEAD'))"
ANSWER_S = 5
# What would send packages elsewhere than to .venv, or let those of another folder count.
NOT_INHERITED = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONPATH", "UV_SYSTEM_PYTHON")


def run(*command: str, quiet: bool = False) -> bool:
    """Runs a program, free of settings that lead out of .venv; True when it ended well."""
    environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED} | {"PIP_USER": "0"}
    heard = subprocess.DEVNULL if quiet else None
    return subprocess.run(command, env=environment, stdout=heard, stderr=heard).returncode == 0


def find_uv() -> tuple[str, ...]:
    """The command of a uv that knows the builds of PyTorch; empty when this machine has none."""
    for command in ((shutil.which("uv") or "uv",), (sys.executable, "-m", "uv"), (PYTHON, "-m", "uv")):
        if shutil.which(command[0]) and run(*command, "pip", "install", "--torch-backend=auto", "--help", quiet=True):
            return command
    return ()


def is_reached(url: str) -> bool:
    """True when the address answers well, within seconds."""
    try:
        return subprocess.run([sys.executable, "-c", ASK, url], capture_output=True, timeout=ANSWER_S).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def has_gpu() -> bool:
    """True when a driver of NVIDIA is there."""
    return bool(shutil.which("nvidia-smi")) or Path("/proc/driver/nvidia/version").exists()


def make_environment(uv: tuple[str, ...]) -> bool:
    """Makes .venv, with pip in it, unless it is there; a Python that lacks the means (Debian's) is helped by uv."""
    if Path(PYTHON).exists() and run(PYTHON, "-m", "pip", "--version", quiet=True):
        return True
    if run(sys.executable, "-m", "venv", str(VENV), quiet=bool(uv)):
        return True
    return bool(uv) and run(*uv, "venv", "--clear", "--seed", "--python", sys.executable, str(VENV))


def chosen_build(torch: str) -> str:
    """The build of PyTorch to ask for; only on Linux is the default one large.

    Raises:
        SystemExit: the small one is a must, and its index does not answer.
    """
    if torch == "auto" and sys.platform != "linux":
        return "default"
    if torch == "default" or is_reached(f"{CPU_BUILDS}/torch/"):
        return torch
    if torch == "cpu":
        raise SystemExit(f"{CPU_BUILDS} does not answer: TORCH=default takes PyTorch from elsewhere, and more space.")
    missing = "where PyTorch is missing, its default build is installed, which takes more space."
    print(f"{CPU_BUILDS} does not answer: {missing}", flush=True)
    return "default"


def install(what: str, uv: tuple[str, ...], torch: str) -> bool:
    """Installs `what`, in the versions of constraints.txt."""
    packages = ("-c", "constraints.txt", "-e", what)
    if uv:
        more = [] if torch == "default" else [f"--torch-backend={torch}"]
        more += ["--compile-bytecode"] * sys.dont_write_bytecode  # otherwise Python does it when a module is used
        if run(*uv, "pip", "install", "--python", PYTHON, *more, *packages):
            return True
        print("uv could not install the course: pip tries.", flush=True)
    small = torch == "cpu" or (torch == "auto" and not has_gpu())
    index = ("--extra-index-url", CPU_BUILDS) if small else ()
    return run(PYTHON, "-m", "pip", "install", "--disable-pip-version-check", *index, *packages)


def main() -> int:
    """0 when the course is installed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", help="such as . or .[test]")
    parser.add_argument("--torch", choices=("auto", "cpu", "default"), default="auto", help="the build of PyTorch")
    parser.add_argument("--installer", choices=("uv", "pip"), default="uv")
    options = parser.parse_args()
    build = chosen_build(options.torch)
    uv = find_uv() if options.installer == "uv" else ()
    if not make_environment(uv):
        return 1
    if options.installer == "uv" and not uv:
        run(PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "-q", "-c", "constraints.txt", "uv")
        uv = find_uv()
    return int(not install(options.what, uv, build))


if __name__ == "__main__":
    sys.exit(main())
