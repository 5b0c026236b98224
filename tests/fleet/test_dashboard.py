"""Optuna Dashboard in JupyterLab: what the launcher sends, and whom the page answers, as notebook 08 says."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import optuna
import pytest

from tests.harness.lab import serving_lab


@pytest.mark.slow
def test_jupyterlab_opens_the_storage_and_the_page_asks_nobody(tmp_path: Path) -> None:
    """The URL that 08 shows opens the study. Who opens it needs Jupyter's token, but then the page answers everybody,
    and lets everybody delete: as long as this is so, 08 says so."""
    url = f"sqlite:///{tmp_path}/shared.db"
    optuna.create_study(study_name="shared", storage=url)
    with serving_lab(tmp_path) as lab:
        form, studies = "jupyterlab-optuna/api/register_dashboard_app", "jupyterlab-optuna/api/studies"
        assert lab.post(form, None, {"storage_url": url})[0] == 403
        assert lab.post(form, lab.token, {"storage_url": url}) == (200, {"is_initialized": True})
        code, found = lab.get(studies)
        assert code == 200 and [study["study_name"] for study in found["study_summaries"]] == ["shared"]
        own = {"Cookie": "_xsrf=mine", "X-XSRFToken": "mine"}
        urllib.request.urlopen(urllib.request.Request(f"{lab.address(studies)}/1", headers=own, method="DELETE"))
    assert optuna.get_all_study_names(url) == []
