"""The coordinator of a shared study: makes it, says when it ends, leaves the files of a run.

All later stages and the report read those files alone, as after a search on one machine.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from fmnist.distributed import results
from fmnist.distributed.compatibility import study_spec
from fmnist.distributed.phase_runner import PhaseRunner
from fmnist.distributed.phases import confirmation_of, publish_phase, read_phase
from fmnist.distributed.publish import publish
from fmnist.errors import TrainingError
from fmnist.integrations.postgresql import Storage, connected
from fmnist.pipeline.coordination import ROUND, confirmation_runs
from fmnist.pipeline.stages.search import fit_cost_model, record_reads, reserve
from fmnist.runs.artifacts import (
    CONFIRM_EPOCHS,
    CONFIRM_TRIALS,
    EPOCHS,
    IMPORTANCE,
    TRIALS,
    WORKERS,
)
from fmnist.runs.folder import RunError
from search.analysis.importance import importances
from search.analysis.results import Candidate
from search.records import Trial, TrialLog, best_of
from search.space import SpaceError
from search.study.running_trial import trial_seed
from search.study.scheduler import CostModel, TrialScheduler
from search.study.study import StudyError

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context
    from search.distributed import DistributedStudy

log = logging.getLogger("fmnist")


def study_name(job: Context) -> str:
    """Name of the job's shared study: as asked for, else that of the run."""
    asked = job.request.study
    return job.run.path.name if asked in (None, "auto") else str(asked)


@dataclass(frozen=True)
class DistributedCoordinator:
    """Every machine that shares the study in ``storage``; see ``pipeline.coordination``."""

    storage: Storage

    @property
    def publishes(self) -> bool:
        """See ``Coordinator.publishes``."""
        return self.storage.artifacts is not None

    def publish(self, job: Context) -> None:
        """See ``Coordinator.publish``."""
        publish(job, self.storage, study_name(job))

    def search(self, job: Context) -> None:
        """Run the study with whoever takes part, and estimate what mattered in it."""
        assert job.space is not None
        record_reads(job)
        with self._connected(job) as storage:
            study = _made(storage, study_name(job), job, study_spec(job, self.storage.artifacts))
            costs = CostModel(job.space)
            plan = TrialScheduler(job.budget, lambda: reserve(job, runner.log, costs), costs)
            runner = PhaseRunner(
                job,
                self.storage.artifacts,
                study,
                study,
                "search",
                plan,
                (TRIALS, EPOCHS),
            )
            if job.request.sampler != "grid":
                for params in job.first_trials:
                    runner.loop.engine.enqueue(params)
            job.display.message(f"the study is {study.name}: fmnist worker --study {study.name}")
            try:
                runner.run()
            except StudyError as error:
                if best_of(study.records()) is None:
                    publish_phase(study, "done", reason=str(error))
                    raise TrainingError(f"{error}; see the children.log of its worker") from None
                job.note("search", f"the search ended early: {error}")
            job.interrupt.check()
            trials = runner.finish()
            job.run.write(WORKERS, results.workers(study))
        job.planner.note("search", f"ended after {len(trials)} trials")
        job.run.write(IMPORTANCE, importances(trials, job.space))

    def confirmation_size(self, job: Context) -> tuple[int, int, str] | None:
        """See ``Coordinator.confirmation_size``."""
        from search.distributed import DistributedStudy

        with self._connected(job) as storage:
            found = DistributedStudy.find(storage, confirmation_of(study_name(job)))
            return (found.spec["candidates"], found.spec["seeds"], "") if found else None

    @contextmanager
    def workforce(self, job: Context) -> Iterator[None]:
        """Have the plan reckon with all who trained in the search."""
        own = job.planner.jobs
        sharing = job.run.get(WORKERS)
        workers = sharing.workers if sharing else ()
        job.planner.jobs = max(own, sum(w.jobs for w in workers if w.search))
        try:
            yield
        finally:
            job.planner.jobs = own

    def confirm(self, job: Context, candidates: list[Candidate], seeds: int) -> None:
        """Have ``found`` run on so many fresh seeds; leaves ``confirm.jsonl`` and its journal."""
        from search.distributed import DistributedStudy

        with self._connected(job) as storage:
            home = DistributedStudy.find(storage, study_name(job))
            if home is None:
                raise RunError(f"the study {study_name(job)} is gone from {self.storage.shown}")
            tasks = _tasks(job, candidates, seeds)
            facts = {**home.spec, "candidates": len(candidates), "seeds": seeds, "tasks": tasks}
            study = _made(storage, confirmation_of(home.name), job, facts)
            searched = TrialLog(job.run / TRIALS)
            plan = TrialScheduler(
                job.budget, job.planner.confirm_reserve, fit_cost_model(job, searched)
            )
            files = (CONFIRM_TRIALS, CONFIRM_EPOCHS)
            runner = PhaseRunner(
                job,
                self.storage.artifacts,
                home,
                study,
                "confirm",
                plan,
                files,
                numbered=partial(_numbered, tasks),
            )
            try:
                runner.run()
            except StudyError as error:
                job.note("confirm", f"the confirmation ended early: {error}")
            job.interrupt.check()
            runner.finish()
            job.run.write(WORKERS, results.workers(home, study))

    def release_workers(self, job: Context, reason: str = "") -> None:
        """Tell the workers that there is nothing more to do; ``reason``: why it ended badly."""
        from search.distributed import DistributedStudy

        with self._connected(job) as storage:
            home = DistributedStudy.find(storage, study_name(job))
            if home is not None and read_phase(home).name != "done":
                publish_phase(home, "done", reason=reason)

    def _connected(self, job: Context) -> AbstractContextManager[Any]:

        def tell(text: str) -> None:
            log.warning("%s", text)
            job.display.message(text)

        return connected(self.storage, stop=lambda: job.interrupt.requested, tell=tell)


def _made(storage: Any, name: str, job: Context, facts: dict[str, Any]) -> DistributedStudy:
    """The study, made now or found as it was made.

    Raises:
        RunError: a study of that name was made with other facts or another space.
    """
    from search.distributed import DistributedStudy

    assert job.space is not None
    try:
        return DistributedStudy.create(storage, name, job.space, facts)
    except (StudyError, SpaceError) as error:
        raise RunError(f"{error}\ngive the study another name with --study") from None


def _tasks(job: Context, candidates: list[Candidate], seeds: int) -> list[dict[str, Any]]:
    """Round by round, so that every candidate has equally many runs wherever it ends."""
    return [
        {
            "params": c.params,
            "seed": trial_seed(job.request.seed, number, "confirm"),
            "epochs": job.planner.plan.trial_epochs,
            "replicate_of": c.trial,
        }
        for number, c in confirmation_runs(candidates, seeds)
    ]


def _numbered(tasks: list[dict[str, Any]], trials: list[Trial]) -> list[Trial]:
    """The runs by the numbers of ``confirmation_runs``; 100 more each time one was repeated."""
    candidates = len({task["replicate_of"] for task in tasks})
    seeds = [task["seed"] for task in tasks]
    seen: Counter[int] = Counter()
    found = []
    for trial in trials:
        place = seeds.index(trial.seed)
        number = place // candidates * ROUND + place % candidates + 100 * seen[place]
        seen[place] += 1
        found.append(replace(trial, number=number))
    return found
