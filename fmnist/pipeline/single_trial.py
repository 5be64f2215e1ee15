"""One configuration trained for a time and scored on validation images: an experiment by itself.

The test set stays sealed. Each seed has the same epochs, so that two configurations that were given
the same time can be compared by their means.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from fmnist.config.config import Config
from fmnist.data import DataSet, Splits, split
from fmnist.errors import UserError
from fmnist.models.size import size_of
from fmnist.pipeline.planner.profiles import VALIDATION_SHARE
from fmnist.runs.artifacts import SCHEMA
from fmnist.training.objective import Part
from search.analysis.results import Interval, Noise
from search.records import Epoch

_VALIDATION, _LONGEST = 6_000, 300
_FIRST_GUESS = 8  # epochs, until the first has shown what one takes


@dataclass(frozen=True)
class SeedScore:
    """The scores of one seed on the validation images after its last epoch."""

    seed: int
    accuracy: float
    loss: float
    seconds: float


@dataclass(frozen=True)
class TrialScore:
    """What ``fmnist trial`` found.

    Attributes:
        accuracy: mean over the seeds, a fraction.
        sd: standard deviation between seeds; None with one seed.
        interval: 95 % interval of the mean by Student's t; None with one seed.
        data: digest of the data set.
    """

    schema: int
    config: dict[str, Any]
    parameters: int
    data: str
    training_images: int
    validation_images: int
    epochs: int
    seeds: tuple[SeedScore, ...]
    accuracy: float
    sd: float | None
    interval: Interval | None
    seconds: float
    test_set: str = "not opened"


def score_trial(
    config: Config,
    data: DataSet,
    *,
    seconds: float,
    seeds: int,
    first_seed: int = 0,
    validation: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> TrialScore:
    """Train ``config`` once for each seed within ``seconds`` and score it on validation images.

    The first seed finds out how many epochs fit into its share; the others have as many.

    Raises:
        TrialError: the loss is not finite.
        UserError: not one training ended in time.
    """
    began, labels = clock(), data.train_labels
    held_out = validation or min(_VALIDATION, round(VALIDATION_SHARE * len(labels)))
    splits = split(labels, validation=held_out, seed=first_seed)
    parts = [(data.train_images[p], labels[p]) for p in (splits.train, splits.validation)]
    training = _Training(config, parts, len(data.class_names), began + seconds, clock)
    epochs, found = 0, []
    for number in range(seeds):
        since = clock()
        made = training.epochs(first_seed + number, epochs, since, seeds - number)
        epochs = epochs or len(made)
        if len(made) < epochs:
            break  # the time is over
        took = round(clock() - since, 1)
        found.append(SeedScore(first_seed + number, made[-1].val_accuracy, made[-1].val_loss, took))
    return _result(config, data, epochs, found, splits, clock() - began)


@dataclass(frozen=True)
class _Training:
    """Trains on ``parts``, training and validation, until ``end`` at most."""

    config: Config
    parts: list[Part]
    classes: int
    end: float
    clock: Callable[[], float]

    def epochs(self, seed: int, wanted: int, since: float, left: int) -> list[Epoch]:
        """The epochs of one seed.

        Args:
            wanted: epochs; 0: as many as fit into its share, with ``left`` seeds to come.
        """
        from fmnist.training.fit import fit

        made: list[Epoch] = []
        until = self.end if wanted else since + (self.end - since) / left

        def on_epoch(epoch: Epoch) -> int:
            made.append(epoch)
            if wanted:
                return wanted - len(made) if self.clock() < self.end else 0
            fitting = int((until - self.clock()) / epoch.seconds)
            return max(0, min(fitting, _LONGEST - len(made)))

        planned = self.config.replace(epochs=wanted or _FIRST_GUESS)
        fit(planned, *self.parts, classes=self.classes, seed=seed, on_epoch=on_epoch)
        return made


def _result(
    config: Config, data: DataSet, epochs: int, found: list[SeedScore], splits: Splits, took: float
) -> TrialScore:
    if not found:
        raise UserError("no training ended in time; give more --budget or fewer --seeds")
    values = [s.accuracy for s in found]
    sd = stdev(values) if len(values) > 1 else None
    half = Noise(sd, len(values) - 1, 1).half_width(len(values)) if sd is not None else None
    mean = fmean(values)
    return TrialScore(
        schema=SCHEMA,
        config=config.replace(epochs=epochs).to_dict(),
        parameters=size_of(config, len(data.class_names)).parameters,
        data=data.digest,
        training_images=len(splits.train),
        validation_images=len(splits.validation),
        epochs=epochs,
        seeds=tuple(found),
        accuracy=mean,
        sd=sd,
        interval=None if half is None else (max(0.0, mean - half), min(1.0, mean + half)),
        seconds=round(took, 1),
    )
