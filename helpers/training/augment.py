"""Augmentation with torchvision.transforms.v2, on the training images only."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from helpers.errors import one_of

AUGMENTATIONS = ("none", "shift", "affine")


def make_augmentation(name: str, fill: float = 0.0) -> Callable[[Tensor], Tensor] | None:
    """A transform of a batch (n, channels, height, width), same shape and dtype; None for "none".

    "shift" moves by up to an eighth of the side; "affine" also rotates by up to 10 degrees and scales by up to
    a tenth; `fill` is the value of the background that comes in at the border. One draw serves a whole batch,
    which keeps small networks fast: over the epochs every image still meets many draws.

    Raises:
        BadInput: unknown name.
    """
    one_of("augmentation", name, AUGMENTATIONS)
    if name == "none":
        return None
    from torchvision.transforms import v2  # two seconds to import, so only when it is used

    if name == "shift":
        return v2.RandomAffine(degrees=0, translate=(0.125, 0.125), fill=fill)
    return v2.RandomAffine(degrees=10, translate=(0.125, 0.125), scale=(0.9, 1.1), fill=fill)
