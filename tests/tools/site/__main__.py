"""Builds the course as pages, from the stored outputs: `make site`, then open site/index.html.

Explorables move in the page: what their sliders show is drawn when the site is built (`--still`: left out).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import plotly
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from helpers.learn.seed import VARIABLE
from tests.harness.outputs import PLOTLY
from tests.tools.site.frames import KIND
from tests.tools.store_outputs import ROOT, STILL, all_notebooks, run

HERE = Path(__file__).parent
LINK = re.compile(r"\[([^\]]*)\]\(\.\./([^)#]+)\)")
BINDER = "https://mybinder.org/v2/gh/{name}/HEAD?labpath=notebooks/{notebook}"
RECORD = "from tests.tools.site.frames import record\nrecord()"


def frames_of(path: Path, cache: Path) -> dict[str, dict]:
    """Frames of a notebook's explorables by their cell, from a run of it; kept until the course changes."""
    code = [cell.source for cell in nbformat.read(path, as_version=4).cells]
    parts = [*sorted((ROOT / "helpers").rglob("*.py")), *sorted(HERE.glob("*.py"))]
    digest = hashlib.sha256(json.dumps(code).encode() + b"".join(part.read_bytes() for part in parts)).hexdigest()
    kept = cache / f"{path.stem}-{digest[:16]}.json"
    if not kept.exists():
        print(f"{path.name}: runs once for its explorables")
        notebook = nbformat.read(path, as_version=4)
        notebook.cells.insert(0, nbformat.v4.new_code_cell(RECORD))
        run(notebook, "reference", **{VARIABLE: "0", "PYTHONPATH": str(ROOT)})
        found = {
            cell.id: output.data[KIND]
            for cell in notebook.cells
            for output in cell.get("outputs", ())
            if KIND in output.get("data", {})
        }
        cache.mkdir(parents=True, exist_ok=True)
        waiting = kept.with_suffix(".tmp")
        waiting.write_text(json.dumps(found))
        waiting.replace(kept)
    return json.loads(kept.read_text())


def words(output: dict) -> str:
    """What a picture shows, for those who do not see it: a figure's titles, or what its widget says."""
    figure = output["data"].get(PLOTLY)
    if not figure:
        return "".join(output["data"].get("text/plain", "A figure"))
    layout = figure["layout"]
    axes = [axis.get("title", {}).get("text") for key, axis in layout.items() if re.match(r"[xy]axis", key)]
    titles = [layout.get("title", {}).get("text"), *axes]
    return escape("; ".join(re.sub("<[^>]+>", " ", title) for title in titles if title) or "A figure")


def page(path: Path, folder: Path, frames: dict[str, dict], repository: str) -> None:
    """Writes one notebook as Sphinx reads it: pictures as files with their words, explorables with their frames."""
    notebook = nbformat.read(path, as_version=4)
    if repository:
        run_it = BINDER.format(name=urlsplit(repository).path.strip("/"), notebook=path.name)
        notebook.cells.insert(1, nbformat.v4.new_markdown_cell(f"[Run this notebook on Binder]({run_it})"))
    moving = {f"explorable-{cell}": found for cell, found in frames.items()}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = at_home(cell.source, folder)
            continue
        for number, output in enumerate(cell.outputs):
            if STILL not in output.get("data", {}):
                continue
            name = f"{path.stem}-{cell.id}-{number}.png"
            (folder / "stills").mkdir(exist_ok=True)
            (folder / "stills" / name).write_bytes(base64.b64decode(output.data[STILL]))
            shown = f'<img src="../stills/{name}" alt="{escape(words(output), quote=True)}" loading="lazy">'
            if f"explorable-{cell.id}" in moving:
                shown = f'<div class="explorable" id="explorable-{cell.id}">{shown}</div>'
            output.data = {"text/html": shown, "text/plain": ""}
    if moving:
        script = "window.explorables = " + json.dumps(moving, separators=(",", ":"))
        (folder / "frames").mkdir(exist_ok=True)
        (folder / "frames" / f"{path.stem}.js").write_text(script)
        files = (f"frames/{path.stem}.js", "plotly.min.js")
        loaded = "".join(f'<script defer src="../{file}"></script>' for file in files)
        notebook.cells.append(nbformat.v4.new_markdown_cell(f"```{{raw}} html\n{loaded}\n```"))
    nbformat.write(notebook, folder / "notebooks" / path.name)


def at_home(text: str, folder: Path) -> str:
    """A page's text with what it links to copied beside it: pictures, cards, code. A folder is no page: its name stays.

    Args:
        text: Markdown in notebooks/, or that of a notebook's cell.
        folder: where the site's sources are collected.
    """

    def copied(found: re.Match) -> str:
        name = found[2]
        if name == "README.md":
            return f"[{found[1]}](../index.md)"
        if not (ROOT / name).is_file():
            return found[1]
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
        return found[0]

    return LINK.sub(copied, text)


def anchor(title: str) -> str:
    """The name of a heading in a link, as JupyterLab makes it."""
    return title.replace(" ", "-")


def contents(caption: str, pages: Iterable[str]) -> str:
    """A part of the table of contents."""
    return f"```{{toctree}}\n:caption: {caption}\n:maxdepth: 1\n\n" + "\n".join(pages) + "\n```\n"


def index(folder: Path) -> str:
    """The first page: the README as far as it is for learners, and the table of contents."""
    first = (ROOT / "README.md").read_text(encoding="utf-8").split("## Start")[0]
    lessons = [f"notebooks/{path.stem}" for path in sorted((folder / "notebooks").glob("*.ipynb"))]
    cards = [str(path.relative_to(folder).with_suffix("")) for path in sorted((folder / "helpers").rglob("*.md"))]
    beside = ["notebooks/handout", "notebooks/instructor_guide", "notebooks/instructor_sheets"]
    return "\n".join(
        [first, contents("Notebooks", lessons), contents("Beside them", beside), contents("Recorded data", cards)]
    )


def build(target: Path, cache: Path | None, repository: str = "") -> int:
    """Builds the pages; the number of Sphinx's complaints.

    Args:
        target: the folder of the pages.
        cache: where the frames of explorables are kept; without it they stay still, and nothing runs.
        repository: the course's address on GitHub, for links to Binder and to the source; "" for none.
    """
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary, "source")
        (source / "notebooks").mkdir(parents=True)
        for path in all_notebooks():
            page(path, source, frames_of(path, cache) if cache else {}, repository)
        for extra in (ROOT / "notebooks").glob("*.md"):
            text = at_home(extra.read_text(encoding="utf-8"), source)
            (source / "notebooks" / extra.name).write_text(text, encoding="utf-8")
        (source / "index.md").write_text(index(source), encoding="utf-8")
        shutil.copytree(ROOT / "images", source / "images", dirs_exist_ok=True, ignore=shutil.ignore_patterns("draw"))
        static = source / "static"
        static.mkdir()
        for name in ("stills", "frames"):
            if (source / name).exists():
                (source / name).rename(static / name)
        shutil.copy(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", static)
        for name in ("site.js", "site.css"):
            shutil.copy(HERE / name, static)
        settings = {
            "project": "Learn Optuna",
            "extensions": ["myst_nb", f"{__package__}.formulas"],
            "html_math_renderer": "mathml",
            "html_theme": "furo",
            "html_title": "Learn Optuna",
            "html_extra_path": ["static"],
            "html_css_files": ["../site.css"],
            "html_js_files": [("../site.js", {"defer": "defer"})],
            "html_show_sphinx": False,
            "html_copy_source": False,
            "nb_execution_mode": "off",
            "myst_enable_extensions": ["dollarmath"],
            "myst_heading_anchors": 3,
            "html_theme_options": {"source_repository": repository, "source_branch": "main", "source_directory": ""}
            if repository
            else {},
            "myst_heading_slug_func": f"{__package__}.__main__.anchor",
        }
        with patch_docutils(), docutils_namespace():
            app = Sphinx(
                source, None, target, Path(temporary, "doctrees"), "html", settings, status=None, warning=sys.stderr
            )
            app.build()
        for made in target.rglob("*.html"):  # captions are headings without a level, code scrolls without the keyboard
            text = made.read_text(encoding="utf-8")
            text = text.replace('role="heading"', 'role="heading" aria-level="2"').replace(
                "<pre>", '<pre tabindex="0">'
            )
            made.write_text(text, encoding="utf-8")
        return app._warncount


def main() -> None:
    """Builds the site; complaints of Sphinx (a broken link, a heading out of order) are an error."""
    parser = argparse.ArgumentParser(prog="make site", description=__doc__)
    parser.add_argument("--target", type=Path, default=ROOT / "site", help="a folder for the pages")
    parser.add_argument("--cache", type=Path, default=ROOT / "site" / ".frames", help="what was drawn before")
    parser.add_argument(
        "--repository", default="", help="https://github.com/OWNER/NAME: links to Binder and the source"
    )
    parser.add_argument("--still", action="store_true", help="explorables as still pictures; nothing is run")
    chosen = parser.parse_args()
    complaints = build(chosen.target, None if chosen.still else chosen.cache, chosen.repository)
    sys.exit(f"Sphinx complained {complaints} times: see above." if complaints else 0)


if __name__ == "__main__":
    main()
