"""An Optuna journal file, read line by line: what is torn is passed over and counted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend

from fmnist.importers.external import ForeignError

LARGEST = 1_000_000_000
"""Bytes of a journal; a trial of ten epochs takes some 5,000."""
_BEGIN = b'{"op_code"'


def journal(path: Path) -> tuple[JournalStorage, str]:
    """The storage in a journal file, and a note where lines of it are torn."""
    if path.stat().st_size > LARGEST:
        raise ForeignError(f"{path}: larger than {LARGEST // 1_000_000} MB")
    rows, torn = _rows(path)
    lines = (
        "1 torn line of the journal was" if torn == 1 else f"{torn} torn lines of the journal were"
    )
    return JournalStorage(_Lines(rows)), f"{lines} passed over." if torn else ""


def is_journal(first_line: bytes) -> bool:
    """Whether a file that begins so is a journal."""
    return first_line.lstrip().startswith(_BEGIN)


class _Lines(BaseJournalBackend):
    """The operations of a journal that nobody writes any more."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """The operations from that one on."""
        return iter(self._rows[log_number_from:])

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Refused: another's study is read, not written."""
        raise OSError("the journal is only read")


def _rows(path: Path) -> tuple[list[dict[str, Any]], int]:
    rows, torn = [], 0
    with path.open("rb") as file:
        for line in file:
            row = _row(line)
            whole = row is not None and line.endswith(b"\n")
            torn += not whole
            if row is None:
                # A crash tears a line off; the next operation then stands on the same line.
                row = _row(line[max(line.rfind(_BEGIN), 0) :])
            if row is not None and line.endswith(b"\n"):
                rows.append(row)
    return rows, torn


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None
