"""Optuna Dashboard in JupyterLab: what the launcher sends, and whom the page answers, as notebook 08 says."""

from __future__ import annotations

import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import optuna
import pytest

from tests.harness.lab import serving_lab


@pytest.mark.slow
@pytest.mark.parametrize("guarded", [True, False], ids=["make lab", "jupyter lab"])
def test_whom_the_dashboard_in_jupyterlab_answers(tmp_path: Path, guarded: bool) -> None:
    """The URL that 08 shows opens the study, for who has Jupyter's token. Without the course's guard the page then
    answers everybody, and lets everybody delete: as long as this is so, 08 says so and `make lab` loads the guard."""
    url = f"sqlite:///{tmp_path}/shared.db"
    optuna.create_study(study_name="shared", storage=url)
    with serving_lab(None if guarded else tmp_path) as lab:
        form, studies = "jupyterlab-optuna/api/register_dashboard_app", "jupyterlab-optuna/api/studies"
        assert lab.post(form, None, {"storage_url": url})[0] == 403
        assert lab.post(form, lab.token, {"storage_url": url}) == (200, {"is_initialized": True})
        code, found = lab.get(studies, lab.token)
        assert code == 200 and [study["study_name"] for study in found["study_summaries"]] == ["shared"]
        assert lab.get(studies)[0] == (403 if guarded else 200)
        own = {"Cookie": "_xsrf=mine", "X-XSRFToken": "mine"}
        with suppress(urllib.error.HTTPError):
            urllib.request.urlopen(urllib.request.Request(f"{lab.address(studies)}/1", headers=own, method="DELETE"))
    assert optuna.get_all_study_names(url) == (["shared"] if guarded else [])
