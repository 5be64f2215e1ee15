"""How thorough a confirmation is that the time allows: candidates, and fresh seeds for each."""

from __future__ import annotations

import math

# The most thorough first.
_SIZES = ((5, 5), (5, 3), (4, 3), (3, 3), (3, 2), (2, 2))
SMALLEST = _SIZES[-1]
WITHOUT_LIMIT = (3, 2)
NONE = (0, 0)
# Shares of the whole time that it may cost: usually, and where only the smallest fits.
_SHARE, _LEAST_SHARE = 0.1, 0.2
# What is kept for it above its expected cost.
_MARGIN = 1.1


def wall_seconds(size: tuple[int, int], cost: float, jobs: int) -> float:
    """Seconds of a confirmation whose runs cost so many each, with ``jobs`` of them at once."""
    return math.ceil(size[0] * size[1] / jobs) * cost


def largest_affordable(
    total: float, cost: float, jobs: int, left: float = math.inf, spare: float = 0.0
) -> tuple[int, int]:
    """The most thorough size within its share of ``total`` seconds, or ``NONE``.

    Args:
        cost: seconds of one run.
        left: seconds there are; ``spare`` of them nothing else can use.
    """
    for size in _SIZES:
        share = _LEAST_SHARE if size == SMALLEST else _SHARE
        if wall_seconds(size, cost, jobs) <= min(left, max(spare, share * total)):
            return size
    return NONE


def reserve(total: float, cost: float, jobs: int) -> float:
    """Seconds to keep for it."""
    size = largest_affordable(total, cost, jobs)
    if size != NONE:
        return _MARGIN * wall_seconds(size, cost, jobs)
    # A little cheaper, as it may yet turn out, and it fits.
    most = _LEAST_SHARE * total
    return most if wall_seconds(SMALLEST, cost, jobs) < 1.5 * most else 0.0
