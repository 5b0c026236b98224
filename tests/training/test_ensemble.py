"""Many networks at once: each learns exactly what it would learn alone."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np
import pytest
import torch

from helpers.errors import BadInput
from helpers.training.data import Dataset, Split, load_dataset
from helpers.training.ensemble import Ensemble
from helpers.training.train import Epoch, Score, TrainingConfig, evaluate, fit
from tests.bench.training import one_thread

SMALL = TrainingConfig(width=6, batch_size=64, epochs=4)
SETTINGS = (  # learning rate, momentum, weight decay, dropout, seed
    (0.1, 0.0, 0.0, 0.0, 0),
    (0.05, 0.9, 1e-3, 0.3, 1),
    (0.2, 0.5, 0.0, 0.3, 1),
    (0.01, 0.9, 0.1, 0.5, 2),
    (0.3, 0.0, 1e-2, 0.0, 3),
    (0.03, 0.6, 0.0, 0.5, 0),
)
VARIED = ("learning_rate", "momentum", "weight_decay", "dropout", "seed")
KINDS = pytest.mark.parametrize(("model", "depth"), [("mlp", 2), ("cnn", 2)])


def members(**shared: object) -> list[TrainingConfig]:
    """Six networks that differ in everything in which members may differ."""
    return [replace(SMALL, **shared, **dict(zip(VARIED, row, strict=True))) for row in SETTINGS]


def numbers(epochs: Sequence[Epoch]) -> np.ndarray:
    """A learning curve as an array (epochs, 4)."""
    return np.array([(e.number, e.train_loss, e.validation_loss, e.validation_accuracy) for e in epochs])


def curves(ensemble: Ensemble) -> np.ndarray:
    """The learning curves of all members, (members, epochs, 4)."""
    return np.stack([numbers(column) for column in zip(*ensemble.train(), strict=True)])


@pytest.fixture(scope="module", autouse=True)
def thread() -> Iterator[None]:
    """One thread: the networks are small."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def few() -> Dataset:
    """A few of the digits, in float64; the last of three batches is a smaller one."""
    data = load_dataset("digits")
    parts = ((data.train, 150), (data.validation, 60), (data.test, 50))
    return Dataset("digits", *(Split(part.images[:n], part.labels[:n]) for part, n in parts), classes=10)


@KINDS
def test_each_member_learns_what_it_would_learn_alone(few: Dataset, model: str, depth: int) -> None:
    """Train loss, validation loss and accuracy of every epoch, and the score on the test part, to 1e-9."""
    configs = members(model=model, depth=depth)
    ensemble = Ensemble(configs, few)
    together = curves(ensemble)
    assert together.shape == (6, 4, 4)
    for config, curve, score in zip(configs, together, ensemble.evaluate(few.test), strict=True):
        network, alone = fit(config, few)
        assert curve == pytest.approx(numbers(alone), abs=1e-9), config
        tested = evaluate(network, few.test)
        assert (score.loss, score.accuracy) == pytest.approx((tested.loss, tested.accuracy), abs=1e-9)


def test_members_really_differ(few: Dataset) -> None:
    """Each of the five settings moves the curve of a member, so that the comparison above can see all of them."""
    base = replace(SMALL, learning_rate=0.1)
    changes = {"learning_rate": 0.11, "momentum": 0.1, "weight_decay": 0.01, "dropout": 0.1, "seed": 1}
    first, *others = curves(Ensemble([base, *(replace(base, **{k: v}) for k, v in changes.items())], few))
    assert all(np.abs(first[-1] - other[-1]).max() > 1e-4 for other in others)


def test_every_batch_size_will_do(few: Dataset) -> None:
    """Of all images, with a last batch of the same size, or of one image; one member is an ensemble too."""
    for size in (50, 149, 150):
        config = replace(members(batch_size=size)[1], epochs=1)
        assert curves(Ensemble([config], few))[0] == pytest.approx(numbers(fit(config, few)[1]), abs=1e-9), size


def test_float32_agrees_while_training_is_stable() -> None:
    """On all digits, where rounding is not blown up: losses to 1e-3, accuracies to 2 images of 360."""
    data = load_dataset("digits", dtype=torch.float32)
    configs = [replace(SMALL, width=16, learning_rate=rate, momentum=0.6, dropout=0.2) for rate in (0.01, 0.03)]
    for config, curve in zip(configs, curves(Ensemble(configs, data)), strict=True):
        alone = numbers(fit(config, data)[1])
        assert curve[:, 1:3] == pytest.approx(alone[:, 1:3], rel=1e-3)
        assert curve[:, 3] == pytest.approx(alone[:, 3], abs=2.01 / 360)


@pytest.mark.parametrize(("rate", "finite"), [(1e6, True), (1e200, False)])
def test_a_diverging_member_disturbs_no_one(few: Dataset, rate: float, finite: bool) -> None:
    """Its loss is absurd or not a number; those of the others are what they are without it, to the bit."""
    configs = members()
    wild = [*configs[:3], replace(SMALL, learning_rate=rate, momentum=0.9), *configs[3:]]
    together = curves(Ensemble(wild, few))
    assert np.isfinite(together[3, -1, 1:3]).all() == finite
    assert not (together[3, -1, 1:3] < 1e5).any()
    assert np.delete(together, 3, axis=0).tolist() == curves(Ensemble(configs, few)).tolist()


def test_the_callers_random_numbers_are_left_alone(few: Dataset) -> None:
    """Making, training and evaluating an ensemble draws nothing from the caller's generators, nor reads them."""
    torch.manual_seed(1)
    before = torch.get_rng_state()
    ensemble = Ensemble(members(), few)
    first = curves(ensemble)
    ensemble.evaluate(few.test)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert curves(Ensemble(members(), few)).tolist() == first.tolist()


def test_trainings_can_be_interleaved(few: Dataset) -> None:
    """Two ensembles and a loop of its own, epoch by epoch in turn, and the same curves come out."""
    kinds = [members(), members(model="cnn")]
    apart = [curves(Ensemble(configs, few)).tolist() for configs in kinds]
    turns = list(zip_longest(*(Ensemble(configs, few).train() for configs in kinds)))
    mixed = [[numbers(column).tolist() for column in zip(*epochs, strict=True)] for epochs in zip(*turns, strict=True)]
    assert mixed == apart


def test_evaluation_between_epochs_changes_nothing(few: Dataset) -> None:
    """It gives the validation score that the epoch gave."""
    ensemble, seen = Ensemble(members(), few), []
    for epoch in ensemble.train():
        scores = ensemble.evaluate(few.validation)
        assert scores == [Score(member.validation_loss, member.validation_accuracy) for member in epoch]
        seen.append(epoch)
    assert seen == list(Ensemble(members(), few).train())


def test_the_data_stay_as_they_are(few: Dataset) -> None:
    """Training writes to the weights alone."""
    before = [part.images.clone() for part in (few.train, few.validation, few.test)]
    list(Ensemble(members(), few).train())
    assert all(map(torch.equal, before, [few.train.images, few.validation.images, few.test.images]))


APART = re.escape("Give configurations that differ in learning_rate, momentum, weight_decay, dropout, seed only: train")
PLAIN = re.escape("An ensemble trains with optimizer='sgd', augmentation='none' and schedule='constant'")


DIFFERENT = {
    "width": 7,
    "depth": 2,
    "model": "cnn",
    "batch_size": 32,
    "epochs": 5,
    "optimizer": "adam",
    "augmentation": "shift",
    "schedule": "cosine",
}


def test_what_cannot_be_trained_together_is_refused(few: Dataset) -> None:
    """Before anything is trained, in one sentence."""
    asked = [([], APART)]
    asked += [([SMALL, replace(SMALL, **{name: value})], APART) for name, value in DIFFERENT.items()]
    asked += [
        ([replace(SMALL, **{name: DIFFERENT[name]})], PLAIN) for name in ("optimizer", "augmentation", "schedule")
    ]
    for configs, sentence in asked:
        with pytest.raises(BadInput, match=f"^{sentence}") as caught:
            Ensemble(configs, few)
        assert str(caught.value).count(". ") == 0 and str(caught.value).endswith(".")


def test_losses_are_means_over_steps(few: Dataset) -> None:
    """Before it has learned anything, a network's loss is near that of guessing: the logarithm of the classes."""
    (first,) = next(Ensemble([replace(SMALL, learning_rate=1e-9)], few).train())
    assert first.train_loss == pytest.approx(math.log(10), abs=0.3)
