"""Any Optuna study: in an SQLite file, a journal file, or a PostgreSQL database.

Nothing is written to where it lies: an SQLite file is copied first, a journal is only read, and
PostgreSQL is asked for a session that may not write. Nothing is unpickled on the way.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist.importers.external import (
    MOST_TRIALS,
    Axis,
    ExternalStudy,
    ExternalTrial,
    ForeignError,
    number,
    numbered,
    plain,
)
from fmnist.text import counted
from search.records import Failure, State

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage, RDBStorage
    from optuna.study._frozen import FrozenStudy
    from optuna.trial import FrozenTrial

    from fmnist.integrations.postgresql import Storage

LARGEST = 2_000_000_000
"""Bytes of a file; a night of a thousand trials has a few million."""
_STATES: dict[str, State] = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
_NAMES_SHOWN = 20
_METRIC_NAMES = "study:metric_names"
# Nothing is written, not even the tables that Optuna makes where there are none.
_CONNECTION = {"options": "-c default_transaction_read_only=on", "connect_timeout": 10}


def read_sqlite(path: Path, name: str | None) -> ExternalStudy:
    """The study ``name``, or the only one, of an SQLite file."""
    with _named(str(path)), _copy(path) as copy, _opened(f"sqlite:///{copy}", {}) as storage:
        if storage.get_current_version() != storage.get_head_version():
            storage.upgrade()  # of the copy
        return _read(storage, str(path), name)


def read_journal(path: Path, name: str | None) -> ExternalStudy:
    """The same of a journal file (``JournalStorage`` on a ``JournalFileBackend``)."""
    from fmnist.importers.optuna_journal import journal

    with _named(str(path)):
        storage, note = journal(path)
        return _read(storage, str(path), name, note)


def read_postgresql(storage: Storage, name: str | None) -> ExternalStudy:
    """The same of a PostgreSQL database."""
    try:
        from search.distributed.url import explained, parsed

        with _opened(storage.url, {"connect_args": _CONNECTION}) as opened:
            return _read(opened, storage.shown, name)
    except ForeignError:
        raise
    except ImportError as error:
        raise ForeignError(
            f"{storage.shown}: needs more packages ({error.name} is missing): pip install "
            '"fmnist-report[postgresql]"'
        ) from None
    except Exception as error:
        why = storage.clean(explained(error, parsed(storage.url)))
        raise _unreadable(storage.shown, why) from None


@contextlib.contextmanager
def _named(source: str) -> Iterator[None]:
    """Whatever is wrong with a stranger's file is told by its name, not by a trace."""
    try:
        yield
    except ForeignError:
        raise
    except Exception as error:
        # Optuna and SQLAlchemy raise what they happen to stumble over.
        lines = str(error).splitlines() or [type(error).__name__]
        raise _unreadable(source, lines[0]) from None


def _unreadable(source: str, why: str) -> ForeignError:
    return ForeignError(f"{source}: cannot be read as an Optuna study: {plain(why, 300)}")


@contextlib.contextmanager
def _copy(path: Path) -> Iterator[Path]:
    """A copy as of one moment, also of a database that is being written."""
    if path.stat().st_size > LARGEST:
        raise ForeignError(f"{path}: larger than {LARGEST // 1_000_000} MB")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "study.db"
        origin, way = _readable(path.resolve(), Path(folder) / "source.db")
        with (
            contextlib.closing(sqlite3.connect(f"{origin.as_uri()}?{way}", uri=True)) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
        yield copy


def _readable(path: Path, spare: Path) -> tuple[Path, str]:
    """What to open, and how, so that nothing is written beside the database.

    SQLite makes files beside one with a write-ahead log, even to read it, unless they are there.
    """
    with path.open("rb") as file:
        has_log = file.read(20)[18:] == b"\2\2"
    log, index = (path.with_name(path.name + ending) for ending in ("-wal", "-shm"))
    if has_log and not log.exists():
        return path, "immutable=1"
    if has_log and not (index.exists() and os.access(index, os.W_OK)):
        shutil.copyfile(path, spare)
        shutil.copyfile(log, spare.with_name(spare.name + "-wal"))
        return spare, "mode=rw"
    return path, "mode=ro"


@contextlib.contextmanager
def _opened(url: str, options: dict[str, Any]) -> Iterator[RDBStorage]:
    import optuna
    from sqlalchemy.pool import NullPool

    # Without a pool no connection stays open where the storage cannot be made.
    options = {**options, "poolclass": NullPool}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.RDBStorage(url, engine_kwargs=options, skip_compatibility_check=True)
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _read(storage: BaseStorage, source: str, name: str | None, note: str = "") -> ExternalStudy:
    found = _chosen(storage.get_all_studies(), source, name)
    if len(found.directions) > 1:
        raise ForeignError(
            f"{source}: the study {plain(found.study_name)!r} has {len(found.directions)} "
            "objectives; only a study with one can be read in"
        )
    frozen = storage.get_all_trials(found._study_id, deepcopy=False)
    if len(frozen) > MOST_TRIALS:
        raise ForeignError(f"{source}: {len(frozen)} trials; at most {MOST_TRIALS} are read in")
    kept = sorted((t for t in frozen if t.state.name != "WAITING"), key=lambda t: t.number)
    waiting = len(frozen) - len(kept)
    left = f"Left out, as not begun: {counted(waiting, 'trial')}." if waiting else ""
    metrics = found.system_attrs.get(_METRIC_NAMES)
    return ExternalStudy(
        kind="Optuna study",
        engine="optuna",
        source=source,
        name=plain(found.study_name),
        direction="minimize" if found.direction.name == "MINIMIZE" else "maximize",
        metric=plain(metrics[0]) if isinstance(metrics, (list, tuple)) and metrics else "",
        axes=_axes(kept),
        trials=numbered([_trial(t) for t in kept]),
        notes=tuple(n for n in (note, left) if n),
    )


def _chosen(studies: list[FrozenStudy], source: str, name: str | None) -> FrozenStudy:
    if name is not None:
        studies = [s for s in studies if s.study_name == name] or studies
        if [s.study_name for s in studies] == [name]:
            return studies[0]
    elif len(studies) == 1:
        return studies[0]
    if not studies:
        raise ForeignError(f"{source}: holds no Optuna study")
    names = [plain(s.study_name) for s in studies]
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    asked = f"no study {plain(name)!r}" if name is not None else f"{len(names)} studies"
    raise ForeignError(
        f"{source}: {asked}; name one with --study: {', '.join(names[:_NAMES_SHOWN])}{more}"
    )


def _trial(frozen: FrozenTrial) -> ExternalTrial:
    state: State = _STATES.get(frozen.state.name, "failed")
    steps = {int(step): float(value) for step, value in frozen.intermediate_values.items()}
    value = None
    if state == "complete":
        value = frozen.value
    elif state == "pruned":
        value = frozen.value if frozen.value is not None else steps.get(max(steps, default=-1))
    begun, ended = frozen.datetime_start, frozen.datetime_complete
    return ExternalTrial(
        number=frozen.number,
        state=state,
        params=dict(frozen.params),
        value=value,
        metrics={str(k): n for k, v in frozen.user_attrs.items() if (n := number(v)) is not None},
        steps=steps,
        # Optuna notes the time of its machine's zone, which it does not name.
        started=begun.astimezone(UTC).isoformat(timespec="seconds") if begun else "",
        seconds=max(0.0, (ended - begun).total_seconds()) if begun and ended else None,
        failure=_failure(frozen) if state == "failed" else None,
    )


def _failure(frozen: FrozenTrial) -> Failure:
    if frozen.state.name == "RUNNING":
        return Failure("interrupted", "had not ended when the study was read in")
    reason = frozen.system_attrs.get("fail_reason")
    return Failure("unknown", plain(reason) if reason else "failed; the study does not say why")


def _axes(trials: list[FrozenTrial]) -> dict[str, tuple[Axis, ...]]:
    axes: dict[str, dict[Axis, None]] = {}
    for trial in trials:
        for name, distribution in trial.distributions.items():
            axes.setdefault(name, {})[_axis(distribution)] = None
    return {name: tuple(known) for name, known in axes.items()}


def _axis(found: BaseDistribution) -> Axis:
    choices = getattr(found, "choices", None)
    if choices is not None:
        return Axis(choices=tuple(c for c in choices if type(c) in (bool, int, float, str)))
    low, high = number(getattr(found, "low", None)), number(getattr(found, "high", None))
    step = number(getattr(found, "step", None))
    known = [n if n is not None and math.isfinite(n) else None for n in (low, high)]
    return Axis(known[0], known[1], step, bool(getattr(found, "log", False)))
