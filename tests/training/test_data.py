"""Data sets: what is loaded, how it is parted and scaled, and what is said when files are wrong."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import socket
import threading
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

import helpers.training.data
from helpers.errors import BadInput
from helpers.training.data import Dataset, Split, load_dataset
from tests.bench.training import idx, write_fashion

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
DAMAGED = "are damaged or incomplete: delete that folder and load again."
UNFIT = "do not fit together: delete that folder and load again."
CLOSED = 9
OFFLINE = "could not be downloaded: connect to a network once, or use load_dataset('digits'), which needs none."


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
    """A folder with a Fashion-MNIST of 60 training and 12 test images."""
    write_fashion(tmp_path, train=60, test=12)
    return tmp_path


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
    assert digits.name == "digits" and digits.classes == 10 and digits.image_shape == (1, 8, 8)
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


def test_the_digits_are_stratified(digits: Dataset) -> None:
    """In each part every digit has the share that it has in all: to within one image."""
    labels = torch.cat([part.labels for part in parts(digits)])
    shares = labels.bincount() / len(labels)
    for part in parts(digits):
        assert (part.labels.bincount() - shares * len(part)).abs().max() <= 1


@pytest.mark.parametrize("name", ["digits", "fashion"])
def test_only_the_training_part_decides_the_scale(name: str, folder: Path) -> None:
    """The training part has mean 0 and deviation 1; the others, on the same scale, have not."""
    train, *others = parts(load_dataset(name, folder=folder, dtype=torch.float64))
    assert abs(train.images.mean()) < 1e-12 and abs(train.images.std(correction=0) - 1) < 1e-12
    for part in others:
        assert abs(part.images.mean()) > 1e-5 and abs(part.images.std(correction=0) - 1) > 1e-5


@pytest.mark.parametrize("name", ["digits", "fashion"])
def test_the_split_seed_alone_decides_the_parts(name: str, folder: Path) -> None:
    """Same seed, same parts; another seed, other parts; the global random numbers neither matter nor change."""
    first = load_dataset(name, folder=folder)
    np.random.seed(1)
    torch.manual_seed(1)
    states = np.random.get_state()[1].tolist(), torch.get_rng_state()
    assert same(load_dataset(name, folder=folder, split_seed=0), first)
    other = load_dataset(name, folder=folder, split_seed=1)
    assert not torch.equal(other.train.labels, first.train.labels)
    assert not torch.equal(other.validation.labels, first.validation.labels)
    assert np.random.get_state()[1].tolist() == states[0] and torch.equal(torch.get_rng_state(), states[1])


def test_to_moves_every_part(digits: Dataset) -> None:
    """`.to` gives the same data on the device and leaves the original where it is."""
    moved = digits.to("meta")
    assert (moved.name, moved.classes, moved.image_shape) == (digits.name, digits.classes, digits.image_shape)
    for part, original in zip(parts(moved), parts(digits), strict=True):
        assert part.images.device.type == part.labels.device.type == "meta" and len(part) == len(original)
        assert original.images.device.type == original.labels.device.type == "cpu"
    assert same(digits.to("cpu"), digits)


def test_fashion_is_read_as_it_was_written(tmp_path: Path) -> None:
    """50 training and 10 validation images are the official training part, the 12 test images the test part."""
    written = [array.astype(np.int64) for array in map(write_fashion(tmp_path, train=60, test=12).get, FILES)]
    data = load_dataset("fashion", folder=tmp_path)
    assert [len(part) for part in parts(data)] == [50, 10, 12]
    assert (data.name, data.classes, data.image_shape) == ("fashion", 10, (1, 28, 28))
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


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut in the header": lambda content: content[:6],
    "cut after the header": lambda content: content[: 4 * (content[3] + 1)],
    "cut in the middle": lambda content: content[: len(content) // 2],
    "too long": lambda content: content + b"\0",
    "another format": lambda content: b"<html><body>Not found</body></html>",
    "no such type": lambda content: b"\0\0\x0a" + content[3:],
    "bytes with a sign": lambda content: b"\0\0\x09" + content[3:],
    "no such rank": lambda content: b"\0\0\x08\x07" + content[4:],
    "huge": lambda content: content[:4] + b"\xff" * 12 + content[16:],
}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_refused(file: str, damage: Callable[[bytes], bytes], folder: Path) -> None:
    """Whatever is wrong with one of the four files, the sentence says which folder to delete."""
    raw = folder / "FashionMNIST" / "raw"
    (raw / file).write_bytes(damage((raw / file).read_bytes()))
    with pytest.raises(BadInput, match=re.escape(f"The Fashion-MNIST files in {raw} {DAMAGED}")):
        load_dataset("fashion", folder=folder)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_noticed(file: str, folder: Path) -> None:
    """Three files of four are incomplete."""
    raw = folder / "FashionMNIST" / "raw"
    (raw / file).unlink()
    with pytest.raises(BadInput, match=re.escape(f"The Fashion-MNIST files in {raw} {DAMAGED}")):
        load_dataset("fashion", folder=folder)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (FILES[0], np.zeros((59, 28, 28), np.uint8)),
        (FILES[1], np.zeros(61, np.uint8)),
        (FILES[2], np.zeros((13, 28, 28), np.uint8)),
        (FILES[3], np.zeros(11, np.uint8)),
        (FILES[0], np.zeros((60, 8, 8), np.uint8)),
        (FILES[3], np.full(12, 10, np.uint8)),
    ],
    ids=["image short", "label over", "image over", "label short", "other size", "eleventh label"],
)
def test_files_that_disagree_are_refused(file: str, content: np.ndarray, folder: Path) -> None:
    """Each file is sound, but images and labels differ in number, or are none of Fashion-MNIST."""
    raw = folder / "FashionMNIST" / "raw"
    (raw / file).write_bytes(idx(content))
    with pytest.raises(BadInput, match=re.escape(f"The Fashion-MNIST files in {raw} {UNFIT}")):
        load_dataset("fashion", folder=folder)


def test_no_network_leaves_nothing_behind(tmp_path: Path) -> None:
    """Without files and without a network the sentence names the way out, and no half download stays."""
    with pytest.raises(BadInput, match=re.escape(f"Fashion-MNIST is not in {tmp_path / 'new'} and {OFFLINE}")):
        load_dataset("fashion", folder=tmp_path / "new")
    assert [path for path in tmp_path.rglob("*") if path != tmp_path / "new"] == []


def test_an_answer_that_is_no_web_page_is_no_network(tmp_path: Path, mirror: Callable[[int], None]) -> None:
    """Something that answers in another language than HTTP counts as no network."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as connection:
                connection.recv(4096)
                connection.sendall(b"220 ready\r\n")

        threading.Thread(target=answer, daemon=True).start()
        mirror(server.getsockname()[1])
        with pytest.raises(BadInput, match=re.escape(OFFLINE)):
            load_dataset("fashion", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in the place of the folder is told, before anything is downloaded."""
    (tmp_path / "taken").touch()
    with pytest.raises(BadInput, match=re.escape(f"Fashion-MNIST cannot be kept in {tmp_path / 'taken'}: choose an")):
        load_dataset("fashion", folder=tmp_path / "taken")


@pytest.fixture
def served(folder: Path, monkeypatch: pytest.MonkeyPatch, mirror: Callable[[int], None]) -> Iterator[Path]:
    """The folder, whose Fashion-MNIST can be downloaded from this computer too."""
    store = folder / "store"
    store.mkdir()
    sums = []
    for file in FILES:
        packed = gzip.compress((folder / "FashionMNIST" / "raw" / file).read_bytes())
        (store / f"{file}.gz").write_bytes(packed)
        sums.append((f"{file}.gz", hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(FashionMNIST, "resources", sums)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=store)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        mirror(server.server_port)
        yield folder
        server.shutdown()


@pytest.mark.parametrize("deleted", ["FashionMNIST", "FashionMNIST/raw"])
def test_a_deleted_folder_is_downloaded_again(deleted: str, served: Path, mirror: Callable[[int], None]) -> None:
    """Deleting the files, as the sentences advise, and loading again gives the same data; then no network is needed."""
    before = load_dataset("fashion", folder=served)
    shutil.rmtree(served / deleted)
    assert same(load_dataset("fashion", folder=served), before)
    mirror(CLOSED)
    assert same(load_dataset("fashion", folder=served), before)
    assert {path.name for path in served.iterdir()} == {"FashionMNIST", "store"}


def test_a_server_that_says_nothing_is_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The download gives up, and the program's own timeout is as before."""
    monkeypatch.setattr(
        "helpers.training.data._patience", lambda seconds, patience=helpers.training.data._patience: patience(0.2)
    )
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setattr(FashionMNIST, "mirrors", [f"http://127.0.0.1:{silent.getsockname()[1]}/"])
        with pytest.raises(BadInput, match="could not be downloaded"):
            load_dataset("fashion", folder=tmp_path)
    assert socket.getdefaulttimeout() is None
    assert list(tmp_path.iterdir()) == []


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
    marks = {replace(data, **{part: other}).fingerprint for other in others}
    assert len(marks | {data.fingerprint}) == 4 and data.fingerprint == load_dataset("digits").fingerprint


def test_type_and_shape_count() -> None:
    """Half the bytes, and the same bytes in another shape, are other data."""
    data = load_dataset("digits")
    half = replace(data.test, images=data.test.images.float())
    flat = replace(data.test, images=data.test.images.flatten(2).unsqueeze(2))
    assert len({replace(data, test=test).fingerprint for test in (data.test, half, flat)}) == 3
