"""Figures of the classes where there are many of them, or their names are long."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fmnist.report.class_labels import width
from fmnist.report.text import FEW_CLASSES

MOST_CURVES, MOST_BARS = 20, 12
_ACROSS, _SMALLEST = 5.6, 5.0
"""Inches across a matrix, and points below which a number cannot be read."""
_LINE = 1.2
"""Height of a line of names, as a multiple of the size of its letters."""


@dataclass(frozen=True)
class MatrixLook:
    """How a confusion matrix is drawn: inches, points, and whether the counts stand in it.

    ``step`` is 1 where each class is named along the sides, 2 for every other one, and so on.
    """

    height: float
    numbers: float
    labels: float
    rule: float
    step: int = 1

    @property
    def numbered(self) -> bool:
        """Whether a count would be large enough to be read."""
        return self.numbers >= _SMALLEST


def matrix_look(classes: int, digits: int, height: float) -> MatrixLook:
    """The look of a matrix of so many classes, whose counts have so many digits at most.

    Args:
        height: inches for a few classes.
    """
    if classes <= FEW_CLASSES:
        return MatrixLook(min(height, 1.4 + 0.4 * classes), 8.5, 8.0, 1.2)
    cell = 72 * _ACROSS / classes
    # A digit is about 0.6 of the size wide.
    numbers = min(8.5, cell / (0.6 * (digits + 0.5)))
    labels = max(4.5, min(8.0, 0.72 * cell))
    step = math.ceil(_LINE * labels / cell)
    rule = 0.06 * cell if step > 1 else max(0.3, 0.06 * cell)
    return MatrixLook(6.3, numbers, labels, rule, step)


def side_by_side(names: Sequence[str], size: float) -> bool:
    """Whether names of ``size`` points have room below the columns of a matrix, unturned."""
    return max(map(width, names)) * 0.65 * size <= 72 * _ACROSS / len(names)


def lowest(values: Sequence[float], most: int = MOST_CURVES) -> list[int]:
    """Places of the lowest values, at most so many, in the order of the places."""
    if len(values) <= most:
        return list(range(len(values)))
    return sorted(sorted(range(len(values)), key=lambda k: values[k])[:most])


def highest(values: Sequence[float], always: Sequence[int], most: int = MOST_BARS) -> list[int]:
    """Places of the highest values and of those that are always shown, in their order."""
    if len(values) <= FEW_CLASSES:
        return list(range(len(values)))
    ranked = sorted(range(len(values)), key=lambda k: -values[k])
    kept = [*always, *(k for k in ranked if k not in always)]
    return sorted(kept[:most])


def rows_of(number: int, columns: int) -> int:
    """Rows of small figures."""
    return math.ceil(number / columns)
