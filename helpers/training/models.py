"""Two small networks for images: a multilayer perceptron and a convolutional network."""

from __future__ import annotations

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
    channels, height, side = image_shape
    layers: list[nn.Module] = [nn.Flatten()]
    inputs = channels * height * side
    for _ in range(depth):
        layers += [nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, classes))


def _cnn(image_shape: tuple[int, int, int], classes: int, width: int, depth: int, dropout: float) -> nn.Sequential:
    channels, height, side = image_shape
    layers: list[nn.Module] = []
    for block in range(depth):
        layers += [nn.Conv2d(channels, width * 2**block, kernel_size=3, padding=1), nn.ReLU()]
        channels = width * 2**block
        if min(height, side) >= 4:
            layers.append(nn.MaxPool2d(2))
            height, side = height // 2, side // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels * height * side, classes))
