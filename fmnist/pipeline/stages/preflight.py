"""The preflight: what would spoil the night is found before it begins."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from fmnist.backends import environment
from fmnist.backends.parallelism import accelerator_in_sight
from fmnist.pipeline.planner.sizing import choose_jobs
from fmnist.pipeline.preflight_checks import METRICS, ProbeResult
from fmnist.pipeline.preflight_checks import preflight as examine
from fmnist.runs.artifacts import ENVIRONMENT, PREFLIGHT
from search.records import TrialError
from search.tasks import Ended, EpochDone, Limits, Task

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context

_LONGEST = 600.0
"""Seconds that one batch may take before the preflight gives up on it."""
_NUMBER = -1


def preflight(job: Context) -> None:
    """Try the smallest and the largest network for a batch; look at memory, disk, fonts, Pango."""
    _fit_to(job, _device(job))
    record = examine(
        job.run,
        job.space,
        job.base,
        jobs=job.planner.jobs,
        fewer=job.request.jobs == "auto",
        classes=len(job.data.class_names),
        probe=lambda params: _probe(job, params),
        trial_memory=job.request.trial_memory,
        final_epochs=_checkpoints(job),
        on_check=job.display.check,
    )
    job.planner.slowness = record.slowness or 1.0
    told = job.workers.supervisor(job.planner.jobs).device
    job.set_parallelism(record.jobs)
    job.run.write(ENVIRONMENT, environment.describe(device=str(told)))
    job.planner.note("preflight", "all that the night needs is there")
    if job.request.kind == "search":
        alone = job.request.jobs != 0
        job.note(
            "preflight",
            job.planner.describe_parallelism() if alone else "other machines train the trials",
        )
    # Whoever is killed after the next line goes on by the plan.
    job.save_plan()
    job.run.write(PREFLIGHT, record)


def _checkpoints(job: Context) -> int:
    """Checkpoints of final trainings that lie on the disk at one time, at most."""
    workload = job.planner.workload
    trainings = 1 + max(workload.refit, workload.members)  # the members come when the refit is gone
    return trainings * math.ceil(job.planner.plan.stretch * job.planner.plan.final_epochs)


def _device(job: Context) -> str | None:
    """What the children compute on; None where they cannot even say that."""
    supervisor = job.workers.supervisor(job.planner.jobs)
    # Importing is not what the probes measure.
    supervisor.warm()
    supervisor.wait_until_warm()
    return None if supervisor.device is None else str(supervisor.device)


def _fit_to(job: Context, device: str | None) -> None:
    """Decide anew how many train at once, where the device was guessed wrong."""
    if device is not None and (device != "CPU") != accelerator_in_sight():
        job.set_parallelism(choose_jobs(job.request, job.budget.total, device))


def _probe(job: Context, params: dict[str, Any]) -> ProbeResult:
    """One batch of training and of validation, in a child process.

    Raises:
        TrialError: it failed; the kind says how.
    """
    supervisor = job.workers.supervisor(job.planner.jobs)
    task = Task(_NUMBER, params, job.request.seed, 1, dry_run=True)
    # Since the last probe a child may have died.
    supervisor.warm()
    supervisor.wait_until_warm()
    supervisor.start(task, Limits(seconds=_LONGEST, memory=job.request.trial_memory))
    since = time.monotonic()
    metrics: dict[str, float] = {}
    while True:
        job.interrupt.check()
        for event in supervisor.wait(0.5):
            if isinstance(event, EpochDone):
                metrics = {name: getattr(event.epoch, name) for name in METRICS}
                supervisor.answer(_NUMBER, 0)
            elif isinstance(event, Ended):
                if event.failure is not None:
                    raise TrialError(event.failure.kind, event.failure.message)
                return ProbeResult(time.monotonic() - since, event.peak_memory, metrics)
