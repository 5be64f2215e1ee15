"""What a person sees of a running job: a live table, plain lines, JSON lines or only the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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

    def result(self, run: Path, metrics: Metrics, rendered: Rendered) -> None:
        """See ``ProgressDisplay.result``."""
        print(result_text(run, metrics, rendered))


class PlainDisplay(QuietDisplay):
    """A line an event, for logs and pipes."""

    def job_started(self, run: Path) -> None:
        """See ``ProgressDisplay.job_started``."""
        _line(f"run {run}" + (f", {duration(self.limit)}" if self.limit else ""))

    def stage_started(self, name: str) -> None:
        """See ``ProgressDisplay.stage_started``."""
        super().stage_started(name)
        _line(f"{clock(self.elapsed())} {STAGES.get(name, name)}")

    def message(self, text: str) -> None:
        """See ``ProgressDisplay.message``."""
        _line(f"  {text}")

    def check(self, check: Check) -> None:
        """See ``ProgressDisplay.check``."""
        _line(f"  {check_text(check)}")

    def trial_retried(self, suggestion: Suggestion, failure: Failure) -> None:
        """See ``ProgressDisplay.trial_retried``."""
        _line(f"  trial {suggestion.number} is tried again: {failure.kind}, {failure.message}")

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        """See ``ProgressDisplay.trial_done``."""
        if self.current_stage == "confirm":
            _line(f"  seed {trial.seed} of trial {trial.replicate_of}: {outcome(trial)}")
            return
        left = "" if time_left == float("inf") else f", {duration(max(0.0, time_left))} to search"
        top = f", best {percent(best.value)} (trial {best.number})" if best else ""
        _line(f"  trial {trial.number} {outcome(trial)}: {settings(trial.params)}{top}{left}")

    def confirm_started(self, k: int, seeds: int, leader: str) -> None:
        """See ``ProgressDisplay.confirm_started``."""
        _line(f"  the best {k} trials on {seeds} fresh seeds each: {leader}")

    def confirmed(self, confirmation: Confirmation) -> None:
        """See ``ProgressDisplay.confirmed``."""
        _line(f"  {winner_text(confirmation)}")

    def retrain_epoch(self, epoch: Epoch, epochs: int, name: str = "") -> None:
        """See ``ProgressDisplay.retrain_epoch``."""
        who = f"{name}, " if name else ""
        scores = epoch_text(epoch, validated=self.current_stage == "retrain")
        _line(f"  {who}epoch {epoch.epoch}/{epochs}: {scores}")


def _line(text: str) -> None:
    print(text, flush=True)
