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
class CostModel:
    """Seconds a piece of work takes, learned as a ratio to a stated cost (its work units).

    ``observe`` what pieces took; ``predict`` gives a cautious time for the next: the upper
    quartile of the ratios seen, so that one fast or slow outlier decides nothing.
    """

    ratios: list[float] = field(default_factory=list)

    def observe(self, work: float, seconds: float) -> None:
        """Learn that ``work`` units took ``seconds``."""
        if work > 0 and seconds > 0:
            self.ratios.append(seconds / work)

    def predict(self, work: float) -> float | None:
        """Seconds that ``work`` units will take, or ``None`` before anything was seen."""
        if not self.ratios:
            return None
        ordered = sorted(self.ratios)
        return _CAUTION * work * ordered[(3 * (len(ordered) - 1) + 3) // 4]


@dataclass
class SearchPlan:
    """Decides whether a trial may start, given what must be kept back for the stages after.

    Args:
        budget: the whole job's time.
        work: work units of a trial or an epoch from its parameters.
        reserve: seconds to keep for everything after the search, asked anew each time.
        costs: learned seconds a work unit.
    """

    budget: Budget
    work: Callable[[dict[str, int | float | str | bool]], float]
    reserve: Callable[[], float]
    costs: CostModel = field(default_factory=CostModel)

    def time_left(self) -> float:
        """Seconds the search itself may still use."""
        return self.budget.remaining() - self.reserve()

    def fits(self, params: dict[str, int | float | str | bool]) -> bool:
        """Whether a trial of ``params`` is expected to end in time."""
        predicted = self.costs.predict(self.work(params))
        return self.time_left() > (predicted or 0.0)

    def finished(self, params: dict[str, int | float | str | bool], share: float, s: float) -> None:
        """Learn that ``share`` (0 to 1) of a trial of ``params`` took ``s`` seconds."""
        self.costs.observe(self.work(params) * share, s)
