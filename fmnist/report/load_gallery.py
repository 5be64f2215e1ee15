"""Reading ``gallery.npz``, and whether it and ``gallery.json`` fit the run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist.report.facts import Facts
from fmnist.runs import safe_read
from fmnist.runs.codec import FactsError
from fmnist.runs.records.data_quality import Gallery, Pictures


def read_pictures(path: Path) -> Pictures:
    """``gallery.npz``; parts that were left out are empty.

    Raises:
        FactsError: arrays of another shape or kind.
    """
    arrays = safe_read.read_arrays(path)
    images = ("suspect_images", "duplicate_test", "duplicate_train")
    suspects, test, train = (_images(arrays, name, path.name) for name in images)
    said, true = (_maps(arrays, name, path.name) for name in ("cam_predicted", "cam_true"))
    return Pictures(suspects, test, train, said, true)


def _images(arrays: dict[str, NDArray[Any]], name: str, file: str) -> NDArray[np.uint8]:
    images = arrays.get(name, np.zeros((0, 28, 28), dtype=np.uint8))
    if images.ndim != 3 or images.dtype != np.uint8 or 0 in images.shape[1:]:
        raise FactsError(f"{file}: {name} must be uint8 images, found {images.shape}")
    return images


def _maps(arrays: dict[str, NDArray[Any]], name: str, file: str) -> NDArray[np.float32]:
    maps = arrays.get(name, np.zeros((0, 1, 1), dtype=np.float32))
    if maps.ndim != 3 or maps.dtype != np.float32 or 0 in maps.shape[1:]:
        raise FactsError(f"{file}: {name} must be maps of 32-bit numbers, found {maps.shape}")
    return maps


def check(facts: Facts) -> None:
    """Whether classes and counts in ``gallery.json`` are those of the run.

    Raises:
        FactsError: a class that the run does not have, or another number of test images.
    """
    found, known = facts.gallery, len(facts.class_names)
    if found is None or facts.metrics is None:
        return
    strange = [k for k in _classes(found) if not 0 <= k < known]
    if strange:
        raise FactsError(f"gallery.json: class {strange[0]} is not one of the {known} of run.toml")
    test = facts.metrics.test
    sizes = {
        *([found.label_errors.test.n] if found.label_errors else []),
        *([found.duplicates.test_images] if found.duplicates else []),
    }
    if sizes - {test.n}:
        raise FactsError(
            f"gallery.json: expected the {test.n} test images of metrics.json, found {max(sizes)}"
        )
    if found.duplicates is not None:
        right = found.duplicates.correct + found.duplicates.without.correct
        if right != test.correct:
            raise FactsError(
                f"gallery.json: expected {test.correct} correct predictions as in metrics.json, "
                f"found {right}"
            )


def _classes(found: Gallery) -> Iterator[int]:
    errors, cam = found.label_errors, found.grad_cam
    for split in (errors.test, errors.validation) if errors else ():
        for pair in split.pairs:
            yield from (pair.given, pair.suggested)
        for suspect in split.shown:
            yield from (suspect.given, suspect.suggested)
    for near in found.duplicates.pairs if found.duplicates else ():
        yield from (near.test_label, near.train_label)
    for image in cam.images if cam else ():
        yield from (image.true, image.predicted)
