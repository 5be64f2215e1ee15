"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

HALF = re.compile(r"\.writing-[0-9a-f]{32}(\.\w+)?")
"""Names of files that ``atomic_write`` is filling."""


def atomic_write(path: Path, write: Callable[[Path], None]) -> None:
    """Have ``write`` fill a temporary file beside ``path``, then rename it into place.

    The temporary name keeps the suffix: savers such as Keras's look at it. Who may read the file
    does not change.

    Raises:
        OSError: the folder cannot be made or written; ``path`` is then as it was.
    """
    make_folder(path.parent)
    # not mkstemp: its files are closed to everyone else, whatever the umask says
    temporary = path.with_name(f".writing-{uuid.uuid4().hex}{path.suffix}")
    try:
        write(temporary)
        with contextlib.suppress(OSError):  # there is none yet
            shutil.copymode(path, temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, so that a power cut leaves them."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def halves_of_files(folder: Path) -> list[Path]:
    """What ``atomic_write`` left in ``folder`` and below where its process was killed."""
    found = folder.rglob(".writing-*")
    return [p for p in found if HALF.fullmatch(p.name) and p.is_file() and not p.is_symlink()]


def sync_folder(folder: Path) -> None:
    """Have the names of its files on the disk, for a power cut; Windows knows no such thing."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``, whole or not at all; see ``atomic_write``."""

    def fill(temporary: Path) -> None:
        temporary.write_bytes(content)

    atomic_write(path, fill)
