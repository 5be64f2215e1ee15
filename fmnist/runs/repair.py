"""What of a damaged run can be had again: lines of journals, and files that a PDF has copies of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from fmnist.runs.artifacts import (
    APPENDIX_PDF,
    CHECKSUMS,
    EPOCH_JOURNALS,
    EPOCHS,
    REPORT_PDF,
    RUN,
    SPACE,
    STUDY,
    TRIAL_LOGS,
    TRIALS,
)
from fmnist.runs.check import damaged_files, study_damage
from fmnist.runs.folder import Run, RunError
from fmnist.runs.pdf_attachments import attached
from search.atomic import halves_of_files, write_bytes
from search.checksums import note_checksum, sha256, was_written
from search.records import Trial
from search.study.repair import Repair, repair_epochs, repair_rows, repair_trials
from search.study.running_trial import trial_seed


def repair_run(run: Run) -> Iterator[str]:
    """Repair what can be had again of a run that this process holds; a line for each repair."""
    yield from map(str, repair_journals(run))
    for name in restore_files(run):
        yield f"{name}: from the copy in the report's PDF"
    if rebuild_study(run):
        yield f"{STUDY}: built anew from {TRIALS}"


def repair_journals(run: Run) -> list[Repair]:
    """Repair every journal of a run that this process holds; what was damaged, if anything.

    A trial of the search comes back from the study; any other training is made again. Halves of
    files that a killed process left are removed.
    """
    for half in halves_of_files(run.path):
        half.unlink(missing_ok=True)
    repairs = [repair_checksums(run), *(repair_epochs(run / journal) for journal in EPOCH_JOURNALS)]
    for log in TRIAL_LOGS:
        known = partial(_from_study, run) if log is TRIALS else tuple
        repairs.append(repair_trials(run / log, known))
    return [repair for repair in repairs if repair is not None]


def _from_study(run: Run) -> Iterator[Trial]:
    from search.engines.persistence import CorruptStoreError
    from search.engines.sqlite_reading import read_finished  # Optuna takes a second

    epochs = run.epochs(EPOCHS)
    seed = run.read(RUN).request.seed
    try:
        for trial in read_finished(run / STUDY, partial(trial_seed, seed)):
            yield replace(trial, epochs=tuple(epochs.get(trial.number, ())))
    except CorruptStoreError:
        return  # the trials are made again


def rebuild_study(run: Run) -> bool:
    """Build a study that is damaged, or disagrees with the log, anew from it; whether it was.

    For that its search space has to be whole.
    """
    if not run.has(STUDY) or SPACE.name in damaged_files(run) or not study_damage(run):
        return False
    from search.engines.sqlite_store import SqliteStore  # Optuna takes a second

    SqliteStore(run / STUDY, run.read(SPACE), finished=run.trials()).close()
    return True


def repair_checksums(run: Run) -> Repair | None:
    """Take the damaged lines out, and note the files that they name, or whose SHA-256 they have."""
    repair = repair_rows(run / CHECKSUMS)
    if repair is not None:
        lines = (run / repair.kept_as).read_bytes()
        for file in run.path.iterdir():
            if file.is_file() and (
                f'"{file.name}"'.encode() in lines or sha256(file).encode() in lines
            ):
                note_checksum(file, sha256(file))
    return repair


def restore_files(run: Run) -> list[str]:
    """Replace damaged files by the copies that a PDF of the report carries; returns their names."""
    damaged, restored = damaged_files(run), []
    for pdf in (REPORT_PDF, APPENDIX_PDF):
        if run.has(pdf) and pdf not in damaged:
            for name, content in attached(run / pdf, (), damaged).items():
                if was_written(run / name, content) and name not in restored:
                    write_bytes(run / name, content)
                    restored.append(name)
    return restored


def accept_files(run: Run, names: Iterable[str]) -> None:
    """Take files as they are from here on.

    Raises:
        RunError: no such file in the folder.
    """
    for name in names:
        if not run.has(name) or Path(name).name != name:
            raise RunError(f"--accept {name}: {run.path} has no such file")
        note_checksum(run / name, sha256(run / name))
