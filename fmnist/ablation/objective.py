"""What a child process does for an experiment: a training on as many images as the task says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fmnist.ablation.variants import MORE
from fmnist.data import subset
from fmnist.training.objective import TrainingObjective
from search.tasks import Report, Task

IMAGES = "images"
"""The parameter of a task that is none of the configuration: how many training images."""


@dataclass(frozen=True, eq=False)
class Variants:
    """Trainings around one configuration.

    Attributes:
        training: that configuration; its share is an order of training images, of which a task
            takes the first.
    """

    training: TrainingObjective = field(repr=False)

    def __call__(self, task: Task, report: Report) -> None:
        """Run ``task``; its parameters are the changes and ``IMAGES``."""
        changes = {name: value for name, value in task.params.items() if name != IMAGES}
        share = self.training.share[: int(task.params[IMAGES])]
        replace(self.training, share=share)(replace(task, params=changes), report)


def in_order(
    train: NDArray[np.int64], labels: NDArray[np.int64], images: int, seed: int
) -> NDArray[np.int64]:
    """Training images, first a stratified share of ``images``, then what makes a larger one of it.

    Args:
        train: positions in ``labels``, ascending.

    Returns:
        int64 [min(len(train), MORE * images)], positions in ``labels``.
    """
    larger = subset(train, labels, min(len(train), MORE * images), seed=seed)
    first = subset(larger, labels, min(len(train), images), seed=seed)
    return np.concatenate([first, np.setdiff1d(larger, first)])
