"""The refit: the final model anew on all images, for as many epochs as validation chose.

Without validation images nothing can be chosen any more, so nothing is: the epochs are those of the
retraining, which keeps its network for all figures on the validation images.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fmnist.pipeline.final_training import EpochProgressListener, FinalTraining, diff_from_base
from fmnist.runs.artifacts import HISTORY, MODEL, REFIT, VALIDATED
from fmnist.runs.config_source import load_config
from fmnist.runs.records.final_model import Refit, RefitEpoch
from fmnist.runs.records.metrics import History
from fmnist.text import counted
from search.atomic import atomic_write
from search.engines.base import Suggestion
from search.records import Epoch
from search.study.running_trial import trial_seed
from search.study.scheduler import TrialScheduler

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context

_NUMBER = 0


def refit(job: Context) -> None:
    """Train on training and validation images; where that comes to its end, use the network."""
    config = load_config(job.run.path)
    history = job.run.read(HISTORY)
    epochs = history.chosen_epoch
    training = FinalTraining(
        job,
        "refit",
        job.trial_folder / "refit",
        [Suggestion(_NUMBER, diff_from_base(job, config))],
        with_validation=True,
    )
    seconds = full_epoch_seconds(job, history)
    if training.begun or job.planner.refit_fits(epochs, seconds):
        _train(job, training, epochs, seconds)
    done, reason = _outcome(training, epochs)
    if not reason:
        _keep_validated(job)
        training.save_model(MODEL.name, config, _NUMBER, epochs)
    job.run.write(REFIT, _record(job, training, done, reason))
    training.forget()
    job.display.message(
        f"the retrained model stays: {reason}"
        if reason
        else f"the final model: {training.images:,} images, {counted(epochs, 'epoch')}"
    )


def refitted(job: Context) -> bool:
    """Whether the final model is one of the refit."""
    record = job.run.get(REFIT)
    return record is not None and record.used


def full_epoch_seconds(job: Context, history: History) -> float:
    """What an epoch on all images takes by the retraining, of which a third of the validation."""
    train, validation = len(job.splits.train), len(job.splits.validation)
    return history.epoch_seconds * (train + validation) / (train + validation / 3)


def _train(job: Context, training: FinalTraining, epochs: int, seconds: float) -> None:
    if not training.begun:
        purpose = "fitting the weights of the final model; nothing is chosen"
        job.record_reads("refit", purpose, purpose)
    training.run(
        TrialScheduler(job.budget, job.planner.refit_reserve),
        epochs=epochs,
        seed_of=lambda number: trial_seed(job.request.seed, number, "refit"),
        listener=EpochProgressListener(job),
        seconds=seconds,
    )
    job.workers.close()


def _outcome(training: FinalTraining, epochs: int) -> tuple[Sequence[Epoch], str]:
    """The epochs made, and why the network is of no use; empty where it is."""
    if not training.log.trials:
        return (), "there was no time for the refit"
    (trial,) = training.log.trials
    if trial.failure is not None and trial.failure.kind != "deadline":
        return trial.epochs, f"the refit failed ({trial.failure.kind}: {trial.failure.message})"
    if len(trial.epochs) < epochs:
        made = f"{len(trial.epochs)} of {counted(epochs, 'epoch')}"
        return trial.epochs, f"the time of the refit was over after {made}"
    return trial.epochs, ""


def _keep_validated(job: Context) -> None:
    # Who was killed between the two networks has kept it already.
    if not job.run.has(VALIDATED):
        source = job.run / MODEL.name
        atomic_write(job.run / VALIDATED, lambda path: _copy(source, path))


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _record(job: Context, training: FinalTraining, done: Sequence[Epoch], reason: str) -> Refit:
    """What became of it; scores on images that were learnt are left out."""
    if reason:
        job.planner.note("refit", f"left out: {reason}")
    return Refit(
        used=not reason,
        reason=reason,
        images=training.images,
        seed=trial_seed(job.request.seed, _NUMBER, "refit"),
        epochs=tuple(
            RefitEpoch(e.epoch, e.accuracy, e.loss, e.seconds, e.learning_rate) for e in done
        ),
    )
