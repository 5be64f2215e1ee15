"""The user's own pictures, classified by the final network of a run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from fmnist.runs.records.base import OMIT_NONE
from search.analysis.results import Interval

LOWER, HIGHER, UNDECIDED = "lower", "higher", "undecided"
WIDE, FEWEST = 0.2, 10
"""An accuracy whose interval is wider is known too roughly to go by; fewer pictures decide nothing:
one that goes wrong where the network rarely errs would be a difference by its interval."""


@dataclass(frozen=True)
class Photo:
    """One picture.

    Attributes:
        file: its path below the folder.
        label, predicted: its class by its folder, and the most probable one.
        p_label, p_predicted: their probabilities.
        steps: how it was prepared, for people.
        original: as it was, small, as PNG; None beyond the first some hundred.
        pixels: as the network takes it, 28 rows of 28 grey levels; None likewise.
    """

    file: str
    label: int
    predicted: int
    p_label: float
    p_predicted: float
    steps: tuple[str, ...]
    original: bytes | None = field(default=None, metadata=OMIT_NONE)
    pixels: bytes | None = field(default=None, metadata=OMIT_NONE)

    @property
    def right(self) -> bool:
        """Whether it is classified correctly."""
        return self.predicted == self.label


@dataclass(frozen=True)
class Against:
    """Accuracy on the pictures minus another one, a fraction, with its 95 % interval."""

    accuracy: float
    difference: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class NewData:
    """``newdata.json``: no test set, nothing is chosen by it.

    Attributes:
        folder: name of the folder of the pictures.
        n, correct, accuracy, interval: of the pictures, the interval Wilson's at 95 %.
        test_n, test_correct: test images of the same network.
        test: against the accuracy on them.
        same_classes: against what that would be if they were spread over the classes as the
            pictures are; None where a class has pictures but no test image.
        left_out: what in the folder is not used, and why, a line each.
    """

    folder: str
    n: int
    correct: int
    accuracy: float
    interval: Interval
    test_n: int
    test_correct: int
    test: Against
    same_classes: Against | None
    photos: tuple[Photo, ...]
    left_out: tuple[str, ...] = ()

    @property
    def fairest(self) -> Against:
        """The comparison with the test images that the classes of the pictures bear least on."""
        return self.same_classes or self.test

    @property
    def verdict(self) -> str:
        """Whether the network is right less or more often than on test images; by the interval."""
        if self.n < FEWEST:
            return UNDECIDED
        low, high = self.fairest.interval
        return LOWER if high < 0 else HIGHER if low > 0 else UNDECIDED

    def without_pictures(self) -> NewData:
        """The same without anything to see."""
        photos = (replace(photo, original=None, pixels=None) for photo in self.photos)
        return replace(self, photos=tuple(photos))

    @property
    def few(self) -> bool:
        """Whether the pictures are too few to know their accuracy."""
        return self.interval[1] - self.interval[0] > WIDE
