"""What is odd about images and labels, whatever they were read from: mended, noted or refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from fmnist.data.dataset import RawData
from fmnist.errors import DataError
from fmnist.text import in_unicode, listed


def counted_from_zero(raw: RawData, classes: int) -> RawData:
    """Labels with a gap, or from 1 on, as the ranks 0 to C-1 of those that training images have.

    Where there are as many classes as different labels; else the labels stay as they are.

    Raises:
        DataError: a test image with a label that no training image has.
    """
    found = np.unique(raw.train.labels)
    if len(found) != classes or np.array_equal(found, np.arange(classes)):
        return raw
    beyond = np.flatnonzero(~np.isin(raw.test.labels, found))
    if beyond.size:
        first = int(beyond[0])
        raise DataError(
            f"{raw.test.labels_file}: image {first} has the label {raw.test.labels[first]}, which "
            f"no training image has (those have {listed([str(label) for label in found])})"
        )
    ranks = [
        dataclasses.replace(part, labels=np.searchsorted(found, part.labels).astype(np.int64))
        for part in (raw.train, raw.test)
    ]
    skipped = sorted(set(range(int(found[-1]))) - set(found.tolist()))
    note = f"The labels leave out {listed([str(k) for k in skipped])}; each class kept its own."
    return dataclasses.replace(raw, train=ranks[0], test=ranks[1], notes=(*raw.notes, note))


def noted(raw: RawData, names: tuple[str, ...]) -> tuple[RawData, tuple[str, ...]]:
    """The data, levels of 0 and 1 as 0 and 255; and all notes on them, a sentence each.

    Raises:
        DataError: all training images are blank, or the halves have different ranges of levels.
    """
    if raw.train.images.max() == 1:
        raw = _spread(raw)
    notes = [*raw.notes]
    if any(in_unicode(name) != name for name in names):
        notes.append(
            "Names of classes that are not UTF-8 are shown with codes such as \\xfc; rename their "
            "folders, or give --class-names."
        )
    absent = [name for k, name in enumerate(names) if k not in raw.test.labels]
    if absent:
        notes.append(f"Without a test image: {listed(absent)}.")
    return raw, (*notes, *_blank(raw))


def _spread(raw: RawData) -> RawData:
    top = raw.test.images.max()
    if top > 1:
        raise DataError(
            f"{raw.train.images_file}: the levels are 0 and 1, but those of "
            f"{raw.test.images_file} go up to {top}; save both in the range 0 to 255"
        )
    halves = [dataclasses.replace(part, images=part.images * 255) for part in (raw.train, raw.test)]
    note = "The images hold the levels 0 and 1 only; they were taken as black and white, 0 and 255."
    return dataclasses.replace(raw, train=halves[0], test=halves[1], notes=(*raw.notes, note))


def _blank(raw: RawData) -> Iterator[str]:
    for half, part in (("training", raw.train), ("test", raw.test)):
        blank = np.flatnonzero(np.ptp(part.images, axis=(1, 2)) == 0)
        if half == "training" and blank.size == len(part.images):
            raise DataError(
                f"{part.images_file}: every training image is blank, all pixels of one level; "
                "nothing can be learnt from them"
            )
        if blank.size:
            place = part.image_names[blank[0]] if part.image_names else f"number {blank[0]}"
            is_are = "image is" if blank.size == 1 else "images are"
            yield f"{blank.size} {half} {is_are} blank ({place} for one)."
