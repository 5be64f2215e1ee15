"""Is this the published Fashion-MNIST? SHA-256 of the content, not of its packing."""

from __future__ import annotations

import hashlib
from enum import Enum

import numpy as np

from fmnist.data.dataset import Part, RawData
from fmnist.data.formats.idx import encode_images, encode_labels

PUBLISHED_NAME = "Fashion-MNIST"
PUBLISHED_CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

PUBLISHED_COUNTS = (60_000, 10_000)
"""Training and test images."""

# Of the decompressed IDX files: images, then labels.
TRAIN_SHA256 = (
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
)
TEST_SHA256 = (
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)
# Of the sorted SHA-256 of every label + image, so that the order does not count.
TRAIN_ROWS_SHA256 = "0c69d5cdeb902b69084012f812f066de080317bb3c64f43ca87f910d8ec86906"
TEST_ROWS_SHA256 = "90c92c0507755a7d443edde8297ce4d0f131e42884e2e87e7fc9b81ffe215258"


class Match(Enum):
    """How a part compares with the published data."""

    TRAIN = "the published training images"
    TRAIN_REORDERED = "the published training images in another order"
    TEST = "the published test images"
    TEST_REORDERED = "the published test images in another order"
    NONE = "other images or labels than the published ones"

    @property
    def is_train(self) -> bool:
        """Whether it is the published training half, in any order."""
        return self in (Match.TRAIN, Match.TRAIN_REORDERED)

    @property
    def is_test(self) -> bool:
        """Whether it is the published test half, in any order."""
        return self in (Match.TEST, Match.TEST_REORDERED)


def part_sha256(part: Part) -> tuple[str, str]:
    """SHA-256 (hex) of images and labels, as the bytes of an IDX file."""
    images = hashlib.sha256(encode_images(part.images)).hexdigest()
    return images, hashlib.sha256(encode_labels(part.labels)).hexdigest()


def rows_sha256(part: Part) -> str:
    """SHA-256 (hex) over label and image of every row, whatever the order of the rows."""
    pixels = part.images.reshape(len(part.images), -1)
    rows = np.column_stack([part.labels.astype(np.uint8), pixels])
    digests = sorted(hashlib.sha256(row.tobytes()).digest() for row in rows)
    return hashlib.sha256(b"".join(digests)).hexdigest()


def compare(part: Part) -> Match:
    """Compare a part with both published halves."""
    exact = {TRAIN_SHA256: Match.TRAIN, TEST_SHA256: Match.TEST}.get(part_sha256(part))
    if exact:
        return exact
    if len(part.labels) not in PUBLISHED_COUNTS:
        return Match.NONE
    reordered = {
        TRAIN_ROWS_SHA256: Match.TRAIN_REORDERED,
        TEST_ROWS_SHA256: Match.TEST_REORDERED,
    }
    return reordered.get(rows_sha256(part), Match.NONE)


def digest(raw: RawData) -> str:
    """One SHA-256 (hex) for a whole data set, in the order held."""
    parts = (*part_sha256(raw.train), *part_sha256(raw.test))
    return hashlib.sha256("".join(parts).encode()).hexdigest()
