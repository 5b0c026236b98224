"""Images in memory, in three parts: train, validation, test.

The parts are drawn once, with a seed of their own, and never inside an objective: every trial of a study is
judged on the same validation images, and the test images wait until the end.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from helpers.errors import BadInput, one_of

DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # of the package dataset-fashion-mnist
CACHE = Path("~/.cache/learn-optuna")  # what is downloaded
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
        parts = (self.train, self.validation, self.test)
        train, validation, test = (Split(part.images.to(device), part.labels.to(device)) for part in parts)
        return Dataset(self.name, train, validation, test, self.classes)


def load_dataset(
    name: str = "digits",
    *,
    train: int | None = None,
    validation: int | None = None,
    folder: str | Path | None = None,
    dtype: torch.dtype | None = None,
) -> Dataset:
    """Loads a data set into memory; every part has the same share of every label. BadInput: unknown name; a part of an
    impossible size; files of Fashion-MNIST that are missing or damaged.

    Args:
        name: "digits" (1,797 images of 8x8, part of scikit-learn, no network; 60 % train, 20 % validate) or "fashion"
            (Fashion-MNIST, 70,000 images of 28x28; of its 60,000 training images one sixth validates).
        train, validation: so many images of the part, or all. A larger number keeps the images of a smaller one.
        folder: of Fashion-MNIST's four .gz files. Without it Debian's are read, or those that torchvision downloads.
        dtype: of the images. Digits are float64, so that a training run gives the same accuracies on any
            processor; Fashion-MNIST is float32.
    """
    one_of("data set", name, ("digits", "fashion"))
    known, tested = _digits() if name == "digits" else _fashion(folder)
    trained, validated = _parted(*known, 360 if name == "digits" else len(known[1]) // 6)
    parts = [_some("train", trained, train), _some("validation", validated, validation), tested]
    return standardised(name, parts, dtype or (torch.float64 if name == "digits" else torch.float32))


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
    if not 10 <= count <= len(labels):
        raise BadInput(f"{name} is {count!r}: give a number of images from 10 to {len(labels)}, or leave it out.")
    place_among_its_label = pd.Series(labels).groupby(labels).rank(method="first", pct=True)
    chosen = np.sort(np.argsort(place_among_its_label, kind="stable")[:count])
    return images[chosen], labels[chosen]


def _digits() -> tuple[Arrays, Arrays]:
    """The digits for training and validation, and those of the test."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return _parted(images.reshape(-1, 1, 8, 8), labels, 360)


def _parted(images: np.ndarray, labels: np.ndarray, held: int) -> tuple[Arrays, Arrays]:
    """Two parts with the same share of every label, the second of so many images."""
    from sklearn.model_selection import train_test_split

    split = train_test_split(images, labels, test_size=held, stratify=labels, random_state=0)
    return split[0::2], split[1::2]


def _fashion(folder: str | Path | None) -> tuple[Arrays, Arrays]:
    """Both official parts, from the files in the folder, from Debian's, or from those that torchvision downloads."""
    place = Path(folder) if folder else DEBIAN if DEBIAN.exists() else _download()
    try:
        return _official(place, "train"), _official(place, "t10k")
    except Exception as error:  # gzip and NumPy stumble over damaged bytes in many ways
        raise BadInput(
            f"The Fashion-MNIST files in {place} are missing or damaged: put the four official .gz files there, "
            "or delete what is there of them and load again."
        ) from error


def _official(place: Path, part: str) -> Arrays:
    """Images (n, 1, 28, 28) and labels (n,); in the files they stand behind headers of 16 and 8 bytes."""

    def content(file: str, header: int) -> np.ndarray:
        packed = (place / f"{part}-{file}-ubyte.gz").read_bytes()
        return np.frombuffer(bytearray(gzip.decompress(packed)), np.uint8, offset=header)

    return content("images-idx3", 16).reshape(-1, 1, 28, 28), content("labels-idx1", 8)


def _download() -> Path:
    """Where torchvision keeps the files; it downloads what is not there, and knows a broken file by its checksum."""
    from torchvision.datasets import FashionMNIST

    try:
        return Path(FashionMNIST(CACHE.expanduser(), download=True).raw_folder)
    except Exception as error:  # no network, no home folder, no room, half a file
        raise BadInput(
            f"Fashion-MNIST is not in {CACHE} and could not be put there: connect to a network once, put the four "
            "official .gz files into a folder and name it (folder=...), or use load_dataset('digits')."
        ) from error
