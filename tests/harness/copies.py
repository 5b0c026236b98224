"""Copies of the repository, so that a test may run in one and look at what it left there."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def course_files(*options: str) -> list[str]:
    """The tracked files of the repository; `options` of git ls-files add others."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", *options]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def copy_course(folder: Path) -> None:
    """Copies all files but those that git ignores into `folder`."""
    for name in course_files("--cached", "--others", "--exclude-standard"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)


def contents(folder: Path) -> dict[str, str]:
    """What every file of a copy holds, as a digest; Python's caches and hidden folders of the home are left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    names = {str(path.relative_to(folder)): path for path in files}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in names.items()
        if "__pycache__" not in name and not name.startswith(".")
    }
