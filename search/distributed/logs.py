"""What a shared study leaves behind: records in the database, and each worker's own in a file."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from search.distributed.study import DistributedStudy
from search.distributed.trial_records import EPOCHS, WORKER
from search.records import Epoch, EpochLog, Trial, TrialLog


class DistributedTrialLog(TrialLog):
    """The records of all workers; ``path`` is this worker's own ``trials.jsonl``.

    Attributes:
        trials: all finished trials, by number, as of the last ``append`` or ``refresh``.
    """

    def __init__(self, study: DistributedStudy, path: Path, worker: str) -> None:
        super().__init__(path)
        self._study = study
        self._own = self.trials
        self.refresh()
        self._make_up(worker)

    @property
    def own(self) -> list[Trial]:
        """The trials that this worker recorded, in that order."""
        return self._own

    def append(self, trial: Trial) -> None:
        """End the trial in the database, with its record; then write it to the file.

        Raises:
            TrialLostError: it was ended otherwise; nothing is written.
            OSError: the file cannot be written; the database has the record, and the file gets
                it when the log is opened next.
        """
        self._study.finish_trial(trial.number, trial.state, trial.value, trial)
        self._write(trial)
        self.refresh()

    def refresh(self) -> None:
        """Look at what all workers have recorded."""
        self.trials = self._study.records()

    def _make_up(self, worker: str) -> None:
        """Write down what a process that died had recorded in the database only."""
        here = {trial.number for trial in self._own}
        ours = {t.number for t in self._study.all_trials() if t.user_attrs.get(WORKER) == worker}
        for trial in self.trials:
            if trial.number in ours - here and self._study.recorded(trial.number):
                self._write(trial)

    def _write(self, trial: Trial) -> None:
        self._lines.append(trial.to_json())
        self._own.append(trial)


class DistributedEpochLog(EpochLog):
    """The local journal of epochs, and the same in the database for whoever takes a trial over."""

    def __init__(self, study: DistributedStudy, path: Path) -> None:
        super().__init__(path)
        self._study = study

    def append(self, number: int, epoch: Epoch) -> None:
        """See ``EpochLog.append``.

        Raises:
            TrialLostError: the trial runs no longer.
        """
        super().append(number, epoch)
        rows = [dataclasses.asdict(e) for e in self.of(number)]
        self._study.attribute(number, EPOCHS, rows)
