"""A study past one machine: many workers, one PostgreSQL, Optuna's own storage.

Every worker runs a ``Study`` on an engine over its ``PostgresStore``. Loads Optuna and SQLAlchemy.
"""

from search.distributed.connection import OutageError
from search.distributed.logs import SharedEpochs, SharedLog
from search.distributed.loop import work_together
from search.distributed.postgres_store import PostgresStore
from search.distributed.storage import Storage, StorageError, connect
from search.distributed.study import SharedStudy
from search.distributed.url import redacted
from search.engines.base import TrialLostError

__all__ = [
    "OutageError",
    "PostgresStore",
    "SharedEpochs",
    "SharedLog",
    "SharedStudy",
    "Storage",
    "StorageError",
    "TrialLostError",
    "connect",
    "redacted",
    "work_together",
]
