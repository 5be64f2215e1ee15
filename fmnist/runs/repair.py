"""Damaged lines in the journals of a run: set aside, and refilled where something knows of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from fmnist.runs.artifacts import EPOCH_JOURNALS, EPOCHS, RUN, STUDY, TRIAL_LOGS, TRIALS
from fmnist.runs.folder import Run
from search.atomic import halves_of_files
from search.records import Trial
from search.study.repair import Repair, repair_epochs, repair_trials
from search.study.running_trial import trial_seed


def repair_journals(run: Run) -> list[Repair]:
    """Repair every journal of a run that this process holds; what was damaged, if anything.

    A trial of the search comes back from the study; any other training is made again. Halves of
    files that a killed process left are removed.
    """
    for half in halves_of_files(run.path):
        half.unlink(missing_ok=True)
    repairs = [repair_epochs(run / journal) for journal in EPOCH_JOURNALS]
    for log in TRIAL_LOGS:
        known = partial(_from_study, run) if log is TRIALS else tuple
        repairs.append(repair_trials(run / log, known))
    return [repair for repair in repairs if repair is not None]


def _from_study(run: Run) -> Iterator[Trial]:
    from search.engines.sqlite_reading import read_finished  # Optuna takes a second

    epochs = run.epochs(EPOCHS)
    seed = run.read(RUN).request.seed
    for trial in read_finished(run / STUDY, partial(trial_seed, seed)):
        yield replace(trial, epochs=tuple(epochs.get(trial.number, ())))
