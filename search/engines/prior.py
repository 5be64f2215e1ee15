"""What earlier studies of the same data tell a new one, with limited weight.

Values of trials that saw other numbers of images or epochs do not compare, so a trial counts by its
rank among those of its own study, as in R. Bardenet et al., Collaborative hyperparameter tuning
(ICML 2013), and D. Salinas et al., A quantile-based approach for hyperparameter transfer learning
(ICML 2020).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from search.records import Trial
from search.space import Value

MOST_TRIALS = 40
"""Trials of earlier studies and of the new one together, beyond which the earlier ones are gone."""


@dataclass(frozen=True)
class PriorTrial:
    """A trial of an earlier study in the new space; ``rank``: the share of its study below it."""

    params: dict[str, Value]
    rank: float


@dataclass(frozen=True)
class PriorStudy:
    """An earlier study, and how many of its trials can be used."""

    name: str
    trials: int


@dataclass(frozen=True)
class Prior:
    """What a search knows before its first trial.

    Attributes:
        best: configurations that are tried before the sampler is asked.
        trials: of all studies, the best first.
    """

    studies: tuple[PriorStudy, ...]
    best: tuple[dict[str, Value], ...]
    trials: tuple[PriorTrial, ...]


def rank_trials(trials: Iterable[Trial]) -> list[tuple[Trial, float]]:
    """Trials with a value, the best first, and the share of them below each, within (0, 1).

    A trial that was pruned counts as worse than all that ran to their end.
    """
    scored = [t for t in trials if t.value is not None]
    scored.sort(key=lambda t: (t.state == "complete", len(t.epochs), t.value), reverse=True)
    return [(trial, 1 - (place + 0.5) / len(scored)) for place, trial in enumerate(scored)]


def thin_out(trials: Sequence[PriorTrial], most: int) -> list[PriorTrial]:
    """At most so many of ``trials``, the best first, as good as all in the mean."""
    ordered = sorted(trials, key=lambda t: -t.rank)
    places = np.linspace(0, len(ordered) - 1, min(most, len(ordered))).round()
    return [ordered[int(place)] for place in places]
