"""Opening the files of a run folder that may be a stranger's.

Links may not lead out of the folder, sizes have limits, and arrays are read without pickle.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist.runs.codec import FactsError
from search.checksums import ChecksumError, verify_checksum

LARGEST_TEXT = 200_000_000
"""Bytes of a text file; a night of a thousand trials has a few million."""
LARGEST_ARRAYS = 1_000_000_000
"""Bytes of all arrays of a file together, unpacked; 10,000 test images have some 10 million."""
_BROKEN = (OSError, ValueError, RecursionError, MemoryError)


def check_folder(folder: Path) -> None:
    """Refuse a folder with links that lead out of it: what they lead to would be printed.

    Raises:
        FactsError: names the link.
    """
    inside = folder.resolve()
    for path in folder.iterdir():
        if path.is_symlink() and not path.resolve().is_relative_to(inside):
            raise FactsError(
                f"{path.name}: is a link that leads out of {folder}; put the file itself there"
            )


def verify(path: Path) -> None:
    """Compare a file of a run with its checksum.

    Raises:
        FactsError: it is another, or cannot be read.
    """
    try:
        verify_checksum(path)
    except ChecksumError as error:
        raise FactsError(
            f"{path.name}: {error}: it is damaged, or was edited; see fmnist check {path.parent}"
        ) from None
    except OSError as error:
        raise _not(path.name, "a readable file", error) from None


def read_bytes(path: Path) -> bytes:
    """The content of a text file.

    Raises:
        FactsError: too large, not readable, or another than was written.
    """
    verify(path)
    try:
        if path.stat().st_size > LARGEST_TEXT:
            raise ValueError(f"it is larger than {LARGEST_TEXT // 1_000_000} MB")
        return path.read_bytes()
    except _BROKEN as error:
        raise _not(path.name, "a readable file", error) from None


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an ``.npz``, by name; every number is finite.

    Raises:
        FactsError: no such file, another than was written, a pickled object in it, or shapes that
            it cannot hold.
    """
    verify(path)
    kind = "a readable .npz file"
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(archive)
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except (*_BROKEN, EOFError, KeyError, zlib.error, zipfile.BadZipFile) as error:
        raise _not(path.name, kind, error) from None
    for name, array in found.items():
        if np.issubdtype(array.dtype, np.inexact) and not np.isfinite(array).all():
            raise FactsError(f"{path.name}: the array {name!r} has numbers that are not finite")
    return found


def _check_sizes(archive: zipfile.ZipFile) -> None:
    """What the headers promise must be there, and not too much: memory is taken by their word."""
    if sum(member.file_size for member in archive.infolist()) > LARGEST_ARRAYS:
        raise ValueError(f"its arrays are larger than {LARGEST_ARRAYS // 1_000_000} MB")
    for member in archive.infolist():
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }.get(version)
            if read is None:
                raise ValueError(f"{member.filename} has an unknown format")
            shape, _, dtype = read(file)
            size = dtype.itemsize
            for length in shape:
                size *= length  # Python's integers do not overflow
            if size > member.file_size:
                raise ValueError(f"{member.filename} says it has the shape {shape}")


def _not(name: str, kind: str, error: BaseException) -> FactsError:
    why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return FactsError(f"{name}: not {kind}: {why}")
