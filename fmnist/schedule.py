"""The learning rate over a training whose length may still change while it runs.

A training under a deadline does not know how many epochs it will have: the machine may slow
down. So the rate is a function of progress, not of steps, and before each epoch what is left of
the progress is shared among the epochs that still fit.
"""

from __future__ import annotations

import math
from typing import Any

from fmnist import backend
from fmnist.config import Config

backend.configure()

import keras  # noqa: E402 - Keras reads its backend from the environment when imported

WARM_UP = 0.1
_START = 0.05


def learning_rate(config: Config, progress: float) -> float:
    """The rate at ``progress`` (0 to 1) through the training.

    ``constant``, or ``cosine``: linear from a twentieth to the full rate over the first tenth,
    then half a cosine to zero (Loshchilov and Hutter, SGDR, 2017).
    """
    if config.schedule == "constant":
        return config.learning_rate
    if progress < WARM_UP:
        return config.learning_rate * (_START + (1 - _START) * progress / WARM_UP)
    angle = math.pi * min(1.0, (progress - WARM_UP) / (1 - WARM_UP))
    return config.learning_rate * 0.5 * (1 + math.cos(angle))


class Pace(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the optimiser's learning rate before each call of the training function.

    Attributes:
        progress: how far the training is, 0 to 1.
        remaining: epochs still to come, the running one included; set it before an epoch to
            stretch or shorten the rest. Counted down after each epoch.
    """

    def __init__(self, config: Config, epochs: int) -> None:
        super().__init__()
        self.config, self.remaining = config, epochs
        self.progress = 0.0
        self._epoch_start = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remember where the epoch starts."""
        self._epoch_start = self.progress

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Move the rate to where this batch stands."""
        steps = self.params.get("steps") or 1
        share = (1 - self._epoch_start) / max(1, self.remaining)
        self.progress = self._epoch_start + share * min(1.0, batch / steps)
        self.model.optimizer.learning_rate = learning_rate(self.config, self.progress)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """The epoch's share of the progress is done."""
        self.progress = self._epoch_start + (1 - self._epoch_start) / max(1, self.remaining)
        self.remaining -= 1
