"""Intervals for several trainings that were all tested on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from fmnist.analysis.paired_effects import two_way

Interval = tuple[float, float, float]


def mean_interval(values: Sequence[float]) -> Interval:
    """Mean, and its 95 % interval by Student's t; of one value, no more than that value."""
    middle = float(np.mean(values))
    if len(values) < 2:
        return middle, middle, middle
    spread = float(np.std(values, ddof=1)) / sqrt(len(values))
    return _interval(middle, spread, len(values) - 1)


def difference(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> Interval:
    """How much more often ours is right, with its 95 % interval.

    Each image of each seed gives 1, 0 or -1. Their mean varies with the seeds and with the images
    that were drawn; see ``two_way``. Of one seed it speaks for the images alone.

    Args:
        ours, theirs: whether right, bool [seeds, images], the same images in the same order.

    Raises:
        ValueError: other shapes.
    """
    if ours.shape != theirs.shape or ours.ndim != 2:
        raise ValueError(
            f"expected two tables of seeds and images, found {ours.shape}, {theirs.shape}"
        )
    gains = ours.astype(float) - theirs
    if len(gains) == 1:
        n = gains.size
        return _interval(float(gains.mean()), float(gains.std(ddof=1)) / sqrt(n), n - 1)
    return _interval(*two_way(gains))


def verdict(found: Sequence[float] | None) -> str:
    """Who leads, by an interval of ours less theirs."""
    if found is None:
        return "–"
    _, low, high = found
    return "ours ahead" if low > 0 else "ours behind" if high < 0 else "tied"


def percent(found: Sequence[Any]) -> str:
    """Mean and interval in %."""
    middle, low, high = (100 * value for value in found)
    return f"{middle:.2f} % ({low:.2f}–{high:.2f})"


def points(found: Sequence[Any] | None) -> str:
    """Difference and interval in points."""
    if found is None:
        return "–"
    middle, low, high = (100 * value for value in found)
    return f"{middle:+.2f} ({low:+.2f} to {high:+.2f})"


def _interval(middle: float, spread: float, freedom: float) -> Interval:
    reach = float(t.ppf(0.975, freedom)) * spread
    return middle, middle - reach, middle + reach
