"""Stratified, seeded splits: every class keeps its share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmnist.errors import DataError

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Splits:
    """Positions in the training images, ascending, disjoint and together complete.

    Attributes:
        train: int64 [N - validation].
        validation: int64 [validation].
    """

    train: Indices
    validation: Indices


def split(labels: NDArray[np.int64], *, validation: int, seed: int) -> Splits:
    """Set ``validation`` images aside, each class with its share to within one image.

    Method: ``sklearn.model_selection.train_test_split`` with ``stratify``.

    Args:
        labels: int64 [N].
        validation: number of images to set aside.
        seed: the same seed gives the same split.

    Raises:
        DataError: a class with fewer than two images, or a half smaller than the number of
            classes.
    """
    from sklearn.model_selection import train_test_split

    classes, counts = np.unique(labels, return_counts=True)
    rest = len(labels) - validation
    if min(validation, rest) < len(classes):
        raise DataError(
            f"{validation} validation images of {len(labels)} leave {rest} to train with; both "
            f"must be at least {len(classes)}, one for each class: choose "
            f"{len(classes)} to {len(labels) - len(classes)}"
        )
    if counts.min() < 2:
        raise DataError(
            f"class {classes[counts.argmin()]} has {counts.min()} image; at least 2 are needed, "
            "one to train and one to validate with"
        )
    train, held_out = train_test_split(
        np.arange(len(labels)), test_size=validation, stratify=labels, random_state=seed
    )
    return Splits(*(np.sort(part).astype(np.int64) for part in (train, held_out)))


def subset(indices: Indices, labels: NDArray[np.int64], n: int, seed: int) -> Indices:
    """``n`` of ``indices``, ascending, each class with its share to within one image.

    Method: ``sklearn.utils.resample`` with ``stratify``.

    Args:
        indices: int64 [M], positions in ``labels``.
        labels: int64 [N], of the whole data set.
        n: how many to take.
        seed: the same seed gives the same subset.

    Raises:
        DataError: ``n`` is smaller than the number of classes or larger than M.
    """
    from sklearn.utils import resample

    own = labels[indices]
    fewest = len(np.unique(own))
    if not fewest <= n <= len(indices) or n < 1:
        raise DataError(
            f"a subset of {n} images was asked for; it must be {max(fewest, 1)} (one for each "
            f"class) to {len(indices)} (all there are)"
        )
    taken = resample(indices, replace=False, n_samples=n, stratify=own, random_state=seed)
    return np.sort(taken).astype(np.int64)
