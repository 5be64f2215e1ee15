"""What a chapter cannot do without."""

from __future__ import annotations

from typing import TypeVar

from fmnist.report.parse import FactsError

T = TypeVar("T")


def present(value: T | None, file: str) -> T:
    """The value, or ``FactsError`` naming the file that should have held it."""
    if value is None:
        raise FactsError(f"{file}: missing; the stage that writes it has not finished")
    return value
