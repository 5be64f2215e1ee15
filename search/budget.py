"""The deadline planner: what a trial will cost, and whether it still fits.

The clock is passed in, so that nights are tested in milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

Clock = Callable[[], float]

# A trial is planned at this multiple of its expected time: machines are noisy.
_CAUTION = 1.15


@dataclass
class Budget:
    """``total`` seconds from now on, of which ``used`` went before; ``None`` is without limit."""

    total: float | None
    used: float = 0.0
    clock: Clock = time.monotonic
    _start: float = field(init=False)

    def __post_init__(self) -> None:
        self._start = self.clock()

    def elapsed(self) -> float:
        """Seconds spent, earlier sessions included."""
        return self.used + self.clock() - self._start

    def remaining(self) -> float:
        """Seconds left; infinite without a limit."""
        return float("inf") if self.total is None else self.total - self.elapsed()


@dataclass
class SearchPlan:
    """Decides whether one more trial may start, given what the later stages need.

    Attributes:
        budget: the whole job's time.
        reserve: seconds to keep for everything after the search, asked anew each time.
        trial_seconds: wall time of every trial that ran its full length.
    """

    budget: Budget
    reserve: Callable[[], float] = lambda: 0.0
    trial_seconds: list[float] = field(default_factory=list)

    def time_left(self) -> float:
        """Seconds the search itself may still use."""
        return self.budget.remaining() - self.reserve()

    def fits_another(self) -> bool:
        """Whether a trial that starts now is expected to end in time.

        Expected is the upper quartile of the full-length trials so far, with a margin; the first
        trial needs no more than some time left.
        """
        return self.time_left() > _CAUTION * _upper_quartile(self.trial_seconds)

    def finished(self, share: float, seconds: float) -> None:
        """Learn that ``share`` (0 to 1) of a trial took ``seconds``."""
        if share > 0:
            self.trial_seconds.append(seconds / share)


def _upper_quartile(values: list[float]) -> float:
    if not values:
        return 0.0
    return sorted(values)[(3 * len(values)) // 4 if len(values) > 1 else 0]
