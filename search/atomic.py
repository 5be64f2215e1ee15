"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from search.checksums import note_checksum, sha256
from search.folders import make_folder, sync_folder

HALF = re.compile(r"\.writing-[0-9a-f]{32}(\.\w+)?")
"""Names of files that ``atomic_write`` is filling."""


def atomic_write(path: Path, write: Callable[[Path], None], *, noted: bool = True) -> None:
    """Have ``write`` fill a temporary file beside ``path``, then rename it into place.

    The temporary name keeps the suffix: savers such as Keras's look at it. Who may read the file
    does not change. Where its folder keeps checksums, that of the file is ``noted``.

    Raises:
        OSError: the folder cannot be made or written, or what was written does not come back from
            the disk; ``path`` is then as it was.
    """
    make_folder(path.parent)
    # not mkstemp: its files are closed to everyone else, whatever the umask says
    temporary = path.with_name(f".writing-{uuid.uuid4().hex}{path.suffix}")
    try:
        write(temporary)
        with contextlib.suppress(OSError):  # there is none yet
            shutil.copymode(path, temporary)
        written = sha256(temporary)
        _to_disk(temporary)
        if sha256(temporary) != written:
            raise OSError(errno.EIO, "reads back other than it was written", str(path))
        if noted:
            note_checksum(path, written)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):  # the next to read it reads the disk
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def halves_of_files(folder: Path) -> list[Path]:
    """What ``atomic_write`` left in ``folder`` and below where its process was killed."""
    found = folder.rglob(".writing-*")
    return [p for p in found if HALF.fullmatch(p.name) and p.is_file() and not p.is_symlink()]


def write_bytes(path: Path, content: bytes, *, noted: bool = True) -> None:
    """Write ``content`` to ``path``, whole or not at all; see ``atomic_write``."""

    def fill(temporary: Path) -> None:
        temporary.write_bytes(content)

    atomic_write(path, fill, noted=noted)
