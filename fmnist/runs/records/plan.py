"""How the time was planned and spent, and what was checked before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Stage:
    """One stage of the run and how long it took."""

    name: str
    started: str
    seconds: float


@dataclass(frozen=True)
class Stages:
    """``stages.json``."""

    stages: tuple[Stage, ...]
    budget_seconds: float | None = None


@dataclass(frozen=True)
class PlannedStage:
    """What a stage was given at the start; None: no limit."""

    stage: str
    seconds: float | None


@dataclass(frozen=True)
class Decision:
    """Something the planner decided on the way, ``after_seconds`` of work."""

    at: str
    after_seconds: float
    stage: str
    text: str


@dataclass(frozen=True)
class RunProfile:
    """Sizes of the parts of a run.

    Attributes:
        trial_images: training images a trial sees, a stratified part of the training split.
        trial_epochs: epochs of a trial.
        final_epochs: epochs of the retraining, fewer where the time does not suffice.
        validation: images split off for validation.
        stretch: the retraining may take so many times ``final_epochs`` where time is left over;
            1 where the user chose the epochs.
        space: name of the space that is searched.
        base: fields of the configuration that the space does not search.
        refit: the final model is trained once more, on training and validation images, for the
            epochs that validation chose.
        members: networks that are trained besides the final one, for an ensemble.
        most_cost: networks that cost more to train are not searched, as a multiple of the
            reference network; None: no limit, or not measured.
        max_trials: trials at most; 1 where the search is given back for want of time; None: as
            many as fit.
    """

    trial_images: int
    trial_epochs: int
    final_epochs: int
    validation: int = 6000
    stretch: float = 1.5
    space: str = "core"
    base: Mapping[str, Any] = field(default_factory=dict)
    refit: bool = False
    members: int = 0
    most_cost: float | None = None
    max_trials: int | None = None

    @property
    def searched(self) -> bool:
        """Whether there is a search, which was not given back for want of time."""
        return self.max_trials != 1


@dataclass(frozen=True)
class Forecast:
    """The test accuracy to expect, a fraction, with a 90 % interval, by so many recorded runs."""

    accuracy: float
    low: float
    high: float
    runs: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """``plan.json``: the plan at the start and what became of it.

    ``deadline`` is an ISO time, ``budget_seconds`` the time given; None: not asked for.
    ``jobs`` trials ran at once with ``threads`` threads each; None: all there are.
    ``epoch_seconds``: what an epoch of the final training is reckoned with, alone on the machine.
    ``winner_cost``: what one of the best configuration costs, in epochs of the base.
    """

    deadline: str | None = None
    budget_seconds: float | None = None
    sizes: RunProfile
    jobs: int
    threads: int | None
    planned: tuple[PlannedStage, ...]
    decisions: tuple[Decision, ...] = ()
    forecast: Forecast | None = None
    epoch_seconds: float | None = None
    winner_cost: float | None = None

    @property
    def winner_epochs(self) -> int:
        """Epochs planned of the best configuration: a dearer one has fewer in the same time."""
        asked = self.sizes.stretch == 1  # by the user
        return max(1, round(self.sizes.final_epochs / (1 if asked else self.winner_cost or 1)))


@dataclass(frozen=True)
class Check:
    """One check of this machine.

    Attributes:
        name: what was looked at.
        ok: True, False, or None for a warning: the run starts, but not as well as it could.
        found: what is there, in words.
        remedy: what to do; empty where nothing needs doing.
    """

    name: str
    ok: bool | None
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Probe:
    """One batch of an extreme configuration; ``peak_memory`` in bytes, None: not measured."""

    params: dict[str, Any]
    seconds: float
    peak_memory: int | None = None


@dataclass(frozen=True)
class Rehearsal:
    """``rehearsal.json``: the whole job ended well on ``images``, in ``seconds``."""

    seconds: float
    images: int


@dataclass(frozen=True)
class Preflight:
    """``preflight.json``: what was checked before the run began.

    ``slowness`` compares the machine with the one the plan was made for; above 1 is slower;
    ``rendering`` the same for typesetting.
    ``jobs`` trainings at once have room. ``speed``: training images of the reference network a
    second, alone on the machine; None: not measured.
    """

    checks: tuple[Check, ...]
    smallest: Probe | None = None
    largest: Probe | None = None
    slowness: float | None = None
    rendering: float | None = None
    jobs: int = 1
    speed: float | None = None
