"""Whether probabilities mean what they say: reliability, its error, and one temperature for them.

The expected calibration error (ECE) and temperature scaling are those of Guo, Pleiss, Sun and
Weinberger, "On Calibration of Modern Neural Networks" (ICML 2017).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from fmnist.analysis.bootstrap import RESAMPLES, percentiles, resampled
from fmnist.analysis.classification import checked
from fmnist.analysis.intervals import CONFIDENCE
from fmnist.models.inference import SMALLEST_PROBABILITY, cross_entropy
from fmnist.runs.records.calibration import Calibrated, Calibration, FittedOn
from search.analysis.results import Interval

BINS = 15
"""Bins of equal width, as in Guo et al."""
TEMPERATURES = (0.05, 20.0)
"""The fit stays within these; a network without an error would go to the lower end."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Reliability:
    """Images by the probability of their predicted class, in ``BINS`` bins of equal width.

    Attributes:
        counts: images in each bin.
        confidence, accuracy: their mean probability and the share predicted correctly; NaN in
            an empty bin.
    """

    counts: Ints
    confidence: Floats
    accuracy: Floats

    @property
    def error(self) -> float:
        """ECE: the gap of confidence and accuracy, averaged over the images."""
        gaps = np.abs(self.accuracy - self.confidence) * self.counts
        return float(np.nansum(gaps) / self.counts.sum())


def reliability(labels: NDArray[Any], probabilities: NDArray[Any]) -> Reliability:
    """The reliability diagram in numbers.

    Args:
        labels: int ``[N]``, class indices.
        probabilities: float ``[N, C]``, rows summing to one.

    Raises:
        DataError: shapes, values or labels that break a rule.
    """
    bins, confidence, hit = _binned(*checked(labels, probabilities))
    counts = np.bincount(bins, minlength=BINS)
    with np.errstate(invalid="ignore"):
        return Reliability(
            counts.astype(np.int64),
            np.bincount(bins, confidence, BINS) / counts,
            np.bincount(bins, hit, BINS) / counts,
        )


def temperature(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """The temperature that makes the cross-entropy lowest; above 1 it lowers confidence.

    The logarithms of the probabilities stand for the logits: they differ by a constant in each
    row, which a softmax does not see. The cross-entropy is convex in one over the temperature,
    so there is one minimum.

    Raises:
        DataError: shapes, values or labels that break a rule.
    """
    labels, logits = _logits(labels, probabilities)
    rows = np.arange(len(labels))

    def cross_entropy(log_temperature: float) -> float:
        scaled = log_softmax(logits / math.exp(log_temperature), axis=1)
        return float(-scaled[rows, labels].mean())

    bounds = tuple(math.log(t) for t in TEMPERATURES)
    best = minimize_scalar(cross_entropy, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return math.exp(best.x)


def tempered(probabilities: NDArray[Any], by: float) -> Floats:
    """Probabilities float ``[N, C]`` after the temperature ``by``; their order stays."""
    logits = np.log(np.clip(np.asarray(probabilities, np.float64), SMALLEST_PROBABILITY, 1.0))
    scaled: Floats = np.exp(log_softmax(logits / by, axis=1))
    return scaled


def brier(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """Brier's score (1950) for many classes: 0 is perfect, 2 the worst."""
    labels, probabilities = checked(labels, probabilities)
    wanted = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities - wanted) ** 2).sum(axis=1).mean())


def by_chance(probabilities: NDArray[Any], *, seed: int = 0, resamples: int = RESAMPLES) -> float:
    """The ECE that a perfectly calibrated network of these confidences stays below, 95 %.

    Consistency resampling (Bröcker and Smith 2007): every prediction is right with the
    probability it states. The ECE of a finite sample is above zero even then.
    """
    confidence = np.asarray(probabilities, np.float64).max(axis=1)
    bins, rng = _bins(confidence), np.random.default_rng(seed)
    member = _members(bins)
    errors = [
        _ece(member @ ((rng.random(len(bins)) < confidence) - confidence), len(bins))
        for _ in range(resamples)
    ]
    return float(np.quantile(errors, CONFIDENCE))


def error_interval(
    labels: NDArray[Any],
    probabilities: NDArray[Any],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """95 % interval of the true ECE by the basic bootstrap (Davison and Hinkley 1997, 5.2).

    The ECE of a sample lies above the true one, and that of a resample above the sample's by
    about as much. The basic interval turns the resampled values round the sample's and so takes
    that off; its ends, not below 0, may both lie below the ECE itself.
    """
    labels, probabilities = checked(labels, probabilities)
    bins, confidence, hit = _binned(labels, probabilities)
    gaps = (_members(bins) * (hit - confidence)).astype(np.float32)
    drawn = resampled(len(labels), seed, resamples, lambda counts: _ece(gaps @ counts, len(labels)))
    low, high = percentiles(drawn)
    twice = 2 * float(_ece(gaps.sum(axis=1), len(labels)))
    return max(0.0, twice - high), max(0.0, twice - low)


def describe(
    labels: NDArray[Any], probabilities: NDArray[Any], *, seed: int = 0, resamples: int = RESAMPLES
) -> Calibrated:
    """Calibration of one set of predictions."""
    found = reliability(labels, probabilities)
    return Calibrated(
        ece=found.error,
        ece_interval=error_interval(labels, probabilities, seed=seed, resamples=resamples),
        ece_by_chance=by_chance(probabilities, seed=seed, resamples=resamples),
        loss=cross_entropy(*checked(labels, probabilities)),
        brier=brier(labels, probabilities),
        counts=tuple(found.counts.tolist()),
        confidence=_or_none(found.confidence),
        accuracy=_or_none(found.accuracy),
    )


def calibration(
    validation: tuple[NDArray[Any], NDArray[Any]],
    test: tuple[NDArray[Any], NDArray[Any]],
    *,
    validated_by: str,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Calibration:
    """Test calibration before and after a temperature fitted on validation images.

    Args:
        validation, test: labels int ``[N]`` and probabilities float ``[N, C]``.
        validated_by: the network that made the validation probabilities; another than the
            final one where that learnt the validation images.
    """
    by = temperature(*validation)
    labels, probabilities = test
    return Calibration(
        bins=BINS,
        temperature=by,
        fitted_on=FittedOn("validation", len(validation[0]), validated_by),
        resamples=resamples,
        before=describe(labels, probabilities, seed=seed, resamples=resamples),
        after=describe(labels, tempered(probabilities, by), seed=seed, resamples=resamples),
    )


def _logits(labels: NDArray[Any], probabilities: NDArray[Any]) -> tuple[Ints, Floats]:
    labels, probabilities = checked(labels, probabilities)
    return labels, np.log(np.clip(probabilities, SMALLEST_PROBABILITY, 1.0))


def _binned(labels: Ints, probabilities: Floats) -> tuple[Ints, Floats, Floats]:
    """Of each image its bin, the probability of its predicted class, and 1 where that is right."""
    confidence = probabilities.max(axis=1)
    return _bins(confidence), confidence, (probabilities.argmax(axis=1) == labels).astype(float)


def _bins(confidence: Floats) -> Ints:
    """Bin of each confidence; the upper edge belongs to a bin, as in Guo et al."""
    bins: Ints = np.clip(np.ceil(confidence * BINS) - 1, 0, BINS - 1).astype(np.int64)
    return bins


def _members(bins: Ints) -> Floats:
    """1 where an image lies in a bin: float ``[BINS, N]``."""
    member: Floats = (np.arange(BINS)[:, None] == bins).astype(np.float64)
    return member


def _ece(gaps: NDArray[Any], n: int) -> Any:
    """From sums of (right − confidence) over each bin, ``[BINS]`` or ``[BINS, B]``."""
    return np.abs(gaps).sum(axis=0) / n


def _or_none(values: Floats) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(v) else float(v) for v in values)
