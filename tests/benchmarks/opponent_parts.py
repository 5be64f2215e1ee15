"""What the opponents of ``head_to_head.py`` share: their time, their sizes, their network."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist import backends
from fmnist.data import SealedTest

backends.configure()  # imports TensorFlow quietly, with oneDNN, as ours does

import keras  # noqa: E402

if TYPE_CHECKING:
    from trainers import Trainer

Values = Mapping[str, Any]
Part = tuple[Any, Any]
SEARCH = 0.6
TAIL = 12.0
"""Seconds kept for the last validation, the test images and the files; of long times 4 %."""


@dataclass(frozen=True)
class Clock:
    """The time a program has.

    Attributes:
        began: when its process was started, on the clock ``now``.
        seconds: what it has in all; None for no limit.
        search_ends: seconds after the start at which the search ends; None: its usual share.
    """

    began: float
    seconds: float | None
    now: Callable[[], float] = time.time
    search_ends: float | None = None

    def search(self) -> float:
        """Seconds left of the search's share."""
        usual = SEARCH * (self.seconds or 0.0)
        return self._left(usual if self.search_ends is None else self.search_ends)

    def fit(self) -> float:
        """Seconds left to train in."""
        seconds = self.seconds or 0.0
        return self._left(seconds - max(TAIL, 0.04 * seconds))

    def _left(self, end: float) -> float:
        return float("inf") if self.seconds is None else self.began + end - self.now()


@dataclass(frozen=True)
class Sizes:
    """What a trial is given: training images, epochs, epochs without a gain; Hyperband's most."""

    images: int
    epochs: int
    patience: int
    max_epochs: int


# The images are those of our own plan for that time: some 15 to 30 trials fit on 2 cores.
_SIZES = (
    (5 * 60, Sizes(6_000, 5, 2, 9)),
    (30 * 60, Sizes(18_000, 5, 2, 9)),
    (2 * 3600, Sizes(30_000, 10, 3, 9)),
    (float("inf"), Sizes(54_000, 15, 4, 27)),
)


def sizes_for(seconds: float | None) -> Sizes:
    """The sizes for a time; without one those of ten minutes."""
    wanted = 600.0 if seconds is None else seconds
    return next(sizes for limit, sizes in _SIZES if wanted <= limit)


@dataclass(frozen=True)
class Task:
    """What every program works on.

    Attributes:
        train, part, validation: images [N, 28, 28, 1] as the trainer takes them, labels int64
            [N]; a trial trains on ``part`` of ``train``.
        test: images and labels that open once.
        clock: the time.
        trainer: what is tuned.
        seed: of this run.
        trials: so many instead of the clock's share; None for the clock.
        epochs: most epochs of the last training.
        folder: for what a tuner keeps.
    """

    train: Part
    part: Part
    validation: Part
    test: SealedTest
    clock: Clock
    trainer: Trainer
    seed: int
    trials: int | None
    epochs: int
    folder: Path


@dataclass(frozen=True)
class Found:
    """Best values of a search, and how many trials ended in which way."""

    values: Values
    finished: int
    pruned: int = 0


def network(values: Values, classes: int = 10) -> Any:
    """Three blocks of convolution, pooling and batch norm, a dense layer with dropout; compiled.

    Batch norm stands behind the pooling, where it costs least. Keras's default momentum of 0.99 is
    for longer trainings than these: 0.9 lets short ones score what they have learned.
    """
    layers: list[Any] = [keras.Input((28, 28, 1))]
    for name in ("filters_1", "filters_2", "filters_3"):
        layers += [
            keras.layers.Conv2D(values[name], 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.BatchNormalization(momentum=0.9),
        ]
    layers += [
        keras.layers.Flatten(),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dropout(values["dropout"]),
        keras.layers.Dense(classes, activation="softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile(
        optimizer=keras.optimizers.Adam(values["learning_rate"]),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False if backends.device() == "CPU" else "auto",
        steps_per_execution=16,
    )
    return model


class TimeUp(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends a training when no time is left; what it has reached is validated and counts."""

    def __init__(self, left: Callable[[], float]) -> None:
        super().__init__()
        self._left = left

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look at the clock."""
        if self._left() <= 0:
            self.model.stop_training = True
