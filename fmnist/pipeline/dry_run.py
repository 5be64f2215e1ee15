"""Trying a network out in the children: whether it works, what it holds, how fast it trains."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from fmnist.backends.parallelism import parallel_slowdown
from fmnist.config.config import Config
from fmnist.pipeline.final_training import diff_from_base
from fmnist.pipeline.planner.costs import REFERENCE
from fmnist.pipeline.preflight_checks import METRICS, ProbeResult
from fmnist.training.objective import STEPS_TIMED
from search.records import Epoch, Failure, TrialError
from search.tasks import Ended, EpochDone, Limits, Task

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context

_LONGEST = 600.0
"""Seconds that a dry run may take before it is given up."""
# Epochs of the measurement, the first of which compiles; and seconds after which one suffices.
_EPOCHS, _LONG_ENOUGH = 4, 2.0
# A validation image costs about a third of a training image: forward only.
_VALIDATION = 500 / 3


def probe(job: Context, params: dict[str, Any]) -> ProbeResult:
    """One batch of training and of validation, in a child process.

    Raises:
        TrialError: it failed; the kind says how.
    """
    since = time.monotonic()
    (epochs,), peak = _dry_run(job, params, copies=1, epochs=1)
    metrics = {name: getattr(epoch, name) for epoch in epochs for name in METRICS}
    return ProbeResult(time.monotonic() - since, peak, metrics)


def measure_latency(job: Context, config: Config) -> float:
    """Seconds for one image of the network of ``config``, in a child process; nothing is trained.

    Raises:
        TrialError: it failed; the kind says how.
    """
    (epochs,), _ = _dry_run(job, diff_from_base(job, config), copies=1, epochs=0)
    return epochs[0].seconds


def measure_speed(job: Context, config: Config | None = None) -> float | None:
    """Images a second that this machine trains a network with, alone; None: the reference.

    Measured after compiling, with as many trainings side by side as there will be trials; None
    where it fails, which the probes of the preflight will explain.
    """
    jobs, config = job.planner.jobs, config or Config(**REFERENCE)
    try:
        runs, _ = _dry_run(job, diff_from_base(job, config), copies=jobs, epochs=_EPOCHS)
    except TrialError:
        return None
    batch = config.batch_size
    images = max(1, min(job.trial_images, STEPS_TIMED * batch) // batch) * batch + _VALIDATION
    seconds = [min(e.seconds for e in epochs[1:]) for epochs in runs if len(epochs) > 1]
    if not seconds or not min(seconds):
        return None
    side_by_side = sum(images / s for s in seconds) / len(seconds)
    return round(side_by_side * parallel_slowdown(jobs), 1)


def _dry_run(
    job: Context, params: dict[str, Any], *, copies: int, epochs: int
) -> tuple[list[list[Epoch]], int | None]:
    """The epochs of so many at once, and the most bytes that one held.

    Raises:
        TrialError: one failed.
    """
    supervisor = job.workers.supervisor(job.planner.jobs)
    # Since the last one a child may have died.
    supervisor.warm()
    supervisor.wait_until_warm()
    limits = Limits(seconds=_LONGEST, memory=job.request.trial_memory)
    running = {-1 - copy for copy in range(copies)}
    for number in sorted(running):
        supervisor.start(Task(number, params, job.request.seed, epochs, dry_run=True), limits)
    found: dict[int, list[Epoch]] = defaultdict(list)
    peaks: list[int] = []
    failure: Failure | None = None
    while running:
        job.interrupt.check()
        for event in supervisor.wait(0.5):
            if isinstance(event, EpochDone):
                found[event.number].append(event.epoch)
                enough = event.epoch.epoch > 1 and event.epoch.seconds > _LONG_ENOUGH
                left = 0 if enough else epochs - event.epoch.epoch
                supervisor.answer(event.number, left)
            elif isinstance(event, Ended):
                running.discard(event.number)
                peaks += [event.peak_memory] if event.peak_memory else []
                if event.failure is not None and failure is None:
                    failure = event.failure
                    for number in running:  # their ends are heard here, not by the next dry run
                        supervisor.cancel(number, failure)
    if failure is not None:
        raise TrialError(failure.kind, failure.message)
    return [found[number] for number in sorted(found)], max(peaks, default=None)
