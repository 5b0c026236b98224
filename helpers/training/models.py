"""Two small networks: each turns images of shape (n, *image_shape), as (n, 1, 8, 8), into logits (n, classes)."""

from __future__ import annotations

from math import prod

from torch import nn


def mlp(image_shape: tuple[int, ...], classes: int, width: int, depth: int, dropout: float) -> nn.Sequential:
    """`depth` hidden layers of `width` units, each followed by dropout, the share of them that is set to zero."""
    network, inputs = nn.Sequential(nn.Flatten()), prod(image_shape)
    for _ in range(depth):
        network.extend([nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout)])
        inputs = width
    return network.append(nn.Linear(inputs, classes))


def cnn(image_shape: tuple[int, ...], classes: int, width: int, depth: int, dropout: float) -> nn.Sequential:
    """`depth` blocks of convolution, ReLU and (while the image is at least 4 pixels wide) pooling, with `width`
    channels first, twice as many in each further block; then dropout."""
    network, (channels, height, side) = nn.Sequential(), image_shape
    for block in range(depth):
        network.extend([nn.Conv2d(channels, width * 2**block, kernel_size=3, padding=1), nn.ReLU()])
        channels = width * 2**block
        if min(height, side) >= 4:
            network.append(nn.MaxPool2d(2))
            height, side = height // 2, side // 2
    return network.extend([nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels * height * side, classes)])


MODELS = {"mlp": mlp, "cnn": cnn}
