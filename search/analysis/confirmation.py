"""The honest winner: the best candidates of a search on fresh seeds, compared by their means.

The values of the search are what the candidates were picked by, so they flatter; they take no part
in the comparison.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from search.records import Trial
from search.space import Value

_LEVEL = 0.95


@dataclass(frozen=True)
class Candidate:
    """A set of parameters to confirm.

    Attributes:
        trial: number of the first complete trial of these parameters.
        search_value: mean over the trials of these parameters in the search.
    """

    trial: int
    params: dict[str, Value]
    search_value: float


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

        if self.sd is None:
            return None
        error = self.sd * math.sqrt(sum(1 / n for n in counts))
        return float(t.ppf((1 + _LEVEL) / 2, self.df)) * error


def candidates(trials: Iterable[Trial], k: int) -> list[Candidate]:
    """The ``k`` best distinct sets of parameters by their mean value, the best first."""
    ranked = []
    for group in _groups(trials):
        longest = max(len(t.epochs) for t in group)
        full = [t for t in group if len(t.epochs) == longest]
        ranked.append(Candidate(full[0].number, full[0].params, fmean(map(_value, full))))
    return sorted(ranked, key=lambda c: (-c.search_value, c.trial))[:k]


def noise(trials: Iterable[Trial], runs: Iterable[Trial] = ()) -> Noise:
    """The standard deviation between seeds, pooled over all groups of equal parameters.

    Trials of the search and fresh runs of the same parameters stay two groups: the first were
    selected for being high, which is no noise.
    """
    values = [
        [_value(t) for t in same]
        for part in (trials, runs)
        for group in _groups(part)
        for same in _by_length(group)
        if len(same) > 1
    ]
    df = sum(len(v) - 1 for v in values)
    if df == 0:
        return Noise(None, 0, 0)
    squares = sum((x - fmean(v)) ** 2 for v in values for x in v)
    return Noise(math.sqrt(squares / df), df, len(values))


def conclude(
    candidates: Sequence[Candidate],
    runs: Sequence[Trial],
    trials: Iterable[Trial] = (),
    *,
    reason: str = "",
) -> dict[str, Any]:
    """The content of ``confirmation.json``: who won, how surely.

    Args:
        candidates: at least one, the best of the search first.
        runs: their runs on fresh seeds, each with ``replicate_of`` its candidate's trial.
        trials: of the search, which add to the estimate of the noise.
        reason: why there was no confirmation.
    """
    spread = noise(trials, runs)
    entries = [
        _entry(c, [r for r in runs if r.replicate_of == c.trial], spread) for c in candidates
    ]
    # Who has no mean comes last; equals stand as the search saw them.
    entries.sort(
        key=lambda e: (e["mean"] is None, -(e["mean"] or 0.0), -e["search_value"], e["trial"])
    )
    for rank, entry in enumerate(entries, start=1):
        entry["rank"] = rank
    best = entries[0]
    confirmed = best["mean"] is not None
    difference = _difference(entries, spread)
    return {
        "schema": 1,
        "k": len(candidates) if runs else 0,
        "seeds": max((len(e["runs"]) for e in entries), default=0),
        "reason": "" if confirmed else reason or "no run on a fresh seed was completed",
        "candidates": entries,
        "winner": best["trial"],
        "winner_by": "confirmation" if confirmed else "search",
        "distinguishable": difference is not None and difference["interval"][0] > 0,
        "difference": difference,
        "noise": {"sd": spread.sd, "df": spread.df, "groups": spread.groups},
        "optimism": best["search_value"] - best["mean"] if confirmed else None,
    }


def _entry(candidate: Candidate, runs: Sequence[Trial], spread: Noise) -> dict[str, Any]:
    values = [_value(r) for r in runs if _counts(r)]
    mean = fmean(values) if values else None
    half = spread.half_width(len(values)) if values else None
    return {
        "trial": candidate.trial,
        "params": candidate.params,
        "search_value": candidate.search_value,
        "runs": [_run(r) for r in runs],
        "mean": mean,
        "sd": stdev(values) if len(values) > 1 else None,
        "interval": _between(mean, half, 0.0) if mean is not None and half is not None else None,
    }


def _run(run: Trial) -> dict[str, Any]:
    cut = None if _counts(run) else "cut short"
    return {
        "seed": run.seed,
        "value": _value(run) if _counts(run) else None,
        "epochs": len(run.epochs),
        "seconds": run.seconds,
        "failure": run.failure.kind if run.failure else cut,
    }


def _difference(entries: Sequence[Mapping[str, Any]], spread: Noise) -> dict[str, Any] | None:
    """Between the two best means, with its 95 % interval; None where it cannot be told."""
    means = [e for e in entries if e["mean"] is not None]
    if len(means) < 2:
        return None
    first, second = means[:2]
    counts = [sum(r["value"] is not None for r in e["runs"]) for e in (first, second)]
    half = spread.half_width(*counts)
    if half is None:
        return None
    mean = first["mean"] - second["mean"]
    return {"mean": mean, "interval": _between(mean, half, -1.0)}


def _between(mean: float, half: float, least: float) -> list[float]:
    """The interval around a mean, as far as an accuracy or a difference of two can lie."""
    return [max(least, mean - half), min(1.0, mean + half)]


def _groups(trials: Iterable[Trial]) -> list[list[Trial]]:
    """Trials with a full value, by equal parameters."""
    groups: dict[str, list[Trial]] = defaultdict(list)
    for trial in sorted(trials, key=lambda t: t.number):
        if _counts(trial):
            groups[json.dumps(trial.params, sort_keys=True)].append(trial)
    return list(groups.values())


def _by_length(trials: Iterable[Trial]) -> list[list[Trial]]:
    """The same by epochs: a longer training is another measurement."""
    groups: dict[int, list[Trial]] = defaultdict(list)
    for trial in trials:
        groups[len(trial.epochs)].append(trial)
    return list(groups.values())


def _counts(trial: Trial) -> bool:
    """Whether a trial's value can be compared: not where it was cut short."""
    return trial.state == "complete" and trial.value is not None


def _value(trial: Trial) -> float:
    assert trial.value is not None
    return trial.value
