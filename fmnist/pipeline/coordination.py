"""Who trains the trials of a study: this machine alone, or every machine that shares it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

from fmnist.pipeline.stages.search import ProgressListener, fit_cost_model, search
from fmnist.runs.artifacts import CONFIRM_EPOCHS, CONFIRM_TRIALS, TRIALS
from fmnist.training import checkpoint
from search.analysis.results import Candidate
from search.engines.base import Suggestion
from search.engines.fixed_list import FixedListEngine
from search.records import EpochLog, TrialLog
from search.study.checkpoints import CheckpointFolder
from search.study.running_trial import trial_seed
from search.study.scheduler import TrialScheduler
from search.study.study import Study, StudyError, StudyOptions

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context

# Runs are numbered round by round, so that a run has its number whatever the plan becomes.
ROUND = 10


def confirmation_runs(candidates: list[Candidate], seeds: int) -> Iterator[tuple[int, Candidate]]:
    """Number and candidate of every run: all candidates on one fresh seed, then on the next."""
    for seed in range(seeds):
        for place, candidate in enumerate(candidates):
            yield seed * ROUND + place, candidate


class Coordinator(Protocol):
    """Has the trials of a job trained and leaves their records in its run folder.

    Above it stand the stages ``search``, ``confirm`` and ``publish``; below it the study.
    """

    def search(self, job: Context) -> None:
        """Run the study; leaves ``trials.jsonl``, its journal and ``importance.json``."""

    def workforce(self, job: Context) -> AbstractContextManager[None]:
        """Have the plan reckon with every machine that takes part."""

    def confirmation_size(self, job: Context) -> tuple[int, int, str] | None:
        """Candidates, seeds and no reason of a confirmation that was begun; None without one."""

    def confirm(self, job: Context, candidates: list[Candidate], seeds: int) -> None:
        """Run every candidate on fresh seeds; leaves ``confirm.jsonl`` and its journal."""

    def release_workers(self, job: Context, reason: str = "") -> None:
        """Tell other machines that all is done; ``reason``: why it ended badly."""

    @property
    def publishes(self) -> bool:
        """Whether there is a store to take the final model."""

    def publish(self, job: Context) -> None:
        """Put the final model and its configuration into the store."""


class LocalCoordinator:
    """This machine alone."""

    publishes = False

    def search(self, job: Context) -> None:
        """See ``Coordinator.search``."""
        search(job)

    def workforce(self, job: Context) -> AbstractContextManager[None]:
        """See ``Coordinator.workforce``."""
        return nullcontext()

    def confirmation_size(self, job: Context) -> None:
        """See ``Coordinator.confirmation_size``."""

    def confirm(self, job: Context, candidates: list[Candidate], seeds: int) -> None:
        """See ``Coordinator.confirm``."""
        log = TrialLog(job.run / CONFIRM_TRIALS)
        epoch_log = EpochLog(job.run / CONFIRM_EPOCHS)
        suggestions = [
            Suggestion(number, c.params, replicate_of=c.trial)
            for number, c in confirmation_runs(candidates, seeds)
        ]
        costs = fit_cost_model(job, TrialLog(job.run / TRIALS))
        study = Study(
            engine=FixedListEngine(suggestions, log.trials, epoch_log.unrecorded(log.trials)),
            runner=job.workers.supervisor(job.planner.jobs),
            scheduler=TrialScheduler(job.budget, job.planner.confirm_reserve, costs),
            log=log,
            epoch_log=epoch_log,
            listener=ProgressListener(job),
            seed_of=lambda number: trial_seed(job.request.seed, number, "confirm"),
            options=StudyOptions(job.planner.plan.trial_epochs, limits=job.trial_limits),
            checkpoints=CheckpointFolder(job.trial_folder / "confirm", checkpoint.epochs_in),
            stop=lambda: job.interrupt.requested,
        )
        try:
            study.run()
        except StudyError as error:
            job.note("confirm", f"the confirmation ended early: {error}")

    def release_workers(self, job: Context, reason: str = "") -> None:
        """See ``Coordinator.release_workers``."""

    def publish(self, job: Context) -> None:
        """See ``Coordinator.publish``."""
