"""What every engine can do: suggest a trial, hear of its epochs, be told its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from search.records import State
from search.space import Value


@dataclass(frozen=True)
class Suggestion:
    """A trial to run: its number in the study and a value for every parameter."""

    number: int
    params: dict[str, Value]


class Engine(Protocol):
    """Ask, report, tell. Higher values are better."""

    def ask(self) -> Suggestion | None:
        """The next trial, or ``None`` when the space is exhausted (grid)."""
        ...

    def report(self, number: int, step: int, value: float) -> bool:
        """Take the value after ``step`` (from 1). True: go on; false: prune this trial."""
        ...

    def tell(self, number: int, state: State, value: float | None) -> None:
        """End a trial. ``value`` is needed when complete and ignored when failed."""
        ...

    def enqueue(self, params: dict[str, Value]) -> None:
        """Have ``params`` suggested before anything the engine thinks of itself."""
        ...

    def close(self) -> None:
        """Let go of files and connections; nothing may be asked afterwards."""
        ...

    def counts(self) -> dict[State, int]:
        """Number of finished trials by state."""
        ...
