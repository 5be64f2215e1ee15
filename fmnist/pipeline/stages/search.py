"""The search: a study over the space, in child processes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from fmnist import backends
from fmnist.errors import TrainingError
from fmnist.pipeline.planner.costs import relative_cost
from fmnist.pipeline.planner.profiles import FEWEST_TRIALS
from fmnist.pipeline.planner.revision import give_back, revise_sizes
from fmnist.runs.artifacts import EPOCHS, IMPORTANCE, PRIOR, TRIALS
from fmnist.runs.folder import RunError
from fmnist.training import checkpoint
from search.analysis.importance import importances
from search.engines import open_engine
from search.engines.base import Suggestion
from search.records import Epoch, EpochLog, Failure, Trial, TrialLog
from search.space import SpaceError
from search.study.checkpoints import CheckpointFolder
from search.study.running_trial import trial_seed
from search.study.scheduler import CostModel, TrialScheduler
from search.study.study import Study, StudyError, StudyOptions

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context


def search(job: Context) -> None:
    """Run the study, and estimate what mattered in it."""
    log = TrialLog(job.run / TRIALS)
    record_reads(job)
    try:
        study = _study(job, log)
    except SpaceError as error:
        raise RunError(str(error)) from None
    with closing(study.engine):
        try:
            study.run()
        except StudyError as error:
            if log.best() is None:
                raise TrainingError(f"{error}; see {job.run / 'children.log'}") from None
            job.note("search", f"the search ended early: {error}")
    job.interrupt.check()
    job.planner.note("search", f"ended after {len(log.trials)} trials")
    if _too_short(job, log, study.scheduler):
        give_back(job.planner, _count_complete(log.trials))
    assert job.space is not None
    job.run.write(IMPORTANCE, importances(log.trials, job.space))


def _too_short(job: Context, log: TrialLog, scheduler: TrialScheduler) -> bool:
    """Whether the time, and nothing that was asked for, left a search too few trials."""
    request, sizes = job.request, job.planner.plan
    asked = request.trials or request.trial_images or request.trial_epochs or request.study
    if asked or job.budget.total is None or not (sizes.searched and job.first_trials):
        return False
    ended = not scheduler.may_start(None, sizes.trial_epochs)
    return ended and not enough_to_confirm([t.state for t in log.trials])


def _study(job: Context, log: TrialLog) -> Study:
    assert job.space is not None
    request, sizes = job.request, job.planner.plan
    epoch_log = EpochLog(job.run / EPOCHS)
    if request.engine == "keras-tuner":
        backends.configure()  # it imports Keras
    engine = open_engine(
        request.engine,
        job.run.path,
        job.space,
        sampler=request.sampler,
        seed=request.seed,
        pruner=request.pruner,
        finished=log.trials,
        epochs=sizes.trial_epochs,
        max_trials=request.trials,
        min_next_number=epoch_log.min_next_number(),
        accepts=job.accepts_beside(log),
        prior=job.run.get(PRIOR),
    )
    if request.sampler != "grid":
        for params in job.first_trials:
            engine.enqueue(params)
    costs = fit_cost_model(job, log)
    return Study(
        engine=engine,
        runner=job.workers.supervisor(job.planner.jobs),
        scheduler=TrialScheduler(job.budget, reserve=lambda: reserve(job, log, costs), costs=costs),
        log=log,
        epoch_log=epoch_log,
        listener=_SearchListener(job, log),
        options=StudyOptions(
            epochs=sizes.trial_epochs,
            max_trials=request.trials or sizes.max_trials,
            limits=job.trial_limits,
        ),
        checkpoints=CheckpointFolder(job.trial_folder, checkpoint.epochs_in),
        seed_of=partial(trial_seed, request.seed),
        stop=lambda: job.interrupt.requested,
    )


def record_reads(job: Context) -> None:
    """Have the ledger say what trials read."""
    scoring = "scoring, pruning and choosing trials"
    job.record_reads("search", "fitting the trials", scoring, images=job.trial_images)


def fit_cost_model(job: Context, log: TrialLog, scale: float = 1.0) -> CostModel:
    """What trials cost, learnt from those in the log; or trainings that take ``scale`` times it."""
    costs = CostModel(job.space)
    for trial in log.trials:
        costs.learn_from(trial, scale)
    return costs


def reserve(job: Context, log: TrialLog, costs: CostModel) -> float:
    """Seconds that the stages after the search need, as far as is known now."""
    best = log.best()
    if best is None:
        return job.planner.search_reserve()
    run = costs.estimate(best.params, job.planner.plan.trial_epochs)
    enough = enough_to_confirm([t.state for t in log.trials])
    return job.planner.search_reserve(epoch_seconds(job, best, costs), run, enough_trials=enough)


def enough_to_confirm(states: Sequence[str]) -> bool:
    """Whether there was a choice that a confirmation is worth its time for.

    Those that were pruned count half: of 25 trials a pruner left seven complete, of 14 six, and the
    time for their confirmation was gone.
    """
    return states.count("complete") + states.count("pruned") / 2 >= FEWEST_TRIALS


def _count_complete(trials: Sequence[Trial]) -> int:
    return sum(trial.state == "complete" for trial in trials)


def epoch_seconds(job: Context, trial: Trial, costs: CostModel) -> float:
    """Expected seconds of one retraining epoch: scaled from the trials by images."""
    return costs.seconds_per_epoch(trial.params) * _scale_to_all_images(job)


def _scale_to_all_images(job: Context) -> float:
    """How many times as long as an epoch of a trial one of the retraining takes.

    A validation image costs about a third of a training image: forward only.
    """
    validation = len(job.splits.validation) / 3
    return (len(job.splits.train) + validation) / (job.trial_images + validation)


class ProgressListener:
    """Shows a study and notes its time, so that a resumed run knows what is left."""

    def __init__(self, job: Context) -> None:
        self.job = job

    def trial_started(self, suggestion: Suggestion) -> None:
        """See ``search.study.study.Listener``."""
        self.job.display.trial_started(suggestion)

    def epoch_done(self, suggestion: Suggestion, epoch: Epoch, remaining: int) -> None:
        """See ``search.study.study.Listener``."""
        self.job.display.epoch_done(suggestion, epoch)

    def trial_retried(self, suggestion: Suggestion, failure: Failure) -> None:
        """See ``search.study.study.Listener``."""
        self.job.display.trial_retried(suggestion, failure)

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        """See ``search.study.study.Listener``."""
        self.job.display.trial_done(trial, best, time_left)
        self.job.on_progress()


class _SearchListener(ProgressListener):
    """Looks besides whether trials cost what was planned."""

    def __init__(self, job: Context, log: TrialLog) -> None:
        super().__init__(job)
        self._log = log

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        """See ``search.study.study.Listener``."""
        if trial.state == "complete":
            revise_sizes(
                self.job.planner,
                [e.seconds for e in trial.epochs],
                scale=_scale_to_all_images(self.job),
                cost=relative_cost(self.job.base.replace(**trial.params))
                / relative_cost(self.job.base),
                finished=_count_complete(self._log.trials),
            )
        super().trial_done(trial, best, time_left)
