"""The pictures of images/, drawn by code: `python -m images.draw` writes them all again, one module here for each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from images.draw import (
    first_questions,
    hyperparameter_importances,
    hyperparameters,
    optuna_pytorch_overview,
    pruning_strategy,
    sample_strategy,
    sampler_cheat_sheet,
    storage_ladder,
)

FOLDER = Path(__file__).parents[1]
PICTURES: dict[str, Callable[[], str]] = {  # images/NAME.svg is what images/draw/NAME.py draws
    module.__name__.rpartition(".")[2]: module.draw
    for module in (
        hyperparameters,
        sample_strategy,
        sampler_cheat_sheet,
        pruning_strategy,
        first_questions,
        hyperparameter_importances,
        optuna_pytorch_overview,
        storage_ladder,
    )
}


def write_all() -> None:
    """Every picture, into images/."""
    for name, draw in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(draw(), encoding="utf-8")
        print(f"images/{name}.svg is written.")
