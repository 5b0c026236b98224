"""Images in memory, in three parts: train, validation, test.

The parts are drawn once, with a seed of their own, and never inside an objective: every trial of a study is
judged on the same validation images, and the test images wait until the end.
"""

from __future__ import annotations

import hashlib
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.errors import BadInput, one_of

DATASETS = ("digits", "fashion")
CACHE = Path("~/.cache/learn-optuna")  # not expanded here: a container may know no home folder


@dataclass(frozen=True)
class Split:
    """Images of shape (n, channels, height, width), standardised, and labels of shape (n,), int64."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: str | torch.device) -> Split:
        """The same images on another device."""
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Dataset:
    """Three splits of one data set; `classes` counts the labels."""

    name: str
    train: Split
    validation: Split
    test: Split
    classes: int

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over images and labels of all parts, their shapes and types included, as 64 hexadecimal digits."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation, self.test):
            for tensor in (part.images, part.labels):
                digest.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
                digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def to(self, device: str | torch.device) -> Dataset:
        """The same data on another device."""
        train, validation, test = (part.to(device) for part in (self.train, self.validation, self.test))
        return Dataset(self.name, train, validation, test, self.classes)


def load_dataset(
    name: str = "digits",
    *,
    split_seed: int = 0,
    folder: str | Path | None = None,
    dtype: torch.dtype | None = None,
) -> Dataset:
    """Loads a data set into memory.

    Args:
        name: "digits" (1,797 images of 8x8, part of scikit-learn, no network) or "fashion" (Fashion-MNIST,
            70,000 images of 28x28, downloaded on first use).
        split_seed: draws the validation part, never the test part; the course leaves it alone.
        folder: where Fashion-MNIST is kept; by default a cache folder in the home directory.
        dtype: of the images. Digits are float64, so that a training run gives the same accuracies on any
            processor; Fashion-MNIST is float32.

    Raises:
        BadInput: unknown name; Fashion-MNIST missing with no network; a damaged file.
    """
    one_of("data set", name, DATASETS)
    if name == "digits":
        return _digits(split_seed, dtype or torch.float64)
    try:
        place = Path(folder or CACHE).expanduser()
    except RuntimeError:
        raise BadInput("There is no home folder to keep Fashion-MNIST in: give load_dataset a folder=.") from None
    return _fashion(place, split_seed, dtype or torch.float32)


def _digits(split_seed: int, dtype: torch.dtype) -> Dataset:
    """60 % train, 20 % validation, 20 % test, each with the same share of every digit."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 1, 8, 8)
    rest, test, rest_labels, test_labels = train_test_split(
        images, labels, test_size=0.2, stratify=labels, random_state=0
    )
    train, validation, train_labels, validation_labels = train_test_split(
        rest, rest_labels, test_size=0.25, stratify=rest_labels, random_state=split_seed
    )
    parts = ((train, train_labels), (validation, validation_labels), (test, test_labels))
    return standardised("digits", parts, dtype)


def _fashion(folder: Path, split_seed: int, dtype: torch.dtype) -> Dataset:
    """Five sixths of the official training images train, one sixth validates; the test part is the official one."""
    train, test = _fashion_part(folder, train=True), _fashion_part(folder, train=False)
    images, labels = train.data[:, None].numpy(), train.targets.numpy()
    order = np.random.default_rng(split_seed).permutation(len(labels))
    held, kept = np.split(order, [len(order) // 6])
    parts = (
        (images[kept], labels[kept]),
        (images[held], labels[held]),
        (test.data[:, None].numpy(), test.targets.numpy()),
    )
    return standardised("fashion", parts, dtype)


def _fashion_part(folder: Path, train: bool) -> Any:
    """One official part, read by torchvision; downloads first when nothing is there."""
    from torchvision.datasets import FashionMNIST

    raw = folder / "FashionMNIST" / "raw"
    if not raw.is_dir():
        _download_fashion(folder)
    try:
        part = FashionMNIST(str(folder), train=train)
    except Exception as error:  # torchvision stumbles over damaged bytes in many ways
        raise BadInput(
            f"The Fashion-MNIST files in {raw} are damaged or incomplete: delete that folder and load again."
        ) from error
    sizes_fit = part.data.shape[1:] == (28, 28) and len(part.data) == len(part.targets) > 0
    if not sizes_fit or part.targets.max() >= len(FashionMNIST.classes):
        raise BadInput(f"The Fashion-MNIST files in {raw} do not fit together: delete that folder and load again.")
    return part


def _download_fashion(folder: Path) -> None:
    """Downloads beside the final place and moves in one step, so that a broken download leaves nothing behind."""
    from torchvision.datasets import FashionMNIST

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"Fashion-MNIST cannot be kept in {folder}: choose another folder.") from error
    with tempfile.TemporaryDirectory(dir=folder) as waiting:
        try:
            with _patience(30):
                FashionMNIST(waiting, download=True)
        except (OSError, RuntimeError, HTTPException) as error:
            raise BadInput(
                f"Fashion-MNIST is not in {folder} and could not be downloaded: connect to a network once, "
                "or use load_dataset('digits'), which needs none."
            ) from error
        final = folder / "FashionMNIST" / "raw"
        final.parent.mkdir(exist_ok=True)
        shutil.move(Path(waiting) / "FashionMNIST" / "raw", final)


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """A server that says nothing for so long counts as no network."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def standardised(name: str, parts: Sequence[tuple[np.ndarray, np.ndarray]], dtype: torch.dtype) -> Dataset:
    """A data set of arrays, images and labels of each part, scaled by the training images' mean and deviation."""
    train_images = parts[0][0]
    mean, spread = float(train_images.mean()), float(train_images.std())
    train, validation, test = (
        Split((torch.from_numpy(images).to(dtype) - mean) / spread, torch.from_numpy(labels).long())
        for images, labels in parts
    )
    return Dataset(name, train, validation, test, classes=int(train.labels.max()) + 1)
