"""Whether records and arrays of a run folder are what they should be, before they are shown.

The folder may be a stranger's, or damaged: what is wrong is named, not stumbled over later.
"""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from fmnist.runs.decode import FactsError, convert
from fmnist.runs.records.interpretation import Explanation
from fmnist.runs.records.metrics import Predictions
from search.records import Epoch, Failure, Trial

STATES = ("complete", "pruned", "failed")
MOST_PARAMETERS = 200
LARGEST_MAP, MOST_MAPS = 512, 8192
"""Pixels along a side of a kernel or feature map, and how many of them there may be."""


def check_trial(trial: Trial) -> None:
    """Every entry of a trial has its type, and every number is finite.

    Raises:
        FactsError: names the entry.
    """
    if trial.state not in STATES:
        raise FactsError(f"state must be one of {', '.join(STATES)}, found {trial.state!r}")
    _check_fields(trial, "trial", leave=("state", "params", "epochs", "failure", "retries"))
    for epoch in trial.epochs:
        _check_fields(epoch, "epoch")
    for failure in (*trial.retries, *filter(None, [trial.failure])):
        _check_fields(failure, "failure")
    params = convert(dict[str, Any], trial.params, "params")
    if len(params) > MOST_PARAMETERS:
        raise FactsError(f"params: at most {MOST_PARAMETERS}, found {len(params)}")
    for name, value in params.items():
        if type(value) not in (bool, int, float, str):
            raise FactsError(f"params.{name}: expected a number, a text or true or false")


def _check_fields(record: Trial | Epoch | Failure, where: str, leave: tuple[str, ...] = ()) -> None:
    hints = get_type_hints(type(record))
    for field in dataclasses.fields(record):
        if field.name not in leave:
            convert(hints[field.name], getattr(record, field.name), f"{where}: {field.name}")


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


def _check_array(array: NDArray[Any], shape: tuple[int, ...], kind: type, where: str) -> None:
    if array.shape != shape or not np.issubdtype(array.dtype, kind):
        raise FactsError(
            f"{where} must be {kind.__name__} of shape {shape}, found {array.dtype} of shape "
            f"{array.shape}"
        )
