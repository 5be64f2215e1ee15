"""The user's own pictures and the final network of a run: how often it is right, beside its test.

The pictures are no test set: the run must have ended, and nothing of it changes by them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist.analysis.intervals import difference_interval, newcombe, wilson_interval
from fmnist.data.image_files import prepared_all
from fmnist.data.photo_folder import PhotoFolder, read_photos
from fmnist.data.photos import ImageError, Prepared, thumbnail
from fmnist.models.inference import predict_with
from fmnist.runs.artifacts import METRICS, MODEL, RUN
from fmnist.runs.folder import Run, RunError
from fmnist.runs.records.metrics import TestScore
from fmnist.runs.records.new_data import Against, NewData, Photo
from fmnist.text import one_line

SHOWN = 300
"""Pictures that are kept to be shown; of more, those that are classified wrongly come first."""

Counts = NDArray[np.int64]


def classify_folder(run: Run, folder: Path) -> NewData:
    """Classify the pictures of a folder, a subfolder a class, with the final network of a run.

    Raises:
        RunError: the run is not finished.
        DataError: a folder that is no class of the run, or no picture; see ``read_photos``.
        ImageError: no picture can be used.
    """
    for artifact in (MODEL, METRICS):
        if not run.has(artifact):
            raise RunError(f"{run.path}: has no {artifact}, the run is not finished; let it finish")
    data, test = run.read(RUN).data, run.read(METRICS).test
    found = read_photos(folder, data.class_names)
    good, broken = prepared_all(found.labels, data.pictures)
    left_out = [*found.left_out, *(_below(found, path, error) for path, error in broken)]
    if not good:
        raise ImageError("\n".join([f"{folder}: no picture of it can be used", *left_out]))
    probabilities = predict_with(run, np.stack([picture.pixels for _, picture in good]))
    photos = [
        _photo(found, path, picture, p)
        for (path, picture), p in zip(good, probabilities, strict=True)
    ]
    judged = judge(photos, test, folder=found.name)
    return replace(judged, photos=_illustrated(photos, good), left_out=tuple(left_out))


def _below(found: PhotoFolder, path: Path, error: ImageError) -> str:
    """What is wrong with a picture, its path shortened to what lies below the folder."""
    return f"{found.name_of(path)}: {one_line(str(error).removeprefix(f'{path}: '))}"


def _photo(found: PhotoFolder, path: Path, picture: Prepared, p: NDArray[np.float32]) -> Photo:
    label, said = found.labels[path], int(p.argmax())
    return Photo(found.name_of(path), label, said, float(p[label]), float(p[said]), picture.steps)


def _illustrated(
    photos: Sequence[Photo], good: Sequence[tuple[Path, Prepared]]
) -> tuple[Photo, ...]:
    """The pictures, those that are shown with what there is to see."""
    shown = set(sorted(range(len(photos)), key=lambda k: photos[k].right)[:SHOWN])
    return tuple(
        replace(photo, original=thumbnail(path), pixels=picture.pixels.tobytes())
        if k in shown
        else photo
        for k, (photo, (path, picture)) in enumerate(zip(photos, good, strict=True))
    )


def judge(photos: Sequence[Photo], test: TestScore, *, folder: str = "") -> NewData:
    """Accuracy on at least one picture, with intervals, beside that on the test images."""
    n, correct = len(photos), sum(photo.right for photo in photos)
    against = Against(
        test.accuracy, correct / n - test.accuracy, newcombe(correct, n, test.correct, test.n)
    )
    pictures = np.bincount([photo.label for photo in photos], minlength=len(test.classes))
    return NewData(
        folder=folder,
        n=n,
        correct=correct,
        accuracy=correct / n,
        interval=wilson_interval(correct, n),
        test_n=test.n,
        test_correct=test.correct,
        test=against,
        same_classes=_same_classes(correct, pictures, test.counts()),
        photos=tuple(photos),
    )


def _same_classes(correct: int, pictures: Counts, confusion: NDArray[Any]) -> Against | None:
    """Against the recalls of the test images, weighted by the pictures ``[C]`` of each class.

    The interval joins Wilson's intervals of the proportions (MOVER: Zou and Donner, Statistics in
    Medicine 27, 2008), as Newcombe's does for two of them.
    """
    used, n = pictures > 0, int(pictures.sum())
    right, support = np.diag(confusion)[used], confusion.sum(axis=1)[used]
    if not support.all():
        return None
    weights, recalls = pictures[used] / n, right / support
    bounds = np.array([wilson_interval(*pair) for pair in zip(right, support, strict=True)])
    expected = float(weights @ recalls)
    below, above = (math.hypot(*(weights * (recalls - bounds[:, side]))) for side in (0, 1))
    accuracy = correct / n
    interval = difference_interval(
        accuracy, wilson_interval(correct, n), expected, (expected - below, expected + above)
    )
    return Against(expected, accuracy - expected, interval)
