"""Many networks of one shape trained at once, each exactly as `training.fit` would train it alone.

The weights of all members are stacked and one call works on the stack. Method: PyTorch documentation, "Model
ensembling" (torch.func). Members may differ in learning rate, momentum, weight decay, dropout and seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.functional import cross_entropy, dropout

from helpers.errors import BadInput
from helpers.training.data import Dataset, Split
from helpers.training.train import Epoch, Score, TrainingConfig, create_model, own_randomness

OWN: dict[str, Any] = {"learning_rate": 0.1, "momentum": 0.0, "weight_decay": 0.0, "dropout": 0.0, "seed": 0}
Tensors = dict[str, Tensor]


class Ensemble:
    """Networks on one data set, stacked; member n is the network of `configs[n]`. BadInput: no configuration, shapes
    that differ, or anything but plain SGD without augmentation or schedule."""

    def __init__(self, configs: Sequence[TrainingConfig], data: Dataset) -> None:
        if len({replace(config, **OWN) for config in configs}) != 1:
            raise BadInput(f"Give configurations that differ in {', '.join(OWN)} only: train the others apart.")
        if (configs[0].optimizer, configs[0].augmentation, configs[0].schedule) != ("sgd", "none", "constant"):
            plain = "optimizer='sgd', augmentation='none' and schedule='constant'"
            raise BadInput(f"An ensemble trains with {plain}: train this one with fit().")
        self.configs, self.data = tuple(configs), data
        networks = [create_model(config, data) for config in configs]
        self.parameters, _ = stack_module_state(networks)
        self._network = networks[0]
        rows = [(config.learning_rate, config.momentum, config.weight_decay) for config in configs]
        self._settings = data.train.images.new_tensor(rows).T  # (3, members)
        self._widths: dict[str, Any] = {}  # what each dropout layer meets: the inputs of the linear layer after it
        for (place, layer), (_, after) in pairwise(self._network.named_children()):
            if isinstance(layer, nn.Dropout):
                self._widths[place] = after.in_features

    def train(self) -> Iterator[list[Epoch]]:
        """Trains all members in place; yields after every epoch what each of them knows, in their order."""
        velocity = {name: torch.zeros_like(weights) for name, weights in self.parameters.items()}
        for number in range(self.configs[0].epochs):
            losses = self._one_epoch(number, velocity)
            members = zip(losses, self.evaluate(self.data.validation), strict=True)
            yield [Epoch(number, loss, score.loss, score.accuracy) for loss, score in members]

    @torch.no_grad()
    def evaluate(self, split: Split) -> list[Score]:
        """Every member's score on a split, with dropout off."""
        logits = vmap(self._logits, in_dims=(0, None, None))(self.parameters, {}, split.images)
        losses = vmap(_mean_loss, in_dims=(0, None))(logits, split.labels)
        accuracies = (logits.argmax(dim=2) == split.labels).double().mean(dim=1)
        return [Score(*pair) for pair in zip(losses.tolist(), accuracies.tolist(), strict=True)]

    def _logits(self, parameters: Tensors, masks: Tensors, images: Tensor) -> Tensor:
        """One member's logits; a mask, named by the place of its layer, stands where dropout stood."""
        for place, layer in self._network.named_children():
            if isinstance(layer, nn.Dropout):
                images = images * masks[place] if masks else images
            else:
                own = {name: parameters[f"{place}.{name}"] for name, _ in layer.named_parameters()}
                images = functional_call(layer, own, (images,))
        return images

    @torch.no_grad()
    def _one_epoch(self, number: int, velocity: Tensors) -> list[float]:
        """One shuffled pass, each member in its own order; returns each member's mean training loss (nats)."""
        split, losses = self.data.train, []
        for chosen, masks in self._draws(number):
            step = self._full_step if chosen.shape[1] == self.configs[0].batch_size else self._step
            loss, gradients = step(self.parameters, masks, split.images[chosen], split.labels[chosen])
            self._sgd(gradients, velocity)
            losses.append(loss)
        return torch.stack(losses).mean(dim=0).tolist()

    @torch.enable_grad()
    def _step(self, parameters: Tensors, masks: Tensors, images: Tensor, labels: Tensor) -> tuple[Tensor, tuple]:
        """Every member's loss on its own batch, (members,), and the gradients of the stacked weights."""
        loss = vmap(_mean_loss)(vmap(self._logits)(parameters, masks, images), labels)
        return loss.detach(), torch.autograd.grad(loss.sum(), list(parameters.values()))

    @cached_property
    def _full_step(self) -> Callable:
        """The step on full batches, written out once: torch.func's layers cost more than the arithmetic of networks as
        small as these."""
        chosen, masks = next(self._draws(0))
        example = self.data.train.images[chosen], self.data.train.labels[chosen]
        return make_fx(lambda *tensors: self._step(*tensors))(self.parameters, masks, *example)

    def _sgd(self, gradients: Sequence[Tensor], velocity: Tensors) -> None:
        """One step of torch.optim.SGD (see its documentation for the formula), with each member's own settings."""
        for (name, weights), gradient in zip(self.parameters.items(), gradients, strict=True):
            member_first = (-1, *[1] * (weights.dim() - 1))
            rate, momentum, decay = (setting.reshape(member_first) for setting in self._settings)
            velocity[name].mul_(momentum).add_(gradient.addcmul_(decay, weights))
            weights.addcmul_(rate, velocity[name], value=-1)

    def _draws(self, number: int) -> Iterator[tuple[Tensor, Tensors]]:
        """For each step the images chosen (members, batch) and the dropout masks (members, batch, width), drawn in the
        order in which `train` does. Members that share seed and dropout share what is drawn."""
        sources = sorted({(config.seed, config.dropout) for config in self.configs})
        drawn = [self._draws_of(seed, share, number) for seed, share in sources]
        place = [sources.index((config.seed, config.dropout)) for config in self.configs]
        for steps in zip(*drawn, strict=True):
            masks = {name: torch.stack([mask[name] for _, mask in steps])[place] for name in drawn[0][0][1]}
            yield torch.stack([chosen for chosen, _ in steps])[place], masks

    def _draws_of(self, seed: int, share: float, number: int) -> list[tuple[Tensor, Tensors]]:
        """One epoch's draws of the networks with this seed and dropout; no masks where nobody has dropout."""
        images = self.data.train.images
        widths = self._widths if any(config.dropout for config in self.configs) else {}
        with own_randomness(seed, stream=number + 1, device=images.device):
            batches = torch.randperm(len(images), device=images.device).split(self.configs[0].batch_size)
            return [
                (chosen, {name: dropout(images.new_ones(len(chosen), width), share) for name, width in widths.items()})
                for chosen in batches
            ]


def _mean_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of logits (n, classes); with the classes first PyTorch is several times as fast."""
    return cross_entropy(logits.T[None], labels[None])
