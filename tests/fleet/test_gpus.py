"""Each worker of a fleet on a GPU of its own."""

from __future__ import annotations

from pathlib import Path

import optuna

from helpers.fleet import Fleet, open_storage

WHERE = """
import os
def objective(trial):
    trial.set_user_attr("gpu", os.environ.get("CUDA_VISIBLE_DEVICES"))
    return trial.suggest_float("x", 0, 1)
"""


def test_each_worker_sees_the_gpu_that_it_is_given(tmp_path: Path) -> None:
    """The environment that a fleet is started with reaches the objective, one GPU for each worker."""
    (tmp_path / "where.py").write_text(WHERE)
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(study_name="gpus", storage=open_storage(url))
    fleets = [
        Fleet(
            url,
            "gpus",
            "where:objective",
            workers=1,
            trials=1,
            environment={"CUDA_VISIBLE_DEVICES": str(gpu), "PYTHONPATH": str(tmp_path)},
        )
        for gpu in (0, 1)
    ]
    for fleet in fleets:
        with fleet:
            assert fleet.wait(60) == [0], fleet.said(0)
    assert sorted(trial.user_attrs["gpu"] for trial in study.trials) == ["0", "1"]
