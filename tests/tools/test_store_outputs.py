"""Outputs are stored with one font only."""

import pytest

from tests.tools import store_outputs


@pytest.mark.parametrize("fonts", [set(), {"Open Sans", store_outputs.FONT}, {"Liberation Sans"}])
def test_another_font_is_refused(fonts: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_outputs, "has_the_reference", lambda: True)
    monkeypatch.setattr(store_outputs, "drawn_with", lambda: fonts)
    monkeypatch.setattr(store_outputs, "store", lambda path: pytest.fail("it was stored"))
    with pytest.raises(SystemExit, match=f"{store_outputs.FONT}: install it"):
        store_outputs.main(["notebooks/00_start_here.ipynb"])


def test_what_fontconfig_answers(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "fc-match"
    program.write_text('#!/bin/sh\nprintf "$2 drawn"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert store_outputs.drawn_with(("A", "B")) == {"A drawn", "B drawn"}
    program.unlink()
    assert store_outputs.drawn_with() == set()
