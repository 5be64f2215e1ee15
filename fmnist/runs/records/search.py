"""A training that was under way when the files of a run were read."""

from __future__ import annotations

from dataclasses import dataclass

from search.records import Epoch


@dataclass(frozen=True)
class InFlight:
    """What a training under way is, and its last finished epoch."""

    name: str
    last: Epoch
