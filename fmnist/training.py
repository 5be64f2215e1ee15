"""One fit: a configuration and images in, epochs out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist import backend, checkpoint
from fmnist.config import Config
from fmnist.preprocess import Images, augment
from search.records import Epoch, TrialError

if TYPE_CHECKING:
    import keras

    from fmnist.schedule import Pace

Labels = NDArray[np.int64]
OnEpoch = Callable[[Epoch], int]
PREDICT_BATCH = 500


def fit(
    config: Config,
    training: tuple[Images, Labels],
    validation: tuple[Images, Labels],
    *,
    classes: int = 10,
    seed: int = 0,
    on_epoch: OnEpoch | None = None,
    checkpoints: Path | None = None,
    keep_checkpoints: bool = False,
) -> keras.Model:
    """Train a network for ``config.epochs`` epochs, or take its training up again.

    Args:
        training, validation: uint8 images [N, 28, 28, 1] and labels int64 [N].
        on_epoch: called after each epoch; returns how many should still come, 0 to stop. The
            learning rate is stretched or shortened to fit.
        checkpoints: folder for a checkpoint after every epoch. If it holds one, the training
            goes on from there; the epochs behind it are not reported again.
        keep_checkpoints: keep all of them, not only the newest.

    Returns:
        The network with the weights of the last epoch.

    Raises:
        TrialError: kind ``nan`` where the loss is not finite.
        OSError: a checkpoint cannot be written.
    """
    model, pace = new_model(config, classes, seed)
    rng = np.random.default_rng(seed)
    epochs = checkpoint.resume(checkpoints, model, rng, pace) if checkpoints else []
    pace.remaining = config.epochs - len(epochs)
    while pace.remaining > 0:
        start = time.perf_counter()
        images, wanted = _shuffled(config, training, classes, rng)
        loss, accuracy = _one_pass(model, config, images, wanted, pace, len(epochs) + 1)
        val_accuracy, val_loss = score(predict(model, validation[0]), validation[1])
        seconds = round(time.perf_counter() - start, 3)
        rate = float(model.optimizer.learning_rate)
        epochs.append(Epoch(len(epochs) + 1, accuracy, loss, val_accuracy, val_loss, seconds, rate))
        if checkpoints:
            checkpoint.save(checkpoints, model, rng, pace, epochs, keep=keep_checkpoints)
        if on_epoch is not None:
            pace.remaining = on_epoch(epochs[-1])
    return model


def new_model(config: Config, classes: int, seed: int) -> tuple[keras.Model, Pace]:
    """A compiled network with the weights of ``seed``, and the pace of its learning rate."""
    backend.configure()
    import keras

    from fmnist.model import build_model, compile_model
    from fmnist.schedule import Pace

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    model = build_model(config, classes)
    compile_model(model, config)
    return model, Pace(config, config.epochs)


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


def _shuffled(
    config: Config, training: tuple[Images, Labels], classes: int, rng: np.random.Generator
) -> tuple[Images, NDArray[Any]]:
    """Images in a new order, newly augmented, and their targets."""
    order = rng.permutation(len(training[0]))
    return augment(training[0][order], config, rng), targets(training[1][order], config, classes)


def _one_pass(
    model: keras.Model,
    config: Config,
    images: Images,
    wanted: NDArray[Any],
    pace: Pace,
    number: int,
) -> tuple[float, float]:
    """Loss and accuracy over one pass; ``TrialError`` where the loss is not finite."""
    batches = backend.batches(images, wanted, config.batch_size)
    fitted = model.fit(batches, shuffle=False, verbose=0, callbacks=[pace])
    loss, accuracy = (float(fitted.history[name][-1]) for name in ("loss", "accuracy"))
    if not math.isfinite(loss):
        raise TrialError("nan", f"the loss became {loss} in epoch {number}")
    return loss, accuracy
