"""Records trainings on Fashion-MNIST with ten thousand validation and ten thousand test images. It can be stopped and
started again; what was trained is kept.

Networks that share shape, batch size, dropout, optimizer and seed are trained together, one process a core. They see
the same batches, so their first layers are one matrix. Gradients are written out by hand: `Networks` gives what
`training.fit` gives for each network alone (tests/problems/test_record_fashion.py).

    python -m helpers.problems.recorded.record_fashion FOLDER [--processes N]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, dropout

from helpers.problems.recorded.record_tables import run_missing, write
from helpers.training.data import Arrays, Dataset, Split, load_dataset, standardised
from helpers.training.train import TrainingConfig, create_model, own_randomness, rate_factor

TRAIN, DRAWN_LABELS, EPOCHS, SEEDS, DEPTH = 1_000, 0.25, 27, (0, 1, 2, 3, 4), 2
TOGETHER = {
    "learning_rate": (0.001, 0.0025, 0.006, 0.016, 0.04, 0.1, 0.25),
    "weight_decay": (1e-5, 3e-4, 1e-2),
    "schedule": ("constant", "cosine"),
}
APART = {
    "optimizer": ("sgd", "adam"),
    "batch_size": (25, 100, 400),
    "width": (16, 32, 64),
    "dropout": (0.0, 0.3),
}
OPENS = {"sgd": ("momentum", (0.0, 0.8, 0.95)), "adam": ("beta", (0.5, 0.9, 0.98))}
# What a processor since 2013 can follow bit by bit (the fastest arithmetic of a newer one cannot be).
ARITHMETIC = {
    "MKL_CBWR": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "DNNL_MAX_CPU_ISA": "AVX2",
    "OMP_NUM_THREADS": "1",
}
CHUNK = 500  # images scored at once: what their activations need stays in the processor's cache


@dataclass(frozen=True)
class Member:
    """A configuration; `beta` is Adam's first, `momentum` belongs to SGD and lies in `config`."""

    config: TrainingConfig
    beta: float = 0.9


class Networks:
    """Multilayer perceptrons that may differ in learning rate, momentum or beta, weight decay and schedule.

    Activations are (members, units, images). The first layer's weights have its bias as last column, and the images a
    last pixel of 1.

    Attributes:
        best: each member's weights after the epoch with its highest validation accuracy (the first of equals).
    """

    def __init__(self, members: Sequence[Member], data: Dataset) -> None:
        self.config, self.data, self.count = members[0].config, data, len(members)
        self.configs = [member.config for member in members]
        linear = [layer for layer in create_model(self.config, data) if isinstance(layer, nn.Linear)]
        first, *others = linear
        start = [torch.cat([first.weight, first.bias[:, None]], dim=1)]
        start += [tensor for layer in others for tensor in (layer.weight, layer.bias[:, None])]
        self.weights = [tensor.detach().repeat(self.count, 1, 1) for tensor in start]
        self.best = [tensor.clone() for tensor in self.weights]
        self.steps, self.state = 0, [[torch.zeros_like(tensor) for tensor in self.weights] for _ in range(2)]
        self.rate = self._column([config.learning_rate for config in self.configs])
        self.decay = self._column([config.weight_decay for config in self.configs])
        adam = self.config.optimizer == "adam"
        self.momentum = self._column([m.beta if adam else m.config.momentum for m in members])
        self.images, self.labels = _with_one(data.train), data.train.labels

    def train(self) -> Iterator[tuple[Tensor, Tensor]]:
        """After each epoch every member's right answers on the validation images, and its mean loss."""
        top = torch.full((self.count,), -1)
        for number in range(self.config.epochs):
            factors = [rate_factor(config.schedule, number, config.epochs) for config in self.configs]
            self._epoch(number, self.rate * self._column(factors))
            right, loss = self.evaluate(self.data.validation, self.weights)
            better = right > top
            top = torch.where(better, right, top)
            for kept, tensor in zip(self.best, self.weights, strict=True):
                kept[better] = tensor[better]
            yield right, loss

    def evaluate(self, split: Split, weights: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """How many images of the split each member names rightly, and the mean cross-entropy (nats)."""
        right, loss = torch.zeros(self.count, dtype=torch.long), torch.zeros(self.count, dtype=torch.float64)
        for images, labels in zip(_with_one(split).split(CHUNK), split.labels.split(CHUNK), strict=True):
            *_, logits = self._forward(images, weights, ())
            own = logits.gather(1, labels.expand(self.count, 1, -1))[:, 0]
            highest = logits.amax(dim=1)
            loss += (((logits - highest[:, None]).exp_().sum(dim=1).log_() + highest) - own).sum(
                dim=1, dtype=torch.double
            )
            right += (own == highest).sum(dim=1)
        lost = ~torch.isfinite(loss)
        right[lost] = (split.labels == 0).sum()  # argmax of a network that has diverged
        return right, loss / len(split)

    def _forward(self, images: Tensor, weights: Sequence[Tensor], masks: Sequence[Tensor]) -> list[Tensor]:
        """What every layer gives, the logits last; hidden layers after ReLU and dropout."""
        first, *others = weights
        values = (first.view(-1, first.shape[2]) @ images.T).view(self.count, -1, len(images))
        layers = []
        for place in range(0, len(others), 2):
            values = values.relu_()
            if masks:
                values = values.mul_(masks[place // 2])
            layers.append(values)
            values = torch.baddbmm(others[place + 1], others[place], values)
        return [*layers, values]

    def _epoch(self, number: int, rate: Tensor) -> None:
        for chosen, masks in self._draws(number):
            images, labels = self.images[chosen], self.labels[chosen]
            *hidden, logits = self._forward(images, self.weights, masks)
            error = torch.softmax(logits, dim=1)
            error[:, labels, torch.arange(len(labels))] -= 1
            error /= len(labels)
            gradients: list[Tensor] = []
            for place in range(len(hidden) - 1, -1, -1):
                values = hidden[place]
                gradients[:0] = [error @ values.transpose(1, 2), error.sum(dim=2, keepdim=True)]
                error = (self.weights[2 * place + 1].transpose(1, 2) @ error).mul_(values > 0)
                if masks:
                    error.mul_(masks[place])
            first = error.view(-1, len(labels)) @ images
            self._step([first.view_as(self.weights[0]), *gradients], rate)

    def _step(self, gradients: Sequence[Tensor], rate: Tensor) -> None:
        """One step of torch.optim.SGD or torch.optim.Adam; their documentation has the formulas."""
        self.steps += 1
        for weights, gradient, moment, square in zip(self.weights, gradients, *self.state, strict=True):
            gradient.addcmul_(weights, self.decay)
            if self.config.optimizer == "sgd":
                weights.addcmul_(moment.mul_(self.momentum).add_(gradient), rate, value=-1)
            else:
                square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
                moment.mul_(self.momentum).addcmul_(gradient, 1 - self.momentum)
                below = (square / (1 - 0.999**self.steps)).sqrt_().add_(1e-8)
                weights.addcdiv_(moment * (rate / (1 - self.momentum**self.steps)), below, value=-1)

    def _draws(self, number: int) -> list[tuple[Tensor, list[Tensor]]]:
        """One epoch's batches and dropout masks (units, images), drawn as `training` draws them."""
        ones = [self.data.train.images.new_ones(1).expand(self.config.width)] * self.config.depth
        with own_randomness(self.config.seed, stream=number + 1, device=self.labels.device):
            batches = torch.randperm(len(self.labels)).split(self.config.batch_size)
            drawn = [(b, [dropout(one.expand(len(b), -1), self.config.dropout).T for one in ones]) for b in batches]
        return drawn if self.config.dropout else [(chosen, []) for chosen, _ in drawn]

    def _column(self, numbers: Sequence[float]) -> Tensor:
        return self.data.train.images.new_tensor(numbers).view(-1, 1, 1)


def _with_one(split: Split) -> Tensor:
    """The images as rows, with a last pixel of 1 for the bias."""
    rows = split.images.flatten(1)
    return torch.cat([rows, rows.new_ones(len(rows), 1)], dim=1)


@cache
def fashion() -> Dataset:
    """Images of 14x14 pixels, each the mean of four: 1,000 to train, a quarter of them with a label drawn at random,
    and 10,000 each to validate and to test, all with the right one."""

    def small(part: Split) -> Arrays:
        return avg_pool2d(part.images, 2).numpy(), part.labels.numpy()

    data, rng = load_dataset("fashion", train=TRAIN), np.random.default_rng(0)
    (images, labels), validation, test = map(small, (data.train, data.validation, data.test))
    drawn = rng.random(len(labels)) < DRAWN_LABELS
    labels = np.where(drawn, rng.integers(data.classes, size=len(labels)), labels)
    return standardised("fashion 14x14", [(images, labels), validation, test], torch.float32)


def settings() -> list[dict[str, Any]]:
    """What networks share that are trained together."""
    return [dict(zip(APART, chosen, strict=True)) for chosen in product(*APART.values())]


def members(shared: dict[str, Any], seed: int) -> list[Member]:
    """Every combination of what may differ, the last name fastest."""
    name, levels = OPENS[str(shared["optimizer"])]
    free = {**TOGETHER, name: levels}
    combinations: list[dict[str, Any]] = [dict(zip(free, chosen, strict=True)) for chosen in product(*free.values())]
    base = TrainingConfig(**shared, depth=DEPTH, epochs=EPOCHS, seed=seed)
    return [
        Member(replace(base, **{k: v for k, v in chosen.items() if k != "beta"}), chosen.get("beta", 0.9))
        for chosen in combinations
    ]


def record(group: Sequence[Member], data: Dataset) -> dict[str, np.ndarray]:
    """Trains some members; accuracies are counts of images, test accuracies after the last and after the best epoch."""
    torch.set_num_threads(1)
    at_once = max(1, 1024 // group[0].config.width)
    parts = [_record(group[n : n + at_once], data) for n in range(0, len(group), at_once)]
    return {metric: np.concatenate([part[metric] for part in parts]) for metric in parts[0]}


def _record(group: Sequence[Member], data: Dataset) -> dict[str, np.ndarray]:
    networks = Networks(group, data)
    right, loss = zip(*networks.train(), strict=True)
    test = [networks.evaluate(data.test, weights)[0] for weights in (networks.weights, networks.best)]
    with np.errstate(over="ignore"):  # a loss beyond 65504 is stored as inf
        losses = torch.stack(loss, dim=1).numpy().astype(np.float16)
    return {
        "validation_accuracy": torch.stack(right, dim=1).numpy().astype(np.uint16),
        "validation_loss": losses,
        "test_accuracy": torch.stack(test, dim=1).numpy().astype(np.uint16),
    }


def record_to(path: Path, shared: dict[str, object], seed: int) -> None:
    """Trains one job and stores it in one step."""
    write(path, record(members(shared, seed), fashion()))


def part(folder: Path, shared: dict[str, object], seed: int) -> Path:
    """The file of one job; its name changes with everything that decides what is in it."""
    what = json.dumps([TOGETHER, OPENS, DEPTH, EPOCHS, TRAIN, DRAWN_LABELS, ARITHMETIC, version("torch"), shared, seed])
    return folder / f"{hashlib.sha256(what.encode()).hexdigest()[:16]}.npz"


def gather(folder: Path) -> dict[str, np.ndarray]:
    """All jobs in one table: (configurations, seeds, epochs), of test accuracies one epoch; see `configurations`."""
    tables: dict[str, list[np.ndarray]] = {}
    for shared in settings():
        seeds = [np.load(part(folder, shared, seed)) for seed in SEEDS]
        for metric in seeds[0].files:
            tables.setdefault(metric, []).append(np.stack([stored[metric] for stored in seeds], axis=1))
    table = {metric: np.concatenate(rows) for metric, rows in tables.items()}
    last, best = np.split(table["test_accuracy"], 2, axis=2)
    return table | {"test_accuracy": last, "best_epoch_test_accuracy": best}


def configurations() -> list[Member]:
    """Every configuration in the order of the table."""
    return [member for shared in settings() for member in members(shared, SEEDS[0])]


def main(folder: Path, processes: int) -> None:
    """Records what is missing, then writes everything into one file; the longest jobs come first."""
    jobs = [(part(folder, shared, seed), shared, seed) for shared in settings() for seed in SEEDS]
    jobs.sort(key=lambda job: -cast(int, job[1]["width"]))
    os.environ.update(ARITHMETIC)  # for the processes: this one has imported PyTorch
    run_missing(record_to, jobs, processes)
    write(folder / "fashion.npz", gather(folder))
    print(f"{folder / 'fashion.npz'} is written.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the parts and the table are kept")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    main(arguments.folder, arguments.processes)
