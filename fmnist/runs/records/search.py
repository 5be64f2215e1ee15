"""What the search found: importances, and the runs that confirmed its winner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from search.records import Epoch

Interval = tuple[float, float]


@dataclass(frozen=True)
class ParameterImportance:
    """Share of the variance among good trials, and what noise would reach.

    ``interval`` holds 95 % of the bootstrap estimates; older runs have none.
    """

    name: str
    importance: float
    null_95: float
    distinguishable: bool
    interval: Interval | None = None


@dataclass(frozen=True)
class Importance:
    """``importance.json``; without parameters where not applicable, and the reason."""

    method: str
    trials: int
    applicable: bool
    reason: str
    parameters: tuple[ParameterImportance, ...]
    bootstraps: int = 0


@dataclass(frozen=True)
class ConfirmedRun:
    """One run of a candidate under a fresh seed; ``failure`` is its kind, with no value then."""

    seed: int
    value: float | None
    epochs: int
    seconds: float
    failure: str | None = None


@dataclass(frozen=True)
class Candidate:
    """One of the best parameter sets of the search and its runs on fresh seeds.

    Attributes:
        trial: its first trial in the search.
        search_value: what it reached there; the mean where it was tried more than once.
        mean, sd, interval: over its runs; None where none gave a value.
        rank: 1 is the winner.
    """

    trial: int
    params: dict[str, Any]
    search_value: float
    runs: tuple[ConfirmedRun, ...]
    rank: int
    mean: float | None = None
    sd: float | None = None
    interval: Interval | None = None

    @property
    def values(self) -> tuple[float, ...]:
        """What its runs reached, failed ones left out."""
        return tuple(r.value for r in self.runs if r.value is not None)


@dataclass(frozen=True)
class Difference:
    """Mean of the winner minus mean of the second."""

    mean: float
    interval: Interval


@dataclass(frozen=True)
class Noise:
    """Spread among runs of equal parameters: ``df`` degrees of freedom from ``groups`` sets."""

    sd: float | None
    df: int
    groups: int


@dataclass(frozen=True)
class Confirmation:
    """``confirmation.json``: who won, by what.

    Attributes:
        k, seeds: candidates, and fresh seeds for each; 0 where skipped. All were compared by
            one standard deviation, pooled over them and the replicates of the search.
        reason: why the confirmation was skipped; empty otherwise.
        winner: number of the winning trial.
        winner_by: ``confirmation``, or ``search`` where nothing was confirmed.
        distinguishable: whether the lead over the second lies beyond its 95 % interval.
        optimism: the winner's search value minus its confirmed mean.
    """

    k: int
    seeds: int
    candidates: tuple[Candidate, ...]
    winner: int
    winner_by: str
    reason: str = ""
    distinguishable: bool = False
    difference: Difference | None = None
    noise: Noise | None = None
    optimism: float | None = None

    @property
    def ranked(self) -> tuple[Candidate, ...]:
        """The candidates, the winner first."""
        return tuple(sorted(self.candidates, key=lambda c: c.rank))

    @property
    def tried(self) -> bool:
        """Whether anything ran on a fresh seed."""
        return any(c.runs for c in self.candidates)

    @property
    def leader(self) -> Candidate | None:
        """The winner among the candidates."""
        return next((c for c in self.candidates if c.trial == self.winner), None)

    @property
    def confirmed(self) -> Candidate | None:
        """The winner, where its runs on fresh seeds chose it and gave a mean."""
        leader = self.leader
        by_runs = self.winner_by == "confirmation"
        return leader if by_runs and leader is not None and leader.mean is not None else None


@dataclass(frozen=True)
class InFlight:
    """A training under way when the files were read: what it is, its last finished epoch."""

    name: str
    last: Epoch
