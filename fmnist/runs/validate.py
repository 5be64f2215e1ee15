"""Whether records and arrays of a run folder are what they should be, before they are shown.

The folder may be a stranger's, or damaged: what is wrong is named, not stumbled over later.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fmnist.data.photos import THUMBNAIL
from fmnist.runs.codec import FactsError
from fmnist.runs.records.interpretation import Explanation
from fmnist.runs.records.metrics import Predictions
from fmnist.runs.records.new_data import NewData
from search.records import Trial

MOST_PARAMETERS = 200
LARGEST_MAP, MOST_MAPS = 512, 8192
"""Pixels along a side of a kernel or feature map, and how many of them there may be."""


def check_parameters(trial: Trial) -> None:
    """A trial has no more parameters than a report can show.

    Raises:
        FactsError: names their number.
    """
    if len(trial.params) > MOST_PARAMETERS:
        raise FactsError(f"params: at most {MOST_PARAMETERS}, found {len(trial.params)}")


def check_predictions(found: Predictions, file: str) -> Predictions:
    """The arrays of ``predictions.npz`` fit each other.

    Raises:
        FactsError: names array, expected and found shape.
    """
    n = len(found.test_labels) if found.test_labels.ndim else 0
    classes = found.test_probabilities.shape[-1] if found.test_probabilities.ndim == 2 else 0
    shown = len(found.image_index) if found.image_index.ndim else 0
    examples = len(found.examples) if found.examples.ndim else 0
    wanted: dict[str, tuple[tuple[int, ...], type]] = {
        "test_labels": ((n,), np.integer),
        "test_probabilities": ((n, classes), np.floating),
        "image_index": ((shown,), np.integer),
        "images": ((shown, 28, 28), np.uint8),
        "random_index": ((found.random_index.size,), np.integer),
        "examples": ((examples, 28, 28), np.uint8),
    }
    for name, (shape, kind) in wanted.items():
        _check_array(getattr(found, name), shape, kind, f"{file}: {name}")
    for name, most in (("test_labels", classes), ("image_index", n), ("random_index", n)):
        values = getattr(found, name)
        if values.size and not 0 <= values.min() <= values.max() < most:
            raise FactsError(f"{file}: {name} must lie in 0 to {most - 1}")
    return found


def check_explanation(found: Explanation, file: str) -> Explanation:
    """The arrays of ``explain.npz`` are kernels and maps of a size that can be drawn.

    Raises:
        FactsError: names array, expected and found shape.
    """
    _check_array(found.feature_image, (28, 28), np.uint8, f"{file}: feature_image")
    if found.kernels.ndim != 4:
        raise FactsError(f"{file}: kernels must have 4 axes, found shape {found.kernels.shape}")
    maps = {f"feature_maps_{i}": m for i, m in enumerate(found.feature_maps, start=1)}
    if found.responses is not None:
        maps["responses"] = found.responses
    for name, array in maps.items():
        if array.ndim != 3:
            raise FactsError(f"{file}: {name} must have 3 axes, found shape {array.shape}")
    for name, array in {"kernels": found.kernels, **maps}.items():
        fits = max(array.shape[:2]) <= LARGEST_MAP and array.shape[-1] <= MOST_MAPS
        if not array.size or not fits or not np.issubdtype(array.dtype, np.floating):
            raise FactsError(
                f"{file}: {name} has the shape {array.shape} and type {array.dtype}; expected "
                "numbers, and no axis of such a length"
            )
    return found


def check_new_data(found: NewData, file: str) -> NewData:
    """The pictures are as many as are counted, and can be drawn.

    Raises:
        FactsError: names the picture, or the counts.
    """
    right = sum(photo.right for photo in found.photos)
    if not found.photos or (found.n, found.correct) != (len(found.photos), right):
        raise FactsError(
            f"{file}: counts {found.correct} of {found.n} pictures right, but has {right} of "
            f"{len(found.photos)}"
        )
    for photo in found.photos:
        if min(photo.label, photo.predicted) < 0:
            raise FactsError(f"{file}: {photo.file}: a class must be a number from 0 on")
        if photo.pixels is not None and len(photo.pixels) != 28 * 28:
            raise FactsError(f"{file}: {photo.file}: pixels must be 28 x 28 grey levels")
        if photo.original is not None and not _is_thumbnail(photo.original):
            raise FactsError(
                f"{file}: {photo.file}: original must be a PNG of at most {THUMBNAIL} pixels a side"
            )
    return found


def _is_thumbnail(content: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            if max(image.size) > THUMBNAIL:
                return False
            image.load()
    except (OSError, SyntaxError, ValueError, EOFError):
        return False
    return True


def _check_array(array: NDArray[Any], shape: tuple[int, ...], kind: type, where: str) -> None:
    if array.shape != shape or not np.issubdtype(array.dtype, kind):
        raise FactsError(
            f"{where} must be {kind.__name__} of shape {shape}, found {array.dtype} of shape "
            f"{array.shape}"
        )
