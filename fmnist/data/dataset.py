"""The records that pass between sources, checks and the rest of the program."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fmnist.data.sealed import SealedTest
from fmnist.errors import DataError

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]

SIDE = 28
"""Height and width of every image, in pixels."""
FEWEST_IN_CLASS = 2
"""Training images a class needs: one to learn from and one to validate with."""


@dataclass(frozen=True, eq=False)
class Part:
    """Images and labels as one source holds them, for training or for testing.

    Attributes:
        images: uint8 [N, 28, 28].
        labels: int64 [N].
        images_file, labels_file: where each came from, for messages.

    Raises:
        DataError: another shape, no image, or another number of labels than of images.
    """

    images: Images = field(repr=False)
    labels: Labels = field(repr=False)
    images_file: str
    labels_file: str

    def __post_init__(self) -> None:
        if self.images.ndim != 3 or self.images.shape[1:] != (SIDE, SIDE):
            raise DataError(
                f"{self.images_file}: expected images of {SIDE} x {SIDE} pixels, "
                f"found an array of shape {self.images.shape}"
            )
        if len(self.images) == 0:
            raise DataError(f"{self.images_file}: holds no image; at least one is needed")
        if len(self.images) != len(self.labels):
            raise DataError(
                f"{self.labels_file}: {len(self.labels)} labels, but {self.images_file} has "
                f"{len(self.images)} images; every image needs one label "
                "(were training and test files mixed up?)"
            )

    def check_labels(self, class_names: tuple[str, ...]) -> None:
        """Raise ``DataError`` unless every label is a position in ``class_names``."""
        wrong = np.flatnonzero((self.labels < 0) | (self.labels >= len(class_names)))
        if wrong.size:
            first = int(wrong[0])
            raise DataError(
                f"{self.labels_file}: label {int(self.labels[first])} of image {first} is out of "
                f"range; with {len(class_names)} class names labels are 0 to "
                f"{len(class_names) - 1}"
            )


@dataclass(frozen=True, eq=False)
class RawData:
    """What a source delivered, before it is verified.

    Attributes:
        train, test: the two parts.
        source: where it came from, for people.
        name: what to call the data set where it turns out not to be the published one.
        class_names: names that lay beside the files, or None.
    """

    train: Part
    test: Part
    source: str
    name: str
    class_names: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set that is ready for use; its test half is sealed.

    Attributes:
        name: "Fashion-MNIST", or the name of the user's folder or file.
        source: where it came from, for people.
        verified: True when it is image for image the published Fashion-MNIST.
        digest: SHA-256 (hex) of the images and labels, in the order held here.
        class_names: the name of each label 0 to C-1.
        train_images: uint8 [N, 28, 28, 1], read-only.
        train_labels: int64 [N], read-only.
        test: the test images, sealed until every choice has been made.
    """

    name: str
    source: str
    verified: bool
    digest: str
    class_names: tuple[str, ...]
    train_images: Images = field(repr=False)
    train_labels: Labels = field(repr=False)
    test: SealedTest

    def __post_init__(self) -> None:
        counts = np.bincount(self.train_labels, minlength=len(self.class_names))
        for name, count in zip(self.class_names, counts, strict=True):
            if count < FEWEST_IN_CLASS:
                raise DataError(
                    f"{self.source}: class {name!r} has {count} training images; at least "
                    f"{FEWEST_IN_CLASS} are needed (add images or take the class name out)"
                )
        self.train_images.setflags(write=False)
        self.train_labels.setflags(write=False)
