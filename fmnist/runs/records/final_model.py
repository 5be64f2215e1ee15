"""What became of the final network besides the retraining: its refit, and an ensemble."""

from __future__ import annotations

from dataclasses import dataclass

from fmnist.runs.records.score import Score
from fmnist.runs.records.search import Interval


@dataclass(frozen=True)
class RefitEpoch:
    """One epoch of the refit; validation images are among those it learnt."""

    epoch: int
    accuracy: float
    loss: float
    seconds: float


@dataclass(frozen=True)
class Refit:
    """``refit.json``: the training on training and validation images.

    Attributes:
        used: whether its network is the final one.
        reason: why not; empty where it is.
        images: that it was trained on.
    """

    used: bool
    reason: str
    images: int
    epochs: tuple[RefitEpoch, ...]


@dataclass(frozen=True)
class Paired:
    """McNemar's exact test of two networks on the same images; accuracies as fractions."""

    n: int
    only_first: int
    only_second: int
    p: float
    difference: float
    interval: Interval


@dataclass(frozen=True)
class Member:
    """One network of the ensemble; the first is the final network.

    ``validation_accuracy`` is None where it learnt the validation images.
    """

    member: int
    seed: int
    trial: int | None = None
    validation_accuracy: float | None = None


@dataclass(frozen=True)
class LeftOut:
    """A member that was asked for and is not there, and why."""

    member: int
    reason: str


@dataclass(frozen=True)
class Ensemble(Score):
    """The average of the members' probabilities on the test set.

    ``against_single`` compares it with the final network alone, which is its first member.
    """

    asked: int
    members: tuple[Member, ...]
    left_out: tuple[LeftOut, ...]
    against_single: Paired
