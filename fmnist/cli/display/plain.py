"""What a person sees of a running job: a live table, plain lines, JSON lines or only the end."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from fmnist.cli.display.summary import (
    check_text,
    epoch_text,
    left_text,
    linked,
    outcome,
    result_text,
    winner_text,
)
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
        print(linked(result_text(run, metrics, rendered), rendered))


class PlainDisplay(QuietDisplay):
    """A line an event, for logs and pipes; a line more where nothing happened for ``silence`` s."""

    def __init__(self, silence: float = 60.0) -> None:
        super().__init__()
        self._silence = silence
        self._running: dict[int, str] = {}
        self._best = ""
        self._ended = 0
        self._printed = time.monotonic()
        self._closed = threading.Event()

    @override
    def job_started(self, run: Path) -> None:
        self._line(f"run {run}" + (f", {duration(self.limit)}" if self.limit else ""))
        threading.Thread(target=self._break_silence, daemon=True, name="heartbeat").start()

    @override
    def close(self) -> None:
        self._closed.set()

    def _line(self, text: str) -> None:
        self._printed = time.monotonic()
        print(text, flush=True)

    def _break_silence(self) -> None:
        """Say what is under way whenever nothing else was printed for a while."""
        wait = self._silence
        while not self._closed.wait(wait):
            wait = self._printed + self._silence - time.monotonic()
            if wait <= 0:
                wait = self._silence
                stage = STAGES.get(self.current_stage, self.current_stage)
                facts = [stage, *list(self._running.values()), *self._outlook()]
                self._line(f"{clock(self.elapsed())} {', '.join(facts)}")

    def _outlook(self) -> list[str]:
        """The best so far, and when all will be done as far as that is known."""
        facts = [f"best {self._best}"] if self._best else []
        left = self.time_left()
        if left is not None:
            facts.append(f"done by {datetime.now() + timedelta(seconds=left):%H:%M}")
        elif self.trials is not None and self.current_stage == "search":
            facts.append(f"{self._ended} of {self.trials} trials over")
        return facts

    @override
    def stage_started(self, name: str) -> None:
        super().stage_started(name)
        self._running.clear()
        self._line(f"{clock(self.elapsed())} {STAGES.get(name, name)}")

    @override
    def message(self, text: str) -> None:
        self._line(f"  {text}")

    @override
    def check(self, check: Check) -> None:
        self.message(check_text(check))

    @override
    def trial_started(self, suggestion: Suggestion) -> None:
        self._running[suggestion.number] = f"{self._name(suggestion)} starting"

    @override
    def epoch_done(self, suggestion: Suggestion, epoch: Epoch) -> None:
        of = f"/{suggestion.epochs}" if suggestion.epochs else ""
        at = f"{self._name(suggestion)} epoch {epoch.epoch}{of}"
        self._running[suggestion.number] = at
        self.message(", ".join([f"{at} {percent(epoch.val_accuracy)}", *self._outlook()]))

    def _name(self, suggestion: Suggestion) -> str:
        return f"{'run' if self.current_stage == 'confirm' else 'trial'} {suggestion.number}"

    @override
    def trial_retried(self, suggestion: Suggestion, failure: Failure) -> None:
        self.message(f"trial {suggestion.number} is tried again: {failure.kind}, {failure.message}")

    @override
    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        self._running.pop(trial.number, None)
        if self.current_stage == "confirm":
            self.message(f"seed {trial.seed} of trial {trial.replicate_of}: {outcome(trial)}")
            return
        self._ended += 1
        self._best = f"{percent(best.value)} (trial {best.number})" if best else ""
        left = [] if time_left == float("inf") else [f"{duration(max(0.0, time_left))} to search"]
        said = f"trial {trial.number} {outcome(trial)}: {settings(trial.params)}"
        self.message(", ".join([said, *self._outlook(), *left]))

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
        at = f"{who}epoch {epoch.epoch}/{epochs}"
        self._running = {0: at}
        left = left_text(epoch, epochs) if self.time_left() is None else ""
        self.message(", ".join([f"{at}: {scores}{left}", *self._outlook()]))
