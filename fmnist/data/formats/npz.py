"""NPZ in the shape Keras gives it: x_train, y_train, x_test, y_test in one file."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist.data.dataset import SIDE, Part, RawData, check_size
from fmnist.errors import DataError

KEYS = ("x_train", "y_train", "x_test", "y_test")


def read_file(path: Path, source: str) -> RawData:
    """Read an ``.npz`` file of whole-number arrays.

    Images are [N, 28, 28], [N, 28, 28, 1] or [N, 784] with values 0 to 255; labels are [N]
    or [N, 1].

    Raises:
        DataError: not an NPZ file, a missing array, another shape, dtype or range.
    """
    arrays = read_arrays(path, KEYS)
    train, test = (
        part(f"{path}: {x}", arrays[x], f"{path}: {y}", arrays[y]) for x, y in (KEYS[:2], KEYS[2:])
    )
    return RawData(
        train=train,
        test=test,
        source=source,
        name=path.stem,
    )


def read_arrays(path: Path, keys: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The arrays of these names from an ``.npz`` file.

    Raises:
        DataError: not an NPZ file, a huge one, or an array is missing or cannot be read.
    """
    if not path.is_file():
        raise DataError(f"{path}: the file is missing")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty")
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path}: not an NPZ file (an NPZ file is a ZIP archive), or truncated")
    try:
        with np.load(path, allow_pickle=False) as archive:
            check_size(path, sum(file.file_size for file in archive.zip.infolist()))
            missing = [key for key in keys if key not in archive]
            if missing:
                raise DataError(
                    f"{path}: the array {missing[0]} is missing; expected {', '.join(keys)}, "
                    f"found {', '.join(archive.files) or 'none'}"
                )
            return {key: archive[key] for key in keys}
    except (ValueError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise DataError(f"{path}: an array cannot be read: {error}") from None


def part(images_file: str, x: NDArray[Any], labels_file: str, y: NDArray[Any]) -> Part:
    """Images and labels of a half, as whole numbers of some shape.

    Raises:
        DataError: another shape, dtype or range; names the file.
    """
    for file, array in ((images_file, x), (labels_file, y)):
        if not np.issubdtype(array.dtype, np.integer):
            raise DataError(
                f"{file}: expected whole numbers (uint8), found {array.dtype}; "
                "save raw pixels 0 to 255 and integer labels"
            )
    return Part(_images(images_file, x), _labels(labels_file, y), images_file, labels_file)


def _images(file: str, x: NDArray[Any]) -> NDArray[np.uint8]:
    if x.shape[1:] not in ((SIDE, SIDE), (SIDE, SIDE, 1), (SIDE * SIDE,)):
        raise DataError(
            f"{file}: expected shape (N, {SIDE}, {SIDE}), (N, {SIDE}, {SIDE}, 1) or "
            f"(N, {SIDE * SIDE}), found {x.shape}"
        )
    wrong = np.argwhere((x < 0) | (x > 255))
    if wrong.size:
        at = tuple(int(i) for i in wrong[0])
        raise DataError(f"{file}: pixel value {x[at]} at {at} is out of range; pixels are 0 to 255")
    return x.reshape(-1, SIDE, SIDE).astype(np.uint8)


def _labels(file: str, y: NDArray[Any]) -> NDArray[np.int64]:
    if y.ndim != 1 and y.shape[1:] != (1,):
        raise DataError(f"{file}: expected labels of shape (N,), found {y.shape}")
    return y.reshape(-1).astype(np.int64)
