"""One fit: a configuration and images in, epochs out."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist import backend
from fmnist.config import Config
from fmnist.preprocess import Images, augment
from search.records import Epoch, TrialError

if TYPE_CHECKING:
    import keras

    from fmnist.schedule import Pace

Labels = NDArray[np.int64]
OnEpoch = Callable[[Epoch], bool]
PREDICT_BATCH = 500


def fit(
    config: Config,
    training: tuple[Images, Labels],
    validation: tuple[Images, Labels],
    *,
    classes: int = 10,
    seed: int = 0,
    on_epoch: OnEpoch = lambda _: True,
    remaining: Callable[[], int] | None = None,
    checkpoints: Path | None = None,
) -> keras.Model:
    """Train a new network for ``config.epochs`` epochs.

    Args:
        training, validation: uint8 images [N, 28, 28, 1] and labels int64 [N].
        on_epoch: called after each epoch; False ends the training after it.
        remaining: asked after each epoch for how many more there should be, instead of
            ``config.epochs``; the learning rate is stretched or shortened to fit.
        checkpoints: folder for the weights after every epoch, ``epoch_NNN.weights.h5``.

    Returns:
        The network with the weights of the last epoch.

    Raises:
        TrialError: kind ``nan`` where the loss is not finite.
    """
    backend.configure()
    import keras

    from fmnist.model import build_model, compile_model
    from fmnist.schedule import Pace

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = build_model(config, classes)
    compile_model(model, config)
    pace = Pace(config, config.epochs)
    for number in itertools.count(1):
        start = time.perf_counter()
        loss, accuracy = _one_epoch(model, config, training, classes, rng, pace)
        if not math.isfinite(loss):
            raise TrialError("nan", f"the loss became {loss} in epoch {number}")
        val_accuracy, val_loss = score(predict(model, validation[0]), validation[1])
        if checkpoints:
            model.save_weights(checkpoint(checkpoints, number))
        seconds = round(time.perf_counter() - start, 3)
        rate = float(model.optimizer.learning_rate)
        epoch = Epoch(number, accuracy, loss, val_accuracy, val_loss, seconds, rate)
        go_on = on_epoch(epoch)
        if remaining is not None:
            pace.remaining = remaining()
        if not go_on or pace.remaining <= 0:
            break
    return model


def checkpoint(folder: Path, epoch: int) -> Path:
    """The file of the weights after ``epoch``."""
    return folder / f"epoch_{epoch:03d}.weights.h5"


def predict(model: keras.Model, images: Images) -> NDArray[np.float32]:
    """Class probabilities [N, classes] of raw images uint8 [N, 28, 28, 1]."""
    batches = backend.batches(images, None, PREDICT_BATCH)
    return np.asarray(model.predict(batches, verbose=0), dtype=np.float32)


def score(probabilities: NDArray[np.float32], labels: Labels) -> tuple[float, float]:
    """Accuracy (a fraction) and mean cross-entropy (nats) of probabilities [N, classes]."""
    accuracy = float(np.mean(probabilities.argmax(axis=1) == labels))
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return accuracy, float(-np.mean(np.log(np.clip(chosen, 1e-12, 1))))


def targets(labels: Labels, config: Config, classes: int) -> NDArray[Any]:
    """Integer labels [N], or one-hot float32 [N, classes] where the loss smooths them."""
    if config.label_smoothing:
        return np.eye(classes, dtype=np.float32)[labels]
    return labels


def _one_epoch(
    model: keras.Model,
    config: Config,
    training: tuple[Images, Labels],
    classes: int,
    rng: np.random.Generator,
    pace: Pace,
) -> tuple[float, float]:
    """Loss and accuracy over one pass of newly shuffled and augmented images."""
    order = rng.permutation(len(training[0]))
    images = augment(training[0][order], config, rng)
    wanted = targets(training[1][order], config, classes)
    batches = backend.batches(images, wanted, config.batch_size)
    fitted = model.fit(batches, shuffle=False, verbose=0, callbacks=[pace])
    return float(fitted.history["loss"][-1]), float(fitted.history["accuracy"][-1])
