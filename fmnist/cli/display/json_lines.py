"""One JSON object a line, for programs: an event and its data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist.pipeline.progress import ProgressDisplay
from fmnist.runs.artifacts import BEST_CONFIG
from fmnist.runs.codec import document, to_plain
from fmnist.runs.records.metrics import Metrics
from fmnist.runs.records.plan import Check
from search.analysis.results import Confirmation
from search.engines.base import Suggestion
from search.records import Epoch, Failure, Trial

if TYPE_CHECKING:
    from fmnist.report.render import Rendered


class JsonDisplay(ProgressDisplay):
    """One JSON object a line on standard output: an ``event`` and its data."""

    def _emit(self, event: str, **data: Any) -> None:
        print(json.dumps({"event": event, **data}), flush=True)

    def job_started(self, run: Path) -> None:
        """See ``ProgressDisplay.job_started``."""
        self._emit("begin", run=str(run), seconds=self.limit)

    def stage_started(self, name: str) -> None:
        """See ``ProgressDisplay.stage_started``."""
        super().stage_started(name)
        self._emit("stage", name=name)

    def message(self, text: str) -> None:
        """See ``ProgressDisplay.message``."""
        self._emit("message", text=text)

    def check(self, check: Check) -> None:
        """See ``ProgressDisplay.check``."""
        self._emit("check", **vars(check))

    def trial_started(self, suggestion: Suggestion) -> None:
        """See ``ProgressDisplay.trial_started``."""
        self._emit("trial_started", number=suggestion.number, params=suggestion.params)

    def epoch_done(self, suggestion: Suggestion, epoch: Epoch) -> None:
        """See ``ProgressDisplay.epoch_done``."""
        self._emit("trial_epoch", number=suggestion.number, **vars(epoch))

    def trial_retried(self, suggestion: Suggestion, failure: Failure) -> None:
        """See ``ProgressDisplay.trial_retried``."""
        self._emit("trial_retried", number=suggestion.number, failure=vars(failure))

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        """See ``ProgressDisplay.trial_done``."""
        self._emit("trial", **trial.to_json(), best=best.number if best else None)

    def confirm_started(self, k: int, seeds: int, leader: str) -> None:
        """See ``ProgressDisplay.confirm_started``."""
        self._emit("confirm", k=k, seeds=seeds, leader=leader)

    def confirmed(self, confirmation: Confirmation) -> None:
        """See ``ProgressDisplay.confirmed``."""
        self._emit("confirmed", **document(confirmation))

    def retrain_epoch(self, epoch: Epoch, epochs: int, name: str = "") -> None:
        """See ``ProgressDisplay.retrain_epoch``."""
        scores = {
            k: v
            for k, v in vars(epoch).items()
            if self.current_stage == "retrain" or k[:4] != "val_"
        }
        self._emit("epoch", **scores, epochs=epochs, stage=self.current_stage, name=name)

    def result(self, run: Path, metrics: Metrics, rendered: Rendered) -> None:
        """See ``ProgressDisplay.result``."""
        self._emit(
            "result",
            run=str(run),
            accuracy=metrics.test.accuracy,
            interval=metrics.test.interval,
            search=to_plain(metrics.search),
            ensemble=to_plain(metrics.ensemble),
            html=str(rendered.html),
            pdf=str(rendered.pdf) if rendered.pdf else None,
            problem=rendered.problem,
            best_config=str(run / BEST_CONFIG.name),
        )
