"""How large the parts of a run are: as the work allows that this machine can do in the time.

Work is time times measured speed, in training images of the reference network (``costs.py``). It
decides on network, epochs and trials, so a slow machine trains a smaller network to the end where a
fast one trains a large one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fmnist.backends.parallelism import parallel_slowdown
from fmnist.config.config import Config
from fmnist.errors import UserError
from fmnist.models.caps import Excess
from fmnist.pipeline.planner.costs import REFERENCE, TYPICAL_SPEED, relative_cost, slowness_of
from fmnist.pipeline.planner.workload import PostSearchWorkload
from fmnist.runs.records.plan import RunProfile

# Around the core space, measured by ``tests/benchmarks/ablation.py``: a residual network of
# two convolutions a stage behind a stem, after D. Page's ResNet-9 (How to train your ResNet, 2018).
_TRAINING = {
    "dropout": 0.0,
    "optimizer": "adamw",
    "learning_rate": 1.6e-2,
    "weight_decay": 0.02,
    "schedule": "one-cycle",
    "label_smoothing": 0.1,
    "batch_size": 128,
    "test_time_shift": 1,
}
COMPACT: Mapping[str, Any] = {
    **REFERENCE,
    **_TRAINING,
    "whitening": True,
    "activation": "silu",
    "learning_rate": 2e-2,
}
"""For slow machines: maps of 14 × 14 pixels from the first stage on.

SiLU brought it 0.2 points (n = 5), and nothing to the next one (n = 4): the benchmarks' README.
"""
SHORT: Mapping[str, Any] = {**REFERENCE, **_TRAINING, "stem": 16, "stem_stride": 1}
"""For trainings of up to some sixty epochs: in 29 it was ahead of the next one, by 0.25 points."""
LONGER: Mapping[str, Any] = {**SHORT, "learning_rate": 4e-3, "dropout": 0.2, "erasing": 0.25}
"""For more epochs, which need more against overfitting."""
LONG: Mapping[str, Any] = {**LONGER, "width": 2.0, "ema": 0.99}
"""For many epochs, a wider network as well: of 1.5 times the width 60 tied with 168 of LONGER."""

FEWEST_EPOCHS = 8
"""Of a final training; with fewer a smaller network is the better choice."""
# The networks, the most expensive first, with the fewest epochs that each is worth training for.
_NETWORKS: tuple[tuple[Mapping[str, Any], int], ...] = (
    (LONG, 50),
    (LONGER, 60),
    (SHORT, 9),
    (COMPACT, FEWEST_EPOCHS),
    ({**COMPACT, "width": 0.75}, FEWEST_EPOCHS),
    ({**COMPACT, "width": 0.5}, 0),
)
MOST_FINAL = 300
"""Final epochs beyond which more were never seen to help; the rest of the time brings further
networks for an ensemble, and more trials."""
_MOST_MEMBERS = 4
# A refit takes as long as the final training: only where so many epochs are left for each.
_REFIT_EPOCHS = 120
_WIDTHS = (1.5, 1.25, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125)
"""What a network's filters are multiplied by, to bring it below a cap."""
_STRETCH = 2.5
"""So many times the planned epochs where the winner is cheap: the schedule spans what there is."""

PLANNED_IMAGES = 54_000
"""Training images that the plans are made for."""
VALIDATION_SHARE = 0.2
# How many times as many epochs as planned, at most, where there are fewer images.
_MORE_TRIAL, _MORE_FINAL = 4, 4
# More epochs than these only where they are planned: each leaves a checkpoint.
_MOST_EPOCHS = 200

# The final training's share of the time: with 0.58, at ten minutes and at sixty, a search cost more
# epochs than it brought (see the benchmarks' README). And that of all trainings where a refit or
# members follow: what a slow spell takes from these nothing else can use.
_FINAL_SHARE, _FINAL_SHARE_OF_SEVERAL = 0.7, 0.58
# Seconds before the search and after the final training on a fast machine, more on a slow one; and
# the most of the time that they are reckoned with, for the final training and for the search.
_AROUND, _MOST_AROUND, _MOST_AROUND_SEARCH = 50.0, 0.5, 0.25
# Trials to plan for, since some cost more than expected; the fewest runs of a confirmation; what
# scoring the validation images of three epochs costs, in passes.
_PLANNED_TRIALS, _CONFIRMATION_RUNS, _SCORING_PASSES = 10, 4, 6_000
# Networks that cost so many times the base are searched and no dearer ones: trials compare at equal
# epochs, where those look better, and the final training at equal time, where they were not. Of
# twice the cost one reached 94.90 % of the validation images in 14 epochs, the base 94.97 % in 29;
# of 1.8 times the cost another 95.12 % in 33 epochs, the base 95.52 % in 104.
_DEAREST = 1.15
# A trial is so much of the final training, sees so many images in all at least, and has so many
# epochs at most.
_TRIAL_PART, _FEWEST_PASSES, _LONGEST_TRIAL = 1 / 24, 9_000, 12
TRIAL_OVERHEAD = 3.0
"""Seconds of a trial besides its epochs on a fast machine, most of them for compiling."""
FEWEST_TRIALS = 8
"""With fewer complete trials a search has nothing to choose from, and is given back."""
# Seconds on a fast machine from which on a run is a long one.
_LONG_RUN = 4 * 3600.0
_WITHOUT_LIMIT = 30 * 60.0


@dataclass(frozen=True)
class _Machine:
    """What the plan knows of the machine; ``speed`` in reference images a second, alone."""

    seconds: float
    speed: float
    jobs: int
    trainings: float = 1.0

    @property
    def slowness(self) -> float:
        """Of what is not training, against a fast machine."""
        return slowness_of(self.speed)

    @property
    def long(self) -> bool:
        """Whether trials can tell what works against overfitting."""
        return self.seconds * self.speed / TYPICAL_SPEED > _LONG_RUN

    @property
    def final_share(self) -> float:
        """Of the time, for the final training beside a search, refit and members included."""
        return _FINAL_SHARE if self.trainings == 1 else _FINAL_SHARE_OF_SEVERAL

    @property
    def final_seconds(self) -> float:
        """For the final training, refit and members included."""
        return min(self.final_share * self.seconds, self.seconds - self._around(_MOST_AROUND))

    @property
    def search_seconds(self) -> float:
        """What final training and the rest leave search and confirmation."""
        return (1 - self.final_share) * self.seconds - self._around(_MOST_AROUND_SEARCH)

    def _around(self, most: float) -> float:
        return min(_AROUND * self.slowness, most * self.seconds)


@dataclass(frozen=True)
class _Choice:
    """A network at its place in ``_NETWORKS``, and its epochs."""

    place: int
    base: Mapping[str, Any]
    epochs: int

    @property
    def narrow(self) -> bool:
        """Whether the time, not a cap, allows a narrow network only."""
        return bool(_NETWORKS[self.place][0].get("width", 1.0) < 1)


@dataclass(frozen=True)
class _Network:
    """One of ``_NETWORKS``, narrower where a cap demands it, and what it costs to train."""

    place: int
    base: Mapping[str, Any]
    fewest: int
    cost: float


def profile_for(
    seconds: float | None,
    speed: float | None = None,
    *,
    jobs: int = 1,
    settings: Mapping[str, Any] | None = None,
    given: Config | None = None,
    refit: bool | None = None,
    members: int | None = None,
    searched: bool = True,
    excess: Excess = lambda _: "",
) -> RunProfile:
    """The plan for a time budget on a machine; without one, that of half an hour on a fast one.

    Args:
        speed: training images of the reference network a second, alone on the machine; None: those
            of a fast machine.
        jobs: trials at once.
        settings: fields that are fixed; they count for the cost.
        given: configuration to search around, in place of the plan's own.
        refit, members: see ``RunProfile``; None: as the time allows.
        searched: whether there is a search at all.
        excess: what of a network is above a cap; the plan's own are made narrower until they fit.

    Raises:
        UserError: not even the smallest network of the plan fits.
    """
    if seconds is None:
        seconds, speed, given = _WITHOUT_LIMIT, None, None
    measured = speed is not None
    machine = _Machine(seconds, speed or TYPICAL_SPEED, jobs)
    fixed = settings or {}
    networks = _networks_below_caps(fixed, excess) if given is None else ()
    if refit is None:
        twice = replace(machine, trainings=_trainings(True, members or 0, jobs))
        epochs = _network(twice, networks, given, searched=True).epochs
        refit = machine.long and epochs >= _REFIT_EPOCHS
    machine = replace(machine, trainings=_trainings(refit, members or 0, jobs))
    choice = _network(machine, networks, given, searched=True)
    alone = _network(machine, networks, given)
    cost = relative_cost(given or Config(**{**choice.base, **fixed}))
    passes, most = _trial_passes(machine, cost, choice.epochs), None
    # A search around a narrow network cost more than it brought: see the benchmarks' README.
    too_small = choice.place > alone.place + 1 or choice.narrow
    if passes < _FEWEST_PASSES or too_small or not searched:
        choice, passes, most = alone, _FEWEST_PASSES, 1
    trial_epochs = min(_LONGEST_TRIAL, max(2, round(passes ** (1 / 3) / 8.6)))
    return RunProfile(
        trial_images=min(PLANNED_IMAGES, 500 * round(passes / trial_epochs / 500)),
        trial_epochs=trial_epochs,
        final_epochs=choice.epochs,
        space="extended" if machine.long else "core",
        base=choice.base,
        refit=refit,
        members=_leftover_members(machine, cost, refit) if members is None else members,
        stretch=_STRETCH,
        most_cost=round(cost * _DEAREST, 3) if measured else None,
        max_trials=most,
    )


def _trainings(refit: bool, members: int, jobs: int) -> float:
    return PostSearchWorkload(refit, members).relative_cost(jobs)


def _leftover_members(machine: _Machine, cost: float, refit: bool) -> int:
    """Members of an ensemble that fit where each training has all the epochs that help."""
    passes = _FINAL_SHARE_OF_SEVERAL * machine.seconds * machine.speed / PLANNED_IMAGES
    trainings = passes / cost / MOST_FINAL
    counts = range(_MOST_MEMBERS, 0, -1)
    return next((n for n in counts if _trainings(refit, n, machine.jobs) <= trainings), 0)


def shortest_search(speed: float, jobs: int) -> float | None:
    """Seconds from which on the plan of a machine has a search; None: not in eight hours."""
    times = (60.0 * minutes for minutes in range(1, 8 * 60 + 1))
    found = (s for s in times if profile_for(s, speed, jobs=jobs).searched)
    return next(found, None)


def _networks_below_caps(settings: Mapping[str, Any], excess: Excess) -> tuple[_Network, ...]:
    """``_NETWORKS``, each as wide as it may be, without those that cannot be narrow enough."""
    found, above = [], ""
    for place, (base, fewest) in enumerate(_NETWORKS):
        own = base.get("width", 1.0)
        widths = (own, *(w for w in _WIDTHS if w < own))
        # One view answers sooner: it goes before the width does.
        for width, shift in itertools.product(widths, (base["test_time_shift"], 0)):
            narrowed = {**base, "test_time_shift": shift}
            narrowed |= {"width": width} if width < own else {}
            config = Config(**{**narrowed, **settings})
            if not (above := excess(config)):
                found.append(_Network(place, narrowed, fewest, relative_cost(config)))
                break
    if not found:
        raise UserError(
            f"no network of the plan fits; the smallest: {above}; give a higher limit, or a "
            "smaller network (--set stages=2 --set stem=8, say)"
        )
    return tuple(found)


def _network(
    machine: _Machine,
    networks: Sequence[_Network],
    given: Config | None,
    *,
    searched: bool = False,
) -> _Choice:
    """The largest network that its epochs fit for; where ``searched``, its trials, too."""
    passes = machine.final_seconds / machine.trainings * machine.speed / PLANNED_IMAGES
    if given is not None:
        epochs = max(1, math.floor(passes / relative_cost(given)))
        return _Choice(0, LONGER, epochs)
    for network in networks:
        epochs = math.floor(passes / network.cost)
        trials_fit = not searched or _trial_passes(machine, network.cost, epochs) >= _FEWEST_PASSES
        choice = _Choice(network.place, network.base, min(MOST_FINAL, max(1, epochs)))
        if epochs >= network.fewest and trials_fit:
            break
    return choice


def _trial_passes(machine: _Machine, cost: float, epochs: int) -> float:
    """Images that a trial sees in all, so that enough trials fit; few or none if they do not."""
    wanted = max(_FEWEST_PASSES, _TRIAL_PART * epochs * PLANNED_IMAGES)
    least, most = (
        _fitting_passes(machine, cost, n + _CONFIRMATION_RUNS)
        for n in (FEWEST_TRIALS, _PLANNED_TRIALS)
    )
    return min(wanted, max(most, min(least, _FEWEST_PASSES)))


def _fitting_passes(machine: _Machine, cost: float, runs: int) -> float:
    """Images that a trial can see in all where there are so many."""
    each = machine.jobs * machine.search_seconds / runs / parallel_slowdown(machine.jobs)
    left = each - TRIAL_OVERHEAD * machine.slowness
    return left * machine.speed / cost - _SCORING_PASSES


def scale_to_dataset(plan: RunProfile, images: int, classes: int) -> RunProfile:
    """The plan for a data set with so many training images, the validation images among them.

    At most a fifth of them validates. Where fewer than planned are left, trainings take more
    epochs, so that they have about as many steps as planned.
    """
    fewest, most = classes, max(classes, images - classes)
    validation = min(max(fewest, min(plan.validation, round(VALIDATION_SHARE * images))), most)
    train = max(1, images - validation)
    trial_images = min(plan.trial_images, train)
    return replace(
        plan,
        validation=validation,
        trial_images=trial_images,
        trial_epochs=_epochs(plan.trial_epochs, plan.trial_images / trial_images, _MORE_TRIAL),
        final_epochs=min(
            _epochs(plan.final_epochs, PLANNED_IMAGES / train, _MORE_FINAL),
            max(plan.final_epochs, _MOST_EPOCHS),
        ),
    )


def _epochs(planned: int, times: float, most: int) -> int:
    return round(planned * min(max(times, 1.0), most))
