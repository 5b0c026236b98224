"""Everything that decides a training run but the data, checked when it is made."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real

from helpers.errors import BadInput, one_of
from helpers.training.augment import AUGMENTATIONS
from helpers.training.models import MODELS

OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a training run but the data; checked on creation (BadInput)."""

    model: str = "mlp"
    width: int = 32
    depth: int = 1
    dropout: float = 0.0
    optimizer: str = "sgd"
    learning_rate: float = 0.01
    momentum: float = 0.0
    weight_decay: float = 0.0
    batch_size: int = 64
    epochs: int = 10
    augmentation: str = "none"
    schedule: str = "constant"
    seed: int = 0

    def __post_init__(self) -> None:
        one_of("model", self.model, MODELS)
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        one_of("augmentation", self.augmentation, AUGMENTATIONS)
        one_of("schedule", self.schedule, SCHEDULES)
        for name in ("width", "depth", "batch_size", "epochs"):
            self._make_whole(name, low=1)
        self._make_whole("seed", low=0)
        self._make_real("learning_rate", "above 0", lambda x: x > 0)
        self._make_real("weight_decay", "0 or above", lambda x: x >= 0)
        for name in ("dropout", "momentum"):
            self._make_real(name, "from 0 up to, not including, 1", lambda x: 0 <= x < 1)

    def _make_whole(self, name: str, low: int) -> None:
        """Checks a field and makes an int of it, also of NumPy's numbers."""
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, Integral) or value < low:
            raise BadInput(f"{name} is {value!r}: give a whole number of at least {low}.")
        object.__setattr__(self, name, int(value))

    def _make_real(self, name: str, wanted: str, fits: Callable[[float], bool]) -> None:
        """Checks a field and makes a float of it."""
        value = getattr(self, name)
        try:
            number = math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)
        except OverflowError:
            number = math.inf
        if not (math.isfinite(number) and fits(number)):
            raise BadInput(f"{name} is {value!r}: give a finite number {wanted}.")
        object.__setattr__(self, name, number)
