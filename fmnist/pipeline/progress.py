"""What a job tells of itself; every view hears it and shows as much as it likes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fmnist.runs import library_output
from fmnist.runs.records.metrics import Metrics
from fmnist.runs.records.plan import Check
from search.analysis.results import Confirmation
from search.engines.base import Suggestion
from search.records import Epoch, Failure, Trial

if TYPE_CHECKING:
    from fmnist.report.render import Rendered

STAGES = {
    "prepare": "finding and verifying the data",
    "preflight": "trying the smallest and the largest network",
    "rehearse": "rehearsing the whole run on 2,000 images",
    "search": "searching",
    "confirm": "confirming the best trials on fresh seeds",
    "retrain": "retraining the best configuration",
    "refit": "training it once more, on the validation images too",
    "ensemble": "training the members of the ensemble",
    "baseline": "training a dense network to compare with",
    "evaluate": "opening the test set",
    "explain": "looking inside the network",
    "experiments": "trying variants of the best configuration",
    "publish": "leaving the winner in the artifact store",
    "gallery": "looking for doubtful labels and near-duplicates",
    "reproduce": "comparing with the recorded numbers",
    "report": "writing the report",
}


class ProgressDisplay:
    """Shows nothing; the displays of the command line override what they show."""

    def __init__(self) -> None:
        self.limit: float | None = None
        self.trials: int | None = None
        self.current_stage = ""
        self._remaining: Callable[[], float] | None = None
        self._since = time.monotonic()

    def start_job(
        self,
        run: Path,
        limit: float | None,
        trials: int | None = None,
        *,
        remaining: Callable[[], float] | None = None,
    ) -> None:
        """A job begins in the folder ``run``; ``limit`` seconds and ``trials``, where limited.

        ``remaining`` is asked for the seconds left; without it they are counted from here.
        """
        self.limit, self.trials, self._remaining = limit, trials, remaining
        self.job_started(run)

    def job_started(self, run: Path) -> None:
        """The job in the folder ``run`` has begun, its limits are known."""

    def stage_started(self, name: str) -> None:
        """A stage begins."""
        self.current_stage = name

    def message(self, text: str) -> None:
        """Something worth a line happened."""

    def check(self, check: Check) -> None:
        """A check of the preflight is over."""

    def trial_started(self, suggestion: Suggestion) -> None:
        """See ``search.study.study.Listener``; the confirmation's runs are trials too."""

    def epoch_done(self, suggestion: Suggestion, epoch: Epoch) -> None:
        """See ``search.study.study.Listener``."""

    def trial_retried(self, suggestion: Suggestion, failure: Failure) -> None:
        """See ``search.study.study.Listener``."""

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        """See ``search.study.study.Listener``."""

    def confirm_started(self, k: int, seeds: int, leader: str) -> None:
        """The best ``k`` trials are run on ``seeds`` fresh seeds; ``leader`` says who leads."""

    def confirmed(self, confirmation: Confirmation) -> None:
        """The winner is chosen; how sure that is."""

    def retrain_epoch(self, epoch: Epoch, epochs: int, name: str = "") -> None:
        """An epoch of a training at full size is over, out of ``epochs``.

        ``name`` tells members of an ensemble apart. Only the retraining has validation figures
        that mean something.
        """

    def stopping(self, text: str) -> None:
        """A signal came; called from inside its handler, so nothing that locks is used."""
        os.write(library_output.descriptor(), f"\nfmnist: {text}\n".encode())

    def result(self, run: Path, metrics: Metrics, rendered: Rendered) -> None:
        """The job is done; its numbers, and where its report is."""

    def close(self) -> None:
        """Nothing more will be shown."""

    def elapsed(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self._since

    def time_left(self) -> float | None:
        """Seconds until the deadline, ``None`` without one."""
        if self.limit is None:
            return None
        left = self._remaining() if self._remaining else self.limit - self.elapsed()
        return max(0.0, left)
