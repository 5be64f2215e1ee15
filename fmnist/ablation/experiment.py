"""One comparison with the configuration of a run, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TELLING, NAMED, OTHER = range(3)
"""What is made first where time is short; ``NAMED``: what courses ask for by its name."""
NO_CONVOLUTIONS = "the network of this run is a dense one"


@dataclass(frozen=True)
class Experiment:
    """One variant of the configuration.

    Attributes:
        key: its name in files, one of ``KEYS``.
        question: key of the concept answer that it is evidence for.
        title: the variant in words, such as ``without dropout``.
        compares: what stands against what.
        changes: fields of the configuration that differ.
        epochs, images: how many times those of the base.
        priority: ``TELLING`` ones are made first, then ``NAMED``, then ``OTHER`` ones.
        reason: why it cannot be made; empty where it can.
    """

    key: str
    question: str
    title: str
    compares: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 1
    images: int = 1
    priority: int = OTHER
    reason: str = ""

    @property
    def telling(self) -> bool:
        """Whether it is among those that are made first."""
        return self.priority == TELLING
