"""The published data as CSV files, for what wants to read them from CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fmnist.data.formats import csv_files
from fmnist.data.sources import SOURCES, Source, find_published, require_published
from fmnist.data.sources.cache import cache_folder
from fmnist.errors import DataError

FOLDER = "fashion-mnist-csv"


def csv_folder(cache: Path | None = None, sources: Sequence[Source] = SOURCES) -> Path:
    """The folder of the cache that holds the published data as CSV files.

    They are written where they are missing or differ from the published data; some 130 MB for
    60,000 images, read back and compared after writing.

    Raises:
        DataError: the data were not found, or the folder cannot be written.
    """
    folder = cache_folder(cache) / FOLDER
    if _is_published(folder):
        return folder
    raw = find_published(cache, sources)
    try:
        csv_files.write_folder(folder, raw.train, raw.test)
    except OSError as error:
        raise DataError(
            f"{folder}: the CSV files cannot be written ({error.strerror}); name a folder that "
            "holds them with --data, or another cache with the variable FMNIST_CACHE"
        ) from None
    require_published(csv_files.read_folder(folder, str(folder)))
    return folder


def _is_published(folder: Path) -> bool:
    try:
        require_published(csv_files.read_folder(folder, str(folder)))
    except (DataError, OSError):
        return False
    return True
