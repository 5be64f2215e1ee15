"""What a person sees of a running job: a live table, plain lines, JSON lines or only the end."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist.cli.display.live import LiveView
from fmnist.pipeline.progress import STAGES, View
from fmnist.text import (
    check_text,
    clock,
    duration,
    epoch_text,
    outcome,
    percent,
    settings,
    winner_text,
)
from search.engines.base import Suggestion
from search.records import Epoch, Failure, Trial

if TYPE_CHECKING:
    from fmnist.pipeline.doctor import Check
    from fmnist.report.render import Rendered

__all__ = ["STAGES", "JsonView", "LiveView", "PlainView", "View", "make_view"]


class PlainView(View):
    """A line an event, for logs and pipes."""

    def begun(self, run: Path) -> None:
        """See ``View.begun``."""
        _line(f"run {run}" + (f", {duration(self.limit)}" if self.limit else ""))

    def stage(self, name: str) -> None:
        """See ``View.stage``."""
        super().stage(name)
        _line(f"{clock(self.elapsed())} {STAGES.get(name, name)}")

    def message(self, text: str) -> None:
        """See ``View.message``."""
        _line(f"  {text}")

    def check(self, check: Check) -> None:
        """See ``View.check``."""
        _line(f"  {check_text(check)}")

    def trial_retried(self, suggestion: Suggestion, failure: Failure) -> None:
        """See ``View.trial_retried``."""
        _line(f"  trial {suggestion.number} is tried again: {failure.kind}, {failure.message}")

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        """See ``View.trial_done``."""
        if self.now == "confirm":
            _line(f"  seed {trial.seed} of trial {trial.replicate_of}: {outcome(trial)}")
            return
        left = "" if time_left == float("inf") else f", {duration(max(0.0, time_left))} to search"
        top = f", best {percent(best.value)} (trial {best.number})" if best else ""
        _line(f"  trial {trial.number} {outcome(trial)}: {settings(trial.params)}{top}{left}")

    def confirm_started(self, k: int, seeds: int, leader: str) -> None:
        """See ``View.confirm_started``."""
        _line(f"  the best {k} trials on {seeds} fresh seeds each: {leader}")

    def confirmed(self, confirmation: dict[str, Any]) -> None:
        """See ``View.confirmed``."""
        _line(f"  {winner_text(confirmation)}")

    def retrain_epoch(self, epoch: Epoch, epochs: int, name: str = "") -> None:
        """See ``View.retrain_epoch``."""
        who = f"{name}, " if name else ""
        scores = epoch_text(epoch, validated=self.now == "retrain")
        _line(f"  {who}epoch {epoch.epoch}/{epochs}: {scores}")


class JsonView(View):
    """One JSON object a line on standard output: an ``event`` and its data."""

    def _emit(self, event: str, **data: Any) -> None:
        print(json.dumps({"event": event, **data}), flush=True)

    def begun(self, run: Path) -> None:
        """See ``View.begun``."""
        self._emit("begin", run=str(run), seconds=self.limit)

    def stage(self, name: str) -> None:
        """See ``View.stage``."""
        super().stage(name)
        self._emit("stage", name=name)

    def message(self, text: str) -> None:
        """See ``View.message``."""
        self._emit("message", text=text)

    def check(self, check: Check) -> None:
        """See ``View.check``."""
        self._emit("check", **vars(check))

    def trial_started(self, suggestion: Suggestion) -> None:
        """See ``View.trial_started``."""
        self._emit("trial_started", number=suggestion.number, params=suggestion.params)

    def epoch_done(self, suggestion: Suggestion, epoch: Epoch) -> None:
        """See ``View.epoch_done``."""
        self._emit("trial_epoch", number=suggestion.number, **vars(epoch))

    def trial_retried(self, suggestion: Suggestion, failure: Failure) -> None:
        """See ``View.trial_retried``."""
        self._emit("trial_retried", number=suggestion.number, failure=vars(failure))

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        """See ``View.trial_done``."""
        self._emit("trial", **trial.to_json(), best=best.number if best else None)

    def confirm_started(self, k: int, seeds: int, leader: str) -> None:
        """See ``View.confirm_started``."""
        self._emit("confirm", k=k, seeds=seeds, leader=leader)

    def confirmed(self, confirmation: dict[str, Any]) -> None:
        """See ``View.confirmed``."""
        self._emit("confirmed", **confirmation)

    def retrain_epoch(self, epoch: Epoch, epochs: int, name: str = "") -> None:
        """See ``View.retrain_epoch``."""
        scores = {k: v for k, v in vars(epoch).items() if self.now == "retrain" or k[:4] != "val_"}
        self._emit("epoch", **scores, epochs=epochs, stage=self.now, name=name)

    def result(self, run: Path, metrics: dict[str, Any], rendered: Rendered) -> None:
        """See ``View.result``."""
        test = metrics["test"]
        self._emit(
            "result",
            run=str(run),
            accuracy=test["accuracy"],
            interval=test["interval"],
            search=metrics.get("search"),
            ensemble=metrics.get("ensemble"),
            html=str(rendered.html),
            pdf=str(rendered.pdf) if rendered.pdf else None,
            problem=rendered.problem,
            best_config=str(run / "best_config.toml"),
        )


def make_view(*, quiet: bool, as_json: bool) -> View:
    """The view for the flags and the terminal at hand."""
    if as_json:
        return JsonView()
    if quiet:
        return View()
    return LiveView() if sys.stdout.isatty() else PlainView()


def _line(text: str) -> None:
    print(text, flush=True)
