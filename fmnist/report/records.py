"""What the files of a run say, as frozen records: fractions, seconds, ISO times."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.records import Epoch, Trial
from search.space import SearchSpace

Interval = tuple[float, float]


@dataclass(frozen=True)
class Request:
    """What was asked of the run."""

    seed: int
    sampler: str
    kind: str = "search"
    engine: str = "optuna"
    time_seconds: float | None = None
    trials: int | None = None
    space: str = ""


@dataclass(frozen=True)
class Document:
    """What stands on the cover; every text may be empty."""

    title: str = ""
    author: str = ""
    course: str = ""
    date: str = ""


@dataclass(frozen=True)
class DataSet:
    """Which images, from where; ``digest`` is a checksum of their content."""

    name: str
    source: str
    verified: bool
    digest: str
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class Splits:
    """Numbers of images in each split."""

    seed: int
    train: int
    validation: int
    test: int
    method: str


@dataclass(frozen=True)
class Run:
    """``run.toml``."""

    name: str
    created: str
    version: str
    request: Request
    document: Document
    data: DataSet
    splits: Splits
    command: str = ""


@dataclass(frozen=True)
class ParameterImportance:
    """Share of the variance among good trials, and what noise would reach."""

    name: str
    importance: float
    null_95: float
    distinguishable: bool


@dataclass(frozen=True)
class Importance:
    """``importance.json``; without parameters where not applicable, and the reason."""

    method: str
    trials: int
    applicable: bool
    reason: str
    parameters: tuple[ParameterImportance, ...]


@dataclass(frozen=True)
class BestConfig:
    """``best_config.toml``: its tables and its text."""

    model: dict[str, Any]
    training: dict[str, Any]
    provenance: dict[str, Any]
    text: str

    def values(self) -> dict[str, Any]:
        """Field name to value over both tables."""
        return {**self.model, **self.training}


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
class Score:
    """Accuracy of a split with its 95 % interval; loss is the mean cross-entropy."""

    n: int
    correct: int
    accuracy: float
    interval: Interval
    loss: float


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class; ``support`` counts its images."""

    name: str
    precision: float
    recall: float
    recall_interval: Interval
    f1: float
    support: int
    average_precision: float


@dataclass(frozen=True)
class Average:
    """Scores averaged over classes."""

    precision: float
    recall: float
    f1: float
    average_precision: float


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

    def counts(self) -> NDArray[np.int64]:
        """The confusion matrix as int ``[C, C]``."""
        return np.array(self.confusion, dtype=np.int64)


@dataclass(frozen=True)
class SearchResult:
    """The best validation accuracy of the search and its trial."""

    best_value: float
    trial: int


@dataclass(frozen=True)
class Metrics:
    """``metrics.json``."""

    validation: Score
    test: TestScore
    search: SearchResult | None = None


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


@dataclass(frozen=True, eq=False)
class Explanation:
    """``explain.npz``: first kernels ``[kh, kw, 1, F]`` and maps ``[h, w, F]`` a block."""

    kernels: NDArray[np.float32]
    feature_image: NDArray[np.uint8]
    feature_index: int
    feature_maps: tuple[NDArray[np.float32], ...]


@dataclass(frozen=True)
class Layer:
    """One layer of the network."""

    name: str
    type: str
    output_shape: tuple[int | None, ...]
    parameters: int


@dataclass(frozen=True)
class Softmax:
    """Logits and probabilities of one test image."""

    test_index: int
    true: int
    predicted: int
    logits: tuple[float, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class DenseComparison:
    """Parameters of the first convolution and of a dense layer with as many outputs."""

    first_layer_parameters_conv: int
    first_layer_parameters_dense: int


@dataclass(frozen=True)
class PoolingBlock:
    """Size of the feature maps on both sides of one pooling step."""

    block: int
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True)
class Pooling:
    """The pooling steps of the network."""

    blocks: tuple[PoolingBlock, ...]
    kind: str


@dataclass(frozen=True)
class Pixels:
    """Raw grey values of the training images."""

    minimum: float
    maximum: float
    mean: float
    std: float


@dataclass(frozen=True)
class Evidence:
    """``evidence.json``: measurements behind the concept answers."""

    parameters: int
    layers: tuple[Layer, ...]
    softmax: Softmax | None = None
    dense: DenseComparison | None = None
    pooling: Pooling | None = None
    pixels: Pixels | None = None


@dataclass(frozen=True)
class LedgerEntry:
    """One read of a split."""

    at: str
    stage: str
    split: str
    n: int
    purpose: str


@dataclass(frozen=True)
class Environment:
    """``environment.json``: the machine and the packages."""

    python: str
    platform: str
    cpu: str
    cores: int
    memory_bytes: int
    backend: str
    device: str
    packages: dict[str, str]


@dataclass(frozen=True)
class Stage:
    """One stage of the run and how long it took."""

    name: str
    started: str
    seconds: float


@dataclass(frozen=True)
class Stages:
    """``stages.json``."""

    stages: tuple[Stage, ...]
    budget_seconds: float | None = None


@dataclass(frozen=True, eq=False)
class Facts:
    """Everything the report says, read once from the files of a run.

    ``None`` means: not recorded in this run, or, in an interim report, not there yet.
    """

    folder: Path
    files: tuple[str, ...]
    run: Run
    space: SearchSpace | None
    trials: tuple[Trial, ...]
    best: BestConfig | None
    history: History | None
    metrics: Metrics | None
    predictions: Predictions | None
    ledger: tuple[LedgerEntry, ...] | None
    importance: Importance | None
    explanation: Explanation | None
    evidence: Evidence | None
    environment: Environment | None
    stages: Stages | None

    @property
    def searched(self) -> frozenset[str]:
        """Names of the searched fields; empty where one given configuration was trained."""
        return frozenset(p.name for p in self.space or ())

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their indices."""
        return self.run.data.class_names
