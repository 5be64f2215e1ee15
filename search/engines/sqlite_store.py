"""An Optuna study in an SQLite file: one transaction a change, errors told apart."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import optuna
import sqlalchemy
from optuna.storages import RDBStorage
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState, create_trial
from typing_extensions import override

from search.engines.base import Suggestion
from search.engines.choices import DEFAULT_PRUNER
from search.engines.persistence import (
    CorruptStoreError,
    check_record,
    check_space,
    quarantine,
)
from search.engines.pruning import Pruning
from search.engines.sqlite_checks import (
    DAMAGED,
    LIBRARY_ERRORS,
    PARAMS_CRC,
    SENSELESS,
    check_columns,
    check_file,
    check_params,
    check_trial,
    code_of,
    params_crc,
    recorded,
)
from search.engines.trial_store import (
    NAMES,
    PRIOR,
    STATES,
    TrialStore,
    distributions_of,
    stored_value,
)
from search.records import State, Trial
from search.space import SearchSpace, SpaceError

NAME = "study"
# A full disk shows as the second when a write fails, as the third when SQLite cannot make the
# journal beside the file; so does a disk that fails, which shows as the last, too.
_NOT_WRITTEN = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
)
_PROBE = 1_000_000  # bytes


_P = ParamSpec("_P")
_T = TypeVar("_T")
_Method = Callable[Concatenate["SqliteStore", _P], _T]


def _with_os_errors(method: _Method[_P, _T]) -> _Method[_P, _T]:
    """Have damage be a ``CorruptStoreError`` and a disk that is full or fails an ``OSError``."""

    @functools.wraps(method)
    def call(self: SqliteStore, /, *args: _P.args, **options: _P.kwargs) -> _T:
        try:
            return method(self, *args, **options)
        except LIBRARY_ERRORS as error:
            code, text = code_of(error)
            if code in DAMAGED:
                raise CorruptStoreError(text) from error
            if code in _NOT_WRITTEN:
                number = _cause(code, self._path.parent)
                reason = f"{os.strerror(number)} ({text})"
                raise OSError(number, reason, str(self._path)) from error
            raise

    return call


class SqliteStore(TrialStore):
    """The study named ``study`` in ``path``, made where there is none.

    The file is an ordinary Optuna storage. After each change SQLite waits for the disk, and for
    the name of its journal to be gone: a power cut neither damages the file nor takes a number
    back.
    One process may hold the file at a time; the caller sees to that. The trials that run and the
    pruner's copy of all are kept in memory, and changed once the file is.

    For arguments and errors see ``open_engine``; every method may raise its ``OSError``.
    """

    worker = ""

    def __init__(
        self,
        path: Path,
        space: SearchSpace,
        *,
        pruner: str = DEFAULT_PRUNER,
        epochs: int = 1,
        finished: Sequence[Trial] = (),
        min_next_number: int = 0,
    ) -> None:
        self.space = space
        self._path = path
        self._pruning = Pruning(pruner, epochs)
        try:
            self._open(finished, min_next_number)
        except CorruptStoreError as error:
            quarantine(path, error)
            self._open(finished, min_next_number)
        trials = self.trials()
        self._running = {t.number: t for t in trials if t.state == TrialState.RUNNING}
        for trial in sorted(trials, key=lambda t: not t.state.is_finished()):
            self._pruning.replay(trial.number, trial.intermediate_values, NAMES.get(trial.state))

    @override
    def exclusive(self) -> AbstractContextManager[object]:
        return contextlib.nullcontext()

    @override
    @_with_os_errors
    def trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    @override
    def has_room(self) -> bool:
        return True

    @override
    @_with_os_errors
    def claim_waiting(self, trials: list[FrozenTrial]) -> FrozenTrial | None:
        trial = next((t for t in trials if t.state == TrialState.WAITING), None)
        if trial is not None:
            self._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
            self._running[trial.number] = trial
        return trial

    @override
    @_with_os_errors
    def create(self, template: FrozenTrial) -> FrozenTrial:
        template.set_user_attr(PARAMS_CRC, params_crc(template))
        trial = self._storage.get_trial(self._create_once(template))
        if trial.state == TrialState.RUNNING:
            self._running[trial.number] = trial
        return trial

    @override
    def suggestion(self, trial: FrozenTrial) -> Suggestion:
        params = {p.name: trial.params[p.name] for p in self.space}
        return Suggestion(trial.number, params, prior=PRIOR in trial.user_attrs)

    @override
    def running(self) -> list[FrozenTrial]:
        return list(self._running.values())

    @override
    @_with_os_errors
    def report(self, number: int, step: int, value: float) -> bool:
        trial = self._running_trial(number)
        if step not in trial.intermediate_values:
            self._storage.set_trial_intermediate_value(trial._trial_id, step, value)
            trial.intermediate_values[step] = value
        return self._pruning.report(number, step, value)

    @override
    @_with_os_errors
    def finish(self, number: int, state: State, value: float | None) -> None:
        trial = self._running_trial(number)
        self._end(trial, STATES[state], stored_value(trial, state, value))
        del self._running[number]
        self._pruning.end(number, state)

    @override
    def close(self) -> None:
        self._storage.remove_session()
        self._storage.engine.dispose()

    # ---- one trial --------------------------------------------------------------------------

    def _create_once(self, template: FrozenTrial) -> int:
        """Create a trial without Optuna's retries; its id.

        Where the disk fails after a trial is on it, they would leave one that nobody runs.
        """
        with _create_scoped_session(self._storage.scoped_session) as session:
            study_id = self._study._study_id
            trial = self._storage._get_prepared_new_trial(study_id, template, session)
            return int(trial.trial_id)

    def _running_trial(self, number: int) -> FrozenTrial:
        if number not in self._running:
            raise KeyError(f"trial {number} does not run")
        return self._running[number]

    def _end(self, trial: FrozenTrial, state: TrialState, value: float | None) -> None:
        values = None if value is None else [value]
        self._storage.set_trial_state_values(trial._trial_id, state, values)

    # ---- the file ---------------------------------------------------------------------------

    @_with_os_errors
    def _open(self, finished: Sequence[Trial], min_next_number: int) -> None:
        check_file(self._path)
        # By a function, not an URL: folders have question marks and braces in their names.
        settings = {"creator": lambda: _connect(self._path), "poolclass": sqlalchemy.pool.QueuePool}
        self._storage = RDBStorage("sqlite://", engine_kwargs=settings)
        try:
            check_columns(self._storage.engine)
            self._load(finished, min_next_number)
        except BaseException as error:
            self.close()
            if isinstance(error, SENSELESS) and not isinstance(error, SpaceError):
                raise CorruptStoreError(f"{type(error).__name__}: {error}") from error
            raise

    def _load(self, finished: Sequence[Trial], min_next_number: int) -> None:
        self._study = optuna.create_study(
            storage=self._storage,
            study_name=NAME,
            direction="maximize",
            sampler=optuna.samplers.RandomSampler(),  # never asked
            load_if_exists=True,
        )
        if self._study.directions != [optuna.study.StudyDirection.MAXIMIZE]:
            raise CorruptStoreError("its direction is another")
        stored = self._study.user_attrs.get("space")
        if stored is None:
            self._study.set_user_attr("space", self.space.to_json())
        else:
            check_space(stored, self.space)
        for record in finished:
            check_record(record, self.space)
        self._restore(finished, min_next_number)

    def _restore(self, records: Sequence[Trial], min_next_number: int) -> None:
        """Have the trials end as recorded, and at least ``min_next_number`` of them.

        What neither file nor records know of stands there as a failed trial.

        Raises:
            CorruptStoreError: one ended otherwise, or is another than was stored.
        """
        trials = self.trials()
        if [t.number for t in trials] != list(range(len(trials))):
            raise CorruptStoreError("its trials are not numbered in turn")
        for trial in trials:
            check_params(trial)
        count, distributions = len(trials), distributions_of(self.space)
        for record in sorted(records, key=lambda t: t.number):
            if record.number >= len(trials):
                self._add_failed(record.number - count)
                self.create(recorded(record, distributions))
                count = record.number + 1
                continue
            trial = trials[record.number]
            check_trial(trial, record, distributions)
            if not trial.state.is_finished():
                self._finish_as(trial, recorded(record, distributions))
        self._add_failed(min_next_number - count)

    def _add_failed(self, count: int) -> None:
        for _ in range(count):
            self.create(create_trial(state=TrialState.FAIL))

    def _finish_as(self, trial: FrozenTrial, whole: FrozenTrial) -> None:
        if trial.state == TrialState.WAITING:
            self._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
        for step, value in whole.intermediate_values.items():
            if step not in trial.intermediate_values:
                self._storage.set_trial_intermediate_value(trial._trial_id, step, value)
        self._end(trial, whole.state, whole.value)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute("PRAGMA synchronous = EXTRA")
    return connection


def _cause(code: int, folder: Path) -> int:
    """The system's number of what kept SQLite from writing, found by writing something."""
    if code == sqlite3.SQLITE_FULL:
        return errno.ENOSPC
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(_PROBE))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return error.errno or errno.EIO
    return errno.EIO
