"""What is kept with a study: versions, the state of the code, and a fingerprint of the data."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from helpers.data import load_dataset
from helpers.provenance import PACKAGES, fingerprint, git_state, surroundings


def git(folder: Path, *command: str) -> None:
    """One git command by an author of its own."""
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)


def test_versions_are_those_installed() -> None:
    """Text for a database, the same twice."""
    found = surroundings()
    assert found["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert set(PACKAGES) | {"python", "machine", "code"} == set(found)
    assert all(isinstance(value, str) and value for value in found.values()) and found == surroundings()


def test_the_state_of_the_code(tmp_path: Path) -> None:
    """The commit; with a mark when a file differs from it; unknown where there is none."""
    assert git_state(tmp_path) == "unknown"
    git(tmp_path, "init")
    (tmp_path / "train.py").write_text("x = 1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    clean = git_state(tmp_path)
    assert re.fullmatch("[0-9a-f]{40,64}", clean)
    (tmp_path / "notes.txt").write_text("beside the code")
    assert git_state(tmp_path) == clean
    (tmp_path / "train.py").write_text("x = 2")
    assert git_state(tmp_path) == clean + "+changes" == surroundings(tmp_path)["code"]


def test_without_git_it_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No error where git is not installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(tmp_path) == "unknown"


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_every_image_and_label_counts(part: str) -> None:
    """The same data twice give the same; one pixel, one label or the order changed give others."""
    data = load_dataset("digits")
    split = getattr(data, part)
    images, labels = split.images.clone(), split.labels.clone()
    images[-1, 0, 3, 3] += 1e-9
    labels[0] = (labels[0] + 1) % 10
    order = torch.arange(len(split)).flip(0)
    others = [replace(split, images=images), replace(split, labels=labels),
              replace(split, images=split.images[order], labels=split.labels[order])]  # fmt: skip
    marks = {fingerprint(replace(data, **{part: other})) for other in others}
    assert len(marks | {fingerprint(data)}) == 4 and fingerprint(data) == fingerprint(load_dataset("digits"))


def test_type_and_shape_count() -> None:
    """Half the bytes, and the same bytes in another shape, are other data."""
    data = load_dataset("digits")
    half = replace(data.test, images=data.test.images.float())
    flat = replace(data.test, images=data.test.images.flatten(2).unsqueeze(2))
    assert len({fingerprint(replace(data, test=test)) for test in (data.test, half, flat)}) == 3
