"""Data sets: what is loaded, how it is parted and scaled, and what is said when files are wrong."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torchvision.datasets import FashionMNIST

from helpers.errors import BadInput
from helpers.training import data
from helpers.training.data import DEBIAN, Dataset, Split, load_dataset
from tests.bench.training import write_fashion

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
DAMAGED = "are missing or damaged: put the four official .gz files there, or delete what is there of them and load"
CLOSED = 9
OFFLINE = re.escape(
    "Fashion-MNIST is not in ~/.cache/learn-optuna and could not be put there: connect to a network once, put the four "
    "official .gz files into a folder and name it"
)


def parts(data: Dataset) -> tuple[Split, Split, Split]:
    """Training, validation and test part."""
    return data.train, data.validation, data.test


def same(one: Dataset, other: Dataset) -> bool:
    """True when both hold the same images and labels in the same order."""
    pairs = zip(parts(one), parts(other), strict=True)
    return all(torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels) for a, b in pairs)


def pixels(data: Dataset, brightest: int) -> list[np.ndarray]:
    """The images of each part before scaling, when the darkest pixel of all was 0 and the brightest `brightest`."""
    every = torch.cat([part.images for part in parts(data)]).double()
    low, high = every.min(), every.max()
    return [((part.images.double() - low) * brightest / (high - low)).numpy() for part in parts(data)]


def counted(images: np.ndarray, labels: np.ndarray) -> Counter:
    """How often each image occurs with each label."""
    return Counter(zip((image.round().astype(np.uint8).tobytes() for image in images), labels.tolist(), strict=True))


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """The digits of the course."""
    return load_dataset("digits")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a Fashion-MNIST of 90 training and 30 test images, as many of each label."""
    write_fashion(tmp_path, train=90, test=30)
    return tmp_path / "FashionMNIST" / "raw"


@pytest.fixture(autouse=True)
def mirror(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Names the port of this computer that Fashion-MNIST is downloaded from; until then, one where nobody answers."""

    def use(port: int) -> None:
        monkeypatch.setattr(FashionMNIST, "mirrors", [f"http://127.0.0.1:{port}/"])

    monkeypatch.setenv("no_proxy", "*")
    use(CLOSED)
    return use


def test_digits_have_the_shapes_promised(digits: Dataset) -> None:
    """1,797 images of 8x8 in parts of 60, 20 and 20 %, float64, with ten labels."""
    assert [len(part) for part in parts(digits)] == [1077, 360, 360]
    assert digits.name == "digits" and digits.classes == 10 and digits.train.images.shape[1:] == (1, 8, 8)
    for part in parts(digits):
        assert part.images.shape == (len(part), 1, 8, 8) and part.images.dtype == torch.float64
        assert part.labels.shape == (len(part),) and part.labels.dtype == torch.int64


def test_the_digits_are_each_in_one_part(digits: Dataset) -> None:
    """The parts, put together and scaled back as one, are the digits of scikit-learn, none lost, none twice."""
    images, labels = load_digits(return_X_y=True)
    restored = np.concatenate(pixels(digits, brightest=16))
    assert np.abs(restored - restored.round()).max() < 1e-9
    together = torch.cat([part.labels for part in parts(digits)]).numpy()
    assert counted(restored.reshape(-1, 64), together) == counted(images, labels)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("digits", {}),
        ("digits", {"train": 333, "validation": 50}),
        ("fashion", {}),
        ("fashion", {"train": 25}),
    ],
)
def test_every_part_is_stratified(name: str, sizes: dict[str, int], folder: Path) -> None:
    """In each part, or as much of it as was asked for, every label has the share that it has in all."""
    whole, some = load_dataset(name, folder=folder), load_dataset(name, folder=folder, **sizes)
    labels = torch.cat([part.labels for part in parts(whole)])
    for part in parts(some):
        assert (part.labels.bincount() - labels.bincount() / len(labels) * len(part)).abs().max() <= 1
    assert [len(part) for part in parts(some)] == [
        sizes.get(part, len(getattr(whole, part))) for part in ("train", "validation", "test")
    ]


def marks(part: Split) -> list[tuple[bytes, int]]:
    """What no scaling changes: each image's pixels ordered by their brightness, and its label."""
    orders = part.images.flatten(1).argsort(dim=1, stable=True).numpy()
    return [(order.tobytes(), label) for order, label in zip(orders, part.labels.tolist(), strict=True)]


@pytest.mark.parametrize("name", ["digits", "fashion"])
@pytest.mark.parametrize("part", ["train", "validation"])
def test_fewer_images_are_some_of_the_same(name: str, part: str, folder: Path) -> None:
    """They are among those of a larger number, in the same order; the other parts have the images they had."""
    whole, more, fewer = (load_dataset(name, folder=folder, **size) for size in ({}, {part: 11}, {part: 10}))
    for small, large in ((more, whole), (fewer, more)):
        left = iter(marks(getattr(large, part)))
        assert all(mark in left for mark in marks(getattr(small, part)))
        for other in {"train", "validation", "test"} - {part}:
            assert marks(getattr(small, other)) == marks(getattr(large, other))


@pytest.mark.parametrize("name", ["digits", "fashion"])
def test_a_size_that_a_part_has_not_is_refused(name: str, folder: Path) -> None:
    """A label could be missing below ten."""
    for part in ("train", "validation"):
        size = len(getattr(load_dataset(name, folder=folder), part))
        assert len(getattr(load_dataset(name, folder=folder, **{part: np.int64(size)}), part)) == size
        for wrong in (size + 1, 9, 0, -1):
            told = f"{part} is {wrong!r}: give a number of images from 10 to {size}, or leave it out."
            with pytest.raises(BadInput, match=f"^{re.escape(told)}$"):
                load_dataset(name, folder=folder, **{part: wrong})


@pytest.mark.parametrize("name", ["digits", "fashion"])
def test_only_the_training_part_decides_the_scale(name: str, folder: Path) -> None:
    """The training part has mean 0 and deviation 1; the others, on the same scale, have not."""
    train, *others = parts(load_dataset(name, folder=folder, dtype=torch.float64))
    assert abs(train.images.mean()) < 1e-12 and abs(train.images.std(correction=0) - 1) < 1e-12
    for part in others:
        assert abs(part.images.mean()) > 1e-5 and abs(part.images.std(correction=0) - 1) > 1e-5


@pytest.mark.parametrize("name", ["digits", "fashion"])
def test_the_parts_are_always_the_same(name: str, folder: Path) -> None:
    """The global random numbers neither matter nor change."""
    first = load_dataset(name, folder=folder)
    np.random.seed(1)
    torch.manual_seed(1)
    states = np.random.get_state()[1].tolist(), torch.get_rng_state()
    assert same(load_dataset(name, folder=folder), first)
    assert np.random.get_state()[1].tolist() == states[0] and torch.equal(torch.get_rng_state(), states[1])


def test_to_moves_every_part(digits: Dataset) -> None:
    """`.to` gives the same data on the device and leaves the original where it is."""
    moved = digits.to("meta")
    assert (moved.name, moved.classes) == (digits.name, digits.classes)
    for part, original in zip(parts(moved), parts(digits), strict=True):
        assert part.images.device.type == part.labels.device.type == "meta" and len(part) == len(original)
        assert original.images.device.type == original.labels.device.type == "cpu"
    assert same(digits.to("cpu"), digits)


def test_fashion_is_read_as_it_was_written(tmp_path: Path) -> None:
    """50 training and 10 validation images are the official training part, the 12 test images the test part."""
    written = [array.astype(np.int64) for array in map(write_fashion(tmp_path, train=60, test=12).get, FILES)]
    data = load_dataset("fashion", folder=tmp_path / "FashionMNIST" / "raw")
    assert [len(part) for part in parts(data)] == [50, 10, 12]
    assert (data.name, data.classes, data.train.images.shape[1:]) == ("fashion", 10, (1, 28, 28))
    assert {part.images.dtype for part in parts(data)} == {torch.float32}
    train, validation, test = pixels(data, brightest=255)
    labels = torch.cat([data.train.labels, data.validation.labels]).numpy()
    assert counted(np.concatenate([train, validation]), labels) == counted(*written[:2])
    assert np.abs(test[:, 0] - written[2]).max() < 1e-3
    assert data.test.labels.tolist() == written[3].tolist()


@pytest.mark.parametrize("name", ["digits", "fashion"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_dtype_can_be_chosen(name: str, dtype: torch.dtype, folder: Path) -> None:
    """All three parts come in the dtype asked for."""
    assert {part.images.dtype for part in parts(load_dataset(name, folder=folder, dtype=dtype))} == {dtype}


def test_an_unknown_data_set_is_named() -> None:
    """The sentence names the choices."""
    with pytest.raises(BadInput, match=r"^Unknown data set 'mnist': choose one of 'digits', 'fashion'\.$"):
        load_dataset("mnist")


DAMAGES: dict[str, Callable[[bytes], bytes]] = {  # what a copy or a download makes of a file
    "half": lambda packed: packed[: len(packed) // 2],
    "a page": lambda packed: b"<html><body>Not found</body></html>",
    "nothing": lambda packed: b"",
    "not packed": gzip.decompress,
}


def test_a_missing_or_damaged_file_is_refused(folder: Path) -> None:
    """Whatever is wrong with one of the four files, the sentence says what to do."""
    for file in FILES:
        path = folder / f"{file}.gz"
        sound = path.read_bytes()
        for damage in (None, *DAMAGES.values()):
            path.unlink()
            if damage:
                path.write_bytes(damage(sound))
            with pytest.raises(BadInput, match=re.escape(f"The Fashion-MNIST files in {folder} {DAMAGED}")):
                load_dataset("fashion", folder=folder)
            path.write_bytes(sound)
    assert len(load_dataset("fashion", folder=folder).test) == 30


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_the_official_files_are_found_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder Debian's are; parts are of their own part, none shared, and a subset takes little memory."""
    monkeypatch.setenv("HOME", str(tmp_path))
    tracemalloc.start()
    data = load_dataset("fashion", train=5_000, validation=2_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6  # float64 of the 60,000 would be 376 MB
    train, validation, test = map(counted, pixels(data, brightest=255), [part.labels.numpy() for part in parts(data)])
    assert train + validation <= official("train") and test <= official("t10k")
    assert [len(part) for part in parts(data)] == [5_000, 2_000, 10_000]


def official(part: str) -> Counter:
    """The images and labels of an official part, read without torchvision."""
    images, labels = (
        np.frombuffer(gzip.decompress((DEBIAN / f"{part}-{file}-ubyte.gz").read_bytes()), np.uint8, offset=start)
        for file, start in (("images-idx3", 16), ("labels-idx1", 8))
    )
    return counted(images.reshape(-1, 28 * 28), labels)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, on a computer without Debian's package."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(data, "DEBIAN", tmp_path / "nowhere")
    return tmp_path


@pytest.mark.slow
def test_no_home_folder_is_needed(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """An account number without a name, as in containers: the sentence says to name a folder."""

    def homeless(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    with pytest.raises(BadInput, match=OFFLINE):
        load_dataset("fashion")


def test_without_a_network_the_sentence_names_the_way_out(home: Path) -> None:
    """Nothing answers, or a file stands in the folder's place."""
    with pytest.raises(BadInput, match=OFFLINE):
        load_dataset("fashion")
    shutil.rmtree(home / ".cache")
    (home / ".cache").touch()
    with pytest.raises(BadInput, match=OFFLINE):
        load_dataset("fashion")


@pytest.fixture
def served(folder: Path, monkeypatch: pytest.MonkeyPatch, mirror: Callable[[int], None]) -> Iterator[Path]:
    """The folder, whose Fashion-MNIST can be downloaded from this computer."""
    sums = [(f"{file}.gz", hashlib.md5((folder / f"{file}.gz").read_bytes()).hexdigest()) for file in FILES]
    monkeypatch.setattr(FashionMNIST, "resources", sums)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        mirror(server.server_port)
        yield folder
        server.shutdown()


def test_what_is_not_there_is_downloaded_once(served: Path, home: Path, mirror: Callable[[int], None]) -> None:
    """Half a file of a download that broke is replaced; then no network is needed."""
    raw = home / ".cache" / "learn-optuna" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / f"{FILES[0]}.gz").write_bytes((served / f"{FILES[0]}.gz").read_bytes()[:99])
    before = load_dataset("fashion", folder=served)
    assert same(load_dataset("fashion"), before)
    mirror(CLOSED)
    assert same(load_dataset("fashion"), before)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_every_image_and_label_counts(part: str) -> None:
    """The same data twice give the same; one pixel, one label or the order changed give others."""
    data = load_dataset("digits")
    split = getattr(data, part)
    images, labels = split.images.clone(), split.labels.clone()
    images[-1, 0, 3, 3] += 1e-9
    labels[0] = (labels[0] + 1) % 10
    order = torch.arange(len(split)).flip(0)
    others = [
        replace(split, images=images),
        replace(split, labels=labels),
        replace(split, images=split.images[order], labels=split.labels[order]),
    ]
    marks = {replace(data, **{part: other}).fingerprint for other in others}
    assert len(marks | {data.fingerprint}) == 4 and data.fingerprint == load_dataset("digits").fingerprint


def test_type_and_shape_count() -> None:
    """Half the bytes, and the same bytes in another shape, are other data."""
    data = load_dataset("digits")
    half = replace(data.test, images=data.test.images.float())
    flat = replace(data.test, images=data.test.images.flatten(2).unsqueeze(2))
    assert len({replace(data, test=test).fingerprint for test in (data.test, half, flat)}) == 3
