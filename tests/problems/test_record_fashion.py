"""Networks trained together are those trained alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

from helpers.problems.recorded import record_fashion
from helpers.problems.recorded.record_fashion import Member, Networks
from helpers.training import train as training
from helpers.training.data import Dataset
from helpers.training.train import TrainingConfig, create_model, evaluate, train

SMALL = TrainingConfig(width=6, depth=2, batch_size=40, epochs=4, seed=3)


def alone(member: Member, data: Dataset) -> tuple[list[int], list[float], list[int]]:
    """Right validation answers and losses of every epoch, and right test answers after the last and the best."""
    model, create = create_model(member.config, data), training._create_optimizer

    def with_beta(*of: Any) -> torch.optim.Optimizer:
        optimizer = create(*of)
        if member.config.optimizer == "adam":
            optimizer.param_groups[0]["betas"] = (member.beta, 0.999)
        return optimizer

    right, losses, test = [], [], []
    with mock.patch.object(training, "_create_optimizer", with_beta):
        for epoch in train(model, member.config, data):
            right.append(round(epoch.validation_accuracy * len(data.validation)))
            losses.append(epoch.validation_loss)
            test.append(round(evaluate(model, data.test).accuracy * len(data.test)))
    return right, losses, [test[-1], test[int(np.argmax(right))]]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_members_are_the_networks_trained_alone(optimizer: str, share: float, few: Dataset) -> None:
    """With every rate, momentum, decay and schedule, one that diverges among them; the last batch is a small one."""
    base = replace(SMALL, optimizer=optimizer, dropout=share)
    group = [
        Member(replace(base, learning_rate=0.02, momentum=0.5, weight_decay=1e-2), beta=0.3),
        Member(replace(base, learning_rate=0.05, schedule="cosine"), beta=0.9),
        Member(replace(base, learning_rate=0.5, momentum=0.9), beta=0.0),
        Member(replace(base, learning_rate=1e9, momentum=0.9)),
    ]
    networks = Networks(group, few)
    right, loss = (torch.stack(values, dim=1) for values in zip(*networks.train(), strict=True))
    test = [networks.evaluate(few.test, weights)[0] for weights in (networks.weights, networks.best)]
    for n, member in enumerate(group):
        own_right, own_losses, own_test = alone(member, few)
        assert right[n].tolist() == own_right
        np.testing.assert_allclose(loss[n], own_losses, rtol=1e-9)
        assert [counts[n].item() for counts in test] == own_test


def test_the_table_has_every_training_in_its_place(
    few: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small space, recorded job by job and put together: any row is its configuration trained alone."""
    for name, value in {
        "SEEDS": (0, 1),
        "EPOCHS": 2,
        "fashion": lambda: few,
        "OPENS": {"sgd": ("momentum", (0.0, 0.9)), "adam": ("beta", (0.1, 0.9))},
        "TOGETHER": {"learning_rate": (0.01, 0.1), "weight_decay": (1e-2,), "schedule": ("constant", "cosine")},
        "APART": {"optimizer": ("sgd", "adam"), "batch_size": (40,), "width": (4, 6), "dropout": (0.0, 0.3)},
    }.items():
        monkeypatch.setattr(record_fashion, name, value)
    for shared in record_fashion.settings():
        for seed in record_fashion.SEEDS:
            record_fashion.record_to(record_fashion.part(tmp_path, shared, seed), shared, seed)
    record_fashion.main(tmp_path, 1)  # nothing is left to train
    table, rows = np.load(tmp_path / "fashion.npz"), record_fashion.configurations()
    assert {metric: table[metric].shape for metric in table} == {
        "validation_accuracy": (64, 2, 2),
        "validation_loss": (64, 2, 2),
        "test_accuracy": (64, 2, 1),
        "best_epoch_test_accuracy": (64, 2, 1),
    }
    assert len({repr(row) for row in rows}) == 64
    for place in range(0, 64, 5):
        for seed in (0, 1):
            right, losses, test = alone(replace(rows[place], config=replace(rows[place].config, seed=seed)), few)
            assert table["validation_accuracy"][place, seed].tolist() == right
            assert table["validation_loss"][place, seed].tolist() == np.float16(losses).tolist()
            tested = [table[f"{epoch}test_accuracy"][place, seed, 0] for epoch in ("", "best_epoch_")]
            assert tested == test
