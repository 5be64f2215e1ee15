"""The final training and its scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmnist.runs.records.calibration import Calibration as Calibration
from fmnist.runs.records.final_model import Ensemble
from fmnist.runs.records.score import Score as Score
from fmnist.runs.records.search import Interval
from search.records import Epoch


@dataclass(frozen=True)
class History:
    """``history.json``: the training of the best configuration."""

    epochs: tuple[Epoch, ...]
    chosen_epoch: int
    rule: str
    training_images: int

    @property
    def chosen(self) -> Epoch:
        """The epoch whose weights were kept."""
        return next(e for e in self.epochs if e.epoch == self.chosen_epoch)


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class; ``support`` counts its images.

    The intervals of F1 and AP are bootstrapped; None in older runs and without images.
    """

    name: str
    precision: float
    recall: float
    recall_interval: Interval
    f1: float
    support: int
    average_precision: float
    f1_interval: Interval | None = None
    average_precision_interval: Interval | None = None


@dataclass(frozen=True)
class Average:
    """Scores averaged over classes; None as in ``ClassScore``."""

    precision: float
    recall: float
    f1: float
    average_precision: float
    f1_interval: Interval | None = None
    average_precision_interval: Interval | None = None


@dataclass(frozen=True)
class Bootstrap:
    """How the intervals of F1 and AP were made."""

    method: str
    resamples: int


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
    curve: tuple[TestEpoch, ...] = ()
    bootstrap: Bootstrap | None = None

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
class Metrics:
    """``metrics.json``.

    Attributes:
        validation: of the network that never learnt the validation images.
        test_time_flip: whether predictions are means over each image and its mirror image.
        ensemble: the average of several networks; it is reported apart.
        calibration: of the test probabilities; None in older runs and where time was short.
    """

    validation: Score
    test: TestScore
    search: SearchResult | None = None
    test_time_flip: bool = False
    ensemble: Ensemble | None = None
    calibration: Calibration | None = None


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
