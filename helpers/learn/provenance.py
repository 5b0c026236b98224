"""What a study needs to know about its surroundings, so that its winner can be trained again in a year."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("optuna", "torch", "numpy", "scikit-learn")


def surroundings(folder: Path | None = None) -> dict[str, str]:
    """Versions of Python and of what decides a result, the processor's kind, and the state of the code.

    Args:
        folder: where the code lies that is searched with; the course's own by default.
    """
    packages = {name: version(name) for name in PACKAGES}
    code = git_state(folder or Path(__file__).parent)
    return {"python": platform.python_version(), **packages, "machine": platform.machine(), "code": code}


def git_state(folder: Path) -> str:
    """The commit of the code in `folder`, with "+changes" when files differ from it, or "unknown"."""
    answers = []
    for command in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no")):
        try:
            done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            return "unknown"
        if done.returncode:
            return "unknown"
        answers.append(done.stdout.strip())
    return answers[0] + ("+changes" if answers[1] else "")
