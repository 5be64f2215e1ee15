"""A worker's whole part in a shared study: its loop, again while others may leave it something."""

from __future__ import annotations

import time
from collections.abc import Callable

from search.distributed import recovery
from search.distributed.study import DistributedStudy
from search.study.study import Study


def run_worker_loop(
    loop: Study,
    shared: DistributedStudy,
    *,
    stop: Callable[[], bool] = lambda: False,
    pause: float | None = None,
) -> None:
    """Run ``loop`` until no trial of the study runs or waits with any worker.

    A loop ends when there is nothing to ask for; but the trial of another worker that dies after
    that is queued again, and somebody has to be there. Once the time of the plan is over nobody
    has.

    Args:
        loop: its engine on a ``PostgresStore``.
        stop: once true, this returns as soon as it can.
        pause: seconds between two looks at the others; None: a sixth of the heartbeat.

    Raises:
        StudyError, OSError: as ``Study.run``.
    """
    pause = shared.storage.heartbeat / 6 if pause is None else pause
    while not stop():
        loop.run()
        if loop.scheduler.time_left() <= 0 or shared.unfinished() == (0, 0):
            return
        until = time.monotonic() + pause
        while not stop() and time.monotonic() < until:
            time.sleep(min(pause, 0.2))
        recovery.requeue_stale_trials(shared)
