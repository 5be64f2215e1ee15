"""What a study leaves behind: frozen records with a JSON round trip and a schema version."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from search.space import Value

SCHEMA = 1
State = Literal["complete", "pruned", "failed"]


class TrialError(Exception):
    """A trial that ended without a usable value; ``kind`` tells failures apart."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Failure:
    """Why a trial failed: ``nan``, ``memory`` or ``bug``, and the message."""

    kind: str
    message: str


@dataclass(frozen=True)
class Epoch:
    """One pass over the training data. Accuracies are fractions, ``seconds`` wall time."""

    epoch: int
    accuracy: float
    loss: float
    val_accuracy: float
    val_loss: float
    seconds: float
    learning_rate: float | None = None


@dataclass(frozen=True)
class Trial:
    """One finished trial. ``value`` is its best validation accuracy, a fraction."""

    number: int
    state: State
    params: dict[str, Value]
    value: float | None
    epochs: tuple[Epoch, ...]
    seed: int
    started: str
    seconds: float
    failure: Failure | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON object that ``from_json`` reads back to an equal record."""
        data = dataclasses.asdict(self)
        return {"schema": SCHEMA, **data, "epochs": list(data["epochs"])}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Trial:
        """Read ``to_json``'s object; ``ValueError`` where the schema is another."""
        values = dict(data)
        schema = values.pop("schema", None)
        if schema != SCHEMA:
            raise ValueError(f"trial record: expected schema {SCHEMA}, found {schema}")
        values["epochs"] = tuple(Epoch(**e) for e in values["epochs"])
        failure = values.get("failure")
        values["failure"] = Failure(**failure) if failure else None
        return cls(**values)


def best_of(trials: Iterable[Trial]) -> Trial | None:
    """The complete trial of the highest value; the earliest where values are equal."""
    complete = [t for t in trials if t.state == "complete" and t.value is not None]
    return max(complete, key=lambda t: (t.value or 0.0, -t.number), default=None)


class TrialLog:
    """``trials.jsonl``: one finished trial a line, appended and synced.

    A torn last line (a power cut while writing) is cut off when the file is opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trials: list[Trial] = []
        if path.exists():
            self._load()

    def append(self, trial: Trial) -> None:
        """Write one record and wait until it is on the disk."""
        with self.path.open("ab") as file:
            file.write(json.dumps(trial.to_json()).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.trials.append(trial)

    def best(self) -> Trial | None:
        """The complete trial of the highest value; the earliest where values are equal."""
        return best_of(self.trials)

    def _load(self) -> None:
        data = self.path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        self.trials = [Trial.from_json(json.loads(line)) for line in whole.splitlines()]
        if len(whole) < len(data):
            with self.path.open("r+b") as file:
                file.truncate(len(whole))
