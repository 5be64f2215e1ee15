"""What a study in an SQLite file knows of its finished trials; the file is only read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import optuna
import sqlalchemy
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial

from search.engines.persistence import CorruptStoreError
from search.engines.sqlite_store import NAME, check_file
from search.engines.trial_store import NAMES
from search.records import Failure, State, Trial


def read_finished(path: Path, seed_of: Callable[[int], int]) -> list[Trial]:
    """The finished trials of a study, with what it knows of their epochs; none where it is damaged.

    A number that was only kept free has no parameters and is left out.
    """
    if not path.is_file():
        return []
    storage = None
    try:
        check_file(path)
        storage = RDBStorage("sqlite://", engine_kwargs={"creator": lambda: sqlite3.connect(path)})
        study = optuna.load_study(study_name=NAME, storage=storage)
        trials = study.get_trials(deepcopy=False)
    except (CorruptStoreError, KeyError, sqlite3.Error, sqlalchemy.exc.SQLAlchemyError):
        return []
    finally:
        if storage is not None:
            storage.remove_session()
            storage.engine.dispose()
    return [
        _from_study(t, NAMES[t.state], seed_of(t.number))
        for t in trials
        if t.state in NAMES and t.params
    ]


def _from_study(trial: FrozenTrial, state: State, seed: int) -> Trial:
    started, ended = trial.datetime_start, trial.datetime_complete
    return Trial(
        number=trial.number,
        state=state,
        params=dict(trial.params),
        value=trial.value if state != "failed" else None,
        epochs=(),
        seed=seed,
        started=started.astimezone(UTC).isoformat(timespec="seconds") if started else "",
        seconds=(ended - started).total_seconds() if started and ended else None,
        failure=Failure("unknown", "its record was damaged") if state == "failed" else None,
    )
