"""An Optuna study in an SQLite file: one transaction a change, errors told apart."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy
from optuna.distributions import BaseDistribution
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.engines.persistence import DamagedError, check_agrees
from search.records import State, Trial

NAME = "study"
STATES: dict[State, TrialState] = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
_NAMES: dict[TrialState, str] = {state: name for name, state in STATES.items()}
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
# A full disk shows as the second when a write fails, as the third when SQLite cannot make the
# journal beside the file.
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)


class StudyFile:
    """The study named ``study`` in ``path``, made where there is none.

    The file is an ordinary Optuna storage. SQLite's own settings stay: after each change it
    waits for the disk, so that a power cut neither damages the file nor takes a number back.
    What is asked for is written in one transaction, so that no trial is there without its
    parameters.

    Raises:
        DamagedError: the file is no database or a broken one.
        OSError: the disk is full or fails; also from every method.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._errors():
            _check(path)
            # By a function, not an URL: folders have question marks and braces in their names.
            self._storage = RDBStorage(
                "sqlite://",
                engine_kwargs={
                    "creator": lambda: sqlite3.connect(path, check_same_thread=False),
                    "poolclass": sqlalchemy.pool.QueuePool,
                },
            )
        try:
            self._study = self._find()
            self._ids = [t._trial_id for t in self.trials()]
        except Exception:
            self.close()
            raise

    def _find(self) -> int:
        with self._errors():
            try:
                return self._storage.get_study_id_from_name(NAME)
            except KeyError:
                return self._storage.create_new_study([StudyDirection.MAXIMIZE], NAME)

    @property
    def space(self) -> dict[str, Any] | None:
        """The space the study searches, as JSON; None in a new one."""
        with self._errors():
            found: dict[str, Any] | None
            found = self._storage.get_study_user_attrs(self._study).get("space")
            return found

    @space.setter
    def space(self, value: dict[str, Any]) -> None:
        with self._errors():
            self._storage.set_study_user_attr(self._study, "space", value)

    def trials(self) -> list[FrozenTrial]:
        """All trials by number, as the file has them."""
        with self._errors():
            trials = self._storage.get_all_trials(self._study, deepcopy=False)
        trials.sort(key=lambda t: t.number)
        if [t.number for t in trials] != list(range(len(trials))):
            raise DamagedError("its trials are not numbered in turn")
        return trials

    def add(self, trial: FrozenTrial) -> None:
        """Store a trial as it is, under the next number."""
        with self._errors():
            self._ids.append(self._storage.create_new_trial(self._study, trial))

    def start(self, number: int) -> None:
        """A trial that waited runs."""
        with self._errors():
            self._storage.set_trial_state_values(self._ids[number], TrialState.RUNNING)

    def report(self, number: int, step: int, value: float) -> None:
        """Store one intermediate value."""
        with self._errors():
            self._storage.set_trial_intermediate_value(self._ids[number], step, value)

    def end(self, number: int, state: TrialState, values: Sequence[float] | None) -> None:
        """Store how a trial ended."""
        with self._errors():
            self._storage.set_trial_state_values(self._ids[number], state, values)

    def restore(
        self,
        records: Sequence[Trial],
        distributions: Mapping[str, BaseDistribution],
        handed_out: int = 0,
    ) -> None:
        """Have the trials end as recorded, and at least ``handed_out`` of them.

        What neither file nor records know of stands there as a failed trial.

        Raises:
            DamagedError: one ended otherwise.
        """
        trials = self.trials()
        for record in sorted(records, key=lambda t: t.number):
            whole = _recorded(record, distributions)
            if record.number >= len(trials):
                self._fill_up(record.number)
                self.add(whole)
                continue
            trial = trials[record.number]
            done = trial.state.is_finished()
            check_agrees(record, _NAMES[trial.state] if done else record.state, trial.params)
            if not done:
                self._finish(trial, whole)
        self._fill_up(handed_out)

    def _fill_up(self, number: int) -> None:
        for _ in range(len(self._ids), number):
            self.add(create_trial(state=TrialState.FAIL))

    def _finish(self, trial: FrozenTrial, whole: FrozenTrial) -> None:
        if trial.state == TrialState.WAITING:
            self.start(trial.number)
        for step, value in whole.intermediate_values.items():
            if step not in trial.intermediate_values:
                self.report(trial.number, step, value)
        self.end(trial.number, whole.state, whole.values)

    def close(self) -> None:
        """Let go of the file."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (StorageInternalError, sqlalchemy.exc.SQLAlchemyError, sqlite3.Error) as error:
            code, text = _code(error)
            if code in _DAMAGED:
                raise DamagedError(text) from error
            if code in _FULL:
                reason = f"{os.strerror(errno.ENOSPC)} ({text})"
                raise OSError(errno.ENOSPC, reason, str(self._path)) from error
            raise


def _recorded(record: Trial, distributions: Mapping[str, BaseDistribution]) -> FrozenTrial:
    return create_trial(
        state=STATES[record.state],
        value=None if record.state == "failed" else record.value,
        params=dict(record.params),
        distributions=dict(distributions),
        intermediate_values={e.epoch: e.val_accuracy for e in record.epochs},
    )


def _check(path: Path) -> None:
    """Read the whole file once: damage is better found now than in the middle of a night."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    if found != ["ok"]:
        raise DamagedError(found[0])


def _code(error: BaseException) -> tuple[int, str]:
    """SQLite's result code behind an error of the libraries above it, and its text."""
    cause: BaseException | None = error
    while cause is not None:
        origin = getattr(cause, "orig", cause)
        if isinstance(origin, sqlite3.Error):
            # The low byte; the others tell kinds of the same error apart.
            return getattr(origin, "sqlite_errorcode", 0) & 0xFF, str(origin)
        cause = cause.__cause__
    return 0, str(error)
