"""Which rules there are for giving a trial up. Loads no engine."""

from __future__ import annotations

from typing import Final

PRUNERS: Final = ("median", "halving", "hyperband", "none")
"""Rules by name, for every engine; the first is the default."""


def check_pruner(name: str) -> None:
    """Raise ``ValueError`` unless there is such a pruner; the message says what there is."""
    if name not in PRUNERS:
        raise ValueError(f"pruner must be one of {', '.join(PRUNERS)}, but got {name!r}")
