"""Where the trials of an Optuna study lie: what an engine needs of a file or a database."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from typing import Final, Protocol

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from search.engines.base import Suggestion
from search.records import State
from search.space import Float, Int, Parameter, SearchSpace

STATES: Final[dict[State, TrialState]] = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
PRIOR: Final = "prior"
"""The attribute of a trial that earlier studies suggested."""
NAMES: Final[dict[TrialState, State]] = {state: name for name, state in STATES.items()}


class TrialStore(Protocol):
    """The trials of one study. Each change is one transaction: there or not, never half of it.

    Attributes:
        space: what is searched.
        worker: name of this process among those that share the store; empty where it is alone.
    """

    space: SearchSpace
    worker: str

    def exclusive(self) -> AbstractContextManager[object]:
        """While entered, no other process asks for a trial."""

    def trials(self) -> list[FrozenTrial]:
        """All trials by number, as they are stored now; not to be changed."""

    def has_room(self) -> bool:
        """Whether the study may have another trial."""

    def claim_waiting(self, trials: list[FrozenTrial]) -> FrozenTrial | None:
        """The first of ``trials`` that waits; it runs in this process from now on."""

    def create(self, template: FrozenTrial) -> FrozenTrial:
        """Store a trial under the next number; one that runs, runs in this process."""

    def suggestion(self, trial: FrozenTrial) -> Suggestion:
        """A trial of this process as the study loop has it."""

    def running(self) -> list[FrozenTrial]:
        """The trials that run in this process, or did in one of its name that died."""

    def report(self, number: int, step: int, value: float) -> bool:
        """See ``Engine.report``."""

    def finish(self, number: int, state: State, value: float | None) -> None:
        """See ``Engine.tell``."""

    def close(self) -> None:
        """See ``Engine.close``."""


def distributions_of(space: SearchSpace) -> dict[str, BaseDistribution]:
    """Optuna's distributions over the same values as ``space``, by name."""
    return {p.name: _distribution(p) for p in space}


def _distribution(p: Parameter) -> BaseDistribution:
    if isinstance(p, Int):
        return IntDistribution(p.low, p.high, log=p.log, step=p.step)
    if isinstance(p, Float):
        return FloatDistribution(p.low, p.high, log=p.log)
    return CategoricalDistribution(p.choices)


def stored_value(trial: FrozenTrial, state: State, value: float | None) -> float | None:
    """What Optuna stores as a trial's value: the last report of a pruned one."""
    if state == "complete":
        return value
    if state == "failed" or trial.last_step is None:
        return None
    last = trial.intermediate_values[trial.last_step]
    return None if math.isnan(last) else last
