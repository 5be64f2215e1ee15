"""The search: a study over the space, then the best configuration."""

from __future__ import annotations

import statistics
from contextlib import closing
from typing import TYPE_CHECKING, Any

from fmnist import training
from fmnist.config import dump_config
from fmnist.data import subset
from fmnist.errors import UserError
from fmnist.stages.parts import part
from fmnist.words import settings
from search.budget import SearchPlan
from search.engines.base import Suggestion
from search.records import Epoch, Trial, TrialLog
from search.space import Value
from search.study import OnEpoch, Study

if TYPE_CHECKING:
    from fmnist.stages.context import Context


def search(job: Context) -> None:
    """Run the study and write the best configuration."""
    from search.engines.optuna import OptunaEngine
    from search.importance import importances

    assert job.space is not None
    log = TrialLog(job.run / "trials.jsonl")
    engine = OptunaEngine(
        job.run / "study.db",
        job.space,
        sampler=job.request.sampler,  # type: ignore[arg-type]
        seed=job.request.seed,
        prune=job.request.prune,
        finished=log.trials,
    )
    if job.request.sampler != "grid":
        for params in job.first_trials:
            engine.enqueue(params)
    study = Study(
        engine=engine,
        objective=_objective(job),
        plan=SearchPlan(job.budget, reserve=lambda: _reserve(job, log)),
        log=log,
        listener=_Listener(job),
        seed=job.request.seed,
        epochs=job.request.trial_epochs,
        max_trials=job.request.trials,
    )
    with closing(engine):
        study.run()
    best = best_trial(log)
    job.run.write_json("importance.json", importances(log.trials, job.space))
    _write_best(job, best)


def _objective(job: Context) -> Any:
    """The study's objective: train on a part of the training split, score on validation."""
    size, seed = _trial_images(job), job.request.seed
    chosen = subset(job.splits.train, job.data.train_labels, size, seed=seed)
    job.ledger.record("search", "train", len(chosen), "fitting the trials")
    job.ledger.record(
        "search", "validation", len(job.splits.validation), "scoring, pruning and choosing trials"
    )
    train, validation = part(job, chosen), part(job, job.splits.validation)

    def objective(params: dict[str, Value], seed: int, on_epoch: OnEpoch) -> None:
        config = job.base.replace(**params, epochs=job.request.trial_epochs)
        classes = len(job.data.class_names)
        training.fit(config, train, validation, classes=classes, seed=seed, on_epoch=on_epoch)

    return objective


def _trial_images(job: Context) -> int:
    """Training images of a trial: as many as asked, at most all."""
    return min(job.request.trial_images, len(job.splits.train))


def _reserve(job: Context, log: TrialLog) -> float:
    """Seconds the stages after the search need, as far as is known now."""
    if job.reserve is None:
        return 0.0
    best = log.best()
    if best is None:
        return job.reserve.tail() + job.reserve.retraining(float("inf"))
    wanted = job.request.final_epochs * _epoch_seconds(job, best)
    return job.reserve.tail() + job.reserve.retraining(wanted)


def _epoch_seconds(job: Context, trial: Trial) -> float:
    """Expected seconds of one retraining epoch: scaled from the trial by images.

    A validation image costs about a third of a training image: forward only.
    """
    # The first epoch also builds and traces the network.
    seconds = statistics.median(e.seconds for e in trial.epochs[1:] or trial.epochs)
    validation = len(job.splits.validation) / 3
    size = _trial_images(job)
    return seconds * (len(job.splits.train) + validation) / (size + validation)


def best_trial(log: TrialLog) -> Trial:
    """The complete trial of the highest validation accuracy.

    Where none ran to its end, the one that ran longest. ``UserError`` where none gave a value.
    """
    best = log.best()
    if best is not None:
        return best
    cut = [t for t in log.trials if t.state == "pruned" and t.epochs]
    if cut:
        return max(cut, key=lambda t: (len(t.epochs), t.value or 0.0))
    failures = {t.failure.message for t in log.trials if t.failure}
    raise UserError(
        f"no trial finished ({len(log.trials)} tried); give more --time or fewer --trial-epochs"
        + "".join(f"\n  {message}" for message in sorted(failures))
    )


def _write_best(job: Context, best: Trial) -> None:
    epochs = job.request.final_epochs
    if job.reserve is not None:
        left = job.budget.remaining() - job.reserve.tail()
        epochs = max(1, min(epochs, int(left / _epoch_seconds(job, best))))
    config = job.base.replace(**best.params, epochs=epochs)
    provenance = {
        "run": job.run.path.name,
        "trial": best.number,
        "validation_accuracy": best.value,
    }
    job.run.write_text("best_config.toml", dump_config(config, provenance))
    job.view.message(f"best trial {best.number}: {settings(best.params)}")


class _Listener:
    """Shows the study and notes its time, so that a resumed run knows what is left."""

    def __init__(self, job: Context) -> None:
        self.job = job

    def trial_started(self, suggestion: Suggestion) -> None:
        self.job.view.trial_started(suggestion)

    def epoch_done(self, suggestion: Suggestion, epoch: Epoch) -> None:
        self.job.view.epoch_done(suggestion, epoch)
        self.job.interrupt.check()

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        self.job.view.trial_done(trial, best, time_left)
        self.job.on_progress()
