"""The retraining of the best configuration on the whole training split."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fmnist import backend, checkpoint, training
from fmnist.config import Config, dump_config, load_config
from fmnist.errors import TrainingError
from fmnist.stages.search import Watcher, epoch_seconds, learnt
from search.atomic import atomic_write
from search.budget import SearchPlan
from search.engines.base import Suggestion
from search.engines.listed import ListedEngine
from search.records import Epoch, EpochLog, Trial, TrialLog
from search.study import Study
from search.tasks import Limits

if TYPE_CHECKING:
    from fmnist.stages.context import Context

RULE = "the epoch of the highest validation accuracy, the earliest where equal"
FOLDER = "epochs"
"""Checkpoints of every epoch, in the run folder, until the test set was evaluated."""
_NUMBER = 0


def retrain(job: Context) -> None:
    """Train the best configuration on the whole training split; keep its best epoch."""
    config = load_config(job.run.path)
    trial = _trained(job, config)
    chosen = max(trial.epochs, key=lambda e: (e.val_accuracy, -e.epoch)).epoch
    job.workers.close()
    weights = checkpoint.weights(checkpoint_file(job, chosen))
    model = training.restored(config, weights, len(job.data.class_names))
    with backend.native_stderr_held_back():  # with JAX, saving imports TensorFlow
        atomic_write(job.run / "model.keras", model.save)
    _keep_epochs(job, config, len(trial.epochs))
    job.run.write_json(
        "history.json",
        {
            "schema": 1,
            "epochs": [vars(e) for e in trial.epochs],
            "chosen_epoch": chosen,
            "rule": RULE,
            "training_images": len(job.splits.train),
        },
    )


def checkpoint_file(job: Context, epoch: int) -> Path:
    """The checkpoint of the retraining after ``epoch``."""
    return checkpoint.file(job.run / FOLDER / f"{_NUMBER:04d}", epoch)


def _trained(job: Context, config: Config) -> Trial:
    """The record of the retraining; what an earlier session finished is not done again."""
    log = TrialLog(job.run / "retrain.jsonl")
    if not log.trials:
        _forget_damaged(job)
        _note_reads(job)
        _study(job, config, log).run()
        job.interrupt.check()
    (trial,) = log.trials
    if not trial.epochs:
        # Its record would keep the same command from trying again.
        log.path.unlink()
        failure = trial.failure
        why = f"{failure.kind}: {failure.message}" if failure else "without an epoch"
        raise TrainingError(
            f"the retraining failed ({why}); see {job.run / 'children.log'}; the same command "
            "tries it again"
        )
    return trial


def _forget_damaged(job: Context) -> None:
    """Start anew where the journal knows epochs that no checkpoint has behind it."""
    journal = job.run / "retrain_epochs.jsonl"
    folder = job.run / FOLDER
    behind = checkpoint.epochs_in(folder / f"{_NUMBER:04d}")
    if len(behind) < len(EpochLog(journal).of(_NUMBER)):
        job.note("retrain", "started anew: its checkpoints are damaged or gone")
        journal.unlink()
        shutil.rmtree(folder, ignore_errors=True)


def _study(job: Context, config: Config, log: TrialLog) -> Study:
    epoch_log = EpochLog(job.run / "retrain_epochs.jsonl")
    seconds = _epoch_seconds(job)
    base = job.base.to_dict()
    differing = {k: v for k, v in config.to_dict().items() if k != "epochs" and v != base[k]}
    return Study(
        engine=ListedEngine(
            [Suggestion(_NUMBER, differing)], log.trials, epoch_log.unrecorded(log.trials)
        ),
        # One training, so one child with all cores.
        runner=job.workers.supervisor(1),
        plan=SearchPlan(job.budget, lambda: job.night.final_reserve(len(epoch_log.of(_NUMBER)))),
        log=log,
        epoch_log=epoch_log,
        listener=_Retraining(job),
        seed_of=lambda _: job.request.seed,
        epochs=job.night.final_epochs(seconds, 0) if seconds else job.night.plan.final_epochs,
        # The first epoch also builds and traces; machines were seen to slow down threefold.
        limits=Limits(silence=max(120.0, 5 * seconds)) if seconds else Limits(),
        folder=job.run / FOLDER,
        checkpoint=checkpoint.epochs_in,
        whole=True,
        remaining=lambda epochs, _: _remaining(job, epochs),
        stop=lambda: job.interrupt.requested,
    )


def _note_reads(job: Context) -> None:
    train, validation = len(job.splits.train), len(job.splits.validation)
    job.ledger.record("retrain", "train", train, "fitting the weights of the final model")
    job.ledger.record("retrain", "validation", validation, "choosing the epoch to keep")


def _epoch_seconds(job: Context) -> float | None:
    """What an epoch should take, by the trials; None where there were none."""
    log = TrialLog(job.run / "trials.jsonl")
    number = job.run.read_toml("best_config.toml").get("provenance", {}).get("trial")
    winner = next((t for t in log.trials if t.number == number and t.epochs), None)
    return None if winner is None else epoch_seconds(job, winner, learnt(job, log))


def _remaining(job: Context, epochs: Sequence[Epoch]) -> int:
    """Epochs still to come: as planned, or under a deadline as many as fit."""
    return job.night.final_epochs(epochs[-1].seconds, len(epochs))


class _Retraining(Watcher):
    """Shows the epochs of the retraining."""

    def trial_started(self, suggestion: Suggestion) -> None:
        """Nothing: the stage says it."""

    def epoch_done(self, suggestion: Suggestion, epoch: Epoch, remaining: int) -> None:
        """Show the epoch, and how many there will be as things stand."""
        self.job.view.retrain_epoch(epoch, epoch.epoch + remaining)
        self.job.on_progress()

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        """Nothing: its epochs were shown."""


def _keep_epochs(job: Context, config: Config, count: int) -> None:
    """Have ``best_config.toml`` say how many epochs it really was."""
    if count != config.epochs:
        provenance = job.run.read_toml("best_config.toml").get("provenance")
        job.run.write_text(
            "best_config.toml", dump_config(config.replace(epochs=count), provenance)
        )


def forget_checkpoints(job: Context) -> None:
    """Free the room that the checkpoints of all epochs take."""
    shutil.rmtree(job.run / FOLDER, ignore_errors=True)
    shutil.rmtree(job.trial_folder, ignore_errors=True)
