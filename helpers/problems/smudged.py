"""Smudged digits, the data of the capstone: few training images, noisy, shifted, and a quarter with a drawn label."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import gaussian_filter, shift

from helpers.training.data import Dataset, Split, load_dataset, standardised

TRAINING_IMAGES, NOISE, DRAWN_LABELS = 240, 0.4, 0.25


def smudged_digits(blur: float = 0.0, *, dtype: torch.dtype = torch.float64) -> Dataset:
    """The course's digits, spoilt the same way at every call; validation and test have all their images.

    Every image moves by up to one pixel each way and gets Gaussian noise of 0.4 standard deviations of a pixel. Of the
    first 240 training images, a quarter has a label drawn at random; no other label is wrong. `blur` is the standard
    deviation, in pixels, of a Gaussian filter against the noise; 0 for none.
    """
    clean, rng = load_dataset("digits"), np.random.default_rng(0)
    few = Split(clean.train.images[:TRAINING_IMAGES], clean.train.labels[:TRAINING_IMAGES])
    (images, labels), *others = (
        (_smudged(part.images[:, 0].numpy(), blur, rng)[:, None], part.labels.numpy())
        for part in (few, clean.validation, clean.test)
    )
    drawn = rng.random(len(labels)) < DRAWN_LABELS
    labels = np.where(drawn, rng.integers(clean.classes, size=len(labels)), labels)
    return standardised("smudged digits", [(images, labels), *others], dtype)


def _smudged(images: np.ndarray, blur: float, rng: np.random.Generator) -> np.ndarray:
    """Images (n, height, width), moved, with noise, and blurred."""
    steps = rng.integers(-1, 2, size=(len(images), 2))
    moved = np.stack([shift(image, step, order=0, cval=image.min()) for image, step in zip(images, steps, strict=True)])
    noisy = moved + rng.normal(0, NOISE, moved.shape)
    return gaussian_filter(noisy, (0, blur, blur)) if blur else noisy
