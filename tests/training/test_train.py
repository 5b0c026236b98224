"""The training loop: what it computes, what it leaves alone, and what it refuses."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from copy import deepcopy
from itertools import islice
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from helpers.errors import BadInput
from helpers.training import train as training
from helpers.training.data import Dataset, Split, load_dataset
from helpers.training.models import MODELS
from helpers.training.train import (
    Epoch,
    TrainingConfig,
    create_model,
    evaluate,
    fit,
    make_augmentation,
    train,
)
from tests.bench.training import one_thread

SMALL = TrainingConfig(width=8, dropout=0.3, learning_rate=0.05, epochs=4, augmentation="affine")
KINDS = pytest.mark.parametrize("kind", ["mlp", "cnn"])


def changed(config: TrainingConfig, **values: Any) -> TrainingConfig:
    """The configuration with some values replaced; checked like any other."""
    return TrainingConfig(**{**vars(config), **values})


def curve(config: TrainingConfig, data: Dataset) -> list[Epoch]:
    """The learning curve of a run."""
    return fit(config, data)[1]


def batches_of(model: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Two lists that fill, as the model is used, with the inputs it meets: in training, and in evaluation."""
    met: tuple[list[Tensor], list[Tensor]] = ([], [])
    model.register_forward_pre_hook(lambda module, inputs: met[0 if module.training else 1].append(inputs[0].clone()))
    return met


def weights(model: nn.Module) -> list[Tensor]:
    """A copy of the parameters."""
    return [parameter.detach().clone() for parameter in model.parameters()]


def equal(one: list[Tensor], other: list[Tensor]) -> bool:
    """True when the tensors are the same to the bit."""
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module", autouse=True)
def thread() -> Iterator[None]:
    """One thread: the networks are small, and threads that wait for a busy processor are slow."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """The digits of the course."""
    return load_dataset("digits")


@pytest.fixture(scope="module")
def few(digits: Dataset) -> Dataset:
    """A few of the digits, for what does not depend on how many there are; the last batch is a small one."""
    return Dataset("digits", *(Split(part.images[:150], part.labels[:150]) for part in _parts(digits)), classes=10)


def _parts(data: Dataset) -> tuple[Split, Split, Split]:
    return data.train, data.validation, data.test


# Learning


@pytest.mark.parametrize(
    "config",
    [
        TrainingConfig(learning_rate=0.1, momentum=0.9, epochs=10),
        TrainingConfig(optimizer="adam", learning_rate=0.01, dropout=0.1, epochs=10),
        TrainingConfig(model="cnn", width=8, depth=2, optimizer="adamw", learning_rate=0.01, epochs=6),
        TrainingConfig(model="cnn", width=8, optimizer="adam", learning_rate=0.01, augmentation="shift", epochs=10),
    ],
    ids=lambda config: f"{config.model} {config.optimizer} {config.augmentation}",
)
def test_it_learns(config: TrainingConfig, digits: Dataset) -> None:
    """In a few epochs nine digits of ten are told right, on the validation and on the test images."""
    model, epochs = fit(config, digits)
    assert epochs[-1].validation_accuracy > 0.9
    assert epochs[-1].train_loss < epochs[0].train_loss and epochs[-1].validation_loss < epochs[0].validation_loss
    assert evaluate(model, digits.test).accuracy > 0.9


def test_every_epoch_is_reported_once(few: Dataset) -> None:
    """Epochs are numbered from 0, and the last scores are those of the model that is left."""
    model, epochs = fit(SMALL, few)
    assert [epoch.number for epoch in epochs] == [0, 1, 2, 3]
    score = evaluate(model, few.validation)
    assert (score.loss, score.accuracy) == (epochs[-1].validation_loss, epochs[-1].validation_accuracy)


def test_training_is_in_place_and_stops_when_asked(few: Dataset) -> None:
    """The parameters handed over are the ones that change, and no more once the iteration ends."""
    model = create_model(SMALL, few)
    parameters, before = list(model.parameters()), weights(model)
    run = train(model, SMALL, few)
    assert equal(weights(model), before)
    stopped = list(islice(run, 2))
    run.close()
    assert all(a is b for a, b in zip(model.parameters(), parameters, strict=True))
    other, short = fit(changed(SMALL, epochs=2), few)
    assert stopped == short and equal(weights(model), weights(other)) and not equal(weights(model), before)


# Randomness


@KINDS
def test_the_seed_decides_the_curve(kind: str, few: Dataset) -> None:
    """The same seed gives the same curve to the bit, another seed another one."""
    config = changed(SMALL, model=kind)
    first = curve(config, few)
    torch.manual_seed(5)
    assert curve(config, few) == first
    assert curve(changed(config, seed=1), few) != first


def test_the_seed_decides_the_first_weights(few: Dataset) -> None:
    """Nothing but the seed draws the weights."""
    first = weights(create_model(SMALL, few))
    torch.manual_seed(5)
    assert equal(weights(create_model(SMALL, few)), first)
    assert not equal(weights(create_model(changed(SMALL, seed=1), few)), first)


@KINDS
def test_runs_do_not_disturb_each_other(kind: str, few: Dataset) -> None:
    """Two runs in turns, epoch by epoch, and random numbers drawn in between, give the curves of each alone."""
    configs = [changed(SMALL, model=kind, seed=seed) for seed in (3, 4)]
    running = [train(create_model(config, few), config, few) for config in configs]
    rounds = []
    for _ in range(SMALL.epochs):
        rounds.append([next(run) for run in running])
        torch.rand(7)
    assert [list(epochs) for epochs in zip(*rounds, strict=True)] == [curve(config, few) for config in configs]


def test_a_longer_run_begins_like_a_shorter_one(few: Dataset) -> None:
    """The number of epochs decides when a run ends and nothing else."""
    assert curve(changed(SMALL, epochs=6), few)[:4] == curve(SMALL, few)


def test_the_random_numbers_of_the_caller_stay(few: Dataset) -> None:
    """Neither a new model, nor an epoch, nor a run that is closed early moves the caller's generator."""
    state = torch.get_rng_state()
    model = create_model(SMALL, few)
    assert torch.equal(torch.get_rng_state(), state)
    run = train(model, SMALL, few)
    for _ in range(2):
        next(run)
        assert torch.equal(torch.get_rng_state(), state)
    run.close()
    assert torch.equal(torch.get_rng_state(), state)


def test_on_the_processor_no_gpu_is_seeded(few: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run on the processor leaves the random numbers of a GPU alone: it does not even ask for one."""
    seeded: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    curve(SMALL, few)
    assert seeded == []


# The arithmetic


def test_a_score_is_what_a_hand_computes() -> None:
    """Odds of 3 to 1, once right and once wrong: loss (ln 4/3 + ln 4) / 2, accuracy 1/2; dropout is off."""
    linear = nn.Linear(1, 2, bias=False)
    linear.weight.data = torch.tensor([[0.0], [math.log(3)]], dtype=torch.float64)
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.9), linear).train()
    split = Split(torch.ones(2, 1, 1, 1, dtype=torch.float64), torch.tensor([1, 0]))
    score = evaluate(model, split)
    assert score.loss == pytest.approx((math.log(4 / 3) + math.log(4)) / 2, abs=1e-15)
    assert score.accuracy == 0.5


def plain_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """The optimizer that a config names, in PyTorch's simplest form, one parameter after another."""
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
    momentum = {"momentum": config.momentum} if config.optimizer == "sgd" else {}
    options = {"lr": config.learning_rate, "weight_decay": config.weight_decay, **momentum}
    return kind(model.parameters(), foreach=False, fused=False, **options)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_an_epoch_is_the_plain_loop(optimizer: str, few: Dataset) -> None:
    """On the batches that the model met, with the labels those images have, a plain loop comes to the same weights."""
    config = TrainingConfig(
        width=8, optimizer=optimizer, learning_rate=0.02, momentum=0.9, weight_decay=0.01, batch_size=32, epochs=1
    )
    model = create_model(config, few)
    plain, (batches, _) = deepcopy(model), batches_of(model)
    (epoch,) = train(model, config, few)
    label_of = {image.numpy().tobytes(): label for image, label in zip(few.train.images, few.train.labels, strict=True)}
    step, losses = plain_optimizer(plain, config), []
    for images in batches:
        losses.append(cross_entropy(plain(images), torch.stack([label_of[i.numpy().tobytes()] for i in images])))
        plain.zero_grad()
        losses[-1].backward()
        step.step()
    for one, other in zip(weights(model), weights(plain), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    assert epoch.train_loss == pytest.approx(torch.stack(losses).mean().item(), abs=1e-12)


def test_an_epoch_meets_every_image_once_in_a_new_order(few: Dataset) -> None:
    """Batches of the size asked for, the last one smaller, hold each training image once; the order changes."""
    config = changed(SMALL, augmentation="none", batch_size=64, epochs=2)
    model = create_model(config, few)
    batches, _ = batches_of(model)
    list(train(model, config, few))
    assert [len(batch) for batch in batches] == [64, 64, 22] * 2
    first, second = torch.cat(batches[:3]).flatten(1), torch.cat(batches[3:]).flatten(1)
    assert not torch.equal(first, second)
    images = sorted(few.train.images.flatten(1).tolist())
    assert sorted(first.tolist()) == sorted(second.tolist()) == images


CHANGES = {
    "sgd": {
        "momentum": 0.9,
        "weight_decay": 0.1,
        "learning_rate": 0.06,
        "batch_size": 50,
        "dropout": 0.4,
        "width": 9,
        "augmentation": "none",
        "depth": 2,
        "model": "cnn",
        "optimizer": "adam",
    },
    "adam": {"weight_decay": 0.1, "learning_rate": 0.06, "augmentation": "shift"},
}


def test_every_value_has_an_effect(few: Dataset) -> None:
    """No value of the configuration is read and forgotten."""
    for optimizer, changes in CHANGES.items():
        config = changed(SMALL, optimizer=optimizer, epochs=2)
        plain = curve(config, few)
        for name, value in changes.items():
            assert curve(changed(config, **{name: value}), few) != plain, (optimizer, name)


def test_adam_and_adamw_decay_differently(few: Dataset) -> None:
    """With weight decay they part; without it they are the same."""
    adam, adamw = (changed(SMALL, optimizer=name) for name in ("adam", "adamw"))
    assert curve(adam, few) == curve(adamw, few)
    assert curve(changed(adam, weight_decay=0.1), few) != curve(changed(adamw, weight_decay=0.1), few)


# Networks


COUNTED = [
    ("mlp", (1, 8, 8), 32, 2, (64 + 1) * 32 + (32 + 1) * 32 + (32 + 1) * 10),
    ("mlp", (1, 28, 28), 16, 1, (784 + 1) * 16 + (16 + 1) * 10),
    ("cnn", (1, 8, 8), 4, 2, (9 + 1) * 4 + (4 * 9 + 1) * 8 + (8 * 2 * 2 + 1) * 10),
    ("cnn", (1, 8, 8), 4, 3, (9 + 1) * 4 + (4 * 9 + 1) * 8 + (8 * 9 + 1) * 16 + (16 * 2 * 2 + 1) * 10),
    ("cnn", (1, 28, 28), 4, 1, (9 + 1) * 4 + (4 * 14 * 14 + 1) * 10),
]


def test_a_network_has_the_parameters_counted_by_hand() -> None:
    """Weights and biases of every layer; pooling halves an image down to 2 pixels and no further; a logit a class, and
    two images give different ones."""
    torch.manual_seed(0)
    for kind, shape, width, depth, count in COUNTED:
        model = MODELS[kind](shape, 10, width=width, depth=depth, dropout=0.0)
        assert sum(parameter.numel() for parameter in model.parameters()) == count
        logits = model(torch.rand(3, *shape))
        assert logits.shape == (3, 10) and logits.dtype == torch.float32 and not torch.equal(logits[0], logits[1])


@KINDS
def test_dropout_works_in_training_only(kind: str) -> None:
    """In training two passes differ, in evaluation they do not."""
    torch.manual_seed(0)
    model = MODELS[kind]((1, 8, 8), 10, width=8, depth=1, dropout=0.5)
    images = torch.rand(4, 1, 8, 8)
    assert not torch.equal(model(images), model(images))
    model.eval()
    assert torch.equal(model(images), model(images))


def test_a_network_has_the_dtype_of_the_images(few: Dataset) -> None:
    """Parameters come in the dtype of the data, and so does the training."""
    data = Dataset("digits", *(Split(part.images.float(), part.labels) for part in _parts(few)), classes=10)
    model, epochs = fit(SMALL, data)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert math.isfinite(epochs[-1].train_loss)


# Augmentation


@pytest.mark.parametrize(("name", "dtype"), [("shift", torch.float64), ("affine", torch.float32)])
def test_augmentation_changes_pixels_only(name: str, dtype: torch.dtype, few: Dataset) -> None:
    """Shape and dtype stay, the images given stay, the images returned differ, and two draws differ."""
    images = few.train.images.to(dtype)
    torch.manual_seed(0)
    before, augment = images.clone(), make_augmentation(name)
    draws = [augment(images) for _ in range(20)]
    assert all(draw.shape == images.shape and draw.dtype == dtype for draw in draws)
    assert torch.equal(images, before) and make_augmentation("none") is None
    assert not equal(draws, [images] * 20) and not equal(draws[:-1], draws[1:])


def test_a_shift_is_an_eighth_at_most() -> None:
    """One bright pixel of 8x8 stays bright and lands in any of the nine places around, and only there."""
    image = torch.zeros(1, 1, 8, 8)
    image[0, 0, 4, 4] = 1
    torch.manual_seed(0)
    shift = make_augmentation("shift")
    landed = {tuple(shift(image)[0, 0].nonzero().flatten().tolist()) for _ in range(300)}
    assert landed == {(row, column) for row in (3, 4, 5) for column in (3, 4, 5)}


def test_the_border_is_filled_with_background() -> None:
    """What an image is shifted away from looks like the rest of its background."""
    background = -0.8
    images = torch.full((4, 1, 8, 8), background, dtype=torch.float64)
    shift = make_augmentation("affine", fill=background)
    assert all(torch.allclose(shift(images), images) for _ in range(10))


def test_only_training_images_are_augmented(few: Dataset) -> None:
    """The network is trained on images that are not in the data, and judged on the validation images as they are."""
    model = create_model(SMALL, few)
    trained_on, judged_on = batches_of(model)
    list(train(model, SMALL, few))
    assert len(judged_on) == SMALL.epochs and all(torch.equal(met, few.validation.images) for met in judged_on)
    originals = {tuple(image) for image in few.train.images.flatten(1).tolist()}
    new = [image for batch in trained_on for image in batch.flatten(1).tolist() if tuple(image) not in originals]
    assert len(new) > SMALL.epochs * len(few.train) / 2


# The schedule


def rates(config: TrainingConfig, data: Dataset) -> list[float]:
    """The learning rate that each epoch is trained with."""
    made: list[torch.optim.Optimizer] = []
    used: list[float] = []
    model = create_model(config, data)
    model.register_forward_hook(
        lambda module, *_: used.append(made[0].param_groups[0]["lr"]) if module.training else None
    )
    create = training._create_optimizer
    with mock.patch.object(training, "_create_optimizer", lambda *of: made.append(create(*of)) or made[0]):
        list(train(model, config, data))
    return [used[-(-len(used) // config.epochs) * epoch] for epoch in range(config.epochs)]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_cosine_schedule_is_pytorchs(optimizer: str, few: Dataset) -> None:
    """The rates are those of torch.optim.lr_scheduler.CosineAnnealingLR; a constant one stays."""
    config = changed(SMALL, optimizer=optimizer, schedule="cosine", epochs=6)
    reference = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=config.learning_rate)
    cosine, wanted = torch.optim.lr_scheduler.CosineAnnealingLR(reference, T_max=6), []
    for _ in range(6):
        wanted.append(reference.param_groups[0]["lr"])
        reference.step()
        cosine.step()
    assert rates(config, few) == pytest.approx(wanted, rel=1e-9)
    assert rates(changed(config, schedule="constant"), few) == [config.learning_rate] * 6


def test_a_schedule_changes_the_curve_from_the_second_epoch_on(few: Dataset) -> None:
    """The first epoch has the full rate."""
    constant, cosine = (curve(changed(SMALL, schedule=name), few) for name in ("constant", "cosine"))
    assert constant[0] == cosine[0] and constant[1] != cosine[1]


# Bad input


CHOICES = {
    "model": "Unknown model 'best': choose one of 'mlp', 'cnn'.",
    "optimizer": "Unknown optimizer 'best': choose one of 'sgd', 'adam', 'adamw'.",
    "augmentation": "Unknown augmentation 'best': choose one of 'none', 'shift', 'affine'.",
    "schedule": "Unknown schedule 'best': choose one of 'constant', 'cosine'.",
}
WHOLE = (0, -1, 2.5, "7", True, None)
UNREAL = (math.nan, math.inf, 10**400, "0.1", True, None, -0.1)


SHARE = "finite number from 0 up to, not including, 1"
REFUSED = {  # what is wanted, and values of each field that are not
    **dict.fromkeys(("batch_size", "epochs", "width", "depth"), ("whole number of at least 1", WHOLE)),
    "seed": ("whole number of at least 0", (-1, 1.5, "7", True, None)),
    "learning_rate": ("finite number above 0", (*UNREAL, 0, 0.0)),
    "weight_decay": ("finite number 0 or above", UNREAL),
    **dict.fromkeys(("dropout", "momentum"), (SHARE, (*UNREAL, 1.0))),
}


def test_bad_values_are_refused() -> None:
    """A configuration that cannot train is never made; the sentence names the value and what would do."""
    for name, sentence in CHOICES.items():
        with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
            TrainingConfig(**{name: "best"})
    for name, (wanted, values) in REFUSED.items():
        for value in values:
            with pytest.raises(BadInput, match=f"^{re.escape(f'{name} is {value!r}: give a {wanted}.')}$"):
                TrainingConfig(**{name: value})


def test_an_unknown_augmentation_is_refused_alone_too() -> None:
    """Who makes an augmentation without a configuration reads the same sentence."""
    with pytest.raises(BadInput, match=f"^{re.escape(CHOICES['augmentation'])}$"):
        make_augmentation("best")


def test_a_batch_larger_than_the_data_is_all_of_it(few: Dataset) -> None:
    """As of a DataLoader."""
    whole, larger = (changed(SMALL, batch_size=size, epochs=2) for size in (150, 151))
    assert fit(whole, few)[1] == fit(larger, few)[1]


def test_numbers_of_numpy_are_numbers(few: Dataset) -> None:
    """What an array gives trains like what is typed in."""
    whole = {name: np.int64(getattr(SMALL, name)) for name in ("width", "depth", "batch_size", "epochs", "seed")}
    real = {name: np.float64(getattr(SMALL, name)) for name in ("learning_rate", "momentum", "weight_decay", "dropout")}
    for optimizer in ("sgd", "adam", "adamw"):
        config = changed(SMALL, optimizer=optimizer)
        assert curve(changed(config, **whole, **real), few) == curve(config, few)


def test_bad_input_shows_one_sentence() -> None:
    """A notebook shows the name of the error and its sentence, and no traceback."""
    assert BadInput("Give a number.")._render_traceback_() == ["BadInput: Give a number."]
