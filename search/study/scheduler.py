"""The deadline planner: what a trial will cost, and whether it still fits.

The clock is passed in, so that nights are tested in milliseconds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from search.records import Trial
from search.space import Categorical, Float, Int, Parameter, SearchSpace, Value

Clock = Callable[[], float]

# From so many trials on, their cost is predicted from their parameters.
_ENOUGH = 5
# Standard deviations above the expected cost at which a trial is planned.
_CAUTION = 1.0
# Least standard deviation, on a log scale: a few trials may agree by chance.
_LEAST_STD = 0.1
# A trial without an epoch for this long hangs: this many expected epochs, at least a minute;
# half an hour where nothing is known.
_SILENT_EPOCHS, _SHORTEST_SILENCE, _LONGEST_SILENCE = 10, 60.0, 1800.0


@dataclass
class Budget:
    """``total`` seconds from now on, of which ``used`` went before; ``None`` is without limit.

    For a deadline by the wall clock ``clock`` is ``time.time``: a clock that jumps and a machine
    that sleeps change what is left, which may then be less than nothing.
    """

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


class CostModel:
    """Seconds that a trial takes, learnt from those that ran.

    A Bayesian ridge regression of log(seconds / epoch) on the parameters and on 1 / epochs, which
    stands for what a trial pays once (start, tracing). Below five trials: their upper quartile.
    """

    def __init__(self, space: SearchSpace | None = None) -> None:
        self._space = tuple(space) if space is not None else ()
        self._rows: list[list[float]] = []
        self._logs: list[float] = []
        self._fit: Any = None
        self._fitted = 0
        self._cheapest: list[float] = []
        self._predictions: dict[tuple[float, ...], tuple[float, float]] = {}

    def learn_from(self, trial: Trial, scale: float = 1.0) -> None:
        """Take in ``scale`` times what a recorded trial's epochs took; nothing of a failed one."""
        if trial.epochs and trial.failure is None:
            seconds = scale * sum(e.seconds for e in trial.epochs)
            self.learn(trial.params, len(trial.epochs), seconds)

    def learn(self, params: Mapping[str, Value], epochs: int, seconds: float) -> None:
        """Take in that ``epochs`` epochs of ``params`` took ``seconds``."""
        if epochs > 0 and 0 < seconds < math.inf:
            self._rows.append([*self._row(params), 1 / epochs])
            self._logs.append(math.log(seconds / epochs))

    def upper_estimate(self, params: Mapping[str, Value] | None, epochs: int) -> float:
        """Seconds that ``epochs`` epochs of ``params`` should not exceed; 0 if nothing is known.

        For ``None``: of the cheapest trial known so far.
        """
        if not self._logs or epochs <= 0:
            return 0.0
        if len(self._logs) < _ENOUGH:
            seen = sorted(self._logs)
            cheap = seen[0] if params is None else seen[(3 * len(seen)) // 4]
            return epochs * math.exp(cheap + _LEAST_STD)
        mean, std = self._predicted(params, epochs)
        return epochs * math.exp(mean + _CAUTION * max(std, _LEAST_STD))

    def estimate(self, params: Mapping[str, Value], epochs: float) -> float:
        """Seconds that ``epochs`` epochs of ``params`` take, as likely more as less."""
        return epochs * self._per_epoch(params, epochs)

    def seconds_per_epoch(self, params: Mapping[str, Value]) -> float:
        """Expected seconds of one more epoch in a long training; 0 if nothing is known."""
        return self._per_epoch(params, math.inf)

    def _per_epoch(self, params: Mapping[str, Value], epochs: float) -> float:
        if not self._logs:
            return 0.0
        if len(self._logs) >= _ENOUGH:
            return math.exp(self._predicted(params, epochs)[0])
        own = self._row(params)
        same = [y for x, y in zip(self._rows, self._logs, strict=True) if x[:-1] == own]
        return math.exp(median(same or self._logs))

    def _row(self, params: Mapping[str, Value]) -> list[float]:
        return [x for p in self._space for x in _scaled(p, params.get(p.name))]

    def _predicted(self, params: Mapping[str, Value] | None, epochs: float) -> tuple[float, float]:
        """Mean and standard deviation of log(seconds / epoch); ``None``: of the cheapest."""
        if self._fit is None or len(self._logs) >= 1.1 * self._fitted:
            self._learn_anew()
        row = (*(self._cheapest if params is None else self._row(params)), 1 / epochs)
        if row not in self._predictions:
            mean, std = self._fit.predict([row], return_std=True)
            self._predictions[row] = float(mean[0]), float(std[0])
        return self._predictions[row]

    def _learn_anew(self) -> None:
        """Fit the regression; done once there is a tenth more to learn from."""
        from sklearn.linear_model import BayesianRidge

        self._fit, self._fitted = BayesianRidge().fit(self._rows, self._logs), len(self._logs)
        self._predictions.clear()
        alike = [[*row[:-1], 0.0] for row in self._rows]
        self._cheapest = self._rows[int(self._fit.predict(alike).argmin())][:-1]


@dataclass
class TrialScheduler:
    """Decides whether one more trial may start, given what the later stages need.

    Attributes:
        budget: the whole job's time.
        reserve: seconds to keep for everything after the search, asked anew each time.
        costs: what trials cost.
        over: no trial may start, even if the reserve falls again.
    """

    budget: Budget
    reserve: Callable[[], float] = lambda: 0.0
    costs: CostModel = field(default_factory=CostModel)
    over: bool = field(default=False, init=False)

    def time_left(self) -> float:
        """Seconds the search itself may still use; negative once it has used too many."""
        return self.budget.remaining() - self.reserve()

    def may_start(
        self, params: Mapping[str, Value] | None, epochs: int, running: Sequence[float] = ()
    ) -> bool:
        """Whether a trial that starts now is expected to end in time.

        Args:
            params: of the trial; ``None``: is there time for the cheapest one known?
            epochs: it should take.
            running: seconds that the trials under way have taken so far: as long as none has
                ended, a new one is expected to take longer than the longest of them.
        """
        if self.over:
            return False
        expected = self.costs.upper_estimate(params, epochs) or max(running, default=0.0)
        return self.time_left() > expected

    def progress_timeout(self, params: Mapping[str, Value]) -> float:
        """Seconds without an epoch after which a trial of ``params`` counts as hung."""
        epoch = self.costs.upper_estimate(params, 1)
        if not epoch:
            epoch = min(_LONGEST_SILENCE, self.time_left() / 4) / _SILENT_EPOCHS
        return max(_SHORTEST_SILENCE, _SILENT_EPOCHS * epoch)


def _scaled(parameter: Parameter, value: Value | None) -> list[float]:
    """A value as numbers of about unit size; zeros where it is none of the parameter's."""
    if isinstance(parameter, Categorical):
        return [float(type(c) is type(value) and c == value) for c in parameter.choices]
    if not isinstance(value, (int, float)):
        return [0.0]
    low, high = _axis(parameter, parameter.low), _axis(parameter, parameter.high)
    return [(_axis(parameter, value) - low) / ((high - low) or 1.0)]


def _axis(parameter: Int | Float, value: float) -> float:
    """Log where the parameter is; also for sizes, whose effects on the cost multiply."""
    sizes = isinstance(parameter, Int) and parameter.low > 0
    return math.log(max(value, 1e-12)) if parameter.log or sizes else float(value)
