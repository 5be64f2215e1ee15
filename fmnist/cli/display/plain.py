"""What a person sees of a running job: a live table, plain lines, JSON lines or only the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from fmnist.cli.display.summary import check_text, epoch_text, outcome, result_text, winner_text
from fmnist.pipeline.progress import STAGES, ProgressDisplay
from fmnist.runs.records.metrics import Metrics
from fmnist.runs.records.plan import Check
from fmnist.text import clock, duration, percent, settings
from search.analysis.results import Confirmation
from search.engines.base import Suggestion
from search.records import Epoch, Failure, Trial

if TYPE_CHECKING:
    from fmnist.report.render import Rendered


class QuietDisplay(ProgressDisplay):
    """The result only."""

    @override
    def result(self, run: Path, metrics: Metrics, rendered: Rendered) -> None:
        print(result_text(run, metrics, rendered))


class PlainDisplay(QuietDisplay):
    """A line an event, for logs and pipes."""

    @override
    def job_started(self, run: Path) -> None:
        _line(f"run {run}" + (f", {duration(self.limit)}" if self.limit else ""))

    @override
    def stage_started(self, name: str) -> None:
        super().stage_started(name)
        _line(f"{clock(self.elapsed())} {STAGES.get(name, name)}")

    @override
    def message(self, text: str) -> None:
        _line(f"  {text}")

    @override
    def check(self, check: Check) -> None:
        self.message(check_text(check))

    @override
    def trial_retried(self, suggestion: Suggestion, failure: Failure) -> None:
        self.message(f"trial {suggestion.number} is tried again: {failure.kind}, {failure.message}")

    @override
    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        if self.current_stage == "confirm":
            self.message(f"seed {trial.seed} of trial {trial.replicate_of}: {outcome(trial)}")
            return
        left = "" if time_left == float("inf") else f", {duration(max(0.0, time_left))} to search"
        top = f", best {percent(best.value)} (trial {best.number})" if best else ""
        self.message(f"trial {trial.number} {outcome(trial)}: {settings(trial.params)}{top}{left}")

    @override
    def confirm_started(self, k: int, seeds: int, leader: str) -> None:
        self.message(f"the best {k} trials on {seeds} fresh seeds each: {leader}")

    @override
    def confirmed(self, confirmation: Confirmation) -> None:
        self.message(winner_text(confirmation))

    @override
    def retrain_epoch(self, epoch: Epoch, epochs: int, name: str = "") -> None:
        who = f"{name}, " if name else ""
        scores = epoch_text(epoch, validated=self.current_stage == "retrain")
        self.message(f"{who}epoch {epoch.epoch}/{epochs}: {scores}")


def _line(text: str) -> None:
    print(text, flush=True)
