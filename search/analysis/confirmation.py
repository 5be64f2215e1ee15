"""The honest winner: the best candidates of a search on fresh seeds, compared by their means.

The values of the search are what the candidates were picked by, so they flatter; they take no part
in the comparison.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
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
) -> Confirmation:
    """Who won, how surely.

    Args:
        candidates: at least one, the best of the search first.
        runs: their runs on fresh seeds, each with ``replicate_of`` its candidate's trial.
        trials: of the search, which add to the estimate of the noise.
        reason: why there was no confirmation.
    """
    spread = noise(trials, runs)
    measured = [
        _measured(c, [r for r in runs if r.replicate_of == c.trial], spread) for c in candidates
    ]
    # Who has no mean comes last; equals stand as the search saw them.
    measured.sort(key=lambda c: (c.mean is None, -(c.mean or 0.0), -c.search_value, c.trial))
    ranked = tuple(replace(c, rank=rank) for rank, c in enumerate(measured, start=1))
    best, difference = ranked[0], _difference(ranked, spread)
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


def _difference(candidates: Sequence[Candidate], spread: Noise) -> Difference | None:
    """Between the two best means, with its 95 % interval; None where it cannot be told."""
    means = [(c.mean, len(c.values)) for c in candidates if c.mean is not None]
    if len(means) < 2:
        return None
    (first, n), (second, m) = means[:2]
    half = spread.half_width(n, m)
    if half is None:
        return None
    return Difference(first - second, _between(first - second, half, -1.0))


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
