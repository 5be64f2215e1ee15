"""The whole job as ordered stages; each reads and leaves files in ``results/<run>/``.

A stage whose file is there is done, so the same call goes on where an earlier one stopped.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fmnist.errors import DiskError, DiskFullError, StorageError, UserError
from fmnist.pipeline.context import Context
from fmnist.pipeline.coordination import Coordinator, LocalCoordinator
from fmnist.pipeline.flip_policy import disable_flips
from fmnist.pipeline.request import Request
from fmnist.pipeline.stages.ablation import experiments
from fmnist.pipeline.stages.baseline import baseline
from fmnist.pipeline.stages.confirm import confirm
from fmnist.pipeline.stages.data_quality import gallery
from fmnist.pipeline.stages.ensemble import ensemble
from fmnist.pipeline.stages.evaluate import evaluate
from fmnist.pipeline.stages.interpret import explain
from fmnist.pipeline.stages.preflight import preflight
from fmnist.pipeline.stages.prepare import keep_own_files, prepare
from fmnist.pipeline.stages.refit import refit
from fmnist.pipeline.stages.rehearse import SECONDS, rehearse
from fmnist.pipeline.stages.report import finish, interim, report
from fmnist.pipeline.stages.reproduce import reproduce
from fmnist.pipeline.stages.retrain import retrain
from fmnist.pipeline.warm_start import refuse_to_go_on
from fmnist.runs import artifacts
from fmnist.runs.artifacts import Artifact
from fmnist.runs.folder import RunError, utc_now
from fmnist.runs.repair import repair_journals
from search.checksums import keep_checksums
from search.processes.child import DISK_FULL

__all__ = ["Job", "Request"]

_DISK_FAILS = (errno.EIO, errno.ESTALE, errno.ENXIO)
log = logging.getLogger("fmnist")


@dataclass
class Job(Context):
    """One run from the request to the report.

    Attributes:
        coordinator: who trains the trials.
    """

    coordinator: Coordinator = field(default_factory=LocalCoordinator)

    def execute(self) -> int:
        """Run every stage that is not done; returns the exit code.

        Raises:
            RunError: the run is finished, in use, or was asked something else.
            DiskFullError: there is no room; the same call goes on once there is.
            KeyboardInterrupt: a signal came; an interim report was written.
        """
        self.interrupt.notice = self.display.stopping
        with self.run.locked(), _disk_errors_named(self):
            keep_checksums(self.run.path)
            self._resume()
            with self.run.logging(log), self.interrupt:
                try:
                    return self._stages()
                except KeyboardInterrupt:
                    self.workers.close()
                    interim(self)
                    self.trackers.stopped(self.run, "It was interrupted.")
                    raise
                except Exception as error:
                    self.trackers.stopped(self.run, str(error) or type(error).__name__)
                    raise
                finally:
                    self.workers.close()

    def _stages(self) -> int:
        self._repair()
        disable_flips(self)
        for stage in _STAGES:
            self.interrupt.check()
            if stage.wanted(self) and (stage.marker is None or not self.run.has(stage.marker)):
                self._timed(stage.name, stage.work)
        code = finish(self)
        self.trackers.finished(self.run)
        return code

    def _resume(self) -> None:
        if not self.run.has(artifacts.RUN):
            return
        if self.run.has(artifacts.REPORT):
            raise RunError(
                f"{self.run.path} is finished and its test set was read; render it again with "
                f"'fmnist report {self.run.path}', or search on from it with "
                f"'fmnist run --warm-start {self.run / artifacts.BEST_CONFIG}'"
            )
        record = self.run.read_toml(artifacts.RUN)
        if "imported" in record:
            raise refuse_to_go_on(self.run.path)
        stored = record["request"]
        different = _differences(stored, self.request.to_dict())
        if different:
            raise RunError(
                f"{self.run.path} was started with other options: {', '.join(different)}; "
                "repeat the first command to go on, or give another --name"
            )
        self.display.message(f"continuing {self.run.path}")
        # What is only printed may be put right meanwhile.
        for name, text in self.run.renew_cover(self.report.document).items():
            self.display.message(f"the cover's {name} is now {text}")
        keep_own_files(self)

    def _repair(self) -> None:
        """Take damaged lines out of the journals before a stage reads them, and say so."""
        for repair in repair_journals(self.run):
            log.warning("%s", repair)
            self.display.message(str(repair))
            if self.run.has(artifacts.PLAN):  # for the report
                self.planner.note("search", str(repair))

    def _timed(self, name: str, work: Callable[[Job], None]) -> None:
        began, since = utc_now(), time.monotonic()
        self.display.stage_started(name)
        log.info("stage %s begins", name)
        self.on_progress = lambda: self.save_progress(name, began, since)
        self.on_progress()  # so that the files name the stage while it runs
        try:
            work(self)
        finally:
            self.clock.stages = self.save_progress(name, began, since)
        log.info("stage %s took %.1f s", name, time.monotonic() - since)


@dataclass(frozen=True)
class _Stage:
    """One stage: the file that shows it is done, what does it, whether this job has it."""

    name: str
    marker: Artifact[Any] | None
    work: Callable[[Job], None]
    wanted: Callable[[Job], bool] = lambda _: True


def _rehearsing(job: Context) -> bool:
    """Whether a run has the time for a rehearsal, trains here, and its search is still to begin."""
    long = job.request.kind == "search" and (job.budget.total or 0.0) >= SECONDS
    return long and job.rehearsal and job.request.jobs != 0 and not job.run.has(artifacts.TRIALS)


def _rehearse(job: Job) -> None:
    def execute(small: Job) -> int:
        small.coordinator = LocalCoordinator()  # other machines wait for the search
        return small.execute()

    rehearse(job, execute)


def _searching(job: Context) -> bool:
    return job.request.kind == "search"


def _confirm(job: Job) -> None:
    try:
        confirm(job, job.coordinator)
    except UserError as error:
        if not isinstance(error, StorageError):
            job.coordinator.release_workers(job, str(error))  # no trial is worth confirming
        raise
    job.coordinator.release_workers(job)


# The report is always made anew.
_STAGES = (
    _Stage("prepare", artifacts.ENVIRONMENT, prepare),
    _Stage("preflight", artifacts.PREFLIGHT, preflight),
    _Stage("rehearse", artifacts.REHEARSAL, _rehearse, _rehearsing),
    _Stage("search", artifacts.IMPORTANCE, lambda job: job.coordinator.search(job), _searching),
    _Stage("confirm", artifacts.BEST_CONFIG, _confirm, _searching),
    _Stage("retrain", artifacts.HISTORY, retrain),
    _Stage("refit", artifacts.REFIT, refit, lambda job: job.planner.workload.refit),
    _Stage("ensemble", artifacts.ENSEMBLE, ensemble, lambda job: job.planner.workload.members > 0),
    _Stage("baseline", artifacts.BASELINE, baseline, lambda job: job.planner.workload.baseline > 0),
    _Stage("evaluate", artifacts.METRICS, evaluate),
    _Stage("explain", artifacts.EVIDENCE, explain),
    _Stage("gallery", artifacts.GALLERY, gallery),
    _Stage(
        "experiments",
        artifacts.EXPERIMENTS,
        experiments,
        lambda job: job.planner.workload.experiments,
    ),
    _Stage("reproduce", artifacts.REPRODUCTION, reproduce, lambda job: job.recorded is not None),
    _Stage(
        "publish",
        artifacts.PUBLISHED,
        lambda job: job.coordinator.publish(job),
        lambda job: job.coordinator.publishes,
    ),
    _Stage("report", None, report),
)


@contextmanager
def _disk_errors_named(job: Context) -> Iterator[None]:
    """A disk that is full or fails is the user's to mend: say where, and that nothing is lost."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL:
            raise DiskFullError(
                f"{job.run.path}: the disk is full ({error.strerror}); nothing is lost: free some "
                "space and repeat the command"
            ) from error
        if error.errno in _DISK_FAILS:
            raise DiskError(
                f"{error.filename or job.run.path}: the disk fails ({error.strerror}); nothing "
                "that was written is lost: see to the disk and repeat the command"
            ) from error
        raise


def _differences(stored: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    names = dict.fromkeys([*stored, *asked])
    return [
        f"{n} {stored.get(n)} then, {asked.get(n)} now"
        for n in names
        if stored.get(n) != asked.get(n)
    ]
