"""What one "In this run" box holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.figures import Figure, Mosaic


@dataclass(frozen=True)
class Shown:
    """Sentences and pictures of this run that go with one answer.

    Attributes:
        measured: one sentence for each experiment; the first says how they were made.
        skipped: which experiments were not made, and why.
    """

    sentences: list[str]
    figures: list[Figure | Mosaic] = field(default_factory=list)
    measured: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


ABSENT = Shown([text.NOT_RECORDED])
DENSE = Shown(["The network of this run is a dense one, without convolutions and pooling."])


def without_convolutions(facts: Facts) -> bool:
    """Whether the network of the run is a dense one."""
    return facts.best is not None and facts.best.dense
