"""A search of another program, in its own words: nothing of it is ours yet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from fmnist.errors import UserError
from search.records import Failure, State

MOST_TRIALS = 10_000
"""Importances of so many take a minute."""
LONGEST_NAME = 200


class ForeignError(UserError):
    """A study that cannot be read in; the message names what is wrong and what to do."""

    exit_code = 3


@dataclass(frozen=True)
class Axis:
    """The values that a parameter could have: ``choices``, or ``low`` to ``high``.

    ``step`` is None for any number between, ``log`` means a logarithmic scale.
    """

    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True)
class ExternalTrial:
    """One trial.

    Attributes:
        value: what the study optimised; None where there is none.
        metrics: further numbers by name.
        steps: intermediate values by the step at which they were reported.
        started: ISO 8601 time in UTC; empty where not known.
        seconds: wall time; None where not known.
        failure: of a failed trial.
    """

    number: int
    state: State
    params: dict[str, Any]
    value: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    steps: dict[int, float] = field(default_factory=dict)
    started: str = ""
    seconds: float | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class ExternalStudy:
    """A whole search.

    Attributes:
        kind: in words, such as ``Optuna study``.
        engine: ``optuna`` or ``keras-tuner``.
        source: file, folder or address, without a password.
        direction: which values are better; None where it does not say.
        metric: what the values are; empty where it does not say.
        axes: by parameter; several where the study changed them on the way.
        notes: what was left out or mended while reading, a sentence each.
    """

    kind: str
    engine: Literal["optuna", "keras-tuner"]
    source: str
    name: str
    direction: Literal["maximize", "minimize"] | None
    metric: str
    axes: dict[str, tuple[Axis, ...]]
    trials: tuple[ExternalTrial, ...]
    notes: tuple[str, ...] = ()

    @property
    def complete(self) -> list[ExternalTrial]:
        """The trials that ran to their end."""
        return [t for t in self.trials if t.state == "complete"]


def numbered(trials: Sequence[ExternalTrial]) -> tuple[ExternalTrial, ...]:
    """The trials in their order; counted anew where numbers stand twice or make no sense."""
    numbers = [t.number for t in trials]
    if len(set(numbers)) == len(numbers) and all(0 <= n < 100 * MOST_TRIALS for n in numbers):
        return tuple(trials)
    return tuple(replace(t, number=i) for i, t in enumerate(trials))


def plain(text: object, longest: int = LONGEST_NAME) -> str:
    """A stranger's text on one line, without control characters, cut where it is too long."""
    words = "".join(c if c.isprintable() else " " for c in str(text)[: 4 * longest])
    words = " ".join(words.split())
    return words if len(words) <= longest else words[: longest - 1] + "…"


def number(value: object) -> float | None:
    """A number as float; None where it is none. May be infinite or not a number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def refuse(source: str, problems: Iterable[str]) -> ForeignError:
    """One error that lists them all."""
    lines = list(problems)
    shown = [*lines[:30], *([f"… and {len(lines) - 30} more"] if len(lines) > 30 else [])]
    return ForeignError(f"{source}: cannot be read in as it is:\n  " + "\n  ".join(shown))
