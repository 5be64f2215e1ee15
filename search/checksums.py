"""The SHA-256 of each whole file of a folder that keeps them, noted before the file has its name.

Journals are left out: they grow, and each of their lines carries a checksum.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

from search.folders import make_folder
from search.json_lines import JsonLines, lines_of, to_row

CHECKSUMS = "checksums.jsonl"
_JOURNAL = ".jsonl"


class ChecksumError(ValueError):
    """A file that is not as it was written."""


def keep_checksums(folder: Path) -> None:
    """Have ``atomic_write`` note the checksum of every file of this folder from here on.

    Raises:
        OSError: it cannot be made or written.
    """
    make_folder(folder)
    (folder / CHECKSUMS).touch()


def note_checksum(path: Path, digest: str) -> None:
    """Note the SHA-256 that ``path`` is about to have, if its folder keeps checksums.

    Raises:
        OSError: it cannot be written.
    """
    kept = path.parent / CHECKSUMS
    if path.suffix != _JOURNAL and kept.exists():
        JsonLines(kept).append({"file": path.name, "sha256": digest})


def verify_checksum(path: Path) -> None:
    """Compare a file with its checksum, where it has one.

    Those of earlier contents count, too: a process may have been killed between note and file.
    Whether a line of the checksums is whole does not matter: a damaged one agrees with no file.

    Raises:
        ChecksumError: it was written with another content.
        OSError: it cannot be read.
    """
    kept = path.parent / CHECKSUMS
    if not (kept.exists() and path.exists()):
        return
    digest = sha256(path).encode()  # first: whoever writes it meanwhile notes it before
    known, named = kept.read_bytes(), f'"file": {json.dumps(path.name)}'.encode()
    if named in known and digest not in known:
        raise ChecksumError("its SHA-256 is another than when it was written")


def was_written(path: Path, content: bytes) -> bool:
    """Whether ``content`` is noted as one that the file had."""
    digest = hashlib.sha256(content).hexdigest()
    return any(row == {"file": path.name, "sha256": digest} for row in _rows(path.parent))


def noted_files(folder: Path) -> list[str]:
    """Names of the files whose checksums are kept, where the lines that name them are whole."""
    return sorted({str(row.get("file")) for row in _rows(folder)})


def _rows(folder: Path) -> list[dict[str, object]]:
    rows = []
    for line in lines_of(folder / CHECKSUMS):
        with contextlib.suppress(ValueError):
            rows.append(to_row(line))
    return rows


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
