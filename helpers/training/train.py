"""One configuration in, one training run out: `fit(TrainingConfig(learning_rate=0.05), data)`. No Optuna here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral, Real
from sys import float_info
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR

from helpers.errors import BadInput, one_of
from helpers.training.data import Dataset, Split
from helpers.training.models import MODELS

Augmentation = Callable[[Tensor], Tensor]  # of a batch (n, channels, height, width)
AUGMENTATIONS = ("none", "shift", "affine")
OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a training run but the data; checked on creation (BadInput)."""

    model: str = "mlp"
    width: int = 32
    depth: int = 1
    dropout: float = 0.0
    optimizer: str = "sgd"
    learning_rate: float = 0.01
    momentum: float = 0.0
    weight_decay: float = 0.0
    batch_size: int = 64
    epochs: int = 10
    augmentation: str = "none"
    schedule: str = "constant"
    seed: int = 0

    def __post_init__(self) -> None:
        one_of("model", self.model, tuple(MODELS))
        one_of("optimizer", self.optimizer, tuple(OPTIMIZERS))
        one_of("augmentation", self.augmentation, AUGMENTATIONS)
        one_of("schedule", self.schedule, SCHEDULES)
        for field in ("width", "depth", "batch_size", "epochs"):
            self._check(field, Integral, lambda x: x >= 1, "whole number of at least 1")
        self._check("seed", Integral, lambda x: x >= 0, "whole number of at least 0")
        self._check("learning_rate", Real, lambda x: 0 < x <= float_info.max, "finite number above 0")
        self._check("weight_decay", Real, lambda x: 0 <= x <= float_info.max, "finite number 0 or above")
        for field in ("dropout", "momentum"):
            self._check(field, Real, lambda x: 0 <= x < 1, "finite number from 0 up to, not including, 1")

    def _check(self, field: str, kind: Any, fits: Callable[[Any], bool], wanted: str) -> None:
        """Checks a number and makes Python's own of it, also of NumPy's."""
        value: Any = getattr(self, field)
        if isinstance(value, bool) or not isinstance(value, kind) or not fits(value):
            raise BadInput(f"{field} is {value!r}: give a {wanted}.")
        object.__setattr__(self, field, int(value) if kind is Integral else float(value))


def make_augmentation(name: str, fill: float = 0.0) -> Augmentation | None:
    """A transform of a batch that keeps shape and dtype; None for "none". BadInput: unknown name.

    "shift" moves by up to an eighth of the side; "affine" also rotates by up to 10 degrees and scales by up to
    a tenth; `fill` is the value of the background that comes in at the border. One draw serves a whole batch,
    which keeps small networks fast: over the epochs every image still meets many draws.
    """
    one_of("augmentation", name, AUGMENTATIONS)
    if name == "none":
        return None
    from torchvision.transforms import v2  # two seconds to import, so only when it is used

    more: dict[str, Any] = {"degrees": 10, "scale": (0.9, 1.1)} if name == "affine" else {"degrees": 0}
    return v2.RandomAffine(translate=(0.125, 0.125), fill=fill, **more)


@dataclass(frozen=True)
class Score:
    """Mean cross-entropy (nats) and accuracy (share of 1) on one split."""

    loss: float
    accuracy: float


@dataclass(frozen=True)
class Epoch:
    """What is known after one pass over the training images; `number` counts from 0."""

    number: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float


def create_model(config: TrainingConfig, data: Dataset) -> nn.Sequential:
    """A fresh network for `data`, on its device and in its dtype, drawn from `config.seed` alone."""
    images = data.train.images
    with own_randomness(config.seed, stream=0, device=images.device):
        model = MODELS[config.model](images.shape[1:], data.classes, config.width, config.depth, config.dropout)
    return model.to(device=images.device, dtype=images.dtype)


def train(model: nn.Module, config: TrainingConfig, data: Dataset) -> Iterator[Epoch]:
    """Trains `model` in place and yields after every epoch; stop iterating and the training stops.

    Every epoch draws from `config.seed` and its own number, so that a run is repeatable however it is interleaved
    with others in one thread.
    """
    optimizer = _create_optimizer(model, config)
    scheduler = LambdaLR(optimizer, lambda epoch: rate_factor(config.schedule, epoch, config.epochs))
    augment = make_augmentation(config.augmentation, fill=data.train.images.min().item())
    for number in range(config.epochs):
        with own_randomness(config.seed, stream=number + 1, device=data.train.images.device):
            train_loss = _one_epoch(model, data.train, config.batch_size, optimizer, augment)
        scheduler.step()
        score = evaluate(model, data.validation)
        yield Epoch(number, train_loss, score.loss, score.accuracy)


def rate_factor(schedule: str, epoch: int, epochs: int) -> float:
    """What the learning rate is multiplied by in an epoch, counted from 0: by 1, or by what falls from 1 along half a
    cosine's wave to 0 at the end of the run (Loshchilov and Hutter, "SGDR", 2017, without restarts)."""
    return 1.0 if schedule == "constant" else (1 + math.cos(math.pi * epoch / epochs)) / 2


def evaluate(model: nn.Module, split: Split) -> Score:
    """Scores `model` on a split, with dropout off."""
    model.eval()
    with torch.inference_mode():
        logits = model(split.images)
        loss = cross_entropy(logits, split.labels)
        accuracy = (logits.argmax(dim=1) == split.labels).double().mean()
    return Score(loss.item(), accuracy.item())


def fit(config: TrainingConfig, data: Dataset) -> tuple[nn.Module, list[Epoch]]:
    """Creates and trains a network to its last epoch; returns it with its learning curve."""
    model = create_model(config, data)
    return model, list(train(model, config, data))


def _one_epoch(
    model: nn.Module, split: Split, batch_size: int, optimizer: torch.optim.Optimizer, augment: Augmentation | None
) -> float:
    """One shuffled pass; returns the mean training loss (nats) over its steps."""
    model.train()
    losses: list[Tensor] = []
    for chosen in torch.randperm(len(split), device=split.labels.device).split(batch_size):
        images, labels = split.images.index_select(0, chosen), split.labels.index_select(0, chosen)
        loss = cross_entropy(model(images if augment is None else augment(images)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).mean().item()


def _create_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """The optimizer by its name, in PyTorch's fused form (one call a step)."""
    own = {"momentum": config.momentum} if config.optimizer == "sgd" else {}
    settings: dict[str, Any] = {"lr": config.learning_rate, "weight_decay": config.weight_decay, **own}
    return OPTIMIZERS[config.optimizer](model.parameters(), **settings, fused=True)


@contextmanager
def own_randomness(seed: int, *, stream: int, device: torch.device) -> Iterator[None]:
    """Random numbers of this run inside, the caller's again outside."""
    gpus = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(gpus):
        mixed = int(np.random.SeedSequence([seed, stream]).generate_state(1)[0])
        torch.default_generator.manual_seed(mixed)  # torch.manual_seed would seed every GPU too, which is slower
        for gpu in gpus:
            with torch.cuda.device(gpu):
                torch.cuda.manual_seed(mixed)
        yield
