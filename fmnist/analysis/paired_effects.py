"""How sure a difference of two configurations is: over seeds and images.

Differences are accuracy of the variant minus accuracy of the base, fractions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fmnist.analysis.intervals import CONFIDENCE, mcnemar, newcombe, paired_interval

TWO_WAY = "two-way random effects of seeds and images"
SEEDS = "t interval over the seeds"
ONE_SEED = "Bonett and Price's interval and McNemar's exact test on the same images"
UNPAIRED = "Newcombe's interval and Fisher's exact test, unpaired"
ENOUGH = 3
"""Seeds from which on two configurations are compared, and not two trained networks."""
Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class ScoredAnswers:
    """One network on validation images.

    Attributes:
        accuracy: fraction classified correctly.
        images: how many there were.
        right: bool ``[images]``, which of them were; None where not kept.
    """

    accuracy: float
    images: int
    right: NDArray[np.bool_] | None = None

    @property
    def correct(self) -> int:
        """Images classified correctly."""
        return round(self.accuracy * self.images)


@dataclass(frozen=True)
class Effect:
    """A difference, the two-sided p-value of none, the method, and its interval at a confidence."""

    difference: float
    p: float
    method: str
    interval_at: Callable[[float], Interval]

    @property
    def interval(self) -> Interval:
        """The 95 % interval."""
        return self.interval_at(CONFIDENCE)


def effect(pairs: Sequence[tuple[ScoredAnswers, ScoredAnswers]]) -> Effect:
    """The difference between variant and base.

    From two seeds on by two-way random effects; of one seed by the paired answers on the same
    images, which compares two networks. Where the answers were not kept, by a t test over three
    seeds or more, else by the two proportions, which know nothing of the pairing.

    Args:
        pairs: (base, variant) of each seed, on the same images; at least one.
    """
    answers = [_answers(base, variant) for base, variant in pairs]
    kept = [a for a in answers if a is not None]
    if len(kept) < len(pairs):
        differences = np.array([variant.accuracy - base.accuracy for base, variant in pairs])
        if len(pairs) >= ENOUGH and np.ptp(differences) > 1e-12:
            error = float(differences.std(ddof=1)) / math.sqrt(len(pairs))
            return _t(float(differences.mean()), error, len(pairs) - 1, SEEDS)
        return unpaired([base for base, _ in pairs], [variant for _, variant in pairs])
    gains = np.array([after.astype(float) - before for before, after in kept])
    if len(kept) > 1 and np.ptp(gains) > 0:
        return _t(*two_way(gains), TWO_WAY)
    before, after = kept[0]
    found = mcnemar(np.ones(len(before), dtype=np.int64), after.astype(int), before.astype(int))
    at = partial(paired_interval, found.only_first, found.only_second, found.n)
    return Effect(found.difference, found.p, ONE_SEED, at)


def two_way(gains: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean of ``gains``, its standard error and its degrees of freedom, over seeds and images.

    Two-way random effects, as in studies of several readers who all see the same cases (Dorfman,
    Berbaum and Metz 1992), with Satterthwaite's degrees of freedom. Few seeds make it wide.

    Args:
        gains: 1, 0 or -1 for each image of each seed, ``[seeds, images]``, two seeds at least.
    """
    seeds, images = gains.shape
    middle = float(gains.mean())
    of_seeds, of_images = gains.mean(axis=1, keepdims=True), gains.mean(axis=0, keepdims=True)
    rest_df = (seeds - 1) * (images - 1)
    rest = float(((gains - of_seeds - of_images + middle) ** 2).sum()) / rest_df
    # An effect that is smaller than the noise counts as none.
    seed_square = max(rest, images * float(of_seeds.var(ddof=1)))
    image_square = max(rest, seeds * float(of_images.var(ddof=1)))
    total = seed_square + image_square - rest
    if total == 0:
        return middle, 0.0, float(seeds - 1)
    parts = ((seed_square, seeds - 1), (image_square, images - 1), (rest, rest_df))
    freedom = total**2 / sum(square**2 / df for square, df in parts)
    return middle, math.sqrt(total / gains.size), freedom


def unpaired(base: Sequence[ScoredAnswers], variant: Sequence[ScoredAnswers]) -> Effect:
    """The difference of two proportions over all seeds, as if of different images."""
    from scipy.stats import fisher_exact

    correct = [sum(s.correct for s in scores) for scores in (variant, base)]
    n = [sum(s.images for s in scores) for scores in (variant, base)]
    table = [[c, total - c] for c, total in zip(correct, n, strict=True)]
    p = float(fisher_exact(table)[1])
    difference = correct[0] / n[0] - correct[1] / n[1]
    at = partial(newcombe, correct[0], n[0], correct[1], n[1])
    return Effect(difference, p, UNPAIRED, at)


def _answers(
    base: ScoredAnswers, variant: ScoredAnswers
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    if base.right is None or variant.right is None or len(base.right) != len(variant.right):
        return None
    return base.right, variant.right


def _t(middle: float, error: float, freedom: float, method: str) -> Effect:
    from scipy.stats import t

    def interval_at(confidence: float) -> Interval:
        reach = error * float(t.ppf((1 + confidence) / 2, freedom))
        return middle - reach, middle + reach

    same = 1.0 if middle == 0 else 0.0
    p = 2 * float(t.sf(abs(middle) / error, freedom)) if error else same
    return Effect(middle, p, method, interval_at)
