"""What every engine can do: suggest a trial, hear of its epochs, be told its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from search.records import State
from search.space import Value

Accepts = Callable[[Mapping[str, Value]], bool]
"""Whether parameters may be tried: what it refuses is never suggested, and is no trial."""
MOST_REFUSED = 500
"""Suggestions refused in a row after which there is nothing left to try."""


def accept_all(_: Mapping[str, Value]) -> bool:
    """Whether parameters may be tried, where nothing forbids it."""
    return True


@dataclass(frozen=True)
class Suggestion:
    """A trial to run: its number in the study and a value for every parameter.

    Attributes:
        epochs: how long the engine wants it to train (Hyperband); None: the study decides.
        replicate_of: the trial that this one is meant to repeat under another seed.
        seed: the seed to train with; None: the study decides.
        retry_of: the trial that it takes over from a worker that died.
        prior: whether earlier studies suggested it.
    """

    number: int
    params: dict[str, Value]
    epochs: int | None = None
    replicate_of: int | None = None
    seed: int | None = None
    retry_of: int | None = None
    prior: bool = False


class TrialLostError(Exception):
    """A trial that is no longer ours: this process was thought dead, and another has it now.

    Nothing of it is to be kept here. Only engines that several processes share raise this.
    """

    def __init__(self, number: int) -> None:
        super().__init__(
            f"trial {number} was given to another worker: this one was silent too long"
        )
        self.number = number


class Engine(Protocol):
    """Ask, report, tell. Higher values are better. Outlives its process in a file."""

    def ask(self) -> Suggestion | None:
        """The next trial, or ``None`` when there is none now.

        While trials are under way there may be one later (Hyperband); the space is exhausted
        when none runs.
        """

    def report(self, number: int, step: int, value: float) -> bool:
        """Take the value after ``step`` (from 1). True: go on; false: prune this trial.

        A step that was reported before is not taken again: so epochs may be replayed.
        """

    def tell(self, number: int, state: State, value: float | None) -> None:
        """End a trial. ``value`` is needed when complete and ignored when failed."""

    def enqueue(self, params: dict[str, Value], *, again: bool = False) -> None:
        """Have ``params`` suggested before anything the engine thinks of itself.

        Nothing happens where a trial of these exists, unless ``again``.
        """

    def running(self) -> tuple[Suggestion, ...]:
        """Trials asked for and not told: in a reopened study those a dead process left."""

    def close(self) -> None:
        """Let go of files and connections; nothing may be asked afterwards."""
