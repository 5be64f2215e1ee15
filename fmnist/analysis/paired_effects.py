"""How sure a difference of two configurations is: over seeds, else over images.

Differences are accuracy of the variant minus accuracy of the base, fractions; intervals are 95 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmnist.analysis.intervals import CONFIDENCE, mcnemar, newcombe

SEEDS = "t interval over the seeds"
ONE_SEED = "McNemar's exact test on the same images"
IMAGES = "t interval over the same images"
UNPAIRED = "Newcombe's interval, unpaired"
ENOUGH = 3
"""From so many seeds on, an interval over the seeds is given."""


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
    """A difference, its interval, the two-sided p-value of no difference, and the method."""

    difference: float
    interval: tuple[float, float]
    p: float
    method: str


def effect(pairs: Sequence[tuple[ScoredAnswers, ScoredAnswers]]) -> Effect:
    """The difference between variant and base.

    From three seeds on by a paired t test over the seeds. With fewer by the paired answers on the
    same images: McNemar's exact test for one seed, a t test over the images' mean differences for
    two. Where the answers were not kept, by Newcombe's interval of two proportions and Fisher's
    exact test, which know nothing of the pairing.

    Args:
        pairs: (base, variant) of each seed, on the same images; at least one.
    """
    differences = np.array([variant.accuracy - base.accuracy for base, variant in pairs])
    if len(pairs) >= ENOUGH and np.ptp(differences) > 1e-12:
        return _t(differences, SEEDS)
    answers = [_answers(base, variant) for base, variant in pairs]
    kept = [a for a in answers if a is not None]
    if len(kept) < len(pairs):
        return unpaired([base for base, _ in pairs], [variant for _, variant in pairs])
    by_image = np.mean([after.astype(float) - before for before, after in kept], axis=0)
    if len(kept) > 1 and np.ptp(by_image) > 0:
        return _t(by_image, IMAGES)
    before, after = kept[0]
    found = mcnemar(np.ones(len(before), dtype=np.int64), after.astype(int), before.astype(int))
    return Effect(found.difference, found.interval, found.p, ONE_SEED)


def unpaired(base: Sequence[ScoredAnswers], variant: Sequence[ScoredAnswers]) -> Effect:
    """The difference of two proportions over all seeds, as if of different images."""
    from scipy.stats import fisher_exact

    correct = [sum(s.correct for s in scores) for scores in (variant, base)]
    n = [sum(s.images for s in scores) for scores in (variant, base)]
    table = [[c, total - c] for c, total in zip(correct, n, strict=True)]
    p = float(fisher_exact(table)[1])
    difference = correct[0] / n[0] - correct[1] / n[1]
    return Effect(difference, newcombe(correct[0], n[0], correct[1], n[1]), p, UNPAIRED)


def _answers(
    base: ScoredAnswers, variant: ScoredAnswers
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    if base.right is None or variant.right is None or len(base.right) != len(variant.right):
        return None
    return base.right, variant.right


def _t(values: NDArray[np.float64], method: str) -> Effect:
    from scipy.stats import ttest_1samp

    found = ttest_1samp(values, 0.0)
    low, high = found.confidence_interval(CONFIDENCE)
    return Effect(float(np.mean(values)), (float(low), float(high)), float(found.pvalue), method)
