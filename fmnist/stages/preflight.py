"""The preflight: what would spoil the night is found before it begins."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from fmnist import environment
from fmnist.preflight import METRICS, Probe
from fmnist.preflight import preflight as examine
from search.records import TrialError
from search.tasks import Ended, EpochDone, Limits, Task

if TYPE_CHECKING:
    from fmnist.stages.context import Context

_LONGEST = 600.0
"""Seconds that one batch may take before the preflight gives up on it."""
_NUMBER = -1


def preflight(job: Context) -> None:
    """Try the smallest and the largest network for a batch; look at memory, disk, fonts, Pango."""
    record = examine(
        job.run,
        job.space,
        job.base,
        jobs=job.request.jobs,
        probe=lambda params: _probe(job, params),
        trial_memory=job.request.trial_memory,
        final_epochs=math.ceil(job.night.plan.stretch * job.night.plan.final_epochs),
        on_check=job.view.check,
    )
    job.night.slowness = record["slowness"]
    told = job.workers.supervisor(job.request.jobs).greeting
    job.run.write_json("environment.json", environment.describe(device=str(told)))
    job.run.write_json("preflight.json", record)
    job.night.note("preflight", "all that the night needs is there")


def _probe(job: Context, params: dict[str, Any]) -> Probe:
    """One batch of training and of validation, in a child process.

    Raises:
        TrialError: it failed; the kind says how.
    """
    supervisor = job.workers.supervisor(job.request.jobs)
    task = Task(_NUMBER, params, job.request.seed, 1, probe=True)
    # Importing is not what is measured here.
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
                return Probe(time.monotonic() - since, event.peak_memory, metrics)
