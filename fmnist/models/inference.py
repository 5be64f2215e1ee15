"""A trained network at work: loading it, restoring weights, predicting, scoring."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist import backends
from fmnist.config.config import Config
from fmnist.data.augmentation import Images
from fmnist.errors import UserError
from fmnist.runs.artifacts import ENSEMBLE, MODEL
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


def networks_of(run: Run, *, ensemble: bool = False) -> list[tuple[Path, bool]]:
    """The file of the final network and whether mirror images count; of the ensemble's, too.

    Raises:
        UserError: an ensemble is asked for, and the run has none.
    """
    final = (run / MODEL, load_config(run.path).test_time_flip)
    if not ensemble:
        return [final]
    if not (members := members_of(run)):
        raise UserError(f"{run.path}: has no ensemble; 'fmnist run --ensemble K' trains one")
    return [final, *members]


def members_of(run: Run) -> list[tuple[Path, bool]]:
    """The same of what the ensemble averages with the final network; empty without one."""
    trained = run.get(ENSEMBLE)
    return [(run / m.file, m.test_time_flip) for m in (trained.members if trained else ())]


def predict_with(
    run: Run, images: NDArray[np.uint8], *, ensemble: bool = False
) -> NDArray[np.float32]:
    """Class probabilities [N, classes] of images uint8 [N, 28, 28] by the final network of a run.

    With ``ensemble`` the mean over it and the other members.

    Raises:
        FactsError: the file of the network is another than was written.
        UserError: see ``networks_of``.
    """
    files = networks_of(run, ensemble=ensemble)
    return predict_mean([(load_model(path), m) for path, m in files], images[..., None])


def predict_mean(
    members: Sequence[tuple[keras.Model, bool]], images: Images
) -> NDArray[np.float32]:
    """The mean of what ``predict`` gives for each network, with whether mirror images count."""
    found = [predict(model, images, mirrored=mirrored) for model, mirrored in members]
    mean: NDArray[np.float32] = np.mean(found, axis=0, dtype=np.float32)
    return mean


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
