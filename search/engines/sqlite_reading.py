"""What a study in an SQLite file knows of its trials; the file is only read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from datetime import UTC
from pathlib import Path

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial

from search.engines.persistence import CorruptStoreError
from search.engines.sqlite_checks import (
    LIBRARY_ERRORS,
    SENSELESS,
    check_file,
    check_params,
    check_trial,
)
from search.engines.sqlite_store import NAME
from search.engines.trial_store import NAMES, distributions_of
from search.records import Failure, State, Trial
from search.space import SearchSpace


def read_finished(path: Path, seed_of: Callable[[int], int]) -> list[Trial]:
    """The finished trials of a study, without their epochs; none where there is no file.

    A number that was only kept free has no parameters and is left out.

    Raises:
        CorruptStoreError: it is damaged.
    """
    return [_from_study(t, NAMES[t.state], seed_of(t.number)) for t in _finished(path)]


def check_study(path: Path, space: SearchSpace, records: Iterable[Trial]) -> list[int]:
    """Compare a study with the records of its finished trials; numbers of those without one.

    Raises:
        CorruptStoreError: it is damaged, or says another thing; the message names the trial.
    """
    stored, distributions = {t.number: t for t in _finished(path)}, distributions_of(space)
    recorded = set()
    for record in records:
        if record.number not in stored:
            raise CorruptStoreError(f"lacks trial {record.number}")
        check_trial(stored[record.number], record, distributions)
        recorded.add(record.number)
    return sorted(stored.keys() - recorded)


def _finished(path: Path) -> list[FrozenTrial]:
    if not path.is_file():
        return []
    storage = None
    try:
        check_file(path)
        optuna.logging.set_verbosity(optuna.logging.ERROR)  # what is wrong is raised, too
        storage = RDBStorage("sqlite://", engine_kwargs={"creator": lambda: sqlite3.connect(path)})
        study = optuna.load_study(study_name=NAME, storage=storage)
        trials = study.get_trials(deepcopy=False)
    except (*LIBRARY_ERRORS, *SENSELESS) as error:
        raise CorruptStoreError(" ".join(str(error).split())[:200]) from error
    finally:
        if storage is not None:
            storage.remove_session()
            storage.engine.dispose()
    for trial in trials:
        check_params(trial)
    return [trial for trial in trials if trial.state in NAMES and trial.params]


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
