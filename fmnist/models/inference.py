"""A trained network at work: loading it, restoring weights, predicting, scoring."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist import backends
from fmnist.config.config import Config
from fmnist.data.augmentation import Images
from fmnist.runs.artifacts import MODEL
from fmnist.runs.config_source import load_config
from fmnist.runs.folder import Run
from fmnist.runs.safe_read import verify

if TYPE_CHECKING:
    import keras

PREDICT_BATCH = 250
_IMAGE = (28, 28, 1)
_SERIES, _CALLS = 30, 5
SMALLEST_PROBABILITY = 1e-7
"""Probabilities are clipped here before the logarithm, as Keras clips them."""
Labels = NDArray[np.int64]
Weights = list[NDArray[Any]]


def load_model(path: Any) -> keras.Model:
    """Load ``model.keras`` for prediction: network and weights, without its optimiser.

    Raises:
        FactsError: the file of a run is another than was written.
    """
    verify(Path(path))
    backends.configure()
    import keras

    return keras.saving.load_model(path, compile=False)


def restored(config: Config, weights: Weights, classes: int = 10) -> keras.Model:
    """The network of ``config`` with ``weights``, of Keras's own layers, in float32."""
    from fmnist.models.builder import build_model

    model = build_model(config, classes)
    model.set_weights(weights)
    return model


def predict(model: keras.Model, images: Images, *, mirrored: bool = False) -> NDArray[np.float32]:
    """Class probabilities [N, classes] of raw images uint8 [N, 28, 28, 1].

    Where ``mirrored``, the mean over each image and its mirror image (test-time augmentation).
    """
    # Not Model.predict: with JAX it imports TensorFlow, to ask whether its input is TensorFlow's.
    return views(backends.inference_function(model), images, mirrored=mirrored)[1]


def predict_with(run: Run, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Class probabilities [N, classes] of images uint8 [N, 28, 28] by the final network of a run.

    Raises:
        FactsError: the file of the network is another than was written.
    """
    mirrored = load_config(run.path).test_time_flip
    return predict(load_model(run / MODEL), images[..., None], mirrored=mirrored)


def views(
    call: Callable[[Images], Any], images: Images, *, mirrored: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probabilities of the images alone, and what ``predict`` returns.

    Args:
        call: what ``backends.inference_function`` gave, which is compiled once.
    """
    plain = _predict(call, images)
    if not mirrored:
        return plain, plain
    both = (plain + _predict(call, images[:, :, ::-1])) / 2
    return plain, np.asarray(both, dtype=np.float32)


def seconds_per_image(config: Config, classes: int = 10) -> float:
    """Seconds that the network of ``config`` needs for one image alone, as ``predict`` answers.

    Compiled, in float32, with the threads of this process; the median of the quietest of some
    series, so that what else runs here counts little. Mirror images cost twice the time.
    """
    from fmnist.models.builder import build_model

    backends.configure()
    call = backends.inference_function(build_model(config, classes))
    image = np.zeros((1, *_IMAGE), np.uint8)
    np.asarray(call(image))  # compiles
    series = [[_seconds(call, image) for _ in range(_CALLS)] for _ in range(_SERIES)]
    return (1 + config.test_time_flip) * min(map(median, series))


def _seconds(call: Callable[[Images], Any], image: Images) -> float:
    since = time.perf_counter()
    np.asarray(call(image))
    return time.perf_counter() - since


def _predict(call: Callable[[Images], Any], images: Images) -> NDArray[np.float32]:
    parts = [images[i : i + PREDICT_BATCH] for i in range(0, len(images), PREDICT_BATCH)]
    found = [np.asarray(call(part), dtype=np.float32) for part in parts]
    return np.concatenate(found)


def score(probabilities: NDArray[np.float32], labels: Labels) -> tuple[float, float]:
    """Accuracy (a fraction) and mean cross-entropy (nats) of probabilities [N, classes]."""
    correct = count_correct(labels, probabilities.argmax(axis=1))
    return correct / len(labels), cross_entropy(labels, probabilities)


def count_correct(labels: Labels, predicted: Labels) -> int:
    """How many of the predicted classes [N] are the true ones."""
    return int(np.count_nonzero(labels == predicted))


def cross_entropy(labels: Labels, probabilities: NDArray[Any]) -> float:
    """Mean cross-entropy (nats) of probabilities [N, classes]."""
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(chosen, SMALLEST_PROBABILITY, 1)).mean())
