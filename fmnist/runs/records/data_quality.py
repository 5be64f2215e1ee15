"""What the gallery stage found in the images: doubtful labels, near-duplicates, Grad-CAM."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fmnist.runs.records.base import OMIT_NONE


@dataclass(frozen=True)
class Suspect:
    """An image whose given label is doubted; ``index`` is that in the file of its split."""

    index: int
    given: int
    suggested: int
    p_given: float
    p_suggested: float


@dataclass(frozen=True)
class SuspectPair:
    """How many images labelled ``given`` look like ``suggested``."""

    given: int
    suggested: int
    count: int


@dataclass(frozen=True)
class Suspected:
    """The doubtful labels of a split of ``n`` images, the most doubtful ones first."""

    n: int
    suspected: int
    pairs: tuple[SuspectPair, ...]
    shown: tuple[Suspect, ...]


@dataclass(frozen=True)
class LabelErrors:
    """Doubtful labels by confident learning; indices of validation are those in the training file.

    The images of ``validation.shown`` are ``Pictures.suspects``, in that order.
    """

    test: Suspected
    validation: Suspected


@dataclass(frozen=True)
class DuplicatePair:
    """A test image and the training image nearest to it; ``rms`` in grey levels a pixel."""

    test: int
    train: int
    test_label: int
    train_label: int
    rms: float
    mirrored: bool


@dataclass(frozen=True)
class Usual:
    """Distances of random test images from their nearest training image, RMS grey levels."""

    median: float
    least: float


@dataclass(frozen=True)
class Remaining:
    """The test images without a near-duplicate, and how many of them are classified correctly."""

    n: int
    correct: int


@dataclass(frozen=True)
class NearDuplicates:
    """Test images with a near-duplicate among the training images, nearest first.

    Attributes:
        threshold: largest distance that counts, RMS grey levels a pixel.
        sampled: test images behind ``usual``.
        exact: pairs without any difference.
        correct: test images with a near-duplicate that are classified correctly.
        without: the other test images.
        mirrors: whether mirror images were compared too.
    """

    threshold: float
    test_images: int
    training_images: int
    mirrors: bool = field(default=True, kw_only=True)
    sampled: int
    usual: Usual
    exact: int
    pairs: tuple[DuplicatePair, ...]
    correct: int
    without: Remaining


@dataclass(frozen=True)
class Explained:
    """A test image for which Grad-CAM was made."""

    index: int
    true: int
    predicted: int
    p_true: float
    p_predicted: float


@dataclass(frozen=True)
class GradCam:
    """The layer whose maps were weighed, their size in values, and the test images."""

    layer: str
    height: int
    width: int
    images: tuple[Explained, ...]


@dataclass(frozen=True)
class Gallery:
    """``gallery.json``; ``left_out`` says why a part is not there."""

    left_out: dict[str, str]
    label_errors: LabelErrors | None = field(default=None, metadata=OMIT_NONE)
    grad_cam: GradCam | None = field(default=None, metadata=OMIT_NONE)
    duplicates: NearDuplicates | None = field(default=None, metadata=OMIT_NONE)


@dataclass(frozen=True, eq=False)
class Pictures:
    """``gallery.npz``; images are uint8 ``[K, 28, 28]``.

    Attributes:
        suspects: validation images with doubtful labels.
        duplicate_test, duplicate_train: the first pairs of near-duplicates.
        cam_predicted, cam_true: maps of Grad-CAM ``[K, h, w]`` for the class that each of
            ``GradCam.images`` was taken for, and for its true class.
    """

    suspects: NDArray[np.uint8]
    duplicate_test: NDArray[np.uint8]
    duplicate_train: NDArray[np.uint8]
    cam_predicted: NDArray[np.float32]
    cam_true: NDArray[np.float32]
