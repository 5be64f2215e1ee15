"""Whether every file of a run can be read, and whether what they say agrees."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fmnist.errors import UserError
from fmnist.runs.artifacts import (
    ARTIFACTS,
    LEDGER,
    METRICS,
    MODEL,
    STUDY,
    TRIALS,
    VALIDATED,
    Artifact,
)
from fmnist.runs.folder import Run
from fmnist.runs.safe_read import read_arrays
from search.records import Epoch, Trial


def check_run(run: Run) -> list[str]:
    """What is wrong with the files of a run, a line each; nothing is written."""
    found = [p for a in ARTIFACTS if run.has(a) and (p := _problem(run, a))]
    return found or [p for check in (_check_ledger, _check_study) for p in check(run)]


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
    elif artifact is STUDY:
        from search.engines.sqlite_store import check_file  # Optuna takes a second

        check_file(run / artifact)


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


def _check_study(run: Run) -> Iterator[str]:
    """Trials that ended otherwise in the study than in the log."""
    if not (run.has(STUDY) and run.has(TRIALS)):
        return
    from search.engines.sqlite_reading import read_finished

    logged = {trial.number: trial for trial in run.trials()}
    for told in read_finished(run / STUDY, int):
        trial = logged.get(told.number)
        if trial is None:
            yield f"{run / TRIALS}: lacks trial {told.number}, which {STUDY} has as {told.state}"
        elif (trial.state, trial.params) != (told.state, told.params):
            yield f"{run / STUDY}: trial {told.number} is {told.state}, {TRIALS}: {trial.state}"
