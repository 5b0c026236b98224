"""One configuration in, one training run out. Nothing here has heard of Optuna.

    config = TrainingConfig(learning_rate=0.05)
    model = create_model(config, data)
    for epoch in train(model, config, data):
        print(epoch.number, epoch.validation_accuracy)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from helpers.augment import AUGMENTATIONS, make_augmentation
from helpers.data import Dataset, Split
from helpers.errors import BadInput, one_of
from helpers.models import MODELS, build_model

OPTIMIZERS = ("sgd", "adam", "adamw")


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
    seed: int = 0

    def __post_init__(self) -> None:
        one_of("model", self.model, MODELS)
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        one_of("augmentation", self.augmentation, AUGMENTATIONS)
        for name in ("width", "depth", "batch_size", "epochs"):
            self._make_whole(name, low=1)
        self._make_whole("seed", low=0)
        self._make_real("learning_rate", "above 0", lambda x: x > 0)
        self._make_real("weight_decay", "0 or above", lambda x: x >= 0)
        for name in ("dropout", "momentum"):
            self._make_real(name, "from 0 up to, not including, 1", lambda x: 0 <= x < 1)

    def _make_whole(self, name: str, low: int) -> None:
        """Checks a field and makes an int of it, also of NumPy's numbers."""
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, Integral) or value < low:
            raise BadInput(f"{name} is {value!r}: give a whole number of at least {low}.")
        object.__setattr__(self, name, int(value))

    def _make_real(self, name: str, wanted: str, fits: Callable[[float], bool]) -> None:
        """Checks a field and makes a float of it."""
        value = getattr(self, name)
        try:
            number = math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)
        except OverflowError:
            number = math.inf
        if not (math.isfinite(number) and fits(number)):
            raise BadInput(f"{name} is {value!r}: give a finite number {wanted}.")
        object.__setattr__(self, name, number)


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


def create_model(config: TrainingConfig, data: Dataset) -> nn.Module:
    """A fresh network for `data`, on its device and in its dtype, drawn from `config.seed` alone."""
    images = data.train.images
    with own_randomness(config.seed, stream=0, device=images.device):
        model = build_model(
            config.model, data.image_shape, data.classes, width=config.width, depth=config.depth, dropout=config.dropout
        )
    return model.to(device=images.device, dtype=images.dtype)


def train(model: nn.Module, config: TrainingConfig, data: Dataset) -> Iterator[Epoch]:
    """Trains `model` in place and yields after every epoch; stop iterating and the training stops.

    Every epoch draws from `config.seed` and its own number, so a run is repeatable however it is interleaved
    with others in one thread, and the caller's own random numbers are left alone.

    Raises:
        BadInput: the batch is larger than the training part.
    """
    check_batch_size(config, data)
    optimizer = _create_optimizer(model, config)
    augment = make_augmentation(config.augmentation, fill=data.train.images.min().item())
    return _epochs(model, config, data, optimizer, augment)


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


def check_batch_size(config: TrainingConfig, data: Dataset) -> None:
    """Raises BadInput when a batch is larger than the training part."""
    available = len(data.train)
    if config.batch_size > available:
        raise BadInput(
            f"batch_size is {config.batch_size} but there are only {available} training images: "
            f"choose at most {available}."
        )


def _epochs(model, config, data, optimizer, augment) -> Iterator[Epoch]:
    """The loop itself; split from `train` so that bad input is met at the call, not at the first epoch."""
    for number in range(config.epochs):
        with own_randomness(config.seed, stream=number + 1, device=data.train.images.device):
            train_loss = _one_epoch(model, data.train, config.batch_size, optimizer, augment)
        score = evaluate(model, data.validation)
        yield Epoch(number, train_loss, score.loss, score.accuracy)


def _one_epoch(model: nn.Module, split: Split, batch_size: int, optimizer, augment) -> float:
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
    common = {"lr": config.learning_rate, "weight_decay": config.weight_decay, "fused": True}
    if config.optimizer == "sgd":
        return torch.optim.SGD(model.parameters(), momentum=config.momentum, **common)
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
    return kind(model.parameters(), **common)


@contextmanager
def own_randomness(seed: int, *, stream: int, device: torch.device) -> Iterator[None]:
    """Random numbers of this run inside, the caller's again outside."""
    on_gpu = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_gpu else []):
        mixed = int(np.random.SeedSequence([seed, stream]).generate_state(1)[0])
        torch.default_generator.manual_seed(mixed)  # torch.manual_seed would seed every GPU too, which is slower
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(mixed)
        yield

