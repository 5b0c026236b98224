"""Two small networks for images: a multilayer perceptron and a convolutional network."""

from __future__ import annotations

from math import prod

from torch import nn

from helpers.errors import one_of

MODELS = ("mlp", "cnn")


def build_model(
    kind: str, image_shape: tuple[int, int, int], classes: int, *, width: int, depth: int, dropout: float
) -> nn.Sequential:
    """A network from images (n, *image_shape) to logits (n, classes).

    Args:
        kind: "mlp": `depth` hidden layers of `width` units. "cnn": `depth` blocks of convolution, ReLU and
            (while the image is at least 4 pixels wide) pooling, with `width` channels first, twice as many in
            each further block.
        image_shape: (channels, height, width) of one image.
        dropout: the share of activations set to zero before each further linear layer.

    Raises:
        BadInput: unknown kind.
    """
    one_of("model", kind, MODELS)
    return (_mlp if kind == "mlp" else _cnn)(image_shape, classes, width, depth, dropout)


def _mlp(image_shape: tuple[int, int, int], classes: int, width: int, depth: int, dropout: float) -> nn.Sequential:
    network, inputs = nn.Sequential(nn.Flatten()), prod(image_shape)
    for _ in range(depth):
        network.extend([nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout)])
        inputs = width
    return network.append(nn.Linear(inputs, classes))


def _cnn(image_shape: tuple[int, int, int], classes: int, width: int, depth: int, dropout: float) -> nn.Sequential:
    network, (channels, height, side) = nn.Sequential(), image_shape
    for block in range(depth):
        network.extend([nn.Conv2d(channels, width * 2**block, kernel_size=3, padding=1), nn.ReLU()])
        channels = width * 2**block
        if min(height, side) >= 4:
            network.append(nn.MaxPool2d(2))
            height, side = height // 2, side // 2
    return network.extend([nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels * height * side, classes)])
