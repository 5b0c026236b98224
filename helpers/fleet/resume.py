"""The Optuna side of a project: a trial's training run that survives its worker, by checkpoints in an artifact store.

    store = FileSystemArtifactStore(folder)

    def objective(trial):
        training = resume_or_start(trial, config, data, store)
        for epoch in training:
            keep_checkpoint(trial, training, store)
            trial.report(epoch.validation_accuracy, epoch.number + 1)
            ...

Works because `RetryHeartbeatStaleTrialCallback` hands the attributes of a trial that died, and with them the list of
its artifacts, to the trial that repeats it.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from optuna.artifacts import download_artifact, get_all_artifact_meta, upload_artifact
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial

from helpers.errors import BadInput
from helpers.training.checkpoint import load_training, save_training
from helpers.training.data import Dataset
from helpers.training.train import Training, TrainingConfig


def keep_checkpoint(trial: Trial, training: Training, store: Any) -> None:
    """Keeps the run in the artifact store, then removes the trial's older checkpoints; what is kept stays kept.

    In this order a worker that is killed at any moment leaves one whole checkpoint at least.

    Args:
        store: one of the stores of `optuna.artifacts`.
    """
    if training.saved == len(training.curve):
        return
    older = [meta.artifact_id for meta in _newest_first(trial)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"epoch_{len(training.curve):05}.pt")
        save_training(training, path)
        upload_artifact(artifact_store=store, file_path=str(path), study_or_trial=trial)
    for artifact in older:
        with suppress(ArtifactNotFound):
            store.remove(artifact)


def resume_or_start(trial: Trial, config: TrainingConfig, data: Dataset, store: Any) -> Training:
    """The trial's own run where a worker left it, or a new one; the user attribute "resumed_at" counts its epochs.

    A checkpoint that is damaged, or of another configuration or data set, is passed over for an older one.
    """
    training = newest_checkpoint(trial, data, store, config=config) or Training(config, data)
    trial.set_user_attr("resumed_at", len(training.curve))
    return training


def newest_checkpoint(
    trial: Trial | FrozenTrial,
    data: Dataset,
    store: Any,
    *,
    config: TrainingConfig | None = None,
    storage: BaseStorage | None = None,
) -> Training | None:
    """The newest whole checkpoint of a trial, or None.

    Args:
        storage: of the study; needed for a trial that has ended.
    """
    for meta in _newest_first(trial, storage):
        with tempfile.TemporaryDirectory() as folder, suppress(ArtifactNotFound, BadInput):
            path = Path(folder, meta.filename)
            download_artifact(artifact_store=store, artifact_id=meta.artifact_id, file_path=str(path))
            return load_training(path, data, config)
    return None


def _newest_first(trial: Trial | FrozenTrial, storage: BaseStorage | None = None) -> list:
    """What is recorded of the trial's checkpoints, by the epoch in their names; their files may be gone."""
    metas = [meta for meta in get_all_artifact_meta(trial, storage=storage) if meta.filename.endswith(".pt")]
    return sorted(metas, key=lambda meta: meta.filename, reverse=True)
