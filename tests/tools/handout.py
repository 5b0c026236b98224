"""Prints the handout, one page, and the sheets, one page a notebook. It needs a Chromium.

`python -m tests.tools.handout handout.pdf sheets.pdf`; the handout alone without the second name.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path

import mistune
from playwright.sync_api import sync_playwright

from helpers.errors import BadInput
from tests.harness.browser import BROWSERS, FLAGS
from tests.tools.guide import HANDOUT, SHEETS, section
from tests.tools.store_outputs import STILL

PAGE = """<!doctype html><meta charset="utf-8"><base href="{folder}/"><title>Optuna on one page</title><style>
body {{ font: 8.8pt/1.28 "DejaVu Sans", Verdana, sans-serif; color: #1a1a1a; margin: 0 }}
h1 {{ font-size: 17pt; margin: 0 }} p, ul {{ margin: 1.5mm 0 }} ul {{ padding-left: 5mm }} a {{ color: inherit }}
img {{ width: 100% }} p:has(img) {{ float: right; clear: both; width: 51%; margin: 0 0 2mm 4mm }}
pre {{ font: 7pt/1.2 "DejaVu Sans Mono", monospace; margin: 2mm 0 }} pre code {{ font: inherit }}
pre ~ p {{ clear: both }}
h2 {{ font-size: 15pt; margin: 2mm 0 }} h2 ~ h2 {{ break-before: page }}
li img {{ display: block; max-height: 80mm; margin: 2mm auto }}
</style>{body}"""


LINK = re.compile(r"(<!-- generated: (\d\d) \| ([^|]+) \| picture -->)(\[[^\]]+\]\([^)]+\))<!-- end -->")


def with_stored_pictures(text: str) -> str:
    """What links to a section alone, followed by the last picture that is stored in it."""

    def embedded(found: re.Match) -> str:
        _, outputs = section(found[2], found[3])
        stored = [output.data[STILL] for output in outputs if STILL in output.get("data", {})][-1]
        return f"{found[1]}{found[4]} ![{found[3]}](data:{STILL};base64,{stored.replace(chr(10), '')})"

    return LINK.sub(embedded, text)


def html(text: str, folder: Path) -> str:
    """A page of Markdown, with its pictures found from `folder`."""
    return PAGE.format(folder=folder.as_uri(), body=mistune.create_markdown(escape=False, plugins=["table"])(text))


def print_page(source: Path, target: Path) -> None:
    """Prints a Markdown file on A4, a new page for each heading "## ...".

    Raises:
        BadInput: no browser is installed.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise BadInput(f"Printing needs one of {', '.join(BROWSERS)}.")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder, "page.html")
        text = with_stored_pictures(source.read_text(encoding="utf-8"))
        page_file.write_text(html(text, source.parent), encoding="utf-8")
        chromium = playwright.chromium.launch(executable_path=browser, args=FLAGS)
        page = chromium.new_page()
        page.goto(page_file.as_uri())
        margin = dict.fromkeys(("top", "bottom", "left", "right"), "12mm")
        page.pdf(path=target, format="A4", margin=margin, print_background=True)
        chromium.close()


if __name__ == "__main__":
    for source, target in zip((HANDOUT, SHEETS), sys.argv[1:], strict=False):
        print_page(source, Path(target))
