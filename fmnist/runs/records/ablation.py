"""Small trainings around the best configuration: one change at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fmnist.runs.records.base import OMIT_NONE
from search.analysis.results import Interval

BETTER, WORSE, UNDECIDED = "better", "worse", "not decided"
VERDICTS = (BETTER, WORSE, UNDECIDED)


@dataclass(frozen=True)
class Fidelity:
    """Size of the trainings: images, validation images that score them, epochs, seeds."""

    images: int
    validation: int
    epochs: int
    seeds: int

    @property
    def effort(self) -> int:
        """Images seen in one training."""
        return self.images * self.epochs


@dataclass(frozen=True)
class AblationPlan:
    """``experiments_plan.json``."""

    fidelity: Fidelity


@dataclass(frozen=True)
class SeedScore:
    """One training: its seed, its validation accuracy after the last epoch, its seconds."""

    seed: int | None
    accuracy: float
    seconds: float | None


@dataclass(frozen=True)
class Base:
    """The configuration as it is."""

    parameters: int
    scores: tuple[SeedScore, ...]
    accuracy: float
    seconds: float


Counts = tuple[tuple[int, ...], ...]
"""A confusion matrix: true classes in rows, predicted ones in columns."""


@dataclass(frozen=True)
class Confusions:
    """What both networks take the validation images for, over all seeds that both have."""

    base: Counts
    variant: Counts


@dataclass(frozen=True)
class Measured:
    """A variant that was trained.

    Attributes:
        question: key of the concept answer that it is evidence for.
        title: the variant in words.
        compares: what stands against what.
        changes: fields of the configuration that differ.
        accuracy, base_accuracy: means over the seeds that both have.
        difference: of the accuracies, variant minus base, with its 95 % interval by ``method``.
        adjusted: its interval at the level of Holm's step, which leaves out zero exactly where a
            difference of so many experiments is told; None in older runs.
        validation: images that scored it.
        p_holm: two-sided p-value, corrected for the number of experiments.
        verdict: one of ``VERDICTS``.
        confusions: of the experiment on augmentation, where all answers were kept.
    """

    key: str
    question: str
    title: str
    compares: str
    changes: dict[str, Any]
    images: int
    epochs: int
    parameters: int
    scores: tuple[SeedScore, ...] = field(default=(), kw_only=True)
    accuracy: float
    base_accuracy: float
    difference: float
    interval: Interval
    method: str
    seeds: int
    validation: int
    p: float
    p_holm: float
    verdict: str
    seconds: float = 0.0
    adjusted: Interval | None = None
    confusions: Confusions | None = field(default=None, metadata=OMIT_NONE)

    @property
    def shown_interval(self) -> Interval:
        """The interval that agrees with the verdict."""
        return self.adjusted or self.interval

    @property
    def digits(self) -> int:
        """Decimals of a percentage that so many answers carry."""
        return 2 if self.validation * self.seeds >= 5000 else 1


@dataclass(frozen=True)
class Skipped:
    """An experiment without a result, and why."""

    key: str
    question: str
    title: str
    compares: str
    reason: str


@dataclass(frozen=True)
class Experiments:
    """``experiments.json``; ``fidelity`` and ``base`` are None where nothing was trained.

    ``planned`` is the size that the session which wrote it had planned.
    """

    fidelity: Fidelity | None
    base: Base | None
    experiments: tuple[Measured, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    planned: Fidelity | None = None

    @property
    def ranked(self) -> tuple[Measured, ...]:
        """By their difference, the best variant first."""
        return tuple(sorted(self.experiments, key=lambda e: (-e.difference, e.key)))

    def of(self, question: str) -> tuple[Measured, ...]:
        """Those that are evidence for a question."""
        return tuple(e for e in self.experiments if e.question == question)

    def skipped_of(self, question: str) -> tuple[Skipped, ...]:
        """Those for a question that have no result."""
        return tuple(s for s in self.skipped if s.question == question)
