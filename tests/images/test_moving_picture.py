"""The README's moving picture shows what the explorable says today."""

from __future__ import annotations

from itertools import pairwise

from PIL import Image

from images.draw.explorable import FILE, STEPS, WIDTH, sentences

STALE = "run `python -m images.draw.explorable`"


def test_the_film_is_of_today() -> None:
    """A frame for each step, each with the sentence that the pure function gives now."""
    with Image.open(FILE) as film:
        assert film.info["comment"].decode().splitlines() == sentences(), STALE
        assert (film.n_frames, film.width) == (len(STEPS), WIDTH), STALE


def test_something_moves() -> None:
    """No two frames after one another are the same, and each has many colours: none is empty."""
    with Image.open(FILE) as film:
        frames = []
        for n in range(film.n_frames):
            film.seek(n)
            frames.append(film.convert("RGB").copy())
    assert all(one.tobytes() != other.tobytes() for one, other in pairwise(frames))
    assert all(len(frame.getcolors(maxcolors=1 << 20)) > 30 for frame in frames)
