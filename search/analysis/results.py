"""What a search found: importances, and the runs that confirmed its winner."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from search.space import Value

Interval = tuple[float, float]
_LEVEL = 0.95


@dataclass(frozen=True)
class ParameterImportance:
    """Share of the variance among good trials, and what noise would reach.

    ``interval`` holds 95 % of the bootstrap estimates; older runs have none.
    """

    name: str
    importance: float
    interval: Interval | None = field(default=None, kw_only=True)
    null_95: float
    distinguishable: bool


@dataclass(frozen=True)
class Importance:
    """Importances by ``method``; without parameters where not applicable, and the reason."""

    method: str
    trials: int
    bootstraps: int = field(default=0, kw_only=True)
    applicable: bool
    reason: str
    parameters: tuple[ParameterImportance, ...]


@dataclass(frozen=True)
class ConfirmedRun:
    """One run of a candidate under a fresh seed; ``failure`` is its kind, with no value then."""

    seed: int | None
    value: float | None
    epochs: int
    seconds: float | None
    failure: str | None = None


@dataclass(frozen=True)
class Candidate:
    """One of the best sets of parameters of the search, and its runs on fresh seeds.

    Attributes:
        trial: number of the first complete trial of these parameters.
        search_value: mean over the trials of these parameters in the search.
        mean, sd, interval: over its runs; None where none gave a value.
        rank: 1 is the winner; 0 before the runs.
    """

    trial: int
    params: dict[str, Value]
    search_value: float
    runs: tuple[ConfirmedRun, ...] = ()
    mean: float | None = None
    sd: float | None = None
    interval: Interval | None = None
    rank: int = 0

    @property
    def values(self) -> tuple[float, ...]:
        """What its runs reached, failed ones left out."""
        return tuple(r.value for r in self.runs if r.value is not None)


@dataclass(frozen=True)
class Difference:
    """Mean of the winner minus mean of another candidate; negative where the start was kept."""

    mean: float
    interval: Interval


@dataclass(frozen=True)
class Noise:
    """How much the value varies between seeds.

    Attributes:
        sd: standard deviation pooled over the groups; None without a group of two.
        df: its degrees of freedom.
        groups: of equal parameters and at least two values.
    """

    sd: float | None
    df: int
    groups: int

    def half_width(self, *counts: int) -> float | None:
        """Half of the 95 % t interval of a mean of so many values, or of a difference of two."""
        from scipy.stats import t

        error = self.standard_error(*counts)
        return None if error is None else float(t.ppf((1 + _LEVEL) / 2, self.df)) * error

    def standard_error(self, *counts: int) -> float | None:
        """Of a mean of so many values, or of a difference of two."""
        return None if self.sd is None else self.sd * math.sqrt(sum(1 / n for n in counts))


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """``confirmation.json``: who won, by what.

    Attributes:
        k, seeds: candidates, and fresh seeds for each; 0 where skipped. All were compared by
            one standard deviation, pooled over them and the replicates of the search.
        reason: why the confirmation was skipped; empty otherwise.
        winner: number of the winning trial.
        winner_by: ``confirmation``, or ``search`` where nothing was confirmed.
        distinguishable: whether the lead over the second lies beyond its 95 % interval.
        start: trial of the configuration that the search began with, if it is a candidate.
        gain: the winner's lead over that one; None where it is that one, or not known.
        optimism: the winner's search value minus its confirmed mean.
    """

    k: int
    seeds: int
    reason: str = ""
    candidates: tuple[Candidate, ...]
    winner: int
    winner_by: str
    distinguishable: bool = False
    difference: Difference | None = None
    noise: Noise | None = None
    optimism: float | None = None
    start: int | None = None
    gain: Difference | None = None

    @property
    def ranked(self) -> tuple[Candidate, ...]:
        """The candidates, the winner first."""
        return tuple(sorted(self.candidates, key=lambda c: c.rank))

    @property
    def tried(self) -> bool:
        """Whether anything ran on a fresh seed."""
        return any(c.runs for c in self.candidates)

    @property
    def start_kept(self) -> bool:
        """Whether the start was kept though another mean was higher, within one standard error."""
        means = [c.mean for c in self.candidates if c.mean is not None]
        leader = self.leader
        return bool(means) and leader is not None and (leader.mean or 0.0) < max(means)

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
