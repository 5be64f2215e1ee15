"""The retraining of the best configuration on the whole training split."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from fmnist import training
from fmnist.config import Config, load_config
from fmnist.runs import atomic_write
from fmnist.stages.parts import part
from search.records import Epoch

if TYPE_CHECKING:
    from fmnist.job import Job

RULE = "the epoch of the highest validation accuracy, the earliest where equal"


def retrain(job: Job) -> None:
    """Train the best configuration on the whole training split; keep its best epoch."""
    config = load_config(job.run.path)
    folder = job.run / "epochs"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    train, validation = job.splits.train, job.splits.validation
    job.ledger.record("retrain", "train", len(train), "fitting the weights of the final model")
    job.ledger.record("retrain", "validation", len(validation), "choosing the epoch to keep")
    epochs: list[Epoch] = []
    model = training.fit(
        config,
        part(job, train),
        part(job, validation),
        classes=len(job.data.class_names),
        seed=job.request.seed,
        on_epoch=lambda epoch: _retrained(job, config, epochs, epoch),
        checkpoints=folder,
    )
    chosen = max(epochs, key=lambda e: (e.val_accuracy, -e.epoch)).epoch
    model.load_weights(training.checkpoint(folder, chosen))
    atomic_write(job.run / "model.keras", model.save)
    job.run.write_json(
        "history.json",
        {
            "schema": 1,
            "epochs": [vars(e) for e in epochs],
            "chosen_epoch": chosen,
            "rule": RULE,
            "training_images": len(train),
        },
    )


def _retrained(job: Job, config: Config, epochs: list[Epoch], epoch: Epoch) -> bool:
    epochs.append(epoch)
    job.view.retrain_epoch(epoch, config.epochs)
    job.on_progress()
    if job.reserve is None:
        return True
    return job.budget.remaining() - job.reserve.tail() > epoch.seconds
