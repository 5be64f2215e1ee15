"""What every stage works with: the request, the run folder, the data, the time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist.config.config import Config, ConfigError
from fmnist.data import DataSet, Ledger, Splits, check_same, load, split, subset
from fmnist.integrations.tracker import Trackers
from fmnist.models.inference import PREDICT_BATCH
from fmnist.models.size import size_of
from fmnist.pipeline.clock import JobClock
from fmnist.pipeline.planner.planner import TimePlanner
from fmnist.pipeline.planner.sizing import choose_jobs, choose_profile, choose_workload
from fmnist.pipeline.progress import ProgressDisplay
from fmnist.pipeline.request import ReportOptions, Request
from fmnist.pipeline.worker_pool import TrialProcessPool
from fmnist.runs.artifacts import CHILDREN_LOG, LATENCIES, LEDGER, PLAN, PREFLIGHT, RUN, STAGES
from fmnist.runs.folder import Run
from fmnist.runs.records.plan import RunProfile, Stage, Stages
from fmnist.training.objective import Part, TrainingObjective
from search.engines.base import accept_all
from search.processes.interrupt import Interrupt
from search.processes.supervisor import shared_threads
from search.records import TrialLog
from search.space import SearchSpace, Value
from search.study.running_trial import is_infeasible
from search.study.scheduler import Budget
from search.tasks import Limits

if TYPE_CHECKING:
    from fmnist.analysis.reproduction import Recorded
    from fmnist.pipeline.search_setup import SearchSetup
    from fmnist.report.render import Rendered


@dataclass
class Context:
    """One job as its stages see it; the data are read when a stage first asks for them.

    Attributes:
        base: configuration whose fields hold where the space does not search them.
        first_trials: parameter sets that the study tries before its own.
        report: how the report is to look.
        clock: when the job began, what earlier sessions took.
        recipe: what ``run.toml`` says of the recipe that is run; empty without one.
        recorded: the run that this one repeats; None where it repeats none.
        setup_for: gives what a search starts from under a profile; None where nothing is searched.
        trackers: other programs' books, kept as the run goes.
        rehearsal: whether a long run is rehearsed before it begins.
        strict: whether a template or text of the author's that is broken ends the job.
    """

    run: Run
    request: Request
    display: ProgressDisplay
    base: Config
    space: SearchSpace | None = None
    first_trials: tuple[dict[str, Any], ...] = ()
    class_names: tuple[str, ...] | None = None
    report: ReportOptions = field(default_factory=ReportOptions)
    clock: JobClock = field(default_factory=JobClock)
    recipe: dict[str, Any] = field(default_factory=dict)
    recorded: Recorded | None = None
    trackers: Trackers = field(default_factory=Trackers)
    rehearsal: bool = True
    strict: bool = False
    on_progress: Callable[[], object] = field(default=lambda: None)
    setup_for: Callable[[RunProfile], SearchSetup] | None = None
    rendered: Rendered | None = None
    interrupt: Interrupt = field(default_factory=Interrupt)

    def __post_init__(self) -> None:
        # Before anything asks for the budget: what earlier sessions took is spent.
        if stages := self.run.get(STAGES):
            self.clock.resume(stages.stages)

    @cached_property
    def data(self) -> DataSet:
        """The verified data set with its sealed test set."""
        path = Path(self.request.data) if self.request.data else None
        data = load(path, class_names=self.class_names)
        if record := self.run.get(RUN):
            check_same(data, record.data.digest)
        return data

    @cached_property
    def splits(self) -> Splits:
        """Training and validation indices; the same for one seed and data set."""
        labels = self.data.train_labels
        return split(labels, validation=self.planner.plan.validation, seed=self.request.seed)

    @cached_property
    def ledger(self) -> Ledger:
        """Who read which split, when and why."""
        return Ledger(self.run / LEDGER)

    @cached_property
    def budget(self) -> Budget:
        """The time of this job."""
        return self.clock.budget(self.request.time_seconds)

    @cached_property
    def planner(self) -> TimePlanner:
        """How the time is split; what an earlier session planned still holds."""
        stored = self.run.get(PLAN)
        if stored:
            profile = stored.sizes
        else:
            profile = choose_profile(self.request, self.budget.total, lambda: self.data)
        slowness, rendering = 1.0, None
        if preflight := self.run.get(PREFLIGHT):
            slowness, rendering = preflight.slowness or 1.0, preflight.rendering
        planner = TimePlanner(
            self.budget,
            profile,
            slowness,
            rendering=rendering,
            deadline=self.clock.deadline,
            confirm=self.request.confirm,
            workload=choose_workload(self.request, profile, self.base, self.space),
        )
        jobs = choose_jobs(self.request, self.budget.total)
        if stored:
            planner.resume(stored)
            planned = [part.stage for part in stored.planned]  # none without a limit
            if planned and self.request.experiments is None and "experiments" not in planned:
                planner.workload = replace(planner.workload, experiments=False)
            kept = sum(part.seconds or 0.0 for part in stored.planned if part.stage == "baseline")
            planner.workload = replace(planner.workload, baseline=kept)
            if self.request.jobs == "auto":
                # Costs were learnt with so many at once; another machine may have less room.
                jobs = min(jobs, stored.jobs)
        planner.set_parallelism(jobs, shared_threads(jobs)[0])
        if stored and jobs != stored.jobs:
            planner.note("preflight", f"gone on with {planner.describe_parallelism()}")
            self.display.message(f"going on with {planner.describe_parallelism()}")
        return planner

    def set_parallelism(self, jobs: int) -> None:
        """Have ``jobs`` trainings run at once from here on."""
        self.planner.set_parallelism(jobs, shared_threads(jobs)[0])

    @cached_property
    def workers(self) -> TrialProcessPool:
        """The child processes that train."""
        return TrialProcessPool(self.run / CHILDREN_LOG, self.training)

    @property
    def trial_images(self) -> int:
        """Training images of a trial: as many as planned, at most all."""
        return min(self.planner.plan.trial_images, len(self.splits.train))

    @property
    def trial_limits(self) -> Limits:
        """The limits of a trial, as asked."""
        return Limits(seconds=self.request.trial_timeout, memory=self.request.trial_memory)

    @property
    def trial_folder(self) -> Path:
        """Where trials under way keep their checkpoints."""
        return self.run / "trials"

    def excess(self, config: Config) -> str:
        """What of the network of ``config`` is above a cap, in words; its time is not measured."""
        return self.request.caps.excess(config, len(self.data.class_names))

    def accepts_beside(self, log: TrialLog) -> Callable[[Mapping[str, Value]], bool]:
        """Whether parameters may be tried: below all caps, nor as large as what was too slow.

        Args:
            log: of the study, which knows what was too slow.
        """

        def accepts(params: Mapping[str, Value]) -> bool:
            try:
                config = self.base.replace(**params)
            except ConfigError:
                return True  # its trial says what is wrong
            return not self.excess(config) and not any(
                size_of(config).is_as_large_as(size_of(self.base.replace(**t.params)))
                for t in log.trials
                if is_infeasible(t)
            )

        return accepts if self.request.caps else accept_all

    def part(self, index: NDArray[np.int64]) -> Part:
        """Images uint8 [N, 28, 28, 1] and labels int64 [N] of the training file at ``index``."""
        return self.data.train_images[index], self.data.train_labels[index]

    def training(self) -> TrainingObjective:
        """What the children do: trials on their share of the training split, or on all of it."""
        train, labels = self.splits.train, self.data.train_labels
        chosen = subset(train, labels, self.trial_images, seed=self.request.seed)
        return TrainingObjective(
            base=self.base,
            train=self.part(train),
            validation=self.part(self.splits.validation),
            share=np.searchsorted(train, chosen),
            classes=len(self.data.class_names),
            caps=self.request.caps,
            times=self.run / LATENCIES,
        )

    def training_with_validation(self) -> TrainingObjective:
        """The same on training and validation images; nothing is left to score an epoch by.

        So its epochs are scored on some of the images that it learns.
        """
        everything = np.concatenate([self.splits.train, self.splits.validation])
        return replace(
            self.training(),
            train=self.part(everything),
            validation=self.part(everything[:PREDICT_BATCH]),
        )

    def record_reads(
        self, stage: str, fitting: str, scoring: str, *, images: int | None = None
    ) -> None:
        """Have the ledger say what ``stage`` reads the two splits for.

        Args:
            images: of the training split; None: all.
        """
        n = len(self.splits.train) if images is None else images
        self.ledger.record(stage, "train", n, fitting)
        self.ledger.record(stage, "validation", len(self.splits.validation), scoring)

    def note(self, stage: str, text: str) -> None:
        """Write a decision into the plan and tell it."""
        self.planner.note(stage, text)
        self.display.message(text)

    def save_plan(self) -> None:
        """Write ``plan.json``."""
        self.run.write(PLAN, self.planner.record)

    def save_progress(self, name: str, began: str, since: float) -> tuple[Stage, ...]:
        """Note the time spent in the stage ``name`` so far, so that a resume counts it.

        Returns the stages as noted, earlier ones first.
        """
        stages = (*self.clock.stages, Stage(name, began, round(time.monotonic() - since, 3)))
        self.run.write(STAGES, Stages(stages, self.budget.total))
        self.save_plan()
        self.trackers.progress(self.run)
        return stages
