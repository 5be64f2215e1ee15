"""Published data sets other than Fashion-MNIST that their checksums tell, with their classes."""

from __future__ import annotations

import dataclasses
import hashlib
import string
from pathlib import Path

from fmnist.data.checksums import part_sha256
from fmnist.data.dataset import RawData
from fmnist.data.formats.kmnist import KMNIST_CLASSES

# SHA-256 of the decompressed IDX files: images and labels for training, then for testing. As many
# public projects state them (for one the copies at storage.googleapis.com/cvdf-datasets/mnist).
MNIST_SHA256 = (
    (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    (
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)
# MD5 of the .gz files in the same order, as torchvision states them.
KMNIST_MD5 = (
    "bdb82020997e1d708af4cf47b453dcf7",
    "e144d726b3acfaa3e44228e80efcd344",
    "5c965bf0a639b31b8f53240b1b52f4d7",
    "7320c461ea6c1c855c0b718fb2a4b134",
)


def named(raw: RawData) -> RawData:
    """The data with name and classes where they are a published set; else as they are."""
    if (part_sha256(raw.train), part_sha256(raw.test)) == MNIST_SHA256:
        found = _as(raw, "MNIST", tuple(string.digits))
        return dataclasses.replace(found, pictures="trimmed to 20")
    if _md5(raw) == KMNIST_MD5:
        return _as(raw, "KMNIST", KMNIST_CLASSES)
    return raw


def _as(raw: RawData, name: str, classes: tuple[str, ...]) -> RawData:
    names = raw.class_names or classes
    return dataclasses.replace(raw, name=name, published=name, class_names=names)


def _md5(raw: RawData) -> tuple[str, ...]:
    """Of the four files as they lie there; empty where they are not packed ones."""
    parts = (raw.train, raw.test)
    files = [Path(name) for part in parts for name in (part.images_file, part.labels_file)]
    if not all(file.suffix == ".gz" and file.is_file() for file in files):
        return ()
    return tuple(hashlib.md5(f.read_bytes(), usedforsecurity=False).hexdigest() for f in files)
