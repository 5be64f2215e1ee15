"""The learning rate over a training whose length may still change while it runs.

A training under a deadline does not know how many epochs it will have: the machine may slow
down. So the rate is a function of progress, not of steps, and before each epoch what is left of
the progress is shared among the epochs that still fit.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fmnist.config.config import Config

# Share of the training in which the rate rises, by schedule; and where it begins.
WARM_UP = {"cosine": 0.1, "one-cycle": 0.3}
_START = 0.05


def learning_rate(config: Config, progress: float) -> float:
    """The rate at ``progress`` (0 to 1) through the training.

    ``constant``; ``cosine``: linear from a twentieth to the full rate over the first tenth, then
    half a cosine to zero (Loshchilov and Hutter, SGDR, 2017); or ``one-cycle``: the same with a
    rise over the first three tenths and a straight fall (Smith and Topin, Super-convergence, 2018).
    """
    if config.schedule == "constant":
        return config.learning_rate
    warm_up = WARM_UP[config.schedule]
    if progress < warm_up:
        return config.learning_rate * (_START + (1 - _START) * progress / warm_up)
    fallen = min(1.0, (progress - warm_up) / (1 - warm_up))
    if config.schedule == "one-cycle":
        return config.learning_rate * (1 - fallen)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * fallen))


class LearningRateSchedule:
    """Where a training stands, and the learning rate of each step from there.

    Attributes:
        progress: how far the training is, 0 to 1.
        remaining: epochs still to come, the running one included; set it before an epoch to
            stretch or shorten the rest. Counted down after each epoch.
    """

    def __init__(self, config: Config, epochs: int) -> None:
        self.config, self.remaining = config, epochs
        self.progress = 0.0

    def rates(self, steps: int) -> NDArray[np.float32]:
        """The learning rate of each of the coming epoch's ``steps``."""
        places = self.progress + self._share() * np.arange(steps) / steps
        rates = [learning_rate(self.config, place) for place in places]
        return np.array(rates, dtype=np.float32)

    def advance(self) -> None:
        """An epoch is over: its share of the progress is done."""
        self.progress += self._share()
        self.remaining -= 1

    def _share(self) -> float:
        return (1 - self.progress) / max(1, self.remaining)
