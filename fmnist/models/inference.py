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
from fmnist.data.views import Views
from fmnist.errors import UserError
from fmnist.runs.artifacts import ENSEMBLE, MODEL
from fmnist.runs.config_source import load_config
from fmnist.runs.folder import Run
from fmnist.runs.safe_read import verify

if TYPE_CHECKING:
    import keras

PREDICT_BATCH = 250
_IMAGE = (28, 28, 1)
_ALONE = Views()
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


def predict(model: keras.Model, images: Images, views: Views = _ALONE) -> NDArray[np.float32]:
    """Class probabilities [N, classes] of raw images uint8 [N, 28, 28, 1], means over ``views``."""
    # Not Model.predict: with JAX it imports TensorFlow, to ask whether its input is TensorFlow's.
    return predict_views(backends.inference_function(model), images, views)[1]


def networks_of(run: Run, *, ensemble: bool = False) -> list[tuple[Path, Views]]:
    """The file of the final network and the views that it is asked for; of the ensemble's, too.

    Raises:
        UserError: an ensemble is asked for, and the run has none.
    """
    final = (run / MODEL, Views.of(load_config(run.path)))
    if not ensemble:
        return [final]
    if not (members := members_of(run)):
        raise UserError(f"{run.path}: has no ensemble; 'fmnist run --ensemble K' trains one")
    return [final, *members]


def members_of(run: Run) -> list[tuple[Path, Views]]:
    """The same of what the ensemble averages with the final network; empty without one."""
    trained = run.get(ENSEMBLE)
    members = trained.members if trained else ()
    return [(run / m.file, Views(m.test_time_flip, m.test_time_shift)) for m in members]


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
    return predict_mean([(load_model(path), seen) for path, seen in files], images[..., None])


def predict_mean(
    members: Sequence[tuple[keras.Model, Views]], images: Images
) -> NDArray[np.float32]:
    """The mean of what ``predict`` gives for each network, with its views."""
    found = [predict(model, images, views) for model, views in members]
    mean: NDArray[np.float32] = np.mean(found, axis=0, dtype=np.float32)
    return mean


def predict_views(
    call: Callable[[Images], Any], images: Images, views: Views
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probabilities of the images alone, and what ``predict`` returns.

    Args:
        call: what ``backends.inference_function`` gave, which is compiled once.
    """
    found = [_predict(call, view) for view in views.show(images)]
    mean: NDArray[np.float32] = np.mean(found, axis=0, dtype=np.float32)
    return found[0], mean


def seconds_per_image(config: Config, classes: int = 10) -> float:
    """Seconds that the network of ``config`` needs for one image alone, as ``predict`` answers.

    Compiled, in float32, with the threads of this process; the median of the quietest of some
    series, so that what else runs here counts little, times the number of views.
    """
    from fmnist.models.builder import build_model

    backends.configure()
    call = backends.inference_function(build_model(config, classes))
    image = np.zeros((1, *_IMAGE), np.uint8)
    np.asarray(call(image))  # compiles
    series = [[_seconds(call, image) for _ in range(_CALLS)] for _ in range(_SERIES)]
    return Views.of(config).count * min(map(median, series))


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
