"""What became of the final network besides the retraining: its refit, and an ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fmnist.runs.records.score import Score
from search.analysis.results import Interval
from search.records import Epoch


@dataclass(frozen=True)
class RefitEpoch:
    """One epoch of the refit; validation images are among those it learnt."""

    epoch: int
    accuracy: float
    loss: float
    seconds: float
    learning_rate: float | None = None


@dataclass(frozen=True, kw_only=True)
class Refit:
    """``refit.json``: the training on training and validation images.

    Attributes:
        used: whether its network is the final one.
        reason: why not; empty where it is.
        images: that it was trained on.
        seed: of its training.
    """

    used: bool
    reason: str
    images: int
    seed: int = 0
    epochs: tuple[RefitEpoch, ...]


@dataclass(frozen=True)
class TrainedBaseline:
    """``baseline.json``: the dense network of as many parameters.

    Attributes:
        used: whether it came to its end, so that it is tested.
        reason: why not; empty where it did.
        units: of its hidden layer.
        images: that it was trained on.
    """

    used: bool
    reason: str
    units: int
    images: int
    epochs: tuple[Epoch, ...] = ()


@dataclass(frozen=True)
class PairedTest:
    """McNemar's exact test of two classifiers on the same images.

    Attributes:
        n: number of images.
        only_first, only_second: images that only this one classifies correctly.
        p: two-sided p-value.
        difference: accuracy of the first minus that of the second, a fraction.
        interval: 95 % interval of the difference.
    """

    n: int
    only_first: int
    only_second: int
    p: float
    difference: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class Member:
    """One network of the ensemble; the first is the final network.

    ``validation_accuracy`` is None where it learnt the validation images.
    """

    member: int
    trial: int | None = None
    seed: int | None
    validation_accuracy: float | None = None


@dataclass(frozen=True)
class LeftOut:
    """A member that was asked for and is not there, and why."""

    member: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class TrainedMember:
    """A further network of the ensemble: its training, and the file in the run folder.

    Attributes:
        trial: of the search whose parameters it has.
        params: fields of the configuration that differ from the final network's.
        epoch: whose weights were kept.
        validation_accuracy: after that epoch; None where it learnt the validation images.
    """

    member: int
    file: str
    trial: int | None = None
    seed: int | None
    params: dict[str, Any]
    epoch: int
    seconds: float | None
    validation_accuracy: float | None = None
    test_time_flip: bool
    test_time_shift: int = 0


@dataclass(frozen=True)
class TrainedEnsemble:
    """``ensemble.json``: the networks besides the final one.

    Attributes:
        asked: networks that were asked for, the final one among them.
        images, epochs: of each training.
    """

    asked: int
    images: int
    epochs: int
    members: tuple[TrainedMember, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, kw_only=True)
class Baseline(Score):
    """The dense network on the test set; ``lead`` compares the final network with it."""

    units: int
    epochs: int
    lead: PairedTest


@dataclass(frozen=True, kw_only=True)
class Ensemble(Score):
    """The average of the members' probabilities on the test set.

    ``against_single`` compares it with the final network alone, which is its first member.
    """

    asked: int
    members: tuple[Member, ...]
    left_out: tuple[LeftOut, ...]
    against_single: PairedTest
