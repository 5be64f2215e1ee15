"""``fmnist runs``: the runs of a folder, a line each; nothing is written, nothing is locked."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from fmnist.errors import UserError
from fmnist.runs.artifacts import LOG, METRICS, RUN, STAGES, STUDY, TRIALS
from fmnist.runs.folder import Run, RunError
from fmnist.runs.status import Status, read_status

State = Literal["running", "stopped", "failed", "finished", "imported", "damaged"]
_TRACES = (RUN, LOG, STAGES, TRIALS, STUDY)
_STAGE = re.compile(r" INFO stage \w+ begins$", re.MULTILINE)
_STOPPED = re.compile(r" ERROR stopped: (?!KeyboardInterrupt|SystemExit)(.+)$", re.MULTILINE)
_TAIL = 64_000  # bytes of a log that are enough to hold how it ended


@dataclass(frozen=True)
class Listed:
    """A run as the list shows it.

    Attributes:
        name: of its folder.
        started: ISO 8601 in UTC; empty where it is not known.
        accuracy, interval: on the test set, with its 95 % interval; None before the evaluation.
        validation: the best value of the search so far, a fraction.
        trials: finished trials of the search.
        bytes: all files together, without what links point at.
        problem: why the run failed, or what is damaged.
    """

    name: str
    path: str
    state: State
    started: str
    accuracy: float | None
    interval: tuple[float, float] | None
    validation: float | None
    trials: int | None
    bytes: int
    problem: str


def list_runs(results: Path) -> list[Listed]:
    """The runs under ``results``, newest first; damaged ones among them, other folders not."""
    folders = run_folders(results)
    return sorted((_listed(f) for f in folders), key=lambda r: (r.started, r.name), reverse=True)


def run_folders(results: Path) -> list[Path]:
    """Folders under ``results`` with the traces of a run, by name."""
    if not results.is_dir():
        return []
    return sorted(f for f in results.iterdir() if f.is_dir() and _is_run(f))


def count_test_reads(folder: Path, digest: str) -> int:
    """Other runs beside ``folder`` that were tested on the data of this digest."""
    others = [f for f in run_folders(folder.parent) if f.resolve() != folder.resolve()]
    return sum(_tested_on(f, digest) for f in others if (f / METRICS.name).is_file())


def _tested_on(folder: Path, digest: str) -> bool:
    try:
        return Run.existing(folder).read(RUN).data.digest == digest
    except (UserError, OSError, ValueError):  # damaged: not this run's business
        return False


def bytes_in(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; links count as nothing."""
    if path.is_symlink():
        return 0
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(_bytes(file) for file in files)


def _bytes(file: Path) -> int:
    try:
        return 0 if file.is_symlink() or not file.is_file() else file.stat().st_size
    except OSError:  # gone meanwhile: a run is writing
        return 0


def _is_run(folder: Path) -> bool:
    try:
        return any((folder / trace.name).is_file() for trace in _TRACES)
    except OSError:
        return False


def _listed(folder: Path) -> Listed:
    empty = Listed(folder.name, str(folder), "damaged", "", None, None, None, None, 0, "")
    try:
        empty = replace(empty, bytes=bytes_in(folder))
        return _read(Run.existing(folder), empty)
    except (RunError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        # Whatever another program left there: one folder must not hide the others.
        return replace(empty, problem=_short(error, folder), started=_changed(folder))


def _read(run: Run, empty: Listed) -> Listed:
    status = read_status(run)
    metrics = run.get(METRICS)
    failure = _failure(run) if status.state == "stopped" else ""
    return replace(
        empty,
        state="failed" if failure else status.state,
        started=_started(status),
        accuracy=metrics.test.accuracy if metrics else None,
        interval=metrics.test.interval if metrics else None,
        validation=status.best.value if status.best else None,
        trials=sum(status.trials.values()),
        problem=failure,
    )


def _started(status: Status) -> str:
    datetime.fromisoformat(status.started)
    return status.started


def _failure(run: Run) -> str:
    """What ended the last attempt, unless a person did; empty where nothing is known."""
    try:
        with (run / LOG).open("rb") as log:
            log.seek(max(0, log.seek(0, 2) - _TAIL))
            text = log.read().decode("utf-8", "replace")
    except OSError:
        return ""
    begun = [match.end() for match in _STAGE.finditer(text)]
    found = _STOPPED.search(text, begun[-1] if begun else 0)
    return found[1] if found else ""


def _short(error: BaseException, folder: Path) -> str:
    return " ".join(str(error).replace(f"{folder}/", "").replace(f"{folder}: ", "").split())


def _changed(folder: Path) -> str:
    try:
        moment = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    except OSError:
        return ""
    return moment.isoformat(timespec="seconds")
