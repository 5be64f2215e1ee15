"""What is measured: three networks of the default space, their images, their arithmetic."""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist.config.config import Config
from fmnist.training.lr_schedule import LearningRateSchedule

# The smallest, the middle and the largest of ``spaces.CORE``, each with its batch size.
_SIZES = {"small": (16, 32, 64, 256), "middle": (32, 64, 128, 128), "large": (48, 96, 192, 64)}
NETWORKS = {
    name: Config(filters_1=a, filters_2=b, filters_3=c, batch_size=batch)
    for name, (a, b, c, batch) in _SIZES.items()
}
Part = tuple[NDArray[np.uint8], NDArray[np.int64]]


def add_networks(parser: argparse.ArgumentParser, *default: str) -> None:
    """An option for which networks."""
    names = list(default or NETWORKS)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=names)


def unmoved(config: Config) -> Config:
    """Without augmentation, which ``Model.fit`` alone does not have."""
    return config.replace(flip=False, shift=0)


def training_images(count: int, data: Path | None = None) -> Part:
    """``count`` training images uint8 [N, 28, 28, 1], labels; repeated where there are fewer."""
    from fmnist.data import load

    found = load(data)
    places = np.arange(count) % len(found.train_labels)
    return found.train_images[places], found.train_labels[places]


def train_and_validation(
    count: int, validation: int, data: Path | None = None
) -> tuple[Part, Part]:
    """``count`` training and ``validation`` validation images, as a run splits them."""
    from fmnist.data import load, split, subset

    found = load(data)
    x, y = found.train_images, found.train_labels
    parts = split(y, validation=validation, seed=0)
    chosen = parts.train
    if count < len(chosen):
        chosen = subset(chosen, y, count, seed=0)
    return (x[chosen], y[chosen]), (x[parts.validation], y[parts.validation])


def operations(config: Config, classes: int = 10) -> int:
    """Multiplications and additions in the products of one training step, an image.

    The first convolution needs no gradient of its input: two products instead of three.
    """
    size, channels, forward, first = 28, 1, 0, 0
    for filters in config.filters:
        product = 2 * size**2 * config.kernel_size**2 * channels * filters
        first = first or product
        forward += product
        size, channels = size // 2, filters
    units = [size**2 * channels, *([config.dense_units] if config.dense_units else []), classes]
    forward += sum(2 * a * b for a, b in pairwise(units))
    return 3 * forward - first


def plain_keras(config: Config, seed: int = 0) -> Any:
    """The network as a notebook trains it: compiled with Keras's defaults, in float32."""
    from fmnist import backends

    backends.configure()
    import keras

    from fmnist.models.builder import build_model

    keras.utils.set_random_seed(seed)
    model = build_model(config)
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def keras_of_our_parts(config: Config) -> Any:
    """Our network as it is trained, in our precision, compiled for Keras's ``fit``."""
    from fmnist import backends

    backends.configure()
    from fmnist.models.builder import build_for_training, loss_of, optimizer

    model = build_for_training(config)
    for layer in model.layers:
        if hasattr(layer, "chance"):
            layer.chance.assign(config.dropout)
    model.compile(
        optimizer=optimizer(config),
        loss=loss_of(config, 10),
        metrics=["accuracy"],
        jit_compile=False,
        steps_per_execution=16,
    )
    return model


def paced(pace: LearningRateSchedule, steps: int) -> Any:
    """A callback that gives ``Model.fit`` the learning rates that our loop has."""
    import keras

    class Paced(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.rates = pace.rates(steps)

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = self.rates[min(batch, steps - 1)]

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            pace.advance()

    return Paced()


class Passes:
    """Our loop, begun and loaded; each call trains an epoch and returns how many images it took."""

    def __init__(self, config: Config, images: Part, seed: int = 0) -> None:
        from fmnist.training import fit

        self._config, self._count = config, len(images[1])
        self._pace, self._rng = (
            LearningRateSchedule(config, config.epochs),
            np.random.default_rng(seed),
        )
        self.loop = fit.get_training_loop(config, 10, seed, images[0])
        self.loop.load(*images)

    def __call__(self) -> int:
        from fmnist.training import fit

        fit.train_epoch(self.loop, self._config, self._count, self._rng, self._pace)
        batch = self._config.batch_size
        return min(self._count, max(1, self._count // batch) * batch)
