"""A study past one machine: many workers, one PostgreSQL, Optuna's own storage.

Every worker runs the loop of ``search.study`` on a ``SharedEngine``. Loads Optuna and SQLAlchemy.
"""

from search.engines.base import TrialLostError
from search.shared.address import redacted
from search.shared.contact import OutageError
from search.shared.engine import SharedEngine, SharedList
from search.shared.log import SharedEpochs, SharedLog
from search.shared.loop import work_together
from search.shared.storage import Storage, StorageError, connect
from search.shared.study import SharedStudy

__all__ = [
    "OutageError",
    "SharedEngine",
    "SharedEpochs",
    "SharedList",
    "SharedLog",
    "SharedStudy",
    "Storage",
    "StorageError",
    "TrialLostError",
    "connect",
    "redacted",
    "work_together",
]
