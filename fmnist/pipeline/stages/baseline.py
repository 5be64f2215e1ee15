"""The baseline: a dense network of as many parameters, trained to its end on the same images.

It is chosen by nothing and chooses nothing; the evaluation tests it with the final network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fmnist.pipeline.final_training import EpochProgressListener, FinalTraining, diff_from_base
from fmnist.pipeline.planner.sizing import BASELINE_MARGIN, dense_config
from fmnist.runs.artifacts import BASELINE, BASELINE_MODEL
from fmnist.runs.config_source import load_config
from fmnist.runs.records.final_model import TrainedBaseline
from search.engines.base import Suggestion
from search.records import Trial
from search.study.running_trial import trial_seed
from search.study.scheduler import CostModel, TrialScheduler

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context


def baseline(job: Context) -> None:
    """Train the dense network while its time lasts; what did not come to its end is not used."""
    epochs = job.planner.workload.baseline_epochs
    config = dense_config(load_config(job.run.path), len(job.data.class_names), epochs)
    training = FinalTraining(
        job, "baseline", job.trial_folder / "baseline", [Suggestion(0, diff_from_base(job, config))]
    )
    if not training.log.trials:
        _train(job, training, epochs)
    trial = next(iter(training.log.trials), None)
    if reason := _why_not(trial, epochs):
        job.note("baseline", f"left out: {reason}")
    else:
        training.save_model(BASELINE_MODEL.name, config, 0, epochs)
    done = trial.epochs if trial else ()
    record = TrainedBaseline(not reason, reason, config.dense_units, training.images, done)
    job.run.write(BASELINE, record)
    training.forget()


def _train(job: Context, training: FinalTraining, epochs: int) -> None:
    if not training.begun:
        use = "fitting the dense baseline; nothing is chosen"
        job.record_reads("baseline", use, use)
    costs, seconds = CostModel(), job.planner.workload.baseline
    # What is kept has a margin, and the scheduler adds one of its own: twice would not fit.
    costs.learn({}, epochs, seconds / BASELINE_MARGIN)
    training.run(
        TrialScheduler(job.budget, job.planner.post_baseline_seconds, costs),
        epochs=epochs,
        seed_of=lambda number: trial_seed(job.request.seed, number, "baseline"),
        listener=EpochProgressListener(job, lambda _: "baseline"),
        seconds=seconds / epochs,
    )
    job.workers.close()


def _why_not(trial: Trial | None, epochs: int) -> str:
    """Why the network cannot be used; empty where it can."""
    if trial is not None and trial.failure is not None and trial.failure.kind != "deadline":
        return f"it failed ({trial.failure.kind}: {trial.failure.message})"
    whole = trial is not None and len(trial.epochs) >= epochs
    return "" if whole else "there was no time for it"
