"""The score of a split."""

from __future__ import annotations

from dataclasses import dataclass

from search.analysis.results import Interval


@dataclass(frozen=True)
class Score:
    """Accuracy of a split with its 95 % interval; loss is the mean cross-entropy."""

    n: int
    correct: int
    accuracy: float
    interval: Interval
    loss: float
