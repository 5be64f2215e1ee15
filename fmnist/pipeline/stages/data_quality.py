"""Pictures for the reader, when everything is chosen and measured: nothing depends on them.

A part that fails, or for which there is no time, is left out, and the report says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist.analysis import gradcam, label_errors, near_duplicates
from fmnist.data import cache_folder
from fmnist.models.inference import load_model
from fmnist.runs.artifacts import GALLERY, MODEL, PICTURES, PREDICTIONS
from fmnist.runs.config_source import load_config
from fmnist.runs.records.data_quality import (
    DuplicatePair,
    Explained,
    Gallery,
    GradCam,
    LabelErrors,
    NearDuplicates,
    Remaining,
    Suspect,
    Suspected,
    SuspectPair,
    Usual,
)
from fmnist.runs.safe_read import read_arrays
from search.processes.child import DISK_FULL

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context

STAGE = "gallery"
SHOWN_SUSPECTS = 12
SHOWN_PAIRS = 12
EXPLAINED = 4
"""Right predictions that Grad-CAM is shown for, and as many wrong ones."""
# Seconds that a part needs on the machine this was measured on, its imports included; and how
# much of what is kept for everything behind the evaluation the report alone needs.
_SECONDS = {"label_errors": 0.5, "grad_cam": 3.0, "duplicates": 5.0}
_REPORT = 0.6
_PAIRS = 6e8  # of images, that the near-duplicates were timed with
log = logging.getLogger("fmnist")

Arrays = dict[str, NDArray[Any]]
Found = tuple[LabelErrors | NearDuplicates | GradCam, Arrays]
Predicted = Mapping[str, NDArray[Any]]


class UnsuitableError(Exception):
    """There is nothing to show in this run; says why."""


def gallery(job: Context) -> None:
    """Write ``gallery.json`` and ``gallery.npz``: doubtful labels, near-duplicates, Grad-CAM."""
    predictions = read_arrays(job.run / PREDICTIONS)
    parts: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    arrays: Arrays = {}
    for name, work in _PARTS.items():
        try:
            _in_time(job, name)
            parts[name], pictures = work(job, predictions)
            arrays |= pictures
        except UnsuitableError as why:
            left_out[name] = str(why)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in DISK_FULL:
                raise
            log.exception("no %s", name)
            left_out[name] = f"it failed ({type(error).__name__}: {error})"
    job.run.write_arrays(PICTURES, **arrays)
    job.run.write(GALLERY, Gallery(left_out, **parts))


def _in_time(job: Context, name: str) -> None:
    needed = _SECONDS[name] * max(0.5, job.planner.slowness)
    if name == "duplicates":
        needed *= max(1.0, len(job.data.train_labels) * job.data.test.n / _PAIRS)
    if job.budget.remaining() < needed + _REPORT * job.planner.min_post_search_seconds():
        raise UnsuitableError("there was no time for it")


def _label_errors(job: Context, predictions: Predicted) -> Found:
    """Labels to doubt, among the test and the validation images; looking, not choosing."""
    places = np.arange(len(predictions["test_labels"]))
    test, _ = _doubted(predictions, "test", places)
    validation, shown = _doubted(predictions, "validation", job.splits.validation)
    images = job.data.train_images[shown, :, :, 0]
    return LabelErrors(test, validation), {"suspect_images": images}


def _doubted(
    predictions: Predicted, split: str, places: NDArray[np.int64]
) -> tuple[Suspected, NDArray[np.int64]]:
    """The doubtful labels of a split, and the indices of the images that are shown."""
    labels, p = predictions[f"{split}_labels"], predictions[f"{split}_probabilities"]
    found = label_errors.suspects(labels, p)
    shown = found.index[:SHOWN_SUSPECTS]
    record = Suspected(
        n=len(labels),
        suspected=len(found.index),
        pairs=tuple(SuspectPair(*row) for row in label_errors.frequent_pairs(labels, found)),
        shown=tuple(
            Suspect(
                index=int(places[i]),
                given=int(labels[i]),
                suggested=int(k),
                p_given=float(p[i, labels[i]]),
                p_suggested=float(p[i, k]),
            )
            for i, k in zip(shown, found.suggested, strict=False)
        ),
    )
    return record, places[shown]


def _duplicates(job: Context, predictions: Predicted) -> Found:
    """Test images that are nearly training images; with what the accuracy is without them."""
    data, folder = job.data, cache_folder()
    both = "training and validation images, compared with the test images"
    job.ledger.record(STAGE, "train", len(data.train_labels), both)
    purpose = "compared with the training images; nothing chosen"
    images, labels = data.test.open(STAGE, purpose, job.ledger)
    key = data.digest if data.mirrors else f"plain-{data.digest}"
    found = near_duplicates.kept(folder, key)
    if found is None:
        found = near_duplicates.find(data.train_images, images, mirrors=data.mirrors)
        near_duplicates.keep(folder, key, found, len(labels) * len(data.train_labels))
    right = predictions["test_probabilities"].argmax(axis=1) == labels
    others = np.ones(len(right), dtype=bool)
    others[found.test] = False
    record = NearDuplicates(
        threshold=near_duplicates.THRESHOLD,
        test_images=len(labels),
        training_images=len(data.train_labels),
        mirrors=data.mirrors,
        sampled=len(found.usual),
        usual=Usual(float(np.median(found.usual)), float(found.usual.min())),
        exact=int((found.rms == 0).sum()),
        pairs=_pairs(found, data.train_labels, labels),
        correct=int(right[found.test].sum()),
        without=Remaining(int(others.sum()), int(right[others].sum())),
    )
    shown = slice(SHOWN_PAIRS)
    pictures = {
        "duplicate_test": images[found.test[shown], :, :, 0],
        "duplicate_train": data.train_images[found.train[shown], :, :, 0],
    }
    return record, pictures


def _pairs(
    found: near_duplicates.Duplicates, train: NDArray[np.int64], test: NDArray[np.int64]
) -> tuple[DuplicatePair, ...]:
    """Indices, labels and distance of each pair."""
    rows = zip(found.test, found.train, found.rms, found.mirrored, strict=True)
    return tuple(
        DuplicatePair(int(i), int(j), int(test[i]), int(train[j]), float(rms), bool(mirrored))
        for i, j, rms, mirrored in rows
    )


def _grad_cam(job: Context, predictions: Predicted) -> Found:
    """Where the evidence lies, for a few right and wrong predictions."""
    config = load_config(job.run.path)
    if not config.filters:
        raise UnsuitableError("a dense network has no feature maps to look at")
    labels, p = predictions["test_labels"], predictions["test_probabilities"]
    chosen = np.array(_telling(labels, p, predictions["random_index"]), dtype=np.int64)
    predicted = p[chosen].argmax(axis=1)
    images = predictions["images"][np.searchsorted(predictions["image_index"], chosen)]
    model = load_model(job.run / MODEL)
    layer = gradcam.last_maps(config)
    arrays = {
        "cam_predicted": gradcam.heat(model, layer, images, predicted),
        "cam_true": gradcam.heat(model, layer, images, labels[chosen]),
    }
    height, width = arrays["cam_true"].shape[1:]
    explained = tuple(
        Explained(int(i), int(labels[i]), int(k), float(p[i, labels[i]]), float(p[i, k]))
        for i, k in zip(chosen, predicted, strict=True)
    )
    return GradCam(layer, height, width, explained), arrays


def _telling(
    labels: NDArray[np.int64], p: NDArray[np.float32], random: NDArray[np.int64]
) -> list[int]:
    """Test images to explain: random right ones of different classes, then mistakes.

    The mistakes are the most confident ones of the most frequent confusions.
    """
    predicted = p.argmax(axis=1)
    right: dict[int, int] = {}
    for i in random[predicted[random] == labels[random]]:
        right.setdefault(int(labels[i]), int(i))
    wrong: dict[tuple[int, int], list[int]] = {}
    for i in np.flatnonzero(predicted != labels):
        wrong.setdefault((int(labels[i]), int(predicted[i])), []).append(int(i))
    frequent = sorted(wrong.values(), key=len, reverse=True)[:EXPLAINED]
    surest = [max(group, key=lambda i: float(p[i].max())) for group in frequent]
    return [*list(right.values())[:EXPLAINED], *surest]


_PARTS: dict[str, Callable[[Context, Predicted], Found]] = {
    "label_errors": _label_errors,
    "grad_cam": _grad_cam,
    "duplicates": _duplicates,
}
