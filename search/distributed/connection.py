"""Whether the database is within reach: waiting while it is not, remembering since when it is."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Final, TypeVar

import tenacity
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
    PendingRollbackError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

_T = TypeVar("_T")
_log = logging.getLogger("search.distributed")
# SQLSTATE classes of a server that is going, coming or out of something: connections (08),
# deadlocks (40), resources (53), operators (57), the system (58); and a session that the server
# ended because it stood still with a transaction open.
_PASSING: Final = ("08", "40", "53", "57", "58", "25P03", "55P03")
# A refusal to connect comes without such a code.
_REFUSED: Final = re.compile(
    r"password authentication failed|no password supplied|authentication failed"
    r"|(database|role|user) .* does not exist|no pg_hba\.conf entry|permission denied"
    r"|is not permitted to log in|server does not support SSL|invalid (connection|port|sslmode)"
    r"|certificate verify failed|root certificate file",
    re.IGNORECASE,
)


class OutageError(ConnectionError):
    """The database was out of reach for longer than the patience of a call."""


class ConnectionMonitor:
    """What one process knows of its line to the database.

    Args:
        address: the database's address without a password.
        heartbeat: seconds between two calls at the latest, while a study is open.
        grace: seconds after which a silent trial is thought dead.
        patience: seconds after which a call gives up.
        stop: asked while waiting; once true, the call gives up.
    """

    def __init__(
        self,
        address: str,
        heartbeat: float,
        grace: float,
        patience: float,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._url, self._patience, self._stop = address, patience, stop
        self.set_intervals(heartbeat, grace)
        self._lost = False
        self._last = self._since = _now()

    def set_intervals(self, heartbeat: float, grace: float) -> None:
        """Go by another heartbeat and grace period."""
        # Who has heard nothing for so long does not know what happened meanwhile.
        self._gap = (heartbeat + grace) / 2
        # Tried often enough that all workers are back within one another's grace.
        self._pause = min(10.0, grace / 6)

    def with_retries(self, call: Callable[[], _T]) -> _T:
        """What ``call`` returns; while the database is out of reach it is made again.

        Raises:
            OutageError: it stayed out of reach.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_outage),
            stop=lambda state: self._stop() or (state.seconds_since_start or 0.0) >= self._patience,
            wait=tenacity.wait_random_exponential(multiplier=0.1, max=self._pause),
            before_sleep=self._out_of_reach,
            reraise=True,
        )
        try:
            result = retrying(call)
        except Exception as error:
            if is_outage(error):
                self._lost = True
                raise OutageError(f"{self._url} is out of reach") from None
            raise
        self._reached()
        return result

    def connected_for(self) -> float:
        """Seconds for which the database has been within reach without a break."""
        return 0.0 if self._lost else _passed(self._since, _now())

    def _out_of_reach(self, _: tenacity.RetryCallState) -> None:
        if not self._lost:
            _log.warning("%s is out of reach: trying again for %.0f s", self._url, self._patience)
        self._lost = True

    def _reached(self) -> None:
        now = _now()
        if self._lost:
            _log.warning("%s is within reach again", self._url)
        if self._lost or _passed(self._last, now) > self._gap:
            self._since = now
        self._lost, self._last = False, now


def is_outage(error: BaseException) -> bool:
    """Whether an error says that the database is out of reach for now."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PoolTimeoutError):
            return True
        if isinstance(cause, DBAPIError):
            return cause.connection_invalidated or _passes(cause)
        # Optuna falls back to a slower query on the same session, which is lost as well.
        hidden = cause.__context__ if isinstance(cause, PendingRollbackError) else None
        cause = cause.__cause__ or hidden
    return False


def _passes(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_PASSING)
    known = isinstance(error, (OperationalError, InterfaceError, InternalError))
    return known and not _REFUSED.search(str(error.orig))


def _now() -> tuple[float, float]:
    return time.monotonic(), time.time()


def _passed(then: tuple[float, float], now: tuple[float, float]) -> float:
    """Seconds between two readings, a sleep of the machine included."""
    return max(now[0] - then[0], now[1] - then[1])
