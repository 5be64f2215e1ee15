"""The retraining of the best configuration on the whole training split."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fmnist.config.config import Config
from fmnist.config.toml_text import dump_config
from fmnist.errors import TrainingError
from fmnist.pipeline.final_training import EpochProgressListener, FinalTraining, diff_from_base
from fmnist.pipeline.planner.costs import relative_cost
from fmnist.pipeline.stages.search import epoch_seconds, fit_cost_model
from fmnist.runs.artifacts import BEST_CONFIG, CHILDREN_LOG, HISTORY, MODEL, TRIALS
from fmnist.runs.config_source import load_config
from fmnist.runs.records.metrics import History
from fmnist.training import checkpoint
from search.engines.base import Suggestion
from search.records import Epoch, Trial, TrialLog
from search.study.scheduler import TrialScheduler

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context

RULE = "the epoch of the highest validation accuracy, the earliest where equal"
FOLDER = "epochs"
"""Checkpoints of every epoch, in the run folder, until the test set was evaluated."""
_NUMBER = 0


def retrain(job: Context) -> None:
    """Train the best configuration on the whole training split; keep its best epoch."""
    config = load_config(job.run.path)
    job.planner.winner_cost = round(relative_cost(config) / relative_cost(job.base), 3)
    training = FinalTraining(
        job, "retrain", job.run / FOLDER, [Suggestion(_NUMBER, diff_from_base(job, config))]
    )
    trial = _trained(job, training)
    chosen = best_epoch(trial)
    job.workers.close()
    training.save_model(MODEL.name, config, _NUMBER, chosen)
    _keep_epochs(job, config, len(trial.epochs))
    job.run.write(HISTORY, History(trial.epochs, chosen, RULE, training.images))


def best_epoch(trial: Trial) -> int:
    """The epoch that ``RULE`` chooses."""
    return max(trial.epochs, key=lambda e: (e.val_accuracy, -e.epoch)).epoch


def checkpoint_file(job: Context, epoch: int) -> Path:
    """The checkpoint of the retraining after ``epoch``."""
    return checkpoint.file(job.run / FOLDER / f"{_NUMBER:04d}", epoch)


def _trained(job: Context, training: FinalTraining) -> Trial:
    """The record of the retraining; what an earlier session finished is not done again."""
    log = training.log
    if not log.trials:
        fitting = "fitting the weights of the final model"
        job.record_reads("retrain", fitting, "choosing the epoch to keep")
        _train(job, training)
    (trial,) = log.trials
    if not trial.epochs:
        # Its record would keep the same command from trying again.
        log.path.unlink()
        failure = trial.failure
        why = f"{failure.kind}: {failure.message}" if failure else "without an epoch"
        raise TrainingError(
            f"the retraining failed ({why}); see {job.run / CHILDREN_LOG}; the same command "
            "tries it again"
        )
    return trial


def _train(job: Context, training: FinalTraining) -> None:
    seconds = _epoch_seconds(job)
    planned = job.planner.plan.final_epochs
    training.run(
        TrialScheduler(job.budget, lambda: job.planner.final_reserve(training.done(_NUMBER))),
        epochs=job.planner.final_epochs(seconds, 0) if seconds else planned,
        seed_of=lambda _: job.request.seed,
        listener=EpochProgressListener(job),
        seconds=seconds,
        remaining=lambda epochs, _: _remaining(job, epochs),
    )


def _epoch_seconds(job: Context) -> float | None:
    """What an epoch should take, by the trials; None where there were none."""
    log = TrialLog(job.run / TRIALS)
    number = job.run.read(BEST_CONFIG).provenance.get("trial")
    winner = next((t for t in log.trials if t.number == number and t.epochs), None)
    return None if winner is None else epoch_seconds(job, winner, fit_cost_model(job, log))


def _remaining(job: Context, epochs: Sequence[Epoch]) -> int:
    """Epochs still to come: as planned, or under a deadline as many as fit."""
    return job.planner.final_epochs(epochs[-1].seconds, len(epochs))


def _keep_epochs(job: Context, config: Config, count: int) -> None:
    """Have ``best_config.toml`` say how many epochs it really was."""
    if count != config.epochs:
        provenance = job.run.read(BEST_CONFIG).provenance or None
        job.run.write_text(BEST_CONFIG, dump_config(config.replace(epochs=count), provenance))


def forget_checkpoints(job: Context) -> None:
    """Free the room that the checkpoints of all epochs take."""
    shutil.rmtree(job.run / FOLDER, ignore_errors=True)
    shutil.rmtree(job.trial_folder, ignore_errors=True)
