"""What coordinator and workers say to each other: the phase, its end, who is there.

All of it lies in attributes of the study, and every time is read from the database's clock: the
clocks of the machines need not agree.
"""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from fmnist.runs.folder import RunError
from search.study.scheduler import Budget

if TYPE_CHECKING:
    from search.distributed import DistributedStudy

Name = Literal["search", "confirm", "done"]
LOOK = 3.0
"""Seconds between two looks at the study."""
_PHASE, _WORKER, _LEADER = "phase", "worker:", "coordinator"
_SILENT = 60.0  # seconds after which another coordinator may take its place


@dataclass(frozen=True)
class Phase:
    """What there is to do for all.

    Attributes:
        ends: when by the database's clock; None: no limit.
        seen: when the coordinator last said so, by the same clock.
        reason: why the study is done, where that is no success.
    """

    name: Name
    ends: float | None = None
    seen: float = 0.0
    reason: str = ""


def publish_phase(
    study: DistributedStudy, name: Name, seconds: float = math.inf, reason: str = ""
) -> None:
    """Set the phase of all machines, for so many seconds from now."""
    now = study.now()
    ends = now + seconds if math.isfinite(seconds) else None
    study.set(_PHASE, asdict(Phase(name, ends, now, reason)))


def read_phase(study: DistributedStudy) -> Phase:
    """The phase as the coordinator last said."""
    return Phase(**study.get(_PHASE, {"name": "search"}))


def acquire_coordination(study: DistributedStudy, name: str) -> None:
    """Be the study's coordinator.

    Raises:
        RunError: another one is at work.
    """
    before, phase = study.get(_LEADER), read_phase(study)
    if before not in (None, name) and phase.name != "done":
        quiet = study.now() - phase.seen
        if quiet < _SILENT:
            raise RunError(
                f"the study {study.name} is coordinated by {before}, which was heard {quiet:.0f} s "
                "ago; give --study another name, or work for it: fmnist worker"
            )
    study.set(_LEADER, name)


def confirmation_of(name: str) -> str:
    """The name of the study that confirms what the study ``name`` found."""
    return f"{name}/confirm"


def register_worker(study: DistributedStudy, worker: str, jobs: int, device: str) -> None:
    """Say who works here and on what."""
    facts = {"host": platform.node(), "cores": os.cpu_count() or 1, "jobs": jobs, "device": device}
    study.set(_WORKER + worker, facts)


def registered_workers(study: DistributedStudy, worker: str) -> dict[str, Any]:
    """What ``register_worker`` said; empty where nobody of that name did."""
    return dict(study.get(_WORKER + worker, {}))


class PhaseMonitor:
    """Looks at the phase from time to time, and counts what is left of it between two looks.

    Args:
        study: whose phase it is.
        clock: seconds that do not jump.
    """

    def __init__(
        self, study: DistributedStudy, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._study, self._clock = study, clock
        self._looked = -math.inf
        self._phase = Phase("search")
        self._ahead = 0.0

    @property
    def phase(self) -> Phase:
        """The phase, at most ``LOOK`` seconds old."""
        if self._clock() - self._looked >= LOOK:
            self._phase = read_phase(self._study)
            self._ahead = self._study.now() - self._clock()
            self._looked = self._clock()
        return self._phase

    def left(self) -> float:
        """Seconds until the phase ends; infinite without a limit."""
        ends = self.phase.ends
        return math.inf if ends is None else ends - self._ahead - self._clock()

    def silent(self) -> float:
        """Seconds since the coordinator was last heard."""
        seen = self.phase.seen
        return self._ahead + self._clock() - seen if seen else 0.0


class RemoteBudget(Budget):
    """The time of a phase that another machine ends."""

    def __init__(self, watch: PhaseMonitor) -> None:
        super().__init__(None)
        self._watch = watch

    def remaining(self) -> float:
        """See ``Budget.remaining``."""
        return self._watch.left()
