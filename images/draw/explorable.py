"""Films an explorable under the keyboard: `python -m images.draw.explorable` writes images/explorable.gif.

The picture keeps what the explorable said at each step, so that a test notices when it no longer says that.
"""

from __future__ import annotations

import io
from pathlib import Path

import optuna
from PIL import Image
from playwright.sync_api import expect

from helpers.explore.windows import TpeWindow
from helpers.problems.functions import find_function
from tests.harness.browser import cell_with, run_notebook

FILE = Path(__file__).parents[1] / "explorable.gif"
NOTEBOOK = "04_inside_the_samplers.ipynb"
STEPS = range(TpeWindow.STEPS[1], 36)
WIDTH, MILLISECONDS, REST = 850, 450, 2500  # of the window in pixels, of a frame, of the last frame
STILL = "output => new Promise(drawn => setTimeout(drawn, 400))"  # the picture moves to its new ranges first


def sentences() -> list[str]:
    """What the window says at each step."""
    function = find_function(TpeWindow.NAMES[0])
    return [TpeWindow.drawing(function, step)[1] for step in STEPS]


def film() -> list[Image.Image]:
    """A screenshot of the window for each step, the slider moved by the arrow key."""
    frames = []
    with run_notebook(NOTEBOOK) as page:
        output = cell_with(page, NOTEBOOK, "TpeWindow(").locator(".jp-OutputArea-output").last
        handle = output.locator(".widget-hslider").get_by_role("slider")
        for n, sentence in enumerate(sentences()):
            if n:
                handle.press("ArrowRight")
            expect(output).to_contain_text(sentence)
            output.evaluate(STILL)
            whole = Image.open(io.BytesIO(output.screenshot())).convert("RGB")
            frames.append(whole.crop((0, 0, WIDTH, whole.height)))
    return frames


def write(frames: list[Image.Image]) -> None:
    """The film as a GIF that never ends, with the sentences as its comment."""
    palette = frames[-1].quantize(128, Image.Quantize.MAXCOVERAGE)  # the rare colours are the telling ones
    flat = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    pauses = [MILLISECONDS] * (len(flat) - 1) + [REST]
    comment = "\n".join(sentences()).encode()
    waiting = FILE.with_suffix(".tmp")
    flat[0].save(
        waiting,
        format="GIF",
        save_all=True,
        append_images=flat[1:],
        duration=pauses,
        loop=0,
        comment=comment,
        optimize=True,
    )
    waiting.replace(FILE)


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    write(film())
    print(f"images/{FILE.name} is written: {FILE.stat().st_size // 1000} kB.")
