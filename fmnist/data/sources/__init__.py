"""Where the published data can come from, in the order the places are tried."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fmnist.data import checksums
from fmnist.data.dataset import RawData
from fmnist.data.sources import cache as local_cache
from fmnist.data.sources import debian, keras
from fmnist.errors import DataError

_log = logging.getLogger(__name__)

SAMPLE = Path(__file__).parents[1] / "fashion-mnist-sample"
"""The folder of 2,000 training and 500 test images of Fashion-MNIST that comes with the program."""


@dataclass(frozen=True)
class Source:
    """A place that may hold the published data.

    Attributes:
        name: for people.
        read: cache folder in, data out; raises ``DataError`` with the reason why not.
        ready: cache folder in; whether ``read`` looks worth trying. Cheap, fetches nothing.
        keep: whether what it delivers is copied to the cache.
        needs_network: whether it downloads.
    """

    name: str
    read: Callable[[Path], RawData]
    ready: Callable[[Path], bool]
    keep: bool = False
    needs_network: bool = False


SOURCES: tuple[Source, ...] = (
    Source("local cache", local_cache.read, local_cache.is_filled),
    Source(
        "installed Debian package",
        lambda _: debian.read_installed(),
        lambda _: debian.is_installed(),
    ),
    Source(
        "Keras's folder",
        lambda _: keras.read_cached(),
        lambda _: keras.is_cached(),
        keep=True,
    ),
    Source(
        "Keras's download",
        lambda _: keras.fetch(),
        lambda _: keras.can_fetch(),
        keep=True,
        needs_network=True,
    ),
    Source(
        "apt-get download",
        debian.fetch,
        lambda _: debian.can_fetch(),
        keep=True,
        needs_network=True,
    ),
)


def first_ready(cache: Path | None = None, sources: Sequence[Source] = SOURCES) -> Source | None:
    """The source that ``find_published`` would probably use; nothing is read or fetched."""
    folder = local_cache.cache_folder(cache)
    return next((source for source in sources if source.ready(folder)), None)


def find_published(cache: Path | None = None, sources: Sequence[Source] = SOURCES) -> RawData:
    """The published data from the first source that delivers it unaltered.

    Raises:
        DataError: none did; the message has a line for each.
    """
    folder = local_cache.cache_folder(cache)
    reasons = []
    for source in sources:
        try:
            raw = source.read(folder)
            require_published(raw)
        except DataError as error:
            _log.info("%s: %s", source.name, error)
            reasons.append(f"  {source.name}: {error}")
            continue
        if source.keep:
            local_cache.keep(folder, raw)
        return raw
    raise DataError(
        "Fashion-MNIST was not found. Tried:\n"
        + "\n".join(reasons)
        + f"\nConnect to a network and try again, install the package {debian.PACKAGE} "
        "(Debian, Ubuntu), or name your own copy with --data PATH."
    )


def require_published(raw: RawData) -> None:
    """Raise ``DataError`` unless both halves are the published ones, in their order."""
    wanted = (checksums.Match.TRAIN, checksums.Match.TEST)
    found = tuple(checksums.compare(part) for part in (raw.train, raw.test))
    for part, want, got in zip((raw.train, raw.test), wanted, found, strict=True):
        if want is not got:
            raise DataError(
                f"{part.images_file}: SHA-256 check failed: expected {want.value}, "
                f"found {got.value}"
            )
