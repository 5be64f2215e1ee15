"""Whether a study in an SQLite file is whole, and says the same as the log."""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy
from optuna.distributions import BaseDistribution
from optuna.exceptions import StorageInternalError
from optuna.storages._rdb.models import BaseModel
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.engines.persistence import CorruptStoreError, check_agrees
from search.engines.trial_store import NAMES, PRIOR, STATES
from search.records import Trial

# No code (0) and the last come of text that cannot be decoded, and of tables that are missing.
DAMAGED = (0, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""SQLite's result codes of a file that is damaged."""
LIBRARY_ERRORS = (StorageInternalError, sqlalchemy.exc.SQLAlchemyError, sqlite3.Error)
"""What the libraries above SQLite raise, and SQLite."""
SENSELESS = (ValueError, LookupError, TypeError, RuntimeError)
"""What Optuna raises where a file says what it never wrote."""
PARAMS_CRC = "params_crc32"
"""The attribute of a trial that holds the checksum of its parameters."""


def check_trial(
    trial: FrozenTrial, record: Trial, distributions: Mapping[str, BaseDistribution]
) -> None:
    """Raise ``CorruptStoreError`` when a stored trial is over, but not as its record says."""
    check_agrees(record, NAMES.get(trial.state, record.state), trial.params)
    whole = recorded(record, distributions)
    over = trial.state.is_finished() and trial.params
    if over and _told(trial, whole) != _told(whole, whole):
        raise CorruptStoreError(f"trial {record.number} reported other values than the log says")


def check_params(trial: FrozenTrial) -> None:
    """Raise ``CorruptStoreError`` when a stored trial has other parameters than it began with."""
    if trial.user_attrs.get(PARAMS_CRC, params_crc(trial)) != params_crc(trial):
        raise CorruptStoreError(f"trial {trial.number} began with other parameters")


def _told(trial: FrozenTrial, whole: FrozenTrial) -> tuple[float | None, str]:
    """What an engine was told of a trial, of the epochs that are recorded.

    As text, since no NaN is equal to another.
    """
    value = trial.value if trial.state == TrialState.COMPLETE else None
    epochs = [trial.intermediate_values.get(step) for step in whole.intermediate_values]
    return value, f"{epochs} {sorted(trial.distributions.items())}"


def params_crc(trial: FrozenTrial) -> int:
    """The CRC-32 of the parameters of a trial, by name."""
    return zlib.crc32(repr(sorted(trial.params.items())).encode())


def check_file(path: Path) -> None:
    """Read the whole file once: damage is better found now than in the middle of a night.

    Raises:
        CorruptStoreError: it is damaged.
        sqlite3.Error: it cannot be read.
    """
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            problems = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if isinstance(error, sqlite3.DatabaseError) and code_of(error)[0] not in DAMAGED:
            raise
        problems = [str(error)]
    if problems != ["ok"]:
        raise CorruptStoreError(problems[0])


def check_columns(engine: sqlalchemy.Engine) -> None:
    """Raise ``CorruptStoreError`` where a column of text would no longer be one of text.

    SQLite goes by the letters of a column's type: with one that is another, "12" is stored as 12,
    and no check of its own finds fault with that.
    """
    found = sqlalchemy.inspect(engine)
    for table in BaseModel.metadata.sorted_tables:
        for column in found.get_columns(table.name):
            expected = table.columns.get(column["name"])
            if isinstance(getattr(expected, "type", None), sqlalchemy.String) and not isinstance(
                column["type"], sqlalchemy.String
            ):
                raise CorruptStoreError(f"{table.name}.{column['name']} holds no text")


def code_of(error: BaseException) -> tuple[int, str]:
    """SQLite's result code behind an error of the libraries above it, and its text."""
    cause: BaseException | None = error
    while cause is not None:
        origin = getattr(cause, "orig", cause)
        if isinstance(origin, sqlite3.Error):
            # The low byte; the others tell kinds of the same error apart.
            return getattr(origin, "sqlite_errorcode", 0) & 0xFF, str(origin)
        cause = cause.__cause__
    return 0, str(error)


def recorded(record: Trial, distributions: Mapping[str, BaseDistribution]) -> FrozenTrial:
    """A recorded trial as Optuna stores it."""
    return create_trial(
        state=STATES[record.state],
        value=None if record.state == "failed" else record.value,
        params=dict(record.params),
        distributions=dict(distributions),
        intermediate_values={e.epoch: e.val_accuracy for e in record.epochs},
        user_attrs={PRIOR: True} if record.prior else {},
    )
