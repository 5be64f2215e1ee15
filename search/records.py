"""What a study leaves behind: frozen records with a JSON round trip and a schema version."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import msgspec
from typing_extensions import override

from search.json_lines import JsonLines, RecordError, read_rows
from search.space import Value

__all__ = [
    "Epoch", "EpochLog", "Failure", "FailureKind", "JsonLines", "RecordError", "State", "Trial",
    "TrialError", "TrialLog", "best_of", "read_epochs", "read_rows", "read_trials",
]  # fmt: skip
T = TypeVar("T")

SCHEMA = 1
State = Literal["complete", "pruned", "failed"]
StoppedBy = Literal["", "pruner", "clock"]


class TrialError(Exception):
    """A trial that ended without a usable value; ``kind`` tells failures apart."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class FailureKind(StrEnum):
    """Why a trial failed.

    Attributes:
        phrase: the kind in words.
        retries: how often a trial is tried again. Not after an error in the program or a loss that
            is no number: they would come again. Memory once: a fresh process may have enough.
        external: whether it says nothing against the trial or its study.
    """

    phrase: str
    retries: int
    external: bool

    MEMORY = "memory", "out of memory", 1
    NAN = "nan", "NaN or infinity"
    HANG = "hang", "no sign of life", 1
    TIMEOUT = "timeout", "over its time limit"
    KILLED = "killed", "killed by a signal", 2
    BUG = "bug", "error in the program"
    DISK = "disk", "disk full"
    INTERRUPTED = "interrupted", "interrupted", 3, True
    DEADLINE = "deadline", "out of time", 0, True
    INFEASIBLE = "infeasible", "above a limit of the network", 0, True
    UNKNOWN = "unknown", "reason not known"

    @override
    def __new__(cls, kind: str, phrase: str = "", retries: int = 0, external: bool = False) -> Self:
        member = str.__new__(cls, kind)
        member._value_ = kind
        member.phrase, member.retries, member.external = phrase, retries, external
        return member

    @classmethod
    def _missing_(cls, value: object) -> FailureKind:
        """Another program may know other kinds."""
        return cls.UNKNOWN


@dataclass(frozen=True)
class Failure:
    """Why a trial failed.

    Attributes:
        kind: one of ``FailureKind``; another program may have written another word.
        message: one line for people.
        detail: the traceback, or the last lines the process wrote; may be empty.
    """

    kind: str
    message: str
    detail: str = ""


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
    """One finished trial.

    Attributes:
        value: its best validation accuracy, a fraction; the last one where it was pruned.
        seed: None where not known, as in a trial of another program.
        started: ISO 8601 time in UTC; empty where not known.
        seconds: wall time of every attempt together; None where not known.
        failure: why it failed, in a failed trial.
        retries: failures of earlier attempts that this trial survived, oldest first.
        resumed: the epochs after which it was taken up again from its checkpoint.
        replicate_of: the earlier trial of the same parameters that it repeats under a new seed.
        retry_of: the failed trial whose parameters it tries once more.
        peak_memory: most memory its process held, in bytes; None where not measured.
        stopped_by: what ended a pruned trial; empty where not known, and for others.
        reported: steps and values of a trial of another program, where they are all that is
            known of its epochs.
        prior: whether trials of earlier studies suggested it.
    """

    number: int
    state: State
    params: dict[str, Value]
    value: float | None
    epochs: tuple[Epoch, ...]
    seed: int | None
    started: str
    seconds: float | None
    failure: Failure | None = None
    retries: tuple[Failure, ...] = ()
    resumed: tuple[int, ...] = ()
    replicate_of: int | None = None
    retry_of: int | None = None
    peak_memory: int | None = None
    stopped_by: StoppedBy = ""
    reported: tuple[tuple[int, float], ...] = ()
    prior: bool = False

    def to_json(self) -> dict[str, Any]:
        """A JSON object that ``from_json`` reads back to an equal record."""
        data = dataclasses.asdict(self)
        lists = {name: list(data[name]) for name in ("epochs", "retries", "resumed")}
        reported = [list(pair) for pair in data.pop("reported")]
        stopped_by, prior = data.pop("stopped_by"), data.pop("prior")
        known = {"stopped_by": stopped_by, "reported": reported, "prior": prior}
        return {"schema": SCHEMA, **data, **lists, **{k: v for k, v in known.items() if v}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Trial:
        """Read ``to_json``'s object; ``ValueError`` where the schema or an entry is another."""
        if data.get("schema") != SCHEMA:
            raise ValueError(f"trial record: expected schema {SCHEMA}, found {data.get('schema')}")
        return _converted(data, cls)


def _converted(data: Mapping[str, Any], record: type[T]) -> T:
    try:
        return msgspec.convert(data, record)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def best_of(trials: Iterable[Trial]) -> Trial | None:
    """The complete trial of the highest value; the earliest where values are equal."""
    complete = [t for t in trials if t.state == "complete" and t.value is not None]
    return max(complete, key=lambda t: (t.value or 0.0, -t.number), default=None)


def read_trials(path: Path) -> list[Trial]:
    """The finished trials in a log; see ``read_rows``.

    Raises:
        RecordError: as there, or a line that is no trial.
    """
    trials = []
    for number, row in enumerate(read_rows(path), start=1):
        try:
            trials.append(Trial.from_json(row))
        except ValueError as error:
            raise RecordError(f"{path}: line {number} is no trial: {error}") from None
    return trials


def read_epochs(path: Path) -> dict[int, list[Epoch]]:
    """The epochs in a journal by the number of their trial, in order; see ``read_rows``.

    Raises:
        RecordError: as there, or a line that is no epoch of a trial.
    """
    epochs: dict[int, list[Epoch]] = {}
    for number, row in enumerate(read_rows(path), start=1):
        try:
            epochs.setdefault(_converted(row["trial"], int), []).append(_converted(row, Epoch))
        except (ValueError, KeyError) as error:
            raise RecordError(f"{path}: line {number} is no epoch: {error}") from None
    return epochs


class TrialLog:
    """``trials.jsonl``: one finished trial a line, appended and synced; see ``JsonLines``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trials = read_trials(path)
        self._lines = JsonLines(path)

    @property
    def own(self) -> list[Trial]:
        """The trials that were run here: all of them, unless others share the study."""
        return self.trials

    def append(self, trial: Trial) -> None:
        """Write one record and wait until it is on the disk; ``OSError`` leaves all as before."""
        self._lines.append(trial.to_json())
        self.trials.append(trial)

    def best(self) -> Trial | None:
        """The complete trial of the highest value; the earliest where values are equal."""
        return best_of(self.trials)


class EpochLog:
    """``epochs.jsonl``: every epoch of every trial the moment it is over; see ``JsonLines``.

    So a study that was killed knows what its trials in flight had reached.
    """

    def __init__(self, path: Path) -> None:
        self._epochs = read_epochs(path)
        self._lines = JsonLines(path)

    def append(self, number: int, epoch: Epoch) -> None:
        """Write one epoch of trial ``number``; ``OSError`` leaves all as before."""
        self._lines.append({"trial": number, **dataclasses.asdict(epoch)})
        self._epochs.setdefault(number, []).append(epoch)

    def of(self, number: int) -> tuple[Epoch, ...]:
        """The epochs of trial ``number`` so far, in order; none once it was forgotten."""
        return tuple(self._epochs.get(number, ()))

    def min_next_number(self) -> int:
        """One more than the highest number with an epoch, 0 without any."""
        return max(self._epochs, default=-1) + 1

    def unrecorded(self, trials: Iterable[Trial]) -> tuple[int, ...]:
        """Numbers of the trials with epochs but without a record among ``trials``."""
        return tuple(set(self._epochs) - {t.number for t in trials})

    def forget(self, number: int) -> None:
        """Free the memory of a finished trial's epochs; the file keeps them."""
        self._epochs.pop(number, None)
