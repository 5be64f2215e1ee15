"""``fmnist export``: the model of a run in another format, kept only if it predicts the same."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fmnist.data.augmentation import Images
from fmnist.errors import UserError
from fmnist.runs.artifacts import METRICS, MODEL, PREDICTIONS, RUN
from fmnist.runs.codec import document
from fmnist.runs.folder import Run, RunError

if TYPE_CHECKING:
    import keras

    from fmnist.backends.exported import Predict

NAMES = {
    "keras": "model.keras",
    "onnx": "model.onnx",
    "tflite": "model.tflite",
    "saved-model": "saved_model",
}
NEEDED = {"onnx": ("onnx", "tf2onnx", "onnxruntime")}
TOLERANCE = 1e-4
"""Largest difference of a probability; what is exported computes in single precision as well."""
CARD, RECORD, CLASSES = "model_card.md", "export.json", "class_names.txt"


class ExportError(UserError):
    """A format that cannot be written here, or an export that predicts otherwise."""

    exit_code = 1


@dataclass(frozen=True)
class Agreement:
    """An export beside the original on the same images.

    Attributes:
        images: number of images.
        max_difference: largest difference of a probability.
        agreement: share of the images that both give the same class.
    """

    images: int
    max_difference: float
    agreement: float

    @property
    def same(self) -> bool:
        """Whether the export may stand for the original."""
        return self.max_difference <= TOLERANCE and self.agreement == 1


@dataclass(frozen=True)
class ExportRecord:
    """``export.json``: what was written, what goes in and comes out, how it was checked.

    Attributes:
        path: of the model; ``file`` is its name.
        checked_images: whose class is the original's for the share ``agreement``.
        max_difference: largest difference of a probability.
        versions: of the packages that wrote it.
        seconds: that loading, converting and checking took.
    """

    run: str
    format: str
    path: str
    file: str
    input: str
    output: str
    checked_images: int
    max_difference: float
    agreement: float
    versions: dict[str, str]
    seconds: float


def export_run(
    folder: Path, kind: str, target: Path | None, *, ensemble: bool = False
) -> ExportRecord:
    """Write the model of a run, check it and lay what belongs to it beside it.

    Args:
        kind: a key of ``NAMES``.
        target: folder for it; ``export/<kind>`` in the run's folder where None.
        ensemble: the networks of the ensemble as one, in place of the final one; its folder is
            ``export/<kind>-ensemble``.

    Raises:
        UserError: an ensemble is asked for, and the run has none.
        RunError: the run is not finished, or the folder holds something.
        ExportError: a package is missing, the conversion failed, or the predictions differ.
    """
    since = time.monotonic()
    run = Run.existing(folder)
    _check(run, kind)
    target = target or run / "export" / (f"{kind}-ensemble" if ensemble else kind)
    if target.exists() and any(target.iterdir()):
        raise RunError(f"{target}: is not empty; take it away first, or give another --to")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # the one that all formats can be written on
    images = _stored_images(run)
    target.mkdir(parents=True, exist_ok=True)
    try:
        found = _written(run, kind, target / NAMES[kind], images, ensemble)
        if not found.same:
            raise ExportError(
                f"{kind}: predictions differ from the original's on {found.images} images: by up "
                f"to {found.max_difference:.2g}, the same class for {found.agreement:.2%}; "
                "nothing is kept"
            )
        return _beside(run, kind, target, found, since)
    except BaseException:
        shutil.rmtree(target)
        raise


def _check(run: Run, kind: str) -> None:
    for file in (MODEL, PREDICTIONS, METRICS):
        if not run.has(file):
            raise RunError(f"{run.path}: has no {file}, the run is not finished; let it finish")
    missing = [name for name in NEEDED.get(kind, ()) if importlib.util.find_spec(name) is None]
    if missing:
        raise ExportError(
            f"--format {kind} needs {', '.join(missing)}: pip install {' '.join(NEEDED[kind])}"
        )


def _stored_images(run: Run) -> Images:
    """The test images in the run's folder: all that were misclassified, and some at random."""
    from fmnist.runs.safe_read import read_arrays

    images = read_arrays(run / PREDICTIONS)["images"]
    if images.ndim != 3 or not len(images) or images.dtype != np.uint8:
        raise RunError(f"{run / PREDICTIONS}: has no images to check an export with")
    found: Images = images[..., np.newaxis]
    return found


def _written(run: Run, kind: str, path: Path, images: Images, ensemble: bool) -> Agreement:
    from fmnist.models import formats
    from fmnist.models.inference import networks_of, predict_mean

    files = networks_of(run, ensemble=ensemble)
    members = [(_loaded(path), views) for path, views in files]
    expected = predict_mean(members, images)
    try:
        formats.write(formats.as_one_network(members), kind, path)
        predictor = formats.PREDICTORS[kind](path)
    except Exception as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ExportError(f"--format {kind}: the conversion failed: {why}") from error
    return compared(expected, predictor, images)


def _loaded(path: Path) -> keras.Model:
    from fmnist.models.inference import load_model

    try:
        return load_model(path)
    except (OSError, ValueError) as error:
        raise ExportError(f"{path}: cannot be loaded: {str(error).splitlines()[0]}") from error


def compared(expected: NDArray[np.float32], predictor: Predict, images: Images) -> Agreement:
    """The export's predictions beside those expected, float32 ``[N, classes]``."""
    found = predictor(images)
    if found.shape != expected.shape or not np.isfinite(found).all():
        return Agreement(len(images), float("inf"), 0.0)
    same = found.argmax(axis=1) == expected.argmax(axis=1)
    return Agreement(len(images), float(np.abs(found - expected).max()), float(np.mean(same)))


def _beside(run: Run, kind: str, target: Path, found: Agreement, since: float) -> ExportRecord:
    """Class names, the model card, and what was checked."""
    names = run.read(RUN).data.class_names
    (target / CLASSES).write_text("\n".join(names) + "\n", encoding="utf-8")
    if run.has(CARD):
        shutil.copyfile(run / CARD, target / CARD)
    record = ExportRecord(
        run=run.path.name,
        format=kind,
        path=str(target / NAMES[kind]),
        file=NAMES[kind],
        input="raw pixels 0 to 255, uint8 [N, 28, 28, 1], bright on black",
        output=f"probabilities float32 [N, {len(names)}], in the order of {CLASSES}",
        checked_images=found.images,
        max_difference=found.max_difference,
        agreement=found.agreement,
        versions={n: metadata.version(n) for n in ("keras", *NEEDED.get(kind, ()))},
        seconds=round(time.monotonic() - since, 2),
    )
    text = json.dumps(document(record), indent=1, ensure_ascii=False)
    (target / RECORD).write_text(text + "\n", encoding="utf-8")
    return record
