"""Confidence intervals of proportions and their differences; exact paired tests."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from fmnist.errors import DataError
from fmnist.runs.records.final_model import PairedTest

CONFIDENCE = 0.95

Ints = NDArray[np.int64]


@functools.cache  # a report asks a thousand times for some thirty of them
def wilson_interval(correct: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval of a proportion (Wilson 1927), as fractions.

    Nothing observed (``n`` = 0) says nothing: the interval is then 0 to 1.

    Raises:
        ValueError: ``correct`` outside 0 to ``n``, or ``confidence`` outside 0 to 1.
    """
    if not 0 <= correct <= n:
        raise ValueError(f"correct must lie between 0 and n, found correct={correct}, n={n}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, found {confidence}")
    if n == 0:
        return 0.0, 1.0
    interval = binomtest(int(correct), int(n)).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def newcombe(
    correct: int, n: int, other: int, m: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Interval of ``correct / n - other / m``, independent proportions, as fractions.

    Newcombe's hybrid score interval (Statistics in Medicine 17, 1998, method 10).
    """
    first, second = (wilson_interval(*pair, confidence) for pair in ((correct, n), (other, m)))
    return difference_interval(correct / n, first, other / m, second)


def difference_interval(
    p: float, p_interval: Sequence[float], q: float, q_interval: Sequence[float]
) -> tuple[float, float]:
    """Interval of ``p - q`` from those of two independent estimates of proportions.

    By the square-and-add rule (MOVER: Zou and Donner, Statistics in Medicine 27, 2008).
    """
    (p_low, p_high), (q_low, q_high) = p_interval, q_interval
    below, above = math.hypot(p - p_low, q_high - q), math.hypot(p_high - p, q - q_low)
    return max(-1.0, p - q - below), min(1.0, p - q + above)


def mcnemar(labels: NDArray[Any], first: NDArray[Any], second: NDArray[Any]) -> PairedTest:
    """McNemar's test (1947) in its exact form: a binomial test on the discordant images.

    The interval of the difference is Bonett and Price's adjusted Wald interval for paired
    proportions (2012): one image is added to each kind of discordance.

    Args:
        labels: int ``[N]``, class indices.
        first, second: int ``[N]``, predicted class indices.

    Raises:
        DataError: the three are not equally long, are empty, or hold other things than integers.
    """
    labels, first, second = _checked_classes(labels=labels, first=first, second=second)
    right, other = first == labels, second == labels
    b, c = int(np.count_nonzero(right & ~other)), int(np.count_nonzero(other & ~right))
    p = float(binomtest(b, b + c).pvalue) if b + c else 1.0
    n = len(labels)
    return PairedTest(n, b, c, p, (b - c) / n, paired_interval(b, c, n))


def holm_levels(p_values: Sequence[float], alpha: float = 1 - CONFIDENCE) -> list[float]:
    """Confidence of each interval so that it leaves out zero where Holm's method decides.

    That of the step at which a p-value was compared; of those after the first that was not small
    enough, the level of that one.
    """
    levels, level, open_ = [0.0] * len(p_values), 0.0, False
    for done, k in enumerate(sorted(range(len(p_values)), key=lambda k: p_values[k])):
        if not open_:
            level = alpha / (len(p_values) - done)
            open_ = p_values[k] >= level
        levels[k] = 1 - level
    return levels


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number by Holm's step-down method (1979), in their order."""
    corrected, highest = [0.0] * len(p_values), 0.0
    for done, k in enumerate(sorted(range(len(p_values)), key=lambda k: p_values[k])):
        highest = max(highest, min(1.0, (len(p_values) - done) * p_values[k]))
        corrected[k] = highest
    return corrected


def paired_interval(b: int, c: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Bonett and Price's interval of ``(b - c) / n``; see ``mcnemar``."""
    first, second = (b + 1) / (n + 2), (c + 1) / (n + 2)
    centre = first - second
    half = norm.ppf((1 + confidence) / 2) * np.sqrt((first + second - centre**2) / (n + 2))
    return float(max(-1.0, centre - half)), float(min(1.0, centre + half))


def _checked_classes(**arrays: NDArray[Any]) -> list[Ints]:
    """Class indices of the same images, as int64."""
    checked: list[Ints] = []
    for name, given in arrays.items():
        values = np.asarray(given)
        expected = checked[0].shape if checked else (values.size,)
        if values.shape != expected or not values.size:
            raise DataError(
                f"{name}: expected class indices of the same images, at least one, in one "
                f"dimension; found shape {values.shape}"
            )
        if not np.issubdtype(values.dtype, np.integer):
            raise DataError(f"{name}: expected integer class indices, found {values.dtype}")
        checked.append(values.astype(np.int64))
    return checked
