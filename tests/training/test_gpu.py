"""On a GPU the same code trains as on the processor: seeded, repeatable, resumable. Skipped where there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from helpers.training.data import Dataset, load_dataset
from helpers.training.ensemble import Ensemble
from helpers.training.train import TrainingConfig, fit

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

CONFIG = TrainingConfig(epochs=4, batch_size=64, dropout=0.2, augmentation="affine", learning_rate=0.1)
MEMBERS = TrainingConfig(model="mlp", width=16, epochs=3, batch_size=64, learning_rate=0.1)


@pytest.fixture(scope="module")
def data() -> Dataset:
    """The digits on the GPU, as float64: accuracies then hardly depend on the device."""
    return load_dataset("digits").to("cuda")


def weights(model: torch.nn.Module) -> list[torch.Tensor]:
    """All weights, on the processor."""
    return [value.cpu() for value in model.state_dict().values()]


def test_a_run_stays_on_the_gpu_and_learns(data: Dataset) -> None:
    """Network and scores are there, and the accuracy is that of the processor, nearly."""
    config = replace(CONFIG, epochs=15, dropout=0.0, augmentation="none")
    model, curve = fit(config, data)
    assert {value.device.type for value in model.parameters()} == {"cuda"}
    _, at_home = fit(config, load_dataset("digits"))
    assert curve[-1].validation_accuracy > 0.9
    assert abs(curve[-1].validation_accuracy - at_home[-1].validation_accuracy) < 0.05


def test_the_seed_decides_there_too(data: Dataset) -> None:
    """The same run twice is the same to the bit, another seed's is not, and the caller's random numbers go on."""
    torch.cuda.manual_seed(7)
    expected = torch.rand(3, device="cuda")
    torch.cuda.manual_seed(7)
    (first, curve), (second, again), (other, _) = (fit(replace(CONFIG, seed=seed), data) for seed in (3, 3, 4))
    assert torch.equal(torch.rand(3, device="cuda"), expected)
    assert curve == again and all(map(torch.equal, weights(first), weights(second)))
    assert not all(map(torch.equal, weights(first), weights(other)))


def test_convolutions_repeat_to_the_bit_where_cudnn_is_told_to(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself cuDNN adds in any order, and the last digits differ (PyTorch documentation, "Reproducibility")."""
    config = replace(CONFIG, model="cnn", width=8, epochs=2)
    by_itself = [fit(config, data)[1][0].validation_loss for _ in range(2)]
    assert by_itself[0] == pytest.approx(by_itself[1], rel=1e-6)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    (first, curve), (second, again) = (fit(config, data) for _ in range(2))
    assert curve == again and all(map(torch.equal, weights(first), weights(second)))


def test_many_at_once(data: Dataset) -> None:
    """Networks trained together on the GPU are those trained one by one there, but for rounding."""
    configs = [replace(MEMBERS, seed=seed, learning_rate=rate) for seed, rate in enumerate((0.05, 0.1, 0.2))]
    together = Ensemble(configs, data)
    curves = list(together.train())
    for n, config in enumerate(configs):
        _, alone = fit(config, data)
        assert curves[-1][n].train_loss == pytest.approx(alone[-1].train_loss, rel=1e-6)
        assert curves[-1][n].validation_accuracy == pytest.approx(alone[-1].validation_accuracy, abs=0.01)


def test_bfloat16_keeps_the_predictions() -> None:
    """At least 97 of 100, as notebook 10 says of its own network."""
    data = load_dataset("digits", dtype=torch.float32).to("cuda")
    model, _ = fit(replace(CONFIG, epochs=15), data)
    with torch.inference_mode():
        plain = model(data.validation.images)
        with torch.autocast("cuda", dtype=torch.bfloat16):
            mixed = model(data.validation.images)
    assert mixed.dtype == torch.bfloat16
    assert (plain.argmax(1) == mixed.argmax(1)).double().mean() >= 0.97
