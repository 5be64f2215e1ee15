"""The selection ledger: which stage read which split, when and what for."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from fmnist.errors import DataError
from search.atomic import write_bytes
from search.checksums import verify_checksum

SCHEMA = 1
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Entry:
    """One reading.

    Attributes:
        at: ISO 8601 time in UTC.
        stage: the stage that read.
        split: "train", "validation" or "test".
        n: number of images read.
        purpose: what was done with them, in words.
    """

    at: str
    stage: str
    split: str
    n: int
    purpose: str


class Ledger:
    """A file of entries that only grows. Opening it again goes on where it stopped.

    Args:
        path: the ledger file, usually ``results/<run>/ledger.json``; need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every entry so far, oldest first, read from the file.

        Raises:
            DataError: the file is not a ledger of this schema.
        """
        try:
            verify_checksum(self.path)
            document = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return ()
        except ValueError as error:
            see = f"see fmnist check {self.path.parent}"
            raise DataError(f"{self.path}: not a ledger: {error}; {see}") from None
        try:
            if document["schema"] != SCHEMA:
                raise DataError(
                    f"{self.path}: expected ledger schema {SCHEMA}, found {document['schema']!r}"
                )
            return tuple(Entry(**entry) for entry in document["entries"])
        except (KeyError, TypeError) as error:
            raise DataError(f"{self.path}: not a ledger: {error}") from None

    def record(self, stage: str, split: str, n: int, purpose: str) -> Entry:
        """Append an entry; the file is replaced as a whole, never half written.

        Raises:
            ValueError: ``split`` is not a split.
            DataError: the file that is there is not a ledger.
        """
        if split not in SPLITS:
            raise ValueError(f"split {split!r}: must be one of {', '.join(SPLITS)}")
        entry = Entry(datetime.now(UTC).isoformat(timespec="seconds"), stage, split, n, purpose)
        entries = [asdict(e) for e in (*self.entries, entry)]
        text = json.dumps({"schema": SCHEMA, "entries": entries}, indent=1, ensure_ascii=False)
        write_bytes(self.path, (text + "\n").encode())
        return entry
