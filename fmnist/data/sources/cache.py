"""The data cache: the four IDX files that some source delivered, kept for the next run."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

import platformdirs

from fmnist.data.dataset import RawData
from fmnist.data.formats import idx
from search.atomic import write_bytes

CACHE_VARIABLE = "FMNIST_CACHE"
_NAME = "fmnist-report"
_ORIGIN_FILE = "source.txt"
_log = logging.getLogger(__name__)


def cache_folder(cache: Path | None = None) -> Path:
    """The cache of this user: ``cache``, the variable FMNIST_CACHE, or the system's place."""
    if cache is not None:
        return Path(cache)
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    try:
        return platformdirs.user_cache_path(_NAME)
    except RuntimeError:  # a user whom the system does not know, and no HOME
        return Path(tempfile.gettempdir()) / _NAME


def data_folder(cache: Path) -> Path:
    """Where in the cache the IDX files lie."""
    return cache / "fashion-mnist"


def is_filled(cache: Path) -> bool:
    """Whether all four files are there; their content is not looked at."""
    return len(idx.find_files(data_folder(cache))) == 4


def read(cache: Path) -> RawData:
    """Read the cached files.

    Raises:
        DataError: a file is missing or damaged.
    """
    folder = data_folder(cache)
    origin = folder / _ORIGIN_FILE
    source = "local cache"
    if origin.is_file():
        source += f", from {origin.read_text(encoding='utf-8').strip()}"
    return idx.read_folder(folder, source)


def keep(cache: Path, raw: RawData) -> None:
    """Copy a data set into the cache. A cache that cannot be written costs only a warning."""
    folder = data_folder(cache)
    try:
        idx.write_folder(folder, raw.train, raw.test)
        write_bytes(folder / _ORIGIN_FILE, (raw.source + "\n").encode())
    except OSError as error:
        _log.warning(
            "%s: the data could not be cached (%s); next time it is fetched again",
            folder,
            error.strerror,
        )
