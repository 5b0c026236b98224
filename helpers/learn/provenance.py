"""What a study needs to know about its surroundings, so that its winner can be trained again in a year."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("optuna", "torch", "numpy", "scikit-learn")


def surroundings() -> dict[str, str]:
    """Versions of Python and of what decides a result, the processor's kind, and the state of the course's code."""
    packages = {name: version(name) for name in PACKAGES}
    code = git_state(Path(__file__).parent)
    return {"python": platform.python_version(), **packages, "machine": platform.machine(), "code": code}


def git_state(folder: Path) -> str:
    """The commit of the code in `folder`, with "+changes" when files differ from it, or "unknown"."""
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+changes"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()
