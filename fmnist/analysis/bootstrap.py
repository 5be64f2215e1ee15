"""Percentile bootstrap (Efron 1979) of scores of a test set: what other images would have given.

A resample draws as many images as there are, with replacement. The networks are not trained
again, so an interval covers the chance in which images were drawn, not the chance in training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist.analysis.classification import confusion_counts
from fmnist.analysis.intervals import CONFIDENCE
from fmnist.runs.records.metrics import Bootstrap, TestScore
from search.analysis.results import Interval

RESAMPLES = 2000
"""Leaves 50 resamples outside each end of a 95 % interval."""
METHOD = "percentile bootstrap over the images, 95 %"
_BLOCK = 100  # resamples at a time: their counts stay in the cache of the processor

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class ScoreIntervals:
    """Intervals of the scores of each class and of their macro averages, as fractions.

    Attributes:
        precision, f1, average_precision: one a class; None for a class without images.
        macro_f1, macro_average_precision: over the classes with images.
        resamples: their number.
    """

    precision: list[Interval | None]
    f1: list[Interval | None]
    average_precision: list[Interval | None]
    macro_f1: Interval
    macro_average_precision: Interval
    resamples: int


def score_intervals(
    labels: NDArray[Any],
    probabilities: NDArray[Any],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> ScoreIntervals:
    """95 % intervals of precision, F1 and average precision. About a second for 10,000 images.

    The first two depend on the images through the confusion matrix alone, and the matrix of a
    resample is multinomial, so those are drawn at once. Average precision depends on ranks: each
    resample weights the ranked images by how often it drew them.

    Args:
        labels: int ``[N]``, class indices.
        probabilities: float ``[N, C]``.
    """
    classes = probabilities.shape[1]
    confusion = confusion_counts(labels.astype(np.int64), probabilities.argmax(axis=1), classes)
    drawn = _resampled_confusions(confusion, seed, resamples)
    precision, f1 = _precision(drawn), _f1(drawn)
    ap = _average_precisions(labels, np.asarray(probabilities), seed, resamples)
    there = np.flatnonzero(confusion.sum(axis=1))
    return ScoreIntervals(
        [percentiles(precision[:, k]) if k in there else None for k in range(classes)],
        [percentiles(f1[:, k]) if k in there else None for k in range(classes)],
        [percentiles(ap[:, k]) if k in there else None for k in range(classes)],
        percentiles(f1[:, there].mean(axis=1)),
        percentiles(ap[:, there].mean(axis=1)),
        resamples,
    )


def percentiles(values: Floats) -> Interval:
    """The middle 95 % of the resampled values, the undefined ones left out; 0 to 1 if none is."""
    known = values[np.isfinite(values)]
    if not len(known):
        return 0.0, 1.0
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


def resampled(
    images: int, seed: int, resamples: int, statistic: Callable[[NDArray[np.float32]], Floats]
) -> Floats:
    """``statistic`` of every resample: float ``[resamples, …]``.

    ``statistic`` is given counts ``[images, B]``, how often each of B resamples holds an image,
    and returns one row a resample.
    """
    return np.concatenate([statistic(counts) for counts in _counts(images, seed, resamples)])


def _counts(images: int, seed: int, resamples: int) -> Iterator[NDArray[np.float32]]:
    """How often each resample drew each image, float32 ``[images, B]``, block by block."""
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, _BLOCK):
        block = min(_BLOCK, resamples - start)
        cells = rng.integers(images, size=(images, block)) * block + np.arange(block)
        counts = np.bincount(cells.ravel(), minlength=images * block)
        yield counts.reshape(images, block).astype(np.float32)


def _resampled_confusions(confusion: Ints, seed: int, resamples: int) -> Ints:
    """Confusion matrices int ``[resamples, C, C]``."""
    n = int(confusion.sum())
    drawn = np.random.default_rng(seed).multinomial(n, confusion.ravel() / n, size=resamples)
    return drawn.reshape(resamples, *confusion.shape).astype(np.int64)


def _precision(confusions: Ints) -> Floats:
    """Precision of each class float ``[resamples, C]``; NaN where nothing is called so."""
    hits = np.diagonal(confusions, axis1=1, axis2=2)
    with np.errstate(invalid="ignore"):
        precision: Floats = hits / confusions.sum(axis=1)
    return precision


def _f1(confusions: Ints) -> Floats:
    """F1 of each class float ``[resamples, C]``; 0 without a hit, as elsewhere."""
    hits = np.diagonal(confusions, axis1=1, axis2=2)
    both = confusions.sum(axis=1) + confusions.sum(axis=2)
    f1: Floats = 2 * hits / np.maximum(both, 1)
    return f1


def _average_precisions(
    labels: NDArray[Any], probabilities: NDArray[Any], seed: int, resamples: int
) -> Floats:
    """Average precision of each class float ``[resamples, C]``; NaN without an image of it."""
    n, classes = probabilities.shape
    ranked = [_Ranked.of(labels == k, probabilities[:, k]) for k in range(classes)]

    def statistic(counts: NDArray[np.float32]) -> Floats:
        return np.stack([r.average_precision(counts) for r in ranked], axis=1)

    return resampled(n, seed, resamples, statistic)


@dataclass(frozen=True)
class _Ranked:
    """The images of one class against the rest, by falling score, in steps of equal score.

    Only steps with an image of the class change its recall, so each is joined with the steps
    before it that hold none.

    Attributes:
        order, steps: images by rank up to the last hit, and where in that each step begins.
        hits, hit_steps: the images of the class alone, in the same steps.
    """

    order: Ints
    steps: Ints
    hits: Ints
    hit_steps: Ints

    @staticmethod
    def of(hit: NDArray[np.bool_], scores: NDArray[Any]) -> _Ranked:
        order = np.argsort(-scores, kind="stable")
        falling, hit_there = scores[order], hit[order]
        ends = np.append(np.flatnonzero(np.diff(falling)), len(order) - 1)  # last of its score
        places = np.flatnonzero(hit_there)
        last = np.unique(ends[np.searchsorted(ends, places)])  # ends of the steps with a hit
        starts = np.append(0, last[:-1] + 1) if len(last) else last
        kept = order[: last[-1] + 1] if len(last) else order[:0]
        return _Ranked(kept, starts, order[places], np.searchsorted(places, starts))

    def average_precision(self, counts: NDArray[np.float32]) -> Floats:
        """Of each of B resamples, whose ``counts`` are ``[N, B]``: float ``[B]``."""
        if not len(self.hits):
            return np.full(counts.shape[1], np.nan)
        predicted = np.add.reduceat(counts[self.order], self.steps).cumsum(axis=0)
        found = np.add.reduceat(counts[self.hits], self.hit_steps)
        precision = found.cumsum(axis=0) / np.maximum(predicted, 1)
        total = found.sum(axis=0, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            ap: Floats = (precision * found).sum(axis=0, dtype=np.float64) / total
        return ap


def with_intervals(
    test: TestScore,
    labels: NDArray[Any],
    probabilities: NDArray[Any],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> TestScore:
    """The scores with the intervals of precision, F1 and average precision added."""
    found = score_intervals(labels, probabilities, seed=seed, resamples=resamples)
    spans = zip(test.classes, found.precision, found.f1, found.average_precision, strict=True)
    return replace(
        test,
        classes=tuple(
            replace(
                row, precision_interval=precision, f1_interval=f1, average_precision_interval=ap
            )
            for row, precision, f1, ap in spans
        ),
        macro=replace(
            test.macro,
            f1_interval=found.macro_f1,
            average_precision_interval=found.macro_average_precision,
        ),
        bootstrap=Bootstrap(METHOD, resamples, seed),
    )
