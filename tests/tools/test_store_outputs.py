"""Outputs are stored with one font only."""

from pathlib import Path

import pytest

from tests.tools import store_outputs


@pytest.mark.parametrize("font", ["", "Open Sans", "DejaVu Sans"])
def test_another_font_is_refused(font: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_outputs, "has_the_reference", lambda: True)
    monkeypatch.setattr(store_outputs, "drawn_with", lambda: font)
    monkeypatch.setattr(store_outputs, "store", lambda path: pytest.fail("it was stored"))
    with pytest.raises(SystemExit, match=f"show {store_outputs.FONT}: install it"):
        store_outputs.main(["notebooks/00_start_here.ipynb"])


@pytest.mark.parametrize(
    ("answers", "font"),
    [
        ({"Open Sans": "DejaVu Sans", "Verdana": "DejaVu Sans", "Arial": "Liberation Sans"}, "Liberation Sans"),
        ({"Open Sans": "Open Sans", "Verdana": "DejaVu Sans", "Arial": "Liberation Sans"}, "Open Sans"),
        (dict.fromkeys(("Open Sans", "Verdana", "Arial"), "DejaVu Sans"), ""),
    ],
)
def test_what_fontconfig_answers(answers: dict, font: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "fc-match"
    cases = " ".join(f"'{family}') printf '{found}';;" for family, found in answers.items())
    program.write_text(f'#!/bin/sh\ncase "$2" in {cases} esac\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert store_outputs.drawn_with() == font
    program.unlink()
    assert store_outputs.drawn_with() == ""
