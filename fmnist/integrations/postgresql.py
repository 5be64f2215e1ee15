"""Where a shared study lies, and how its password stays out of sight."""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from fmnist.errors import StorageError
from fmnist.text import read_text

VARIABLE = "FMNIST_STORAGE"
GRACE = 120
_REMEDY = (
    f"give the whole URL in {VARIABLE} or in a file of yours (--storage-file), or leave the "
    "password out and set PGPASSWORD or PGPASSFILE"
)
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.%]+")
_EXAMPLE = "postgresql+psycopg://USER@HOST/DATABASE"


@dataclass(frozen=True)
class Storage:
    """A database for a shared study.

    Attributes:
        url: the whole URL, password included; never shown, not even by ``repr``.
        artifacts: folder or ``s3://bucket/prefix`` for checkpoints and the final model.
        grace: seconds without a sign of life after which a machine's trials go to others.
    """

    url: str = field(repr=False)
    artifacts: str | None = None
    grace: int = GRACE

    @property
    def shown(self) -> str:
        """The URL as it may be shown: without a password."""
        return make_url(self.url).render_as_string(hide_password=True)

    def clean(self, text: str) -> str:
        """``text`` without the password, should some library have quoted it."""
        from urllib.parse import quote, quote_plus

        given = make_url(self.url).password or os.environ.get("PGPASSWORD")
        if given:
            for form in {str(given), quote(str(given), safe=""), quote_plus(str(given))}:
                text = text.replace(form, "***")
        return text


def storage_of(
    url: str | None, file: Path | None, grace: float | None = None, artifacts: str | None = None
) -> Storage | None:
    """The storage as asked for; a file goes before the environment.

    Args:
        url: of ``--storage`` or ``FMNIST_STORAGE``.
        file: of ``--storage-file``; it holds the URL, and only its owner may read it.
        grace: seconds; 120 when left out.
        artifacts: folder or ``s3://…`` for checkpoints and the final model.

    Returns:
        None where no storage was given at all.

    Raises:
        StorageError: not a PostgreSQL URL, or a file that others may read; no message repeats
            what was given.
    """
    if not (file or url):
        return None
    parsed = _parsed(_content(file), str(file)) if file else _parsed(url or "", "--storage")
    return Storage(_whole(parsed), artifacts, int(grace or GRACE))


def refuse_password(url: str) -> None:
    """Refuse a URL that holds a password, from where others can see it.

    Raises:
        StorageError: it does; the message says where it belongs.
    """
    if _parsed(url, "--storage").password is not None:
        raise StorageError(
            "--storage: holds a password, and others can see it there (a command line is shown to "
            f"all users of the machine); {_REMEDY}"
        )


def _whole(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _parsed(text: str, where: str) -> URL:
    """The URL, with a password from its query moved to where it is hidden when shown."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StorageError(f"{where}: not a URL such as {_EXAMPLE}") from None
    if url.get_backend_name() != "postgresql":
        raise StorageError(
            f"{where}: expected {_EXAMPLE}; a study shared by machines needs PostgreSQL "
            "(a run on one machine needs no --storage)"
        )
    if url.host is not None and not _HOST.fullmatch(url.host):
        raise StorageError(
            f"{where}: the host is no host name; in user and password write @ : / as %40 %3A %2F"
        )
    if "sslpassword" in url.query:
        raise StorageError(f"{where}: sslpassword: put it into a file named by PGSERVICEFILE")
    if (secret := url.query.get("password")) is not None:
        url = url.difference_update_query(["password"])
        url = url.set(password=secret if isinstance(secret, str) else secret[-1])
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return url


def _content(file: Path) -> str:
    try:
        mode = file.stat().st_mode
        lines = read_text(file).split()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(
            f"--storage-file {file}: cannot be read ({type(error).__name__})"
        ) from None
    if os.name != "nt" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise StorageError(
            f"--storage-file {file}: other users may read it ({stat.filemode(mode)}); "
            f"chmod 600 {file}"
        )
    if len(lines) != 1:
        raise StorageError(f"--storage-file {file}: expected one line, such as {_EXAMPLE}")
    return lines[0]


@contextmanager
def connected(
    storage: Storage,
    *,
    first: float = 60.0,
    stop: Callable[[], bool] = lambda: False,
    tell: Callable[[str], object] = lambda _: None,
) -> Iterator[Any]:
    """A connection to the storage, closed afterwards; it outlives an outage of ten minutes.

    Args:
        first: seconds to wait for a database that cannot be reached at all.
        stop: asked while waiting; once true, waiting ends.
        tell: hears of an outage and of its end.

    Raises:
        StorageError: it cannot be reached or used; the message holds no password.
        KeyboardInterrupt: ``stop`` was true while it waited.
    """
    try:
        from search import distributed
    except ImportError as error:
        raise StorageError(
            f"a shared study needs more packages ({error.name} is missing): "
            'pip install "fmnist-report[postgresql]"'
        ) from None
    beat = max(1, storage.grace // 4)
    asked: dict[str, Any] = {"heartbeat": beat, "grace": storage.grace, "stop": stop}
    with _told(tell):
        try:
            # A wrong address is no outage, though it looks like one: so no long wait for it.
            distributed.connect(storage.url, patience=first, **asked).close()
            opened = distributed.connect(storage.url, **asked)
            try:
                yield opened
            finally:
                opened.close()
        except distributed.OutageError as error:
            if stop():
                raise KeyboardInterrupt from None
            raise StorageError(
                f"{storage.clean(str(error))}; see that PostgreSQL runs there and lets this "
                "machine in"
            ) from None
        except distributed.StorageError as error:
            raise StorageError(storage.clean(str(error))) from None


@contextmanager
def _told(tell: Callable[[str], object]) -> Iterator[None]:
    """Have ``tell`` hear what the storage warns of."""
    logger, teller = logging.getLogger("search.distributed"), _Teller(tell)
    logger.addHandler(teller)
    try:
        yield
    finally:
        logger.removeHandler(teller)


class _Teller(logging.Handler):
    def __init__(self, tell: Callable[[str], object]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """See ``logging.Handler.emit``."""
        self._tell(record.getMessage())
