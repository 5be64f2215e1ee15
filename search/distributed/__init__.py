"""A study past one machine: many workers, one PostgreSQL, Optuna's own storage.

Every worker runs a ``Study`` on an engine over its ``PostgresStore``. Loads Optuna and SQLAlchemy.
"""

from search.distributed.connection import OutageError
from search.distributed.logs import DistributedEpochLog, DistributedTrialLog
from search.distributed.loop import run_worker_loop
from search.distributed.postgres_store import PostgresStore
from search.distributed.storage import Storage, StorageError, connect
from search.distributed.study import DistributedStudy
from search.distributed.url import redacted
from search.engines.base import TrialLostError

__all__ = [
    "DistributedEpochLog",
    "DistributedStudy",
    "DistributedTrialLog",
    "OutageError",
    "PostgresStore",
    "Storage",
    "StorageError",
    "TrialLostError",
    "connect",
    "redacted",
    "run_worker_loop",
]
