"""Published results on Fashion-MNIST, and the place of a run among them."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from fmnist.analysis.intervals import difference_interval, wilson_interval
from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.runs.codec import FactsError, convert
from fmnist.runs.records.metrics import Score
from search.analysis.results import Interval

TEST_IMAGES = 10_000
AHEAD, TIED, BEHIND = "ahead", "not told apart", "behind"
ANCHORS = ("Dense network 256-128-64", "Pre-activation ResNet-20 with Cutout")
BASELINES = ("Dense network 256-128-64", "HOG and SVM")
"""Published results without a convolutional network, the weaker first."""


@dataclass(frozen=True)
class PublishedResult:
    """One published figure.

    Attributes:
        name: of the system.
        accuracy: as a fraction of ``n`` test images.
        what: network, augmentation and effort, as far as the source tells.
        source: where it was read.
        figure: whether it is a mean, one run or the best of several; empty where not stated.
        epochs: of the training; 0 where not stated.
    """

    name: str
    accuracy: float
    what: str
    source: str
    figure: str = ""
    epochs: int = 0
    n: int = TEST_IMAGES

    @property
    def interval(self) -> Interval:
        """Wilson's 95 % interval for the chance in which images were drawn: ours, not theirs."""
        return wilson_interval(round(self.accuracy * self.n), self.n)


@dataclass(frozen=True)
class Placed:
    """A published figure and where the run stands to it.

    Attributes:
        verdict: one of ``AHEAD, TIED, BEHIND``.
        difference: 95 % interval of the run's accuracy less the published one, Newcombe's, as if
            of different test images, since which ones the other got right is not known.
    """

    result: PublishedResult
    verdict: str
    difference: Interval


@functools.cache
def load_published() -> tuple[PublishedResult, ...]:
    """The results of ``published.toml``, the lowest first.

    Raises:
        FactsError: an entry that is missing or breaks a rule.
    """
    file = resources.files("fmnist.report").joinpath("published.toml")
    return parse_published(tomllib.loads(file.read_text(encoding="utf-8")))


def parse_published(tables: dict[str, Any]) -> tuple[PublishedResult, ...]:
    """The tables of a file like ``published.toml`` as records.

    Raises:
        FactsError: an entry that is missing or breaks a rule; names it.
    """
    sources = convert(dict[str, str], tables.get("sources"), "published.toml: sources")
    found = []
    for number, row in enumerate(tables.get("results", ()), start=1):
        where = f"published.toml: result {number}"
        result = convert(PublishedResult, row, where)
        if not (0 < result.accuracy < 1 and result.n > 0):
            raise FactsError(f"{where}: accuracy must lie within 0 to 1 and n above 0")
        if result.source not in sources:
            raise FactsError(f"{where}: source {result.source!r} is not among [sources]")
        found.append(convert(PublishedResult, {**row, "source": sources[result.source]}, where))
    return tuple(sorted(found, key=lambda r: (r.accuracy, r.name)))


def comparable(facts: Facts) -> bool:
    """Whether the run was tested on the very images that the published figures are about."""
    test = facts.metrics.test.n if facts.metrics else facts.run.splits.test
    return facts.run.data.verified and test == TEST_IMAGES


def placed(score: Score, results: Sequence[PublishedResult]) -> tuple[Placed, ...]:
    """Where the score stands to each of the results."""
    return tuple(_placed(score, result) for result in results)


def place(facts: Facts) -> str:
    """Two published anchors, one without convolutions and one of a large effort.

    Empty where it cannot be told: other images, or not tested yet.
    """
    if facts.metrics is None or not comparable(facts):
        return ""
    rows = placed(facts.metrics.test, load_published())
    anchors = [p for p in rows if p.result.name in ANCHORS]
    named = [
        f"{p.result.name} ({text.percent(p.result.accuracy, digits=1)}), {_WORDS[p.verdict]}"
        for p in anchors
    ]
    return f"Beside published results: {'; '.join(named)}."


def _placed(score: Score, result: PublishedResult) -> Placed:
    low, high = difference_interval(
        score.accuracy, score.interval, result.accuracy, result.interval
    )
    verdict = AHEAD if low > 0 else BEHIND if high < 0 else TIED
    return Placed(result, verdict, (low, high))


_WORDS = {
    AHEAD: "which this run is above",
    TIED: "which this run is not told apart from",
    BEHIND: "which this run is below",
}
