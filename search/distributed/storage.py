"""The database of a shared study: Optuna's storage on PostgreSQL, which waits out an outage.

Optuna's own part is the tables and what is written to them. Added here: tables made by one process
at a time, connections that notice a dead line, calls that are made again once the server is back,
and what must be known before another worker may be thought dead.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import optuna
import sqlalchemy
from optuna.storages import RDBStorage
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import SQLAlchemyError

from search.distributed.connection import ConnectionMonitor, OutageError
from search.distributed.url import connector, explained, parsed, redacted, without_password

_T = TypeVar("_T")
# Any number does, as long as nobody else locks by it; the second half is the study, 0 the tables.
_LOCKS: Final = 0x5EA4C4
_TABLES: Final = 0
# Repeated where the connection was lost. All of them may be: what a call that came through
# without an answer has left behind is found by ``DistributedStudy`` and ``PostgresStore``.
_PATIENT: Final = (
    "_create_new_trial", "_get_stale_trial_ids", "_get_trials", "_set_trial_param",
    "create_new_study", "delete_study", "get_all_studies", "get_study_directions",
    "get_study_id_from_name", "get_study_name_from_id", "get_study_system_attrs",
    "get_study_user_attrs", "get_trial", "get_trial_id_from_study_id_trial_number",
    "get_trial_param", "record_heartbeat", "set_study_system_attr", "set_study_user_attr",
    "set_trial_intermediate_value", "set_trial_state_values", "set_trial_system_attr",
    "set_trial_user_attr",
)  # fmt: skip


class StorageError(RuntimeError):
    """A database that cannot be used; one line: which, why, what to do. Names no password."""


def connect(
    url: str,
    *,
    heartbeat: int = 30,
    grace: int = 120,
    patience: float = 600.0,
    stop: Callable[[], bool] = lambda: False,
) -> Storage:
    """Open the database at ``url``, making Optuna's tables where it has none.

    Waits for a server that is starting up or out of reach, here as in every later call.

    Args:
        url: ``postgresql://user:password@host:port/database``; nothing else is taken.
        heartbeat: seconds between two signs of life of a trial that runs; a study that is there
            already has its own, which counts.
        grace: seconds without one after which a trial is thought dead; likewise.
        patience: seconds after which a call gives up on an outage.
        stop: asked while waiting; once true, the call gives up.

    Raises:
        StorageError: an address, a user, a password, a right or a table that will not do.
        OutageError: no connection within ``patience`` seconds.
        ValueError: ``grace`` is not more than ``heartbeat``.
    """
    if not 0 < heartbeat < grace:
        raise ValueError(f"0 < heartbeat < grace must hold, but got {heartbeat} and {grace}")
    try:
        address = parsed(url)
    except ValueError as error:
        raise StorageError(str(error)) from None
    contact = ConnectionMonitor(redacted(url), heartbeat, grace, patience, stop)
    try:
        return contact.with_retries(lambda: Storage(address, heartbeat, grace, contact))
    except OutageError:
        raise
    except ImportError as error:
        raise StorageError(f"{error}; install: pip install 'psycopg[binary]'") from None
    except (SQLAlchemyError, RuntimeError) as error:
        raise StorageError(f"{redacted(url)}: {explained(error, address)}") from None


class Storage(RDBStorage):
    """Optuna's storage; made by ``connect``.

    Attributes:
        contact: how long the database has been within reach.
        grace: see ``connect``.
        heartbeat: see ``connect``.
    """

    def __init__(
        self, address: URL, heartbeat: int, grace: int, contact: ConnectionMonitor
    ) -> None:
        # Its warnings are of lost connections only; ``ConnectionMonitor`` logs those.
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.contact = contact
        self.set_intervals(heartbeat, grace)
        options = {"creator": connector(address, grace), "hide_parameters": True}
        first = sqlalchemy.create_engine(without_password(address), **options)
        try:
            # Four workers at once on an empty database: one makes the tables, the others wait.
            with contextlib.closing(_locked(first, _TABLES)), without_experimental_warnings():
                super().__init__(
                    # Optuna takes braces for a template.
                    without_password(address).replace("{", "{{").replace("}", "}}"),
                    engine_kwargs={**options, "pool_pre_ping": True},
                    heartbeat_interval=heartbeat,
                    grace_period=grace,
                )
        except BaseException:
            if hasattr(self, "engine"):
                self.engine.dispose()
            raise
        finally:
            first.dispose()

    def set_intervals(self, heartbeat: int, grace: int) -> None:
        """Give signs of life as a study has it, and judge others by the same."""
        self.heartbeat = self.heartbeat_interval = heartbeat
        self.grace = self.grace_period = grace
        self.contact.set_intervals(heartbeat, grace)

    def with_retries(self, call: Callable[[], _T]) -> _T:
        """What ``call`` returns, made again and again while the database is out of reach."""
        return self.contact.with_retries(call)

    @contextlib.contextmanager
    def exclusive_lock(self, study_id: int = _TABLES) -> Iterator[None]:
        """Be the only one of all workers in here, for one study (0: for the making of studies).

        A worker that stands still in here is thrown out by the server after a while; what it
        does on waking must be right without the lock, too, if less tidy.
        """
        connection = self.with_retries(lambda: _locked(self.engine, study_id))
        try:
            yield
        finally:
            with contextlib.suppress(SQLAlchemyError):  # a lost connection has no lock either
                connection.close()

    def now(self) -> float:
        """Unix time by the database's clock: the only one that all machines share."""

        def ask() -> float:
            with self.engine.connect() as connection:
                time = sqlalchemy.text("SELECT extract(epoch FROM clock_timestamp())")
                return float(connection.execute(time).scalar_one())

        return self.with_retries(ask)

    def add_missing_heartbeats(self, study_id: int) -> None:
        """Give every running trial without a heartbeat its first one.

        Optuna never fails such a trial, and a worker killed between asking and its first sign of
        life leaves one. Who lives gives the next sign itself.
        """

        def write() -> None:
            with self.engine.begin() as connection:
                connection.execute(sqlalchemy.text(_ADD_MISSING_HEARTBEATS), {"study": study_id})

        self.with_retries(write)

    def close(self) -> None:
        """Let go of all connections."""
        self.remove_session()
        self.engine.dispose()


_ADD_MISSING_HEARTBEATS = """
INSERT INTO trial_heartbeats (trial_id, heartbeat)
SELECT trial_id, CURRENT_TIMESTAMP FROM trials
WHERE study_id = :study AND state = 'RUNNING'
  AND NOT EXISTS (SELECT 1 FROM trial_heartbeats h WHERE h.trial_id = trials.trial_id)
ON CONFLICT DO NOTHING
"""


@contextlib.contextmanager
def without_experimental_warnings() -> Iterator[None]:
    """Without Optuna's remarks that heartbeats are experimental: known, and tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def _locked(engine: sqlalchemy.Engine, study_id: int) -> Connection:
    """A connection that holds the lock until it is closed; waits for it."""
    connection = engine.connect()
    try:
        lock = sqlalchemy.text("SELECT pg_advisory_xact_lock(:ours, :study)")
        connection.execute(lock, {"ours": _LOCKS, "study": study_id})
    except BaseException:
        connection.close()
        raise
    return connection


def _patient(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: Storage, *args: Any, **options: Any) -> Any:
        return self.with_retries(lambda: method(self, *args, **options))

    return call


for _name in _PATIENT:
    setattr(Storage, _name, _patient(getattr(RDBStorage, _name)))
