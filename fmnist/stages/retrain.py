"""The retraining of the best configuration on the whole training split."""

from __future__ import annotations

import shutil
import statistics
from typing import TYPE_CHECKING

from fmnist import training
from fmnist.atomic import atomic_write
from fmnist.config import Config, dump_config, load_config
from fmnist.stages.parts import part
from search.records import Epoch

if TYPE_CHECKING:
    from fmnist.stages.context import Context

RULE = "the epoch of the highest validation accuracy, the earliest where equal"


def retrain(job: Context) -> None:
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
        remaining=lambda: _remaining(job, config, epochs),
        checkpoints=folder,
    )
    chosen = max(epochs, key=lambda e: (e.val_accuracy, -e.epoch)).epoch
    model.load_weights(training.checkpoint(folder, chosen))
    atomic_write(job.run / "model.keras", model.save)
    _keep_epochs(job, config, len(epochs))
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


def _retrained(job: Context, config: Config, epochs: list[Epoch], epoch: Epoch) -> bool:
    epochs.append(epoch)
    job.view.retrain_epoch(epoch, len(epochs) + _remaining(job, config, epochs))
    job.on_progress()
    job.interrupt.check()
    return True


def _remaining(job: Context, config: Config, epochs: list[Epoch]) -> int:
    """Epochs still to come: as planned, or under a deadline as many as fit."""
    if job.reserve is None:
        return config.epochs - len(epochs)
    seconds = statistics.fmean(e.seconds for e in epochs[-2:])
    affordable = int((job.budget.remaining() - job.reserve.tail()) / seconds)
    return max(0, min(job.request.final_epochs - len(epochs), affordable))


def _keep_epochs(job: Context, config: Config, count: int) -> None:
    """Have ``best_config.toml`` say how many epochs it really was."""
    if count != config.epochs:
        provenance = job.run.read_toml("best_config.toml").get("provenance")
        job.run.write_text(
            "best_config.toml", dump_config(config.replace(epochs=count), provenance)
        )
