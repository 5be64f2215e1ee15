"""Several systems on the same test images, the run of the report first."""

from __future__ import annotations

from dataclasses import dataclass

from search.analysis.results import Interval

AHEAD, BEHIND, UNDECIDED = "ahead", "behind", "no difference found"
ALPHA = 0.05
KINDS = ("tuned", "recipe", "train", "ensemble")


@dataclass(frozen=True)
class Lead:
    """The first system against this one: McNemar's exact test on the same images.

    Attributes:
        only_first, only_other: images that only this one of the two classifies correctly.
        difference: accuracy of the first minus that of the other, a fraction.
        interval: 95 % interval of the difference.
        p: two-sided p-value of this one test.
        p_holm: the same, corrected for the number of comparisons.
        verdict: whether the first is ahead, behind, or no difference was found: by ``p_holm``.
    """

    only_first: int
    only_other: int
    difference: float
    interval: Interval
    p: float
    p_holm: float
    verdict: str = ""

    def __post_init__(self) -> None:
        verdict = AHEAD if self.difference > 0 else BEHIND
        object.__setattr__(self, "verdict", verdict if self.p_holm < ALPHA else UNDECIDED)


@dataclass(frozen=True)
class System:
    """One row: a run or the ensemble of a run.

    Attributes:
        name: of the run.
        kind: one of ``KINDS``.
        accuracy, interval: on the test images, with its 95 % interval.
        recipe, title, source: of the recipe; empty where it is none.
        published: the recipe's published accuracy, one figure or a span; empty where none.
        finding: what was published in words.
        lead: of the first system over this one; None for the first itself.
    """

    name: str
    kind: str
    correct: int
    accuracy: float
    interval: Interval
    recipe: str = ""
    title: str = ""
    source: str = ""
    published: tuple[float, ...] = ()
    finding: str = ""
    lead: Lead | None = None

    @property
    def what(self) -> str:
        """What the system is, in a word or two."""
        return f"recipe {self.recipe}" if self.kind == "recipe" else self.kind


@dataclass(frozen=True)
class Comparison:
    """``comparison.json``: everything the report says of it, so that it needs no other folder.

    Attributes:
        data, digest: name and checksum of the data set.
        n: number of test images.
        systems: the first is the reference.
    """

    data: str
    digest: str
    n: int
    systems: tuple[System, ...]

    @property
    def first(self) -> System:
        """The system that all others are compared with."""
        return self.systems[0]

    @property
    def others(self) -> tuple[tuple[System, Lead], ...]:
        """The other systems, each with the first one's lead over it."""
        return tuple((s, s.lead) for s in self.systems[1:] if s.lead is not None)
