"""Images in memory, in three parts: train, validation, test.

The parts are drawn once, with a seed of their own, and never inside an objective: every trial of a study is
judged on the same validation images, and the test images wait until the end.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from helpers.errors import BadInput, one_of

DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # of the package dataset-fashion-mnist
Arrays = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Split:
    """Images of shape (n, channels, height, width), standardised, and labels of shape (n,), int64."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


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
        train, validation, test = (
            Split(part.images.to(device), part.labels.to(device)) for part in (self.train, self.validation, self.test)
        )
        return Dataset(self.name, train, validation, test, self.classes)


def load_dataset(
    name: str = "digits",
    *,
    train: int | None = None,
    validation: int | None = None,
    test: int | None = None,
    split_seed: int = 0,
    folder: str | Path | None = None,
    dtype: torch.dtype | None = None,
) -> Dataset:
    """Loads a data set into memory; every part has the same share of every label.

    Args:
        name: "digits" (1,797 images of 8x8, part of scikit-learn, no network; 60 % train, 20 % validate) or "fashion"
            (Fashion-MNIST, 70,000 images of 28x28; of its 60,000 training images one sixth validates).
        train, validation, test: so many images of the part, or all. A larger number keeps the images of a smaller
            one, and no part changes with the number of another.
        split_seed: draws the validation part, never the test part; the course leaves it alone.
        folder: holds Fashion-MNIST's four files, packed (.gz) or not; downloaded when there are none. By default a
            cache folder in the home folder (in the temporary folder where there is no home), or Debian's.
        dtype: of the images. Digits are float64, so that a training run gives the same accuracies on any
            processor; Fashion-MNIST is float32.

    Raises:
        BadInput: unknown name; a part of an impossible size; Fashion-MNIST missing with no network; a damaged file.
    """
    one_of("data set", name, ("digits", "fashion"))
    (images, labels), tested = _digits() if name == "digits" else _fashion(Path(folder) if folder else None)
    trained, validated = _parted(images, labels, 360 if name == "digits" else len(labels) // 6, split_seed)
    parts = {"train": (trained, train), "validation": (validated, validation), "test": (tested, test)}
    default = torch.float64 if name == "digits" else torch.float32
    return standardised(name, [_some(part, *asked) for part, asked in parts.items()], dtype or default)


def standardised(name: str, parts: Sequence[Arrays], dtype: torch.dtype) -> Dataset:
    """A data set of arrays, images and labels of each part, scaled by the training images' mean and deviation."""
    mean, spread = float(parts[0][0].mean()), float(parts[0][0].std())
    train, validation, test = (
        Split((torch.from_numpy(images).to(dtype) - mean).div_(spread), torch.from_numpy(labels).long())
        for images, labels in parts
    )
    return Dataset(name, train, validation, test, classes=int(train.labels.max()) + 1)


def _some(name: str, part: Arrays, count: int | None) -> Arrays:
    """The first images of each label, `count` together, in the part's order."""
    import pandas as pd

    images, labels = part
    if count is None:
        return images, labels
    if not isinstance(count, Integral) or not 10 <= count <= len(labels):
        raise BadInput(f"{name} is {count!r}: give a number of images from 10 to {len(labels)}, or leave it out.")
    place_among_its_label = pd.Series(labels).groupby(labels).rank(method="first", pct=True)
    chosen = np.sort(np.argsort(place_among_its_label, kind="stable")[:count])
    return images[chosen], labels[chosen]


def _digits() -> tuple[Arrays, Arrays]:
    """The digits for training and validation, and those of the test."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return _parted(images.reshape(-1, 1, 8, 8), labels, 360, seed=0)


def _parted(images: np.ndarray, labels: np.ndarray, held: int, seed: int) -> tuple[Arrays, Arrays]:
    """Two parts with the same share of every label, the second of so many images."""
    from sklearn.model_selection import train_test_split

    split = train_test_split(images, labels, test_size=held, stratify=labels, random_state=seed)
    return split[0::2], split[1::2]


def _fashion(folder: Path | None) -> tuple[Arrays, Arrays]:
    """Both official parts, from where files are: in the folder, where torchvision puts them in it, or Debian's."""
    base = folder or _cache()
    raw = base / "FashionMNIST" / "raw"
    places = [base, base / "raw", raw, *([] if folder else [DEBIAN])]
    place = next((place for place in places if any(place.glob("*-idx?-ubyte*"))), None) or _download(base, raw)
    try:
        return _official(place, "train"), _official(place, "t10k")
    except Exception as error:  # gzip and NumPy stumble over damaged bytes in many ways
        raise BadInput(
            f"The Fashion-MNIST files in {place} are damaged or incomplete: "
            "put the four official .gz files there, or delete what is there of them and load again."
        ) from error


def _cache() -> Path:
    """The default folder, found out when it is needed: there may be no home folder."""
    try:
        return Path.home() / ".cache" / "learn-optuna"
    except RuntimeError:  # an account without a name, as in containers
        return Path(tempfile.gettempdir()) / "learn-optuna"


def _official(place: Path, part: str) -> Arrays:
    """Images (n, 1, 28, 28) and labels (n,); in the files they stand behind headers of 16 and 8 bytes."""
    images = _bytes(place / f"{part}-images-idx3-ubyte")[16:].reshape(-1, 1, 28, 28)
    labels = _bytes(place / f"{part}-labels-idx1-ubyte")[8:]
    if len(images) != len(labels) or labels.max() >= 10:
        raise ValueError("images and labels do not fit together")
    return images, labels


def _bytes(file: Path) -> np.ndarray:
    """What is in a file, or in the packed one beside its place."""
    content = file.read_bytes() if file.exists() else gzip.decompress(Path(f"{file}.gz").read_bytes())
    return np.frombuffer(bytearray(content), np.uint8)


def _download(base: Path, raw: Path) -> Path:
    """Torchvision downloads beside the final place: a download that breaks leaves no file behind."""
    from torchvision.datasets import FashionMNIST

    try:
        base.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=base) as waiting:
            FashionMNIST(waiting, download=True)
            shutil.copytree(waiting, base, dirs_exist_ok=True)
    except (OSError, RuntimeError) as error:
        raise BadInput(
            f"Fashion-MNIST is not in {base} and could not be put there: connect to a network once, put the four "
            "official .gz files into a folder and name it (folder=...), or use load_dataset('digits')."
        ) from error
    return raw
