"""Records the project of notebook 10 on Fashion-MNIST's real files: a search, and then one question with fresh seeds.

    python -m helpers.problems.recorded.record_clothes --train 2000

The search tunes a small convolutional network on some of the training images and judges on validation images. Then
its winner is trained with three augmentations, with seeds that the search never saw, and scored on all 10,000 test
images. Everything is drawn from seeds; one thread.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import optuna
import torch
from optuna.pruners import MedianPruner
from optuna.samplers import TPESampler
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from helpers.training.data import Dataset, Split, load_dataset

FILE = Path(__file__).with_name("clothes.json")
TRAIN, VALIDATION, EPOCHS, TRIALS, SEEDS = 2_000, 1_000, 8, 12, range(1, 7)
AUGMENTATIONS = ("none", "crop", "flip", "crop and flip")


def network(width: int, dropout: float) -> nn.Sequential:
    """Two convolutions with BatchNorm, for images of (1, 28, 28)."""
    return nn.Sequential(
        *[nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Conv2d(width, 2 * width, 3, padding=1), nn.BatchNorm2d(2 * width), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Flatten(), nn.Dropout(dropout), nn.Linear(2 * width * 49, 10)],
    )


def augmented(images: Tensor, name: str) -> Tensor:
    """A batch (n, 1, 28, 28), each image with a draw of its own: moved by up to two pixels, mirrored or not."""
    everyone = torch.arange(len(images))
    if "crop" in name:
        windows = pad(images, [2] * 4, value=images.min().item()).unfold(2, 28, 1).unfold(3, 28, 1)
        images = windows[everyone, :, torch.randint(5, everyone.shape), torch.randint(5, everyone.shape)]
    if "flip" in name:
        mirrored = torch.rand(everyone.shape) < 0.5
        images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    return images


def accuracy(model: nn.Module, part: Split) -> float:
    """The share of a part's images that is told right."""
    with torch.inference_mode():
        batches = _batches(part, torch.arange(len(part)), 500)
        right = [model.eval()(images).argmax(1) == labels for images, labels in batches]
    return torch.cat(right).double().mean().item()


def _batches(part: Split, order: Tensor, size: int) -> list[tuple[Tensor, Tensor]]:
    return [(part.images[chosen], part.labels[chosen]) for chosen in order.split(size)]


def epochs(config: dict, data: Dataset, seed: int) -> Iterator[nn.Module]:
    """Trains a network; yields it after every epoch."""
    torch.manual_seed(seed)
    model = network(config["width"], config["dropout"])
    optimizer = torch.optim.AdamW(model.parameters(), config["learning_rate"], fused=True)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for images, labels in _batches(data.train, torch.randperm(len(data.train)), config["batch_size"]):
            loss = cross_entropy(model.train()(augmented(images, config["augmentation"])), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        yield model


def search(data: Dataset) -> optuna.Study:
    """Twelve trials; a median pruner watches."""

    def objective(trial: optuna.Trial) -> float:
        config = {
            "learning_rate": trial.suggest_float("learning_rate", 3e-4, 3e-2, log=True),
            "batch_size": trial.suggest_int("batch_size", 32, 128, log=True),
            "dropout": trial.suggest_float("dropout", 0, 0.5),
            "width": trial.suggest_int("width", 8, 16),
            "augmentation": trial.suggest_categorical("augmentation", AUGMENTATIONS),
        }
        for number, model in enumerate(epochs(config, data, seed=0), start=1):
            value = accuracy(model, data.validation)
            trial.report(value, number)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    pruner = MedianPruner(n_startup_trials=4, n_warmup_steps=2)
    study = optuna.create_study(direction="maximize", sampler=TPESampler(seed=0), pruner=pruner)
    study.optimize(objective, n_trials=TRIALS)
    return study


def main() -> None:
    """Writes the record."""
    parser = argparse.ArgumentParser(prog="python -m helpers.problems.recorded.record_clothes")
    parser.add_argument("--train", type=int, default=TRAIN, help="so many training images, 50,000 at most")
    train = parser.parse_args().train
    torch.set_num_threads(1)
    data = load_dataset("fashion", train=train, validation=VALIDATION)
    study = search(data)
    trials = [
        {"number": t.number, "state": t.state.name, "params": t.params, "curve": list(t.intermediate_values.values())}
        for t in study.trials
    ]
    test: dict[str, list[float]] = {"none": [], "flip": [], "crop and flip": []}
    for name, found in test.items():
        for seed in SEEDS:
            *_, model = epochs({**study.best_params, "augmentation": name}, data, seed)
            found.append(accuracy(model, data.test))
            print(name, seed, found[-1], flush=True)
    FILE.write_text(json.dumps({"train": train, "epochs": EPOCHS, "trials": trials, "test": test}, indent=1) + "\n")


if __name__ == "__main__":
    main()
