"""EMNIST: its files are known by their names, and are mended, since they are stored otherwise.

Cohen, Afshar, Tapson and van Schaik, EMNIST: an extension of MNIST to handwritten letters, 2017.
Its images are transposed (a row in the file is a column of the picture), and the labels of the
split ``letters`` count from 1. Both is so in the IDX files and in the CSV files made of them.
"""

from __future__ import annotations

import re
import string
from pathlib import Path

import numpy as np

from fmnist.data.dataset import Part, RawData, only_one
from fmnist.data.formats import idx
from fmnist.errors import DataError

_FILE = re.compile(r"emnist-(letters|balanced|byclass|bymerge|digits|mnist)-(train|test)\b")
_MERGED = string.digits + string.ascii_uppercase + "abdefghnqrt"
CLASSES: dict[str, tuple[str, ...]] = {
    "letters": tuple(f"{c}/{c.lower()}" for c in string.ascii_uppercase),
    "balanced": tuple(_MERGED),
    "bymerge": tuple(_MERGED),
    "byclass": tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase),
    "digits": tuple(string.digits),
    "mnist": tuple(string.digits),
}
"""Class names by split; ``letters`` has capitals and small letters in one class."""
_ROLES = {
    "train images": ("train", "images-idx3"),
    "train labels": ("train", "labels-idx1"),
    "test images": ("test", "images-idx3"),
    "test labels": ("test", "labels-idx1"),
}


def split_of(name: str) -> str | None:
    """The EMNIST split that a file of this name belongs to; None for other files."""
    found = _FILE.match(name.lower())
    return found[1] if found else None


def splits_in(folder: Path) -> tuple[str, ...]:
    """The splits of which IDX files lie in a folder."""
    names = [p.name for p in folder.iterdir() if "idx" in p.name.lower()]
    return tuple(sorted({s for name in names if (s := split_of(name))}))


def read_folder(folder: Path, chosen: str | None = None) -> RawData:
    """Read the four IDX files of a split, mended.

    Args:
        chosen: the split; None: the only one there is.

    Raises:
        DataError: several splits and none chosen, a file is missing or breaks a rule.
    """
    found = splits_in(folder)
    example = f"emnist-{found[0]}-train-images-idx3-ubyte.gz"
    split = chosen or only_one(folder, found, "EMNIST splits", example)
    files = {role: _file(folder, split, *naming) for role, naming in _ROLES.items()}
    train, test = (
        idx.read_part(files[f"{half} images"], files[f"{half} labels"])
        for half in ("train", "test")
    )
    return mended(RawData(train, test, source=f"IDX files in {folder}", name=""), split)


def _file(folder: Path, split: str, half: str, kind: str) -> Path:
    name = f"emnist-{split}-{half}-{kind}-ubyte"
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise DataError(f"{folder}: {name}.gz is missing (with or without .gz)")


def mended(raw: RawData, split: str) -> RawData:
    """The data as they are meant: upright, labels from 0, with the split's name and classes.

    Raises:
        DataError: a label 0 among letters: these files are not as they were published.
    """
    notes = ["EMNIST stores its images transposed; they were turned back."]
    first = 1 if split == "letters" else 0
    if first:
        notes.append("The labels of EMNIST letters count from 1; 1 was taken off.")
    return RawData(
        _mended(raw.train, first),
        _mended(raw.test, first),
        source=raw.source,
        name=f"EMNIST {split}",
        class_names=CLASSES[split],
        notes=tuple(notes),
        pictures="trimmed to 24",
    )


def _mended(part: Part, first: int) -> Part:
    if part.labels.min() < first:
        raise DataError(
            f"{part.labels_file}: label {part.labels.min()} is out of range; the labels of EMNIST "
            f"letters count from {first} (if yours are mended already, give the files other names)"
        )
    images = np.ascontiguousarray(part.images.transpose(0, 2, 1))
    return Part(images, part.labels - first, part.images_file, part.labels_file)
