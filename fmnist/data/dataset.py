"""The records that pass between sources, checks and the rest of the program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

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
MOST_CLASSES = 255
"""Labels are kept, and hashed, as one byte each."""
MOST_BYTES = 4_000_000_000
"""Of a file, unpacked: five million images, or a million of them as CSV."""


def check_size(path: Path, size: int) -> None:
    """Refuse a file that would fill the memory.

    Raises:
        DataError: more than ``MOST_BYTES``.
    """
    if size > MOST_BYTES:
        raise DataError(
            f"{path}: has more than {MOST_BYTES / 1e9:.0f} GB when unpacked; give fewer images"
        )


@dataclass(frozen=True, eq=False)
class Part:
    """Images and labels as one source holds them, for training or for testing.

    Attributes:
        images: uint8 [N, 28, 28].
        labels: int64 [N].
        images_file, labels_file: where each came from, for messages.
        image_names: the file of each image, where each has one.

    Raises:
        DataError: another shape, no image, or another number of labels than of images.
    """

    images: Images = field(repr=False)
    labels: Labels = field(repr=False)
    images_file: str
    labels_file: str
    image_names: tuple[str, ...] = field(default=(), repr=False)

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


PICTURES = ("trimmed", "trimmed to 24", "trimmed to 20", "whole", "whole, negated")
"""How pictures become images: trimmed to a bright item on black, as Fashion-MNIST was made, EMNIST
(24 of the 28 pixels) and MNIST (20); or by the rule for folders of pictures
(``fmnist.data.image_files``), as they are or negated."""


@dataclass(frozen=True, eq=False)
class RawData:
    """What a source delivered, before it is verified.

    Attributes:
        train, test: the two parts.
        source: where it came from, for people.
        name: what to call the data set where it turns out not to be the published one.
        class_names: names that lay beside the files or are known of this set, or None.
        notes: what was noticed or mended while reading, each a sentence.
        published: name of the published set that its checksums show it to be; empty: of none.
        pictures: how a picture is made into an image of this set, see ``PICTURES``.
        test_split_off: whether the test half was split off here, not given.
    """

    train: Part
    test: Part
    source: str
    name: str
    class_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    published: str = ""
    pictures: str = "trimmed"
    test_split_off: bool = False


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
        notes: what was noticed or mended while reading, each a sentence.
        published: name of the published set that its checksums show it to be; empty: of none.
        pictures: how a picture is made into an image of this set, see ``PICTURES``.
        mirrors: whether a mirrored image is known to keep its class.
        test_split_off: whether the test half was split off here, not given.
    """

    name: str
    source: str
    verified: bool
    digest: str
    class_names: tuple[str, ...]
    train_images: Images = field(repr=False)
    train_labels: Labels = field(repr=False)
    test: SealedTest
    notes: tuple[str, ...] = ()
    published: str = ""
    pictures: str = PICTURES[0]
    mirrors: bool = True
    test_split_off: bool = False

    def __post_init__(self) -> None:
        if len(self.class_names) > MOST_CLASSES:
            raise DataError(
                f"{self.source}: {len(self.class_names)} classes; at most {MOST_CLASSES} are "
                "possible (leave classes out or join some)"
            )
        counts = np.bincount(self.train_labels, minlength=len(self.class_names))
        for name, count in zip(self.class_names, counts, strict=True):
            if count < FEWEST_IN_CLASS:
                raise DataError(
                    f"{self.source}: class {name!r} has {count} training images; at least "
                    f"{FEWEST_IN_CLASS} are needed (add images or take the class name out)"
                )
        self.train_images.setflags(write=False)
        self.train_labels.setflags(write=False)


def only_one(folder: Path, found: Sequence[str], what: str, example: str) -> str:
    """The one of ``found`` in a folder; ``DataError`` where there are several to choose from."""
    if len(found) > 1:
        raise DataError(
            f"{folder}: holds files of {len(found)} {what} ({', '.join(found)}); name one by a "
            f"file of it, such as {folder}/{example}"
        )
    return found[0]
