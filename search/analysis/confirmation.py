"""Confirming the winner: the best candidates of a search on fresh seeds, compared by their means.

The values of the search are what the candidates were picked by, so they flatter; they take no part
in the comparison.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean, stdev

from search.analysis.results import (
    Candidate,
    Confirmation,
    ConfirmedRun,
    Difference,
    Interval,
    Noise,
)
from search.records import Trial
from search.space import Value


def candidates(
    trials: Iterable[Trial], k: int, start: Mapping[str, Value] | None = None
) -> list[Candidate]:
    """The ``k`` best distinct sets of parameters by their mean value, the best first.

    Where ``k`` is 2 or more, ``start`` is among them in any case, if it was tried: what the search
    brought is told against it.
    """
    ranked = []
    for group in _groups(trials):
        longest = max(len(t.epochs) for t in group)
        full = [t for t in group if len(t.epochs) == longest]
        ranked.append(Candidate(full[0].number, full[0].params, fmean(map(_value, full))))
    ranked.sort(key=lambda c: (-c.search_value, c.trial))
    left_out = [c for c in ranked[k:] if c.params == start]
    return [*ranked[: k - len(left_out)], *left_out] if k > 1 else ranked[:k]


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
    start: Mapping[str, Value] | None = None,
    reason: str = "",
) -> Confirmation:
    """Who won, how surely.

    The highest mean wins; but ``start`` gives way only to one that is ahead by more than one
    standard error (the rule of Breiman et al., Classification and Regression Trees, 1984).

    Args:
        candidates: at least one, the best of the search first.
        runs: their runs on fresh seeds, each with ``replicate_of`` its candidate's trial.
        trials: of the search, which add to the estimate of the noise.
        start: parameters that the search began with.
        reason: why there was no confirmation.
    """
    spread = noise(trials, runs)
    measured = [
        _measured(c, [r for r in runs if r.replicate_of == c.trial], spread) for c in candidates
    ]
    # Who has no mean comes last; equals stand as the search saw them.
    measured.sort(key=lambda c: (c.mean is None, -(c.mean or 0.0), -c.search_value, c.trial))
    began_with = next((c for c in measured if c.params == start), None)
    if began_with is not None and _within_one_error(measured[0], began_with, spread):
        measured.sort(key=lambda c: c is not began_with)
    ranked = tuple(replace(c, rank=rank) for rank, c in enumerate(measured, start=1))
    best = ranked[0]
    second = next((c for c in ranked[1:] if c.mean is not None), None)
    difference = _difference(best, second, spread)
    began_with = next((c for c in ranked if c.params == start), None)
    confirmed = best.mean is not None
    return Confirmation(
        k=len(candidates) if runs else 0,
        seeds=max((len(c.runs) for c in ranked), default=0),
        reason="" if confirmed else reason or "no run on a fresh seed was completed",
        candidates=ranked,
        winner=best.trial,
        winner_by="confirmation" if confirmed else "search",
        distinguishable=difference is not None and difference.interval[0] > 0,
        difference=difference,
        noise=spread,
        start=began_with.trial if began_with else None,
        gain=_difference(best, began_with, spread),
        optimism=None if best.mean is None else best.search_value - best.mean,
    )


def _measured(candidate: Candidate, runs: Sequence[Trial], spread: Noise) -> Candidate:
    values = [_value(r) for r in runs if _counts(r)]
    mean = fmean(values) if values else None
    half = spread.half_width(len(values)) if values else None
    return replace(
        candidate,
        runs=tuple(_run(r) for r in runs),
        mean=mean,
        sd=stdev(values) if len(values) > 1 else None,
        interval=_between(mean, half, 0.0) if mean is not None and half is not None else None,
    )


def _run(run: Trial) -> ConfirmedRun:
    cut = None if _counts(run) else "cut short"
    return ConfirmedRun(
        seed=run.seed,
        value=_value(run) if _counts(run) else None,
        epochs=len(run.epochs),
        seconds=run.seconds,
        failure=run.failure.kind if run.failure else cut,
    )


def _difference(first: Candidate, second: Candidate | None, spread: Noise) -> Difference | None:
    """Between two means, with its 95 % interval; None where it cannot be told."""
    if first.mean is None or second is None or second.mean is None or first is second:
        return None
    half = spread.half_width(len(first.values), len(second.values))
    if half is None:
        return None
    ahead = first.mean - second.mean
    return Difference(ahead, _between(ahead, half, -1.0))


def _within_one_error(best: Candidate, other: Candidate, spread: Noise) -> bool:
    """Whether the lead of the best mean is at most one standard error of the difference."""
    if best.mean is None or other.mean is None:
        return False
    error = spread.standard_error(len(best.values), len(other.values))
    return error is not None and best.mean - other.mean <= error


def _between(mean: float, half: float, least: float) -> Interval:
    """The interval around a mean, as far as an accuracy or a difference of two can lie."""
    return max(least, mean - half), min(1.0, mean + half)


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
