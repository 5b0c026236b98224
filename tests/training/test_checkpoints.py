"""A run that is saved and loaded is the run without a break; what cannot be continued is refused."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from helpers.errors import BadInput
from helpers.training.checkpoint import load_training, save_training
from helpers.training.data import Dataset, load_dataset
from helpers.training.train import Training, TrainingConfig
from tests.bench.training import one_thread

SMALL = TrainingConfig(
    model="cnn",
    width=3,
    depth=2,
    dropout=0.3,
    optimizer="adam",
    learning_rate=0.02,
    batch_size=64,
    epochs=5,
    augmentation="affine",
    schedule="cosine",
)
KINDS = (
    SMALL,
    replace(SMALL, model="mlp", optimizer="sgd", momentum=0.9, augmentation="shift", schedule="constant"),
    replace(SMALL, optimizer="adamw", weight_decay=0.1, dropout=0.0, augmentation="none", seed=3),
)


@pytest.fixture(scope="module", autouse=True)
def thread() -> Iterator[None]:
    """One thread: the networks are small."""
    with one_thread():
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a run is saved."""
    return tmp_path / "run.pt"


def trained(config: TrainingConfig, data: Dataset, epochs: int) -> Training:
    """A run that stopped after so many epochs."""
    training = Training(config, data)
    for _ in zip(range(epochs), training, strict=False):
        pass
    return training


def state(training: Training) -> list[torch.Tensor]:
    """Weights, and what the optimizer remembers."""
    memory = training.optimizer.state_dict()["state"].values()
    return [*training.model.parameters(), *(value for held in memory for value in held.values() if value is not None)]


@pytest.mark.parametrize("config", KINDS, ids=lambda config: config.optimizer)
@pytest.mark.parametrize("epochs", [0, 3, 5])
def test_a_resumed_run_is_as_without_a_break(config: TrainingConfig, epochs: int, few: Dataset, path: Path) -> None:
    """Curve, weights and the optimizer's memory to the bit, wherever the break is; its epochs come first."""
    whole = trained(config, few, config.epochs)
    save_training(trained(config, few, epochs), path)
    torch.rand(3)
    resumed = load_training(path, few)
    assert (resumed.config, len(resumed.curve), resumed.saved) == (config, epochs, epochs)
    assert list(resumed) == whole.curve == list(whole)
    assert all(map(torch.equal, state(resumed), state(whole)))


def test_a_second_break_does_no_harm(few: Dataset, path: Path) -> None:
    """A run that is saved, loaded, trained on, saved and loaded again."""
    training = Training(SMALL, few)
    for epochs in (2, 4, 5):
        for _ in zip(range(epochs), training, strict=False):
            pass
        save_training(training, path)
        training = load_training(path, few, SMALL)
    assert training.curve == trained(SMALL, few, SMALL.epochs).curve


def test_saving_and_loading_leave_the_callers_random_numbers(few: Dataset, path: Path) -> None:
    """Neither reads nor moves them."""
    before = torch.get_rng_state()
    save_training(trained(SMALL, few, 1), path)
    load_training(path, few)
    assert torch.equal(torch.get_rng_state(), before)


# What is refused


@pytest.fixture
def saved(few: Dataset, path: Path) -> bytes:
    """A file after two epochs, and what is in it."""
    save_training(trained(SMALL, few, 2), path)
    return path.read_bytes()


def test_half_a_file_is_refused(saved: bytes, few: Dataset, path: Path) -> None:
    """Cut anywhere, empty, or something else."""
    for end in (0, 20, len(saved) // 2, len(saved) - 1):
        path.write_bytes(saved[:end])
        with pytest.raises(BadInput, match=r"run\.pt is damaged: use an older one, or start anew\."):
            load_training(path, few)
    path.write_text("not a checkpoint")
    with pytest.raises(BadInput, match="is damaged"):
        load_training(path, few)
    torch.save({"model": {}}, path)
    with pytest.raises(BadInput, match="is damaged"):
        load_training(path, few)


def test_a_flipped_byte_never_goes_unnoticed(saved: bytes, few: Dataset, path: Path) -> None:
    """Wherever it is; the archive's own checksums would let some of these through."""
    for place in range(0, len(saved), len(saved) // 60):
        path.write_bytes(saved[:place] + bytes([saved[place] ^ 0x55]) + saved[place + 1 :])
        with pytest.raises(BadInput, match="is damaged"):
            load_training(path, few)


def test_another_configuration_is_refused(saved: bytes, few: Dataset, path: Path) -> None:
    """The sentence names what differs."""
    other = replace(SMALL, epochs=6, dropout=0.0)
    with pytest.raises(BadInput, match=r"another configuration \(see dropout, epochs\): start anew\."):
        load_training(path, few, other)
    assert load_training(path, few, SMALL).config == SMALL


def test_other_data_are_refused(path: Path) -> None:
    """Another split, another dtype."""
    data, config = load_dataset("digits"), replace(SMALL, epochs=1)
    save_training(Training(config, data), path)
    others = (load_dataset("digits", split_seed=1), load_dataset("digits", dtype=torch.float32))
    for other in others:
        with pytest.raises(BadInput, match="belongs to other data: load the data that the run was trained on"):
            load_training(path, other)
    assert len({each.fingerprint for each in (data, *others)}) == 3


def test_no_file_is_refused(few: Dataset, path: Path) -> None:
    """With a sentence of its own."""
    with pytest.raises(BadInput, match=f"^There is no checkpoint {re.escape(str(path))}: correct the name"):
        load_training(path, few)


def test_a_write_that_fails_leaves_the_older_file(
    saved: bytes, few: Dataset, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk in the middle of it: the older file is whole, and nothing else is left."""

    class Full(io.FileIO):
        def write(self, content: bytes) -> int:
            super().write(content[:500])
            raise OSError("No space left on device")

    training = trained(SMALL, few, 3)
    monkeypatch.setattr("helpers.training.checkpoint.open", Full, raising=False)
    with pytest.raises(BadInput, match=r"cannot be written: choose another place \(No space left on device\)"):
        save_training(training, path)
    assert path.read_bytes() == saved and os.listdir(path.parent) == [path.name] and training.saved == 0


def test_another_version_is_refused(saved: bytes, few: Dataset, path: Path) -> None:
    """Whole, but with a part that is missing, unknown or of another shape: passed over, where a TypeError would stop
    the trial."""
    held = torch.load(io.BytesIO(saved[hashlib.sha256().digest_size :]), weights_only=True)
    versions: list[object] = [{key: value for key, value in held.items() if key != part} for part in held]
    versions += [held | {"config": held["config"] | {"warmup": 3}}, held | {"model": {}}, held | {"curve": [(1,)]}, 7]
    for version in versions:
        torch.save(version, archive := io.BytesIO())
        path.write_bytes(hashlib.sha256(archive.getvalue()).digest() + archive.getvalue())
        with pytest.raises(BadInput, match=r"run\.pt is of another version: use an older one, or start anew"):
            load_training(path, few)


def test_no_link_is_followed(few: Dataset, path: Path, tmp_path: Path) -> None:
    """One that lies where the file is written first."""
    (victim := tmp_path / "victim").write_text("mine")
    path.with_name(f"{path.name}.{os.getpid()}.tmp").symlink_to(victim)
    save_training(trained(SMALL, few, 1), path)
    assert victim.read_text() == "mine" and not path.is_symlink() and len(load_training(path, few).curve) == 1


def test_a_folder_that_is_not_there(few: Dataset, tmp_path: Path) -> None:
    """One sentence."""
    with pytest.raises(BadInput, match="cannot be written: choose another place"):
        save_training(Training(SMALL, few), tmp_path / "nowhere" / "run.pt")
