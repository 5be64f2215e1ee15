"""How the time was planned and spent, and what was checked before."""

from __future__ import annotations

from dataclasses import dataclass
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
class Sizes:
    """How much a trial, the final network and the validation set were given."""

    trial_images: int
    trial_epochs: int
    final_epochs: int
    validation: int


@dataclass(frozen=True)
class Plan:
    """``plan.json``: the plan at the start and what became of it.

    ``deadline`` is an ISO time, ``budget_seconds`` the time given; None: not asked for.
    ``jobs`` trials ran at once with ``threads`` threads each; None: all there are.
    """

    sizes: Sizes
    jobs: int
    threads: int | None
    planned: tuple[PlannedStage, ...]
    decisions: tuple[Decision, ...] = ()
    deadline: str | None = None
    budget_seconds: float | None = None


@dataclass(frozen=True)
class Check:
    """One check before the run; ``ok`` is None where it only warns."""

    name: str
    ok: bool | None
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Probe:
    """One batch of an extreme configuration."""

    params: dict[str, Any]
    seconds: float
    peak_memory: int | None = None


@dataclass(frozen=True)
class Preflight:
    """``preflight.json``: what was checked before the run began.

    ``slowness`` compares the machine with the one the plan was made for; above 1 is slower.
    """

    checks: tuple[Check, ...]
    smallest: Probe | None = None
    largest: Probe | None = None
    slowness: float | None = None
