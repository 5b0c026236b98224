"""The recorded project of notebook 10: what it holds, how its images are moved, and one trial trained again."""

from __future__ import annotations

import json
from itertools import islice

import pytest
import torch

from helpers.problems.recorded.record_clothes import (
    AUGMENTATIONS,
    EPOCHS,
    FILE,
    SEEDS,
    TRIALS,
    VALIDATION,
    accuracy,
    augmented,
    epochs,
)
from helpers.training.data import DEBIAN, load_dataset
from tests.bench.training import one_thread

RECORD = json.loads(FILE.read_text(encoding="utf-8"))


def test_the_record_is_whole() -> None:
    """Every trial with its curve, the complete ones to the end; as many test accuracies as seeds."""
    assert [trial["number"] for trial in RECORD["trials"]] == list(range(TRIALS))
    for trial in RECORD["trials"]:
        assert (len(trial["curve"]) == EPOCHS) or trial["state"] == "PRUNED"
        assert trial["params"]["augmentation"] in AUGMENTATIONS
    assert {name: len(found) for name, found in RECORD["test"].items()} == dict.fromkeys(RECORD["test"], len(SEEDS))
    assert all(0.7 < value < 0.95 for found in RECORD["test"].values() for value in found)


def test_each_image_has_a_draw_of_its_own() -> None:
    """Copies of one image come out in different places; a crop moves by two pixels at most, a flip mirrors only."""
    image = torch.zeros(1, 1, 28, 28)
    image[0, 0, 10, 5] = 1
    torch.manual_seed(0)
    places = {name: set() for name in AUGMENTATIONS}
    for name, met in places.items():
        met |= {tuple(place) for place in augmented(image.repeat(400, 1, 1, 1), name).nonzero()[:, 2:].tolist()}
    near = {(row, column) for row in range(8, 13) for column in range(3, 8)}
    assert places["none"] == {(10, 5)} and places["flip"] == {(10, 5), (10, 22)} and places["crop"] == near
    assert places["crop and flip"] == near | {(row, 27 - column) for row, column in near}


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_a_trial_trained_again_is_the_recorded_one() -> None:
    """Its first epochs, but for the processor's rounding."""
    trial = RECORD["trials"][0]
    with one_thread():
        data = load_dataset("fashion", train=RECORD["train"], validation=VALIDATION)
        again = [accuracy(model, data.validation) for model in islice(epochs(trial["params"], data, seed=0), 2)]
    assert again == pytest.approx(trial["curve"][:2], abs=0.05)
