"""One phase of a shared study as its coordinator sees it: part of the work, all of the watch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fmnist.distributed.phases import (
    LOOK,
    Name,
    acquire_coordination,
    publish_phase,
    register_worker,
)
from fmnist.distributed.results import write_trials
from fmnist.distributed.worker_loop import WorkerLoop
from fmnist.distributed.worker_process import load_or_make_worker_name
from fmnist.runs.artifacts import Artifact
from search.engines.choices import GRID_POINTS
from search.records import Epoch, Trial
from search.study.running_trial import is_external_failure
from search.study.scheduler import TrialScheduler
from search.study.study import StudyError

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context
    from search.distributed import DistributedStudy, DistributedTrialLog

FOLDER = "shared"
"""What the coordinator keeps in the folder of its run as one of the workers."""
# Workers stop so many seconds before the time that was planned is over; so long the coordinator
# waits for their last records.
_EARLY, _SETTLE, _PAUSE = 1.0, 15.0, 0.5
# So many seconds at a time they get as long as there is no epoch of any trial.
_FIRST = 30.0
_GONE = "its time was over, and nothing was heard of its worker"


@dataclass
class PhaseRunner:
    """Has a phase run to its end.

    Attributes:
        artifacts: where checkpoints are left for other machines.
        home: the study whose attributes tell the phase.
        shared: the study that runs: ``home`` itself, or that of the confirmation.
        files: log and journal that it leaves in the run's folder.
        numbered: gives trials the numbers that they have in those files.
    """

    job: Context
    artifacts: str | None
    home: DistributedStudy
    shared: DistributedStudy
    phase: Name
    plan: TrialScheduler
    files: tuple[Artifact[Trial], Artifact[Epoch]]
    numbered: Callable[[list[Trial]], list[Trial]] = lambda trials: trials
    _looked: float = field(default=0.0, init=False)
    _told: set[int] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.name = load_or_make_worker_name(self.job.run / FOLDER)
        acquire_coordination(self.home, self.name)
        self.slots = 0 if self.job.request.jobs == 0 else self.job.planner.jobs
        self.loop = WorkerLoop(
            job=self.job,
            shared=self.shared,
            worker=self.name,
            home=self.job.run / FOLDER / self.phase,
            plan=self.plan,
            slots=self.slots,
            artifacts=self.artifacts,
        )
        self._told = {t.number for t in self.log.trials}

    @property
    def log(self) -> DistributedTrialLog:
        """Every finished trial of all machines."""
        return self.loop.log

    def run(self) -> None:
        """Train and watch until nothing is left to do, the time is over, or a signal came.

        Raises:
            StudyError: several trials in a row failed here, and no other machine did better.
        """
        publish_phase(self.home, self.phase, self._left())
        if self.slots:
            device = self.job.workers.supervisor(self.slots).device
            register_worker(self.home, self.name, self.slots, str(device or "unknown"))
            self._train()
        while not self._stopped() and not self._over():
            time.sleep(_PAUSE)
        if self.job.interrupt.requested:
            self.loop.give_back()
            self.loop.close()

    def _train(self) -> None:
        try:
            self.loop.run(self._stopped)
        except StudyError as error:
            own = {t.number for t in self.log.own}
            if all(t.state == "failed" for t in self.log.trials if t.number not in own):
                raise
            self.job.note(self.phase, f"other machines go on without this one: {error}")

    def finish(self) -> list[Trial]:
        """End what still runs anywhere, leave the files; every finished trial, by number."""
        publish_phase(self.home, self.phase, 0.0)
        self._settle()
        self.loop.close()
        self._show()
        return self._write()

    def _stopped(self) -> bool:
        if self.job.interrupt.requested:
            return True
        if time.monotonic() - self._looked >= LOOK:
            self._look()
            self._looked = time.monotonic()
        return False

    def _look(self) -> None:
        """What a coordinator does from time to time."""
        from search.distributed import recovery

        publish_phase(self.home, self.phase, self._left())
        recovery.requeue_stale_trials(self.shared)
        if self._show():
            self._write()
            self.job.on_progress()

    def _show(self) -> bool:
        """Tell of what others have ended since the last time; whether there was any of it."""
        self.log.refresh()
        new = [t for t in self.log.trials if t.number not in self._told]
        own = {t.number for t in self.log.own}
        for trial in new:
            self._told.add(trial.number)
            if trial.number not in own:  # those were shown when they ended
                self._learn(trial)
                self.job.display.trial_done(trial, self.log.best(), self.plan.time_left())
        return bool(new)

    def _learn(self, trial: Trial) -> None:
        """Where nothing is trained here, others have to say what trials cost."""
        if not self.slots:
            self.plan.costs.learn_from(trial)

    def _left(self) -> float:
        """Seconds that the others may use."""
        left = max(0.0, self.plan.time_left() - _EARLY)
        return left if self._begun() else max(left, _FIRST)

    def _begun(self) -> bool:
        """Whether there is something to report on: without it, however late, one trial runs."""
        return self.phase != "search" or any(t.epochs for t in self.log.trials)

    def _over(self) -> bool:
        if self._begun() and self.plan.time_left() <= _EARLY:
            return True
        done, wanted = sum(not is_external_failure(t) for t in self.log.trials), self._wanted()
        ending = self.plan.budget.remaining() <= 0 or (wanted is not None and done >= wanted)
        return ending and not any(self.shared.unfinished())

    def _wanted(self) -> int | None:
        """How many trials there are to be; None: as many as there is time for."""
        facts = self.shared.spec
        if "tasks" in facts:
            return len(facts["tasks"])
        if facts["sampler"] == "grid":
            points = sum(1 for _ in self.shared.space.grid(GRID_POINTS))
            return min(points, facts["max_trials"] or points)
        return None if facts["max_trials"] is None else int(facts["max_trials"])

    def _settle(self) -> None:
        """Wait for the last records of all workers; what is silent then has failed."""
        from search.distributed import recovery

        until = time.monotonic() + _SETTLE
        over = "the time of this phase was over"
        if not recovery.drain(
            self.shared, over, stop=lambda: time.monotonic() > until, pause=_PAUSE
        ):
            recovery.fail_running(self.shared, _GONE)
            recovery.cancel_waiting(self.shared, over)

    def _write(self) -> list[Trial]:
        trials = self.shared.records()
        shown = self.numbered(trials)
        write_trials(self.job.run, shown, *self.files)
        return shown
