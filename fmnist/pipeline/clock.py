"""The time of a job over all its sessions: when this one began, what earlier ones took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime

from fmnist.runs.records.plan import Stage
from search.study.scheduler import Budget


@dataclass
class JobClock:
    """Counts the time of a job.

    Attributes:
        started: monotonic clock reading at which the command began; ``--time`` counts from there.
        deadline: the moment that ``--until`` means.
        stages: the stages of earlier sessions and this one.
        earlier_seconds: what earlier sessions took.
    """

    started: float = field(default_factory=time.monotonic)
    deadline: datetime | None = None
    stages: tuple[Stage, ...] = ()
    earlier_seconds: float = 0.0

    def resume(self, stages: tuple[Stage, ...]) -> None:
        """Go on after earlier sessions with these stages."""
        self.stages, self.earlier_seconds = stages, sum(s.seconds for s in stages)

    def budget(self, seconds: float | None) -> Budget:
        """The time to the deadline by the wall clock, or so many ``seconds`` of work."""
        if self.deadline is not None:
            before = time.monotonic() - self.started + self.earlier_seconds
            total = self.deadline.timestamp() - time.time() + before
            return Budget(total, used=before, clock=time.time)
        budget = Budget(seconds)
        budget.used = self.earlier_seconds + budget.clock() - self.started
        return budget
