"""Signs of life for the trials that run here. Optuna gives them in its own loop only."""

from __future__ import annotations

import logging
import threading

from search.distributed.storage import Storage

_log = logging.getLogger("search.distributed")


class HeartbeatThread:
    """A thread that records a heartbeat of every trial of this process, every ``heartbeat`` s.

    It calls the database without a trial, too: only who has been in touch all along may think
    others dead.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._trials: dict[int, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeats", daemon=True)
        self._thread.start()

    def add(self, number: int, trial_id: int) -> None:
        """Beat for a trial from now on."""
        self._trials[number] = trial_id

    def drop(self, number: int) -> None:
        """Beat for it no longer."""
        self._trials.pop(number, None)

    def close(self) -> None:
        """Stop; what waits for the database in an outage is left to end with the process."""
        self._over.set()
        self._thread.join(2.0)

    def _beat(self) -> None:
        while not self._over.wait(self._storage.heartbeat):
            try:
                self._storage.now()
                for trial_id in list(self._trials.values()):
                    self._storage.record_heartbeat(trial_id)
            except Exception as error:  # whatever it is, the next beat is to come
                _log.warning("no sign of life could be given: %s", type(error).__name__)
        self._storage.remove_session()
