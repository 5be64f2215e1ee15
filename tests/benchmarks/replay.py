"""Pruners over curves that were recorded: who stays, at what cost, in whatever order they come."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from scipy import stats

from search.engines.pruning import Pruning

Curve = tuple[float, ...]
"""Validation accuracy after each epoch, fractions."""


@dataclass(frozen=True)
class Outcome:
    """What a pruner does to a set of curves.

    Attributes:
        kept: share of the orders in which the best curve ran to its end.
        regret: accuracy of the best curve less that of the best one kept; mean, a fraction.
        worst: the largest of these.
        spent: epochs run as a share of all; mean.
    """

    kept: float
    regret: float
    worst: float
    spent: float


def curves_in(file: Path) -> list[Curve]:
    """The curves in a ``curves.json``."""
    return [tuple(c["val_accuracy"]) for c in json.loads(file.read_text())["curves"]]


def finals(curves: Sequence[Curve]) -> list[float]:
    """What each comes to in a study: the best of its epochs."""
    return [max(curve) for curve in curves]


def correlation(
    curves: Sequence[Curve], epoch: int, kind: str, resamples: int = 9999
) -> tuple[float, float, float]:
    """Rank correlation of the accuracies after ``epoch`` and in the end, with a 95 % interval.

    Args:
        kind: ``spearman`` or ``kendall``.
        resamples: of the curves, by which the interval is found (percentile bootstrap).
    """
    measure = {"spearman": stats.spearmanr, "kendall": stats.kendalltau}[kind]
    early = np.array([curve[epoch - 1] for curve in curves])
    last = np.array(finals(curves))

    def statistic(at: Any) -> float:
        return float(measure(early[at], last[at]).statistic)

    places = np.arange(len(curves))
    found = stats.bootstrap(
        (places,),
        statistic,
        n_resamples=resamples,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return statistic(places), float(found.low), float(found.high)


def replay(
    curves: Sequence[Curve],
    pruner: str,
    orders: int,
    *,
    drawn: int | None = None,
    share: float = 1.0,
    seed: int = 0,
) -> Outcome:
    """Run curves through ``pruner`` one after another, in so many random orders.

    Args:
        drawn: take so many of them at random each time, so that others win too; None: all.
        share: part of all their epochs that may be run; what is then not at its end is lost.
    """
    chance, regrets, spent = random.Random(seed), [], []
    for _ in range(orders):
        some = chance.sample(list(curves), drawn or len(curves))
        total = sum(map(len, some))
        ran = epochs_run(some, pruner, int(share * total))
        spent.append(sum(length for _, length in ran) / total)
        kept = [max(curve) for curve, length in ran if length == len(curve)]
        regrets.append(max(finals(some)) - max(kept))
    return Outcome(fmean(r == 0.0 for r in regrets), fmean(regrets), max(regrets), fmean(spent))


def epochs_run(
    curves: Sequence[Curve], pruner: str, most: int | None = None
) -> list[tuple[Curve, int]]:
    """Each curve in turn with how many of its epochs are run; ``most``: of all together."""
    pruning = Pruning(pruner, max(map(len, curves)))
    left = sum(map(len, curves)) if most is None else most
    found = []
    for number, curve in enumerate(curves):
        length = 0
        for step, value in enumerate(curve[:left], start=1):
            length = step
            if not pruning.report(number, step, value):
                break
        pruning.end(number, "complete" if length == len(curve) else "pruned")
        left -= length
        found.append((curve, length))
    return found
