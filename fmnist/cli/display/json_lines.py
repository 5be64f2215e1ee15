"""One JSON object a line, for programs: an event and its data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import override

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

    @override
    def job_started(self, run: Path) -> None:
        self._emit("begin", run=str(run), seconds=self.limit, left=self.time_left())

    @override
    def stage_started(self, name: str) -> None:
        super().stage_started(name)
        self._emit("stage", name=name)

    @override
    def message(self, text: str) -> None:
        self._emit("message", text=text)

    @override
    def check(self, check: Check) -> None:
        self._emit("check", **vars(check))

    @override
    def trial_started(self, suggestion: Suggestion) -> None:
        self._emit("trial_started", number=suggestion.number, params=suggestion.params)

    @override
    def epoch_done(self, suggestion: Suggestion, epoch: Epoch) -> None:
        self._emit("trial_epoch", number=suggestion.number, **vars(epoch))

    @override
    def trial_retried(self, suggestion: Suggestion, failure: Failure) -> None:
        self._emit("trial_retried", number=suggestion.number, failure=vars(failure))

    @override
    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        self._emit("trial", **trial.to_json(), best=best.number if best else None)

    @override
    def confirm_started(self, k: int, seeds: int, leader: str) -> None:
        self._emit("confirm", k=k, seeds=seeds, leader=leader)

    @override
    def confirmed(self, confirmation: Confirmation) -> None:
        self._emit("confirmed", **document(confirmation))

    @override
    def retrain_epoch(self, epoch: Epoch, epochs: int, name: str = "") -> None:
        scores = {
            k: v
            for k, v in vars(epoch).items()
            if self.current_stage == "retrain" or k[:4] != "val_"
        }
        self._emit("epoch", **scores, epochs=epochs, stage=self.current_stage, name=name)

    @override
    def result(self, run: Path, metrics: Metrics, rendered: Rendered) -> None:
        self._emit(
            "result",
            run=str(run),
            accuracy=metrics.test.accuracy,
            interval=metrics.test.interval,
            search=to_plain(metrics.search),
            ensemble=to_plain(metrics.ensemble),
            html=str(rendered.html),
            pdf=str(rendered.pdf) if rendered.pdf else None,
            appendix=str(rendered.appendix) if rendered.appendix else None,
            problem=rendered.problem,
            best_config=str(run / BEST_CONFIG.name),
        )
