"""Whether the probabilities of the network mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

from search.analysis.results import Interval


@dataclass(frozen=True)
class FittedOn:
    """The images on which the temperature was fitted, and the network that predicted them."""

    split: str
    n: int
    model: str


@dataclass(frozen=True)
class Calibrated:
    """Calibration of one set of test probabilities, fractions throughout.

    Attributes:
        ece: expected calibration error; ``ece_interval`` holds the true one with 95 %, and a
            perfectly calibrated network stays below ``ece_by_chance`` in 95 % of samples.
        loss, brier: mean cross-entropy, and Brier's score.
        counts: images in each bin of confidence, the lowest first.
        confidence, accuracy: their means; None in an empty bin.
    """

    ece: float
    ece_interval: Interval
    ece_by_chance: float
    loss: float
    brier: float
    counts: tuple[int, ...]
    confidence: tuple[float | None, ...]
    accuracy: tuple[float | None, ...]

    @property
    def within_chance(self) -> bool:
        """Whether a perfectly calibrated network would often show as large an error."""
        return self.ece <= self.ece_by_chance

    @property
    def mean_confidence(self) -> float:
        """Mean probability of the predicted classes."""
        filled = zip(self.confidence, self.counts, strict=True)
        return sum((c or 0.0) * n for c, n in filled) / sum(self.counts)


@dataclass(frozen=True)
class Calibration:
    """``calibration`` of ``metrics.json``: test images before and after temperature scaling."""

    bins: int
    temperature: float
    fitted_on: FittedOn
    resamples: int
    before: Calibrated
    after: Calibrated
