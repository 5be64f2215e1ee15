"""Whether each file of a run can be read, is as it was written, and agrees with the others."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fmnist.errors import UserError
from fmnist.runs.artifacts import (
    APPENDIX_PDF,
    ARTIFACTS,
    CHECKSUMS,
    EPOCH_JOURNALS,
    LEDGER,
    METRICS,
    MODEL,
    NEW_DATA,
    REPORT,
    REPORT_PDF,
    SPACE,
    STUDY,
    TRIAL_LOGS,
    TRIALS,
    VALIDATED,
    Artifact,
)
from fmnist.runs.folder import Run
from fmnist.runs.safe_read import read_arrays
from search.checksums import ChecksumError, noted_files, verify_checksum
from search.json_lines import RecordError, all_lines_of, lines_of, read_rows
from search.records import Epoch, Trial

_RENDERED = (REPORT, REPORT_PDF, APPENDIX_PDF)


def check_run(run: Run) -> list[str]:
    """What is wrong with the files of a run, a line each."""
    found = [*_damaged_journals(run), *(f"{run / name}: {why}" for name, why in _damaged(run))]
    found = found or [p for a in ARTIFACTS if run.has(a) and (p := _problem(run, a))]
    return found or [p for check in (_check_ledger, _check_study) for p in check(run)]


def damaged_files(run: Run) -> list[str]:
    """Names of the files that are not as they were written."""
    found = []
    for name in noted_files(run.path):
        try:
            verify_checksum(run / name)
        except ChecksumError:
            found.append(name)
        except FileNotFoundError:
            pass  # cleaned up
    return found


def _damaged(run: Run) -> Iterator[tuple[str, str]]:
    """Files that are not as they were written, and what can be done about each."""
    files = damaged_files(run)
    copies = [pdf for pdf in (REPORT_PDF, APPENDIX_PDF) if run.has(pdf) and pdf not in files]
    for name in files:
        known = next((a for a in ARTIFACTS if a.name == name), None)
        if known is not None and known.attach and copies:
            remedy = f"--repair takes the copy in {copies[0]}"
        elif name in _RENDERED or (known is not None and known.stage == "report"):
            remedy = f"fmnist report {run.path} makes it again"
        elif name == NEW_DATA.name:
            remedy = f"fmnist newdata {run.path} PHOTOS makes it again"
        else:
            remedy = "take it from a backup"
        yield name, f"is not as it was written: {remedy}; --accept {name} if it was edited"


def _damaged_journals(run: Run) -> Iterator[str]:
    """Files of lines of which one has another checksum, or the last was not written whole."""
    for log in (CHECKSUMS, *TRIAL_LOGS, *EPOCH_JOURNALS):
        path = run / log
        if not run.has(log):
            continue
        try:
            read_rows(path)
        except RecordError as error:
            yield f"{error}; fmnist check --repair mends it"
        if len(all_lines_of(path)) > len(lines_of(path)) and not run.busy():
            yield f"{path}: its last line is torn; fmnist check --repair mends it"


def _problem(run: Run, artifact: Artifact[Any]) -> str:
    try:
        _read(run, artifact)
    except (UserError, OSError, zipfile.BadZipFile) as error:
        return " ".join(str(error).split())
    return ""


def _read(run: Run, artifact: Artifact[Any]) -> None:
    if artifact.record is Trial:
        run.trials(artifact)
    elif artifact.record is Epoch:
        run.epochs(artifact)
    elif artifact.record is not None:
        run.read(artifact)
    elif artifact.name.endswith(".npz"):
        read_arrays(run / artifact)
    elif artifact in (MODEL, VALIDATED):
        _check_archive(run / artifact)


def _check_archive(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        if damaged := archive.testzip():
            raise zipfile.BadZipFile(f"{path}: {damaged} in it is damaged")


def _check_ledger(run: Run) -> Iterator[str]:
    """Results of the test set without a reading of it, or readings before there were results."""
    metrics, ledger = run.get(METRICS), run.get(LEDGER)
    if ledger is None:
        return
    read = [entry for entry in ledger.entries if entry.split == "test"]
    if metrics is not None and not read:
        yield f"{run / LEDGER}: names no reading of the test set, but {METRICS} has its results"


def study_damage(run: Run) -> str:
    """How the study is damaged, or disagrees with the log; empty where it is whole."""
    return _compared_study(run)[0]


def _compared_study(run: Run) -> tuple[str, list[int]]:
    """How the study is damaged, and the numbers of finished trials that only it has."""
    from search.engines.persistence import CorruptStoreError
    from search.engines.sqlite_reading import check_study  # Optuna takes a second

    try:
        return "", check_study(run / STUDY, run.read(SPACE), run.trials())
    except CorruptStoreError as error:
        return str(error), []


def _check_study(run: Run) -> Iterator[str]:
    """Damage of the study, and finished trials that only it has."""
    if not (run.has(STUDY) and run.has(TRIALS) and run.has(SPACE)) or run.busy():
        return
    damage, unrecorded = _compared_study(run)
    if damage:
        yield f"{run / STUDY}: {damage}; fmnist check --repair builds it anew from {TRIALS}"
    for number in unrecorded:
        yield f"{run / TRIALS}: lacks trial {number}, which {STUDY} has"
