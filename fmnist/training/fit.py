"""One fit: a configuration and images in, epochs out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist import backends
from fmnist.config.config import RULES, Config
from fmnist.data.augmentation import Images, sample_augmentations
from fmnist.models.inference import Labels, Weights, score
from fmnist.training import checkpoint
from fmnist.training.lr_schedule import LearningRateSchedule
from search.records import Epoch, TrialError

if TYPE_CHECKING:
    from fmnist.backends.base import Loop

OnEpoch = Callable[[Epoch], int]
OnValidation = Callable[[NDArray[np.float32]], object]

# Compiled loops that are kept; one takes some 30 MB.
LOOPS_KEPT = 8
_loops: dict[tuple[Any, ...], Loop] = {}


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
    on_validation: OnValidation | None = None,
) -> Weights:
    """Train a network for ``config.epochs`` epochs, or take its training up again.

    Args:
        training, validation: uint8 images [N, 28, 28, 1] and labels int64 [N].
        on_epoch: called after each epoch; returns how many should still come, 0 to stop. The
            learning rate is stretched or shortened to fit.
        checkpoints: folder for a checkpoint after every epoch. If it holds one, the training
            goes on from there; the epochs behind it are not reported again.
        keep_checkpoints: keep all of them, not only the newest.
        on_scored: given the probabilities [N, classes] of the validation images after each epoch.

    Returns:
        The weights after the last epoch; ``restored`` makes a network of them.

    Raises:
        TrialError: kind ``nan`` where the loss of an epoch is not finite; it has no checkpoint.
        OSError: a checkpoint cannot be written.
    """
    loop = get_training_loop(config, classes, seed, training[0])
    pace = LearningRateSchedule(config, config.epochs)
    loop.load(*training)
    rng = np.random.default_rng(seed)
    epochs = checkpoint.resume(checkpoints, loop, rng, pace) if checkpoints else []
    pace.remaining = config.epochs - len(epochs)
    while pace.remaining > 0:
        start = time.perf_counter()
        loss, accuracy, rate = train_epoch(loop, config, len(training[0]), rng, pace)
        probabilities = loop.predict(validation[0])
        val_accuracy, val_loss = score(probabilities, validation[1])
        # Before the checkpoint: nothing may go on from it. The last step can spoil the weights.
        if wrong := [x for x in (loss, val_loss) if not math.isfinite(x)]:
            raise TrialError("nan", f"the loss became {wrong[0]} in epoch {len(epochs) + 1}")
        if on_validation is not None:
            on_validation(probabilities)
        seconds = round(time.perf_counter() - start, 3)
        epochs.append(Epoch(len(epochs) + 1, accuracy, loss, val_accuracy, val_loss, seconds, rate))
        if checkpoints:
            checkpoint.save(checkpoints, loop, rng, pace, epochs, keep=keep_checkpoints)
        if on_epoch is not None:
            pace.remaining = on_epoch(epochs[-1])
    return loop.weights()


def get_training_loop(config: Config, classes: int, seed: int, images: Images) -> Loop:
    """A training loop with new weights of ``seed``, for a training on ``images``.

    Trials of one shape share what was compiled: the loop is the same one as before where only
    learning rate, schedule, augmentation or the chance of dropout differ.
    """
    backends.configure()
    import keras

    from fmnist.models.builder import build_model, whiten

    batch = min(config.batch_size, len(images))
    fixed = tuple(getattr(config, name) for name, rule in RULES.items() if rule.recompiles)
    shape = (fixed, config.dropout > 0, batch, classes, backends.decisions())
    loop = _loops.pop(shape) if shape in _loops else _new_loop(config, classes, batch)
    _loops[shape] = loop  # the latest last, and the oldest goes
    while len(_loops) > LOOPS_KEPT:
        del _loops[next(iter(_loops))]
    keras.utils.set_random_seed(seed)
    fresh = build_model(config, classes)
    whiten(fresh, config, images)
    loop.start(fresh.get_weights(), seed, config.dropout)
    return loop


def _new_loop(config: Config, classes: int, batch: int) -> Loop:
    from fmnist.models.builder import build_for_training, build_model, loss_of, optimizer

    return backends.loop_for(
        network=build_for_training(config, classes),
        plain=build_model(config, classes),
        optimizer=optimizer(config, fused=backends.decisions().fused),
        loss=loss_of(config, classes),
        # So that training and validation losses can be compared.
        shown=loss_of(config.replace(label_smoothing=0.0), classes),
        batch_size=batch,
    )


def train_epoch(
    loop: Loop, config: Config, images: int, rng: np.random.Generator, pace: LearningRateSchedule
) -> tuple[float, float, float]:
    """Loss and accuracy over one pass, and the last learning rate of it."""
    rates = pace.rates(max(1, images // config.batch_size))
    order, moves = rng.permutation(images), sample_augmentations(images, config, rng)
    loss, accuracy = loop.epoch(order, moves, rates)
    pace.advance()
    return loss, accuracy, float(rates[-1])
