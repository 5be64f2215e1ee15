"""How large the trainings of the experiments are: as the time allows, one size for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from typing_extensions import override

from fmnist.ablation.experiment import NAMED, OTHER, TELLING, Experiment
from fmnist.backends.parallelism import parallel_slowdown
from fmnist.config.config import Config
from fmnist.models.size import size_of
from fmnist.runs.records.ablation import Fidelity
from search.engines.base import Suggestion
from search.space import Value
from search.study.scheduler import CostModel

# Seconds of a training besides its epochs, most of them for compiling, and those until the
# children are there, on the machine this was measured on.
_OVERHEAD, _START = 3.0, 8.0
# A variant costs so much of the base at least: an epoch is not only multiplications.
_LEAST_COST, _MOST_COST = 0.15, 30.0
# What is kept above the expected cost of all trainings, and of a single one.
_MARGIN, _CAUTION = 1.15, 1.15
# A validation image costs about a third of a training image: forward only.
_FORWARD = 1 / 3
_LEAST_VALIDATION = 3_000
# Training images, epochs and seeds. Those of the first list are worth more than more experiments,
# and five seeds more than larger trainings: of twenty variants, corrected for their number, three
# seeds told a difference of 4 points in 5 % of the tables, five one of 2 points in 70 % (simulated
# as in tests/unit/ablation: 6,000 validation images, seeds with a deviation of 0.3 points).
_GOOD = (
    (24_000, 8, 5),
    (18_000, 6, 5),
    (12_000, 5, 5),
    (8_000, 4, 5),
    (8_000, 4, 3),
    (6_000, 3, 3),
)
TELLING_SIZE = Fidelity(8_000, 6_000, 4, 3)
"""The smallest size at which a network is near enough to the final one to tell of it."""
_SMALL = ((4_000, 3, 3), (4_000, 2, 3), (3_000, 2, 3), (6_000, 3, 1), (4_000, 2, 1), (3_000, 2, 1))
_MOST_SEEDS = 10
# With fewer images than a size asks for, so many times its epochs at most.
_MOST_LONGER = 4.0


@dataclass(frozen=True)
class Prices:
    """What trainings cost, guessed from the final training.

    Attributes:
        config: the base.
        unit: seconds for each image of an epoch, with ``jobs`` trainings at once.
        jobs: trainings at once.
        slowness: of this machine.
    """

    config: Config
    unit: float
    jobs: int = 1
    slowness: float = 1.0

    def training(self, changes: Mapping[str, Any], images: int, validation: int, n: int) -> float:
        """Seconds of a training of ``n`` epochs."""
        base = size_of(self.config).operations
        ratio = size_of(self.config.replace(**changes)).operations / max(1, base)
        times = min(_MOST_COST, max(_LEAST_COST, ratio))
        return self.once + n * times * self.unit * (images + _FORWARD * validation)

    @property
    def once(self) -> float:
        """Seconds of a training besides its epochs."""
        return _OVERHEAD * self.slowness * parallel_slowdown(self.jobs)

    def total(self, wanted: Sequence[Experiment], size: Fidelity) -> float:
        """Seconds of the base and of all ``wanted``, the start of the children included."""
        each = [
            self.training(
                e.changes, e.images * size.images, size.validation, e.epochs * size.epochs
            )
            for e in wanted
        ]
        base = self.training({}, size.images, size.validation, size.epochs)
        return _START * self.slowness + _MARGIN * size.seeds * (base + sum(each)) / self.jobs


def chosen(
    wanted: Sequence[Experiment], prices: Prices, seconds: float, train: int, validation: int
) -> Fidelity | None:
    """The largest trainings for which there is time; None where not even two trainings fit.

    All experiments where they can be of a decent size, else those asked for by name and the
    telling ones, else the telling ones, and as many as fit where there is hardly any time.

    Args:
        train, validation: images there are.
    """
    good, small = (
        [
            sized(n, round(epochs * _longer(n, train)), seeds, train=train, validation=validation)
            for n, epochs, seeds in part
        ]
        for part in (_GOOD, _SMALL)
    )
    parts = ([e for e in wanted if e.priority <= most] for most in (OTHER, NAMED, TELLING))
    first = [part for part in parts if part]
    for sizes in (good, small):
        for experiments in first:
            for size in sizes:
                if prices.total(experiments, size) <= seconds:
                    return size
    least = small[-1]
    return least if prices.total(wanted[:1], least) <= seconds else None


def modest(images: int, epochs: int, train: int, validation: int, *, every: bool) -> Fidelity:
    """The size where there is no limit of time: at most that of the trials of the search."""
    most_images, most_epochs = (12_000, 6) if every else (6_000, 3)
    longest = round(most_epochs * _longer(most_images, train))
    rung = (min(images, most_images), min(epochs, longest), 3)
    return sized(*rung, train=train, validation=validation)


def extended(
    size: Fidelity, wanted: Sequence[Experiment], prices: Prices, seconds: float
) -> Fidelity:
    """The same size with as many seeds more as there is time for."""
    for seeds in range(_MOST_SEEDS, size.seeds, -1):
        more = replace(size, seeds=seeds - size.seeds)
        if prices.total(wanted, more) <= seconds:
            return replace(size, seeds=seeds)
    return size


def sized(images: int, epochs: int, seeds: int, *, train: int, validation: int) -> Fidelity:
    """So large, as far as there are images; scored on as many, or on some thousands at least."""
    images = min(images, train)
    return Fidelity(images, min(validation, max(images, _LEAST_VALIDATION)), epochs, seeds)


def _longer(images: int, train: int) -> float:
    """How many times as many epochs make up for images that are not there."""
    return min(_MOST_LONGER, max(1.0, images / max(1, train)))


class Costs(CostModel):
    """What a training of the experiments costs; the guess is corrected by those that ran.

    A task's parameters are the changes and ``images``.
    """

    def __init__(self, prices: Prices, validation: int) -> None:
        super().__init__()
        self._prices, self._validation = prices, validation
        self._expected = self._taken = 0.0

    @override
    def learn(self, params: Mapping[str, Value], epochs: int, seconds: float) -> None:
        self._expected += self._guess(params, epochs)
        self._taken += seconds

    @override
    def upper_estimate(self, params: Mapping[str, Value] | None, epochs: int) -> float:
        """For None nothing is refused: each is asked for by itself."""
        if params is None:
            return 0.0
        ratio = self._taken / self._expected if self._expected else 1.0
        return _CAUTION * ratio * self._guess(params, epochs)

    def ends(self, tasks: Iterable[Suggestion]) -> list[float]:
        """Seconds until each task should be over, in their order, with ``jobs`` at once."""
        each = (self.upper_estimate(t.params, t.epochs or 0) for t in tasks)
        prices = self._prices
        starts = _START * prices.slowness
        return [starts + seconds / prices.jobs for seconds in accumulate(each)]

    def _guess(self, params: Mapping[str, Value], epochs: int) -> float:
        changes = {name: value for name, value in params.items() if name != "images"}
        images = int(params.get("images", 0))
        return self._prices.training(changes, images, self._validation, epochs)
