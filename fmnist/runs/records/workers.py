"""Who trained the trials of a study that machines shared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SharingWorker:
    """One worker and what it trained.

    ``search`` and ``confirm`` are its trials that gave a value, ``failed`` those that failed,
    ``lost`` those that went to others when it fell silent; ``jobs`` it trained at once,
    ``seconds`` in all.
    """

    worker: str
    host: str
    device: str
    jobs: int
    search: int = 0
    confirm: int = 0
    failed: int = 0
    lost: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Sharing:
    """``workers.json``."""

    study: str
    workers: tuple[SharingWorker, ...]


@dataclass(frozen=True)
class PublishedModel:
    """``published.json``: the store that holds the final network and its configuration."""

    store: str
    files: tuple[str, ...]
    at: str
