"""Images in memory, in three parts: train, validation, test.

The parts are drawn once, with a seed of their own, and never inside an objective: every trial of a study is
judged on the same validation images, and the test images wait until the end.
"""

from __future__ import annotations

import hashlib
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPException
from numbers import Integral
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from helpers.errors import BadInput, one_of

DATASETS = ("digits", "fashion")
DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # of the package dataset-fashion-mnist
PATIENCE = 30.0  # a server that says nothing for so many seconds counts as no network
Arrays = tuple[np.ndarray, np.ndarray]


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
        parts = (self.train, self.validation, self.test)
        for tensor in (tensor for part in parts for tensor in (part.images, part.labels)):
            digest.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def to(self, device: str | torch.device) -> Dataset:
        """The same data on another device."""
        parts = (self.train.to(device), self.validation.to(device), self.test.to(device))
        return Dataset(self.name, *parts, self.classes)


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
    from sklearn.model_selection import train_test_split

    one_of("data set", name, DATASETS)
    (images, labels), tested = _digits() if name == "digits" else _fashion(Path(folder) if folder else None)
    held = 360 if name == "digits" else len(labels) // 6
    split = train_test_split(images, labels, test_size=held, stratify=labels, random_state=split_seed)
    parts = {"train": (split[0::2], train), "validation": (split[1::2], validation), "test": (tested, test)}
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
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    split = train_test_split(images.reshape(-1, 1, 8, 8), labels, test_size=0.2, stratify=labels, random_state=0)
    return split[0::2], split[1::2]


def _fashion(folder: Path | None) -> tuple[Arrays, Arrays]:
    """Both official parts, from where files are: in the folder, where torchvision puts them in it, or Debian's."""
    base = folder or _cache()
    raw = base / "FashionMNIST" / "raw"
    places = [base, base / "raw", raw] if folder else [base, raw, DEBIAN]
    place = next((place for place in places if any(place.glob("*-idx?-ubyte*"))), None) or _download(base, raw)
    try:
        return _official(place, "train"), _official(place, "t10k")
    except Exception as error:  # torchvision stumbles over damaged bytes in many ways
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
    """Images (n, 1, 28, 28) and labels (n,)."""
    from torchvision.datasets import mnist, utils

    with tempfile.TemporaryDirectory() as unpacked:
        files = [place / f"{part}-{name}-ubyte" for name in ("images-idx3", "labels-idx1")]
        paths = [str(f) if f.exists() else utils.extract_archive(f"{f}.gz", unpacked) for f in files]
        images, labels = mnist.read_image_file(paths[0]).numpy(), mnist.read_label_file(paths[1]).numpy()
    if images.shape != (len(labels), 28, 28) or labels.max() >= 10:
        raise ValueError("images and labels do not fit together")
    return images[:, None], labels


def _download(base: Path, raw: Path) -> Path:
    """Torchvision downloads beside the final place: a download that breaks leaves no file behind."""
    from torchvision.datasets import FashionMNIST

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        base.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=base) as waiting:
            FashionMNIST(waiting, download=True)
            raw.mkdir(parents=True, exist_ok=True)
            for file in Path(waiting).rglob("*-ubyte"):
                file.replace(raw / file.name)
    except (OSError, RuntimeError, HTTPException) as error:
        raise BadInput(
            f"Fashion-MNIST is not in {base} and could not be put there: connect to a network once, put the four "
            "official .gz files into a folder and name it (folder=...), or use load_dataset('digits')."
        ) from error
    finally:
        socket.setdefaulttimeout(before)
    return raw
