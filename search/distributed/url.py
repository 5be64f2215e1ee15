"""The address of a database: read, shown without its password, connected to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

_DRIVER: Final = "postgresql+psycopg"
_HIDDEN: Final = "***"
_SHAPE: Final = "postgresql://user:password@host:port/database"
# Seconds that a session may stand still with a transaction open. It may hold a lock then, and the
# others wait: so a suspended worker is thrown out by the server.
_STANDSTILL: Final = 60


def parsed(url: str) -> URL:
    """The address behind ``url``, with the driver that is used.

    Raises:
        ValueError: no PostgreSQL address; the message does not repeat it.
    """
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(f"the storage must look like {_SHAPE}; it cannot be read") from None
    if address.drivername not in ("postgresql", "postgres", _DRIVER):
        kind = address.drivername.split("+")[0]
        raise ValueError(f"the storage must look like {_SHAPE}, but got one of {kind}")
    if "@" in (address.host or "") or not address.database:
        raise ValueError(
            f"the storage must look like {_SHAPE}; write @ : / in a password as %40 %3A %2F"
        )
    return address.set(drivername=_DRIVER)


def redacted(url: str) -> str:
    """``url`` with its password hidden: the only form to log, show or raise."""
    try:
        address = parsed(url)
    except ValueError:
        return "(an address that cannot be read)"
    return address.set(query=_open_query(address)).render_as_string(hide_password=True)


def without_password(address: URL) -> str:
    """The address as others may have it, to be shown or kept."""
    bare = address.set(query=_open_query(address))._replace(password=None)
    return bare.render_as_string(hide_password=False)


def _open_query(address: URL) -> dict[str, tuple[str, ...] | str]:
    """What follows the question mark; a password may stand there, too."""
    return {k: v for k, v in address.query.items() if "pass" not in k.lower()}


def connector(address: URL, grace: float) -> Callable[[], Any]:
    """Makes connections that notice a dead line well within ``grace`` seconds."""

    def connect() -> Any:
        import psycopg

        _, options = address.get_dialect()().create_connect_args(address)
        soon = max(2, min(10, int(grace) // 4))
        lively = {
            "connect_timeout": soon,
            "keepalives": 1,
            "keepalives_idle": soon,
            "keepalives_interval": soon,
            "keepalives_count": 2,
            "tcp_user_timeout": 2000 * soon,
        }
        connection = psycopg.connect(**{**lively, **options})
        # Heartbeats are times without a zone: of the same one for all, whatever PGTZ says.
        connection.execute("SET TIME ZONE 'UTC'")
        connection.execute(f"SET idle_in_transaction_session_timeout = '{_STANDSTILL}s'")
        connection.commit()
        return connection

    return connect


def explained(error: BaseException, address: URL) -> str:
    """Why a database cannot be used and what to do, in one line without the password."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, DBAPIError):
        cause = cause.__cause__
    text = str(cause.orig if isinstance(cause, DBAPIError) else error)
    line = " ".join(text.split())
    for secret in (address.password, *(v for k, v in address.query.items() if "pass" in k)):
        line = line.replace(str(secret), _HIDDEN) if secret else line
    advice = next((a for sign, a in _ADVICE if sign in line), "")
    return f"{line}{advice}"


_ADVICE: Final = (
    ("password", "; check the user and the password"),
    ("role", "; check the user and the password"),
    ("does not exist", "; make it first: createdb NAME"),
    ("permission denied", "; the user needs the right to make tables: GRANT CREATE ON SCHEMA"),
)
