"""What passes between a study and whatever runs its trials: tasks, limits, events.

The ``Supervisor`` runs tasks in child processes; a simulation may run them on a clock of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from search.records import Epoch, Failure
from search.space import Value


@dataclass(frozen=True)
class Task:
    """One training to run.

    Attributes:
        number: the trial's number; unique among the tasks that run at one time.
        epochs: epochs it should take, unless the answers to its reports say otherwise.
        attempt: 1, or more after a failure.
        full_data: train on everything, as the final network is, instead of on a trial's share.
        dry_run: only try out whether it works, or how fast: a few steps an epoch.
        folder: where its checkpoints lie; a task that finds some goes on from them.
    """

    number: int
    params: dict[str, Value]
    seed: int
    epochs: int
    attempt: int = 1
    full_data: bool = False
    dry_run: bool = False
    folder: Path | None = None


@dataclass(frozen=True)
class Limits:
    """Where the patience with a task ends; None: never.

    Attributes:
        seconds: for the whole task.
        progress_timeout: seconds without an epoch.
        memory: resident bytes of its process.
    """

    seconds: float | None = None
    progress_timeout: float | None = None
    memory: int | None = None


@dataclass(frozen=True)
class EpochDone:
    """A task ended an epoch and waits for ``Runner.answer``."""

    number: int
    epoch: Epoch


@dataclass(frozen=True)
class Ended:
    """A task is over, with a failure or without; ``peak_memory`` in bytes where measured."""

    number: int
    failure: Failure | None = None
    peak_memory: int | None = None


Event = EpochDone | Ended
Report = Callable[[Epoch], int]
"""Reports an epoch; returns how many epochs are still to come, 0 to stop."""


class Objective(Protocol):
    """Runs one task, in whatever process; must be picklable to be run in a child.

    Calls ``report`` after each epoch and stops once it returns 0. Where ``task.folder`` holds a
    checkpoint it goes on from there and does not report those epochs again.

    Raises:
        TrialError: the task failed in a known way.
    """

    def __call__(self, task: Task, report: Report) -> None:
        """Run ``task``."""


class Runner(Protocol):
    """Runs up to ``slots`` tasks at once."""

    slots: int

    def start(self, task: Task, limits: Limits) -> None:
        """Begin a task; at most ``slots`` may be under way."""

    def wait(self, seconds: float) -> list[Event]:
        """What has happened, waiting up to ``seconds`` for something to happen."""

    def answer(self, number: int, remaining: int) -> None:
        """Answer an ``EpochDone``: epochs still to come; 0 ends the task after its clean-up."""

    def cancel(self, number: int, failure: Failure) -> None:
        """End a task by force; ``wait`` gives its ``Ended`` with this failure."""

    def close(self) -> None:
        """End everything that still runs."""
