"""What the engines' files have in common: whole or not at all, set aside when damaged."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.records import Trial
from search.space import SearchSpace, SpaceError, Value

_log = logging.getLogger(__name__)


class CorruptStoreError(OSError):
    """A store that cannot be read, or that says other than the log does."""


def free_name(path: Path) -> Path:
    """``….damaged-1`` beside a damaged file, or the first such name that is free."""
    names = (path.with_name(f"{path.name}.damaged-{n}") for n in itertools.count(1))
    return next(name for name in names if not name.exists())


def quarantine(path: Path, why: object) -> None:
    """Rename a damaged store to ``….damaged-1`` (the first free number); it is not deleted.

    A journal of SQLite's beside it needs no renaming: SQLite applies none to a new file.
    """
    target = free_name(path)
    with contextlib.suppress(FileNotFoundError):
        path.rename(target)
    _log.warning("%s is damaged (%s): kept as %s, rebuilt from the log", path, why, target.name)


def check_space(stored: Mapping[str, Any], space: SearchSpace) -> None:
    """Raise ``SpaceError`` with every difference when ``stored`` is another space."""
    differences = SearchSpace.from_json(stored).differences(space)
    if differences:
        raise SpaceError(
            "the stored study searched another space:\n  "
            + "\n  ".join(differences)
            + "\nuse the old space, or give the run another name"
        )


def check_record(record: Trial, space: SearchSpace) -> None:
    """Raise ``SpaceError`` when a recorded trial lies outside ``space``."""
    if not space.contains(record.params):
        raise SpaceError(
            f"trial {record.number} of the log searched another space: {record.params}"
            "\nuse the old space, or give the run another name"
        )


def check_agrees(record: Trial, state: str, params: Mapping[str, Value]) -> None:
    """Raise ``CorruptStoreError`` when a store has ended a trial otherwise than its record says."""
    if state != record.state or (params and params != record.params):
        raise CorruptStoreError(
            f"trial {record.number}: {state} with {dict(params)}, "
            f"but the log says {record.state} with {record.params}"
        )


def derived_seed(seed: int, trials: int, worker: str = "") -> int:
    """A seed from 1 to 2**32 - 1 for a study that goes on after ``trials`` in ``worker``.

    Samplers do not store their random state: a fixed seed would suggest the same points again
    after a resume, or in another worker.
    """
    text = ":".join([str(seed), str(trials), *([worker] if worker else [])])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") or 1
