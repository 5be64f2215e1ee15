"""The final training and its scores."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fmnist.runs.records.base import OMIT_NONE
from fmnist.runs.records.calibration import Calibration as Calibration
from fmnist.runs.records.final_model import Baseline, Ensemble
from fmnist.runs.records.score import Score as Score
from search.analysis.results import Interval
from search.records import Epoch


@dataclass(frozen=True)
class History:
    """``history.json``: the training of the best configuration."""

    epochs: tuple[Epoch, ...]
    chosen_epoch: int
    rule: str
    training_images: int

    @property
    def epoch_seconds(self) -> float:
        """Mean duration of an epoch."""
        return sum(e.seconds for e in self.epochs) / len(self.epochs)

    @property
    def chosen(self) -> Epoch:
        """The epoch whose weights were kept."""
        return next(e for e in self.epochs if e.epoch == self.chosen_epoch)


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class; ``support`` counts its images.

    The intervals but that of recall are bootstrapped; None in older runs and without images.
    """

    name: str
    precision: float
    recall: float
    recall_interval: Interval
    f1: float
    support: int
    average_precision: float
    f1_interval: Interval | None = field(default=None, metadata=OMIT_NONE)
    average_precision_interval: Interval | None = field(default=None, metadata=OMIT_NONE)
    precision_interval: Interval | None = field(default=None, metadata=OMIT_NONE)


@dataclass(frozen=True)
class Average:
    """Scores averaged over classes; None as in ``ClassScore``."""

    precision: float
    recall: float
    f1: float
    average_precision: float
    f1_interval: Interval | None = field(default=None, metadata=OMIT_NONE)
    average_precision_interval: Interval | None = field(default=None, metadata=OMIT_NONE)


@dataclass(frozen=True)
class Bootstrap:
    """How the intervals of F1 and AP were made."""

    method: str
    resamples: int
    seed: int = 0


@dataclass(frozen=True)
class TestEpoch:
    """The test set after one epoch, measured after every choice was made."""

    epoch: int
    accuracy: float
    loss: float


@dataclass(frozen=True)
class TestScore(Score):
    """The test set; ``confusion`` has true classes in rows, predicted ones in columns."""

    interval_method: str
    confusion: tuple[tuple[int, ...], ...]
    classes: tuple[ClassScore, ...]
    macro: Average
    weighted: Average
    bootstrap: Bootstrap | None = field(default=None, metadata=OMIT_NONE)
    curve: tuple[TestEpoch, ...] = ()

    @property
    def tested_classes(self) -> tuple[ClassScore, ...]:
        """The classes that have test images; the scores of others are zeros without a meaning."""
        return tuple(c for c in self.classes if c.support)

    @property
    def largest_share(self) -> float:
        """Share of the most frequent class: what naming it for every image reaches."""
        return max(c.support for c in self.classes) / self.n

    @property
    def guesses(self) -> bool:
        """Whether the accuracy is within its interval no higher than that."""
        return self.interval[0] <= self.largest_share

    def counts(self) -> NDArray[np.int64]:
        """The confusion matrix as int ``[C, C]``."""
        return np.array(self.confusion, dtype=np.int64)


@dataclass(frozen=True)
class SearchResult:
    """From the search to the test: the same winner measured four times.

    Attributes:
        best_value: validation accuracy of the winning trial in the search.
        trial: its number.
        confirmed_value: mean validation accuracy of its runs on fresh seeds.
        validation_value, test_value: accuracies of the final network.
        optimism_gap: ``best_value`` minus ``confirmed_value``.
    """

    best_value: float
    trial: int
    confirmed_value: float | None = None
    validation_value: float | None = None
    test_value: float | None = None
    optimism_gap: float | None = None


@dataclass(frozen=True)
class Networks:
    """The file of the network that was tested and of the one that was validated; the curve's."""

    test: str
    validation: str
    curve: str


@dataclass(frozen=True)
class SingleView:
    """Scores of the images alone: what the mean over further views adds, and the gap.

    Attributes:
        validation, test: of the networks that ``Metrics.validation`` and ``test`` are of.
        training: of the validated network on images that it learnt; None where time was short.
    """

    validation: Score
    test: Score
    training: Score | None = field(default=None, metadata=OMIT_NONE)


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """``metrics.json``.

    Attributes:
        models: whose numbers these are; None in older runs.
        single_view: None in older runs.
        earlier_runs: finished runs in the same folder that had read these test images before.
        validation: of the network that never learnt the validation images.
        test_time_flip, test_time_shift: the views that predictions are means over; see
            ``fmnist.data.views.Views``.
        ensemble: the average of several networks; it is reported apart.
        baseline: the dense network of as many parameters; None where there was no time for one.
        calibration: of the test probabilities; None in older runs and where time was short.
    """

    test_time_flip: bool = False
    test_time_shift: int = 0
    models: Networks | None = None
    validation: Score
    test: TestScore
    calibration: Calibration | None = None
    search: SearchResult | None = None
    ensemble: Ensemble | None = field(default=None, metadata=OMIT_NONE)
    baseline: Baseline | None = field(default=None, metadata=OMIT_NONE)
    single_view: SingleView | None = field(default=None, metadata=OMIT_NONE)
    earlier_runs: int = 0


@dataclass(frozen=True, eq=False)
class Predictions:
    """``predictions.npz``; probabilities ``[N, C]``, images uint8 ``[K, 28, 28]``."""

    test_labels: NDArray[np.int64]
    test_probabilities: NDArray[np.float32]
    image_index: NDArray[np.int64]
    images: NDArray[np.uint8]
    random_index: NDArray[np.int64]
    examples: NDArray[np.uint8]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The most probable class of every test image."""
        best: NDArray[np.int64] = self.test_probabilities.argmax(axis=1)
        return best

    def image(self, index: int) -> NDArray[np.uint8] | None:
        """The test image of that index, where the file holds it."""
        place = int(np.searchsorted(self.image_index, index))
        if place < len(self.image_index) and self.image_index[place] == index:
            image: NDArray[np.uint8] = self.images[place]
            return image
        return None
