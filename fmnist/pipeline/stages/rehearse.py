"""The rehearsal: what would fail in the morning fails before the night begins."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import psutil
from numpy.typing import NDArray
from typing_extensions import override

from fmnist.data import subset
from fmnist.data.sealed import SealedTest
from fmnist.errors import UserError
from fmnist.integrations.tracker import Trackers
from fmnist.pipeline.clock import JobClock
from fmnist.pipeline.progress import ProgressDisplay
from fmnist.runs.artifacts import PREFLIGHT, REHEARSAL
from fmnist.runs.folder import Run
from fmnist.runs.records.plan import Rehearsal
from search.engines.base import Suggestion
from search.processes.interrupt import Interrupt
from search.records import Epoch, Failure

if TYPE_CHECKING:
    from fmnist.data import DataSet
    from fmnist.pipeline.context import Context

_Job = TypeVar("_Job", bound="Context")

SECONDS = 3600.0
"""Runs of so much time are rehearsed."""
FOLDER = "rehearsal"
_IMAGES, _TEST, _VALIDATION = 2000, 400, 400
_TRIALS, _EPOCHS = 2, 2


class RehearsalError(UserError):
    """The rehearsal failed; with the exit status of what failed."""


def rehearse(job: _Job, execute: Callable[[_Job], int]) -> None:
    """Go through the whole job on 2,000 images in a folder of its own, which is removed then.

    Validation images stand in for the sealed test set, and a training process is killed once.

    Args:
        execute: goes through the stages of a job; returns its exit code.

    Raises:
        RehearsalError: something failed that would have failed at the end of the run.
    """
    since = time.monotonic()
    job.workers.close()  # those of the rehearsal have the memory for themselves
    folder = job.run / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    witness = _Witness()
    small = _small(job, Run(folder), witness)
    witness.processes = lambda: small.workers.supervisor(1).processes()
    try:
        code = execute(small)
    except UserError as error:
        raise _failed(str(error), error.exit_code) from error
    if code:
        raise _failed("no PDF could be made; see fmnist doctor", code)
    if not witness.taken_up:
        raise _failed("a training whose process was killed did not go on", 1)
    if problem := job.trackers.rehearsed(job.run):
        raise _failed(problem, 2)
    shutil.rmtree(folder)
    seconds = time.monotonic() - since
    job.run.write(REHEARSAL, Rehearsal(round(seconds, 1), _IMAGES))
    job.note("rehearse", f"rehearsed in {seconds:.0f} s, from the search to the PDF")


def _failed(problem: str, code: int) -> RehearsalError:
    error = RehearsalError(f"the rehearsal failed: {problem}; or go without it: --no-rehearsal")
    error.exit_code = code
    return error


def _small(job: _Job, run: Run, witness: _Witness) -> _Job:
    """The same job with few images, trials and epochs."""
    request = replace(
        job.request,
        time_seconds=None, until=None, trials=_TRIALS, jobs=1, study=None,
        trial_images=_IMAGES // 2, trial_epochs=_EPOCHS, final_epochs=_EPOCHS,
        validation=_VALIDATION, experiments="none", refit=False, ensemble=0, pruner="none",
    )  # fmt: skip
    small = replace(
        job,
        run=run, request=request, display=witness, clock=JobClock(), trackers=Trackers(),
        interrupt=Interrupt(), setup_for=None, rendered=None,
        rehearsal=False, strict=True,
    )  # fmt: skip
    small.data = _few_images(job)
    run.write(PREFLIGHT, job.run.read(PREFLIGHT))  # it was made for the whole job
    return small


def _few_images(job: Context) -> DataSet:
    labels, seed = job.data.train_labels, job.request.seed
    images, train = job.part(_some(job.splits.train, labels, _IMAGES, seed))
    test = job.part(_some(job.splits.validation, labels, _TEST, seed))
    return replace(
        job.data,
        digest=f"rehearsal-{job.data.digest}",  # what was kept of the whole is not of these
        train_images=images, train_labels=train, test=SealedTest(*test),
    )  # fmt: skip


def _some(
    index: NDArray[np.int64], labels: NDArray[np.int64], count: int, seed: int
) -> NDArray[np.int64]:
    return subset(index, labels, min(count, len(index)), seed=seed)


class _Witness(ProgressDisplay):
    """Shows nothing, and kills the training process after the first epoch of all."""

    def __init__(self) -> None:
        super().__init__()
        self.processes: Callable[[], list[int]] = list
        self.killed = self.taken_up = False

    @override
    def epoch_done(self, suggestion: Suggestion, epoch: Epoch) -> None:
        if not self.killed:
            self.killed = True
            for pid in self.processes():
                psutil.Process(pid).kill()

    @override
    def trial_retried(self, suggestion: Suggestion, failure: Failure) -> None:
        self.taken_up = True
