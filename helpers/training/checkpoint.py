"""A training run in a file: saved between two epochs, and continued as if there had been no break.

The file is PyTorch's own archive of tensors, numbers and text, from which nothing is executed when it is read (PyTorch
documentation, `torch.load`, weights_only). Its SHA-256 stands before it: the archive's own checksums miss some damage.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, astuple
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from helpers.errors import BadInput
from helpers.training.data import Dataset
from helpers.training.train import Epoch, Training, TrainingConfig

STATES = ("model", "optimizer", "scheduler")
DIGEST = hashlib.sha256().digest_size


def save_training(training: Training, path: str | Path) -> None:
    """Writes a run as it is now: beside the place first, then moved there, so that no half file ever stands there.

    Raises:
        BadInput: the place cannot be written.
    """
    path, archive = Path(path), BytesIO()
    waiting = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    held = {
        "config": asdict(training.config),
        "data": training.data.fingerprint,
        "curve": [astuple(epoch) for epoch in training.curve],
        **{name: getattr(training, name).state_dict() for name in STATES},
    }
    torch.save(held, archive)
    content = archive.getvalue()
    try:
        waiting.unlink(missing_ok=True)
        with open(waiting, "xb") as file:  # a new one, and never a link that somebody has put there
            file.write(hashlib.sha256(content).digest() + content)
        waiting.replace(path)
    except OSError as error:
        waiting.unlink(missing_ok=True)
        raise BadInput(f"The checkpoint {path} cannot be written: choose another place ({error}).") from error
    training.saved = len(training.curve)


def load_training(path: str | Path, data: Dataset, config: TrainingConfig | None = None) -> Training:
    """The run that was saved, on the device of `data`; iterating over it goes on where it stood.

    Args:
        config: what the run is expected to be; without it, whatever the file holds.

    Raises:
        BadInput: no file, a damaged one, or one of another version, another configuration or other data.
    """
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"There is no checkpoint {path}: correct the name, or start anew.")
    content = path.read_bytes()
    digest, archive = content[:DIGEST], content[DIGEST:]
    if hashlib.sha256(archive).digest() != digest:
        raise BadInput(f"The checkpoint {path} is damaged: use an older one, or start anew.")
    try:
        return _restored(torch.load(BytesIO(archive), data.train.images.device, weights_only=True), data, config)
    except BadInput as error:
        raise BadInput(f"The checkpoint {path} cannot be used: {error}") from None
    except (LookupError, TypeError, AttributeError, ValueError, RuntimeError, UnpicklingError) as error:
        raise BadInput(f"The checkpoint {path} is of another version: use an older one, or start anew.") from error


def _restored(held: dict[str, Any], data: Dataset, config: TrainingConfig | None) -> Training:
    if held["data"] != data.fingerprint:
        raise BadInput("it belongs to other data: load the data that the run was trained on.")
    found = TrainingConfig(**held["config"])
    if config is not None and found != config:
        differing = ", ".join(name for name, value in asdict(config).items() if getattr(found, name) != value)
        raise BadInput(f"it belongs to another configuration (see {differing}): start anew.")
    training = Training(found, data)
    for name in STATES:
        getattr(training, name).load_state_dict(held[name])
    training.curve = [Epoch(*row) for row in held["curve"]]
    training.saved = len(training.curve)
    return training
