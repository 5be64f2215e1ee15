"""What was asked of a run, of which data, on which machine."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from fmnist.backends.environment import Environment as Environment
from fmnist.data.ledger import Entry
from fmnist.text import one_line


@dataclass(frozen=True)
class RequestRecord:
    """What was asked of the run."""

    seed: int
    sampler: str
    kind: str = "search"
    engine: str = "optuna"
    time_seconds: float | None = None
    trials: int | None = None
    space: str = ""
    pruner: str = "median"
    max_parameters: int | None = None
    max_size: int | None = None
    max_latency: float | None = None


@dataclass(frozen=True)
class Document:
    """What stands in the title, and what the hand-in may take up; see ``report.handin.fitting``.

    Every text may be empty, and a limit 0: then the report has its own.
    """

    title: str = ""
    author: str = ""
    course: str = ""
    date: str = ""
    max_pages: int = 0
    max_words: int = 0
    questions: str = ""
    cover: bool = False

    def __post_init__(self) -> None:
        for entry in fields(self):
            if isinstance(value := getattr(self, entry.name), str):
                object.__setattr__(self, entry.name, one_line(value))


@dataclass(frozen=True)
class DataSetRecord:
    """Which images, from where; ``digest`` is a checksum of their content.

    See ``fmnist.data.DataSetRecord``; ``test`` is ``given`` or ``split off``.
    """

    name: str
    source: str
    verified: bool
    digest: str
    class_names: tuple[str, ...]
    published: str = ""
    pictures: str = "trimmed"
    mirrors: bool = True
    test: str = "given"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SplitsRecord:
    """Numbers of images in each split."""

    seed: int
    train: int
    validation: int
    test: int
    method: str


@dataclass(frozen=True)
class PublishedFigures:
    """What the author of a published system reports of the test set; see ``config.recipes``."""

    accuracy: float | None = None
    accuracy_high: float | None = None
    loss: float | None = None
    f1: dict[str, float] = field(default_factory=dict)
    finding: str = ""


@dataclass(frozen=True)
class RecipeRecord:
    """The published system that a run follows; ``part`` names one network of several."""

    name: str
    title: str
    source: str
    does: str
    notes: str = ""
    part: str = ""
    published: PublishedFigures = field(default_factory=PublishedFigures)
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Imported:
    """Where the trials of a run come from that another program made.

    Attributes:
        kind: in words, such as ``Optuna study``.
        source: file, folder or address, without a password.
        study: its name.
        at: ISO time of the import.
        value: what was taken for the validation accuracy.
        direction: what the study did with its own values; empty where not known.
        mapping: the study's parameter to the field that it was taken for.
        dropped: parameters that were left out.
        settings: fields that it did not search, with the values that the user gave.
        notes: what else is to be known, a sentence each.
    """

    kind: str
    source: str
    study: str
    at: str
    value: str
    direction: str = ""
    mapping: dict[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """``run.toml``; ``startup_trials``: the first of TPE, which draws them at random."""

    name: str
    created: str
    version: str
    command: str = ""
    request: RequestRecord
    document: Document = field(default_factory=Document)
    data: DataSetRecord
    splits: SplitsRecord
    recipe: RecipeRecord | None = None
    imported: Imported | None = None
    startup_trials: int = 8


@dataclass(frozen=True)
class BestConfig:
    """``best_config.toml``: its tables, and its text where the report shows it."""

    model: dict[str, Any]
    training: dict[str, Any]
    provenance: dict[str, Any] = field(default_factory=dict)
    text: str = ""

    def values(self) -> dict[str, Any]:
        """Field name to value over both tables."""
        return {**self.model, **self.training}

    @property
    def dense(self) -> bool:
        """Whether the network is a dense one, without convolutions."""
        return self.model.get("stages") == 0


@dataclass(frozen=True)
class LedgerRecord:
    """``ledger.json``."""

    entries: tuple[Entry, ...]
