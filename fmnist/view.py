"""What a person sees of a running job: a live table, plain lines, JSON lines or only the end."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist.words import cell, clock, duration, outcome, percent, result_text, settings
from search.engines.base import Suggestion
from search.records import Epoch, Trial

if TYPE_CHECKING:
    from rich.live import Live

    from fmnist.report.render import Rendered

STAGES = {
    "prepare": "finding and verifying the data",
    "search": "searching",
    "retrain": "retraining the best configuration",
    "evaluate": "opening the test set, once",
    "explain": "looking inside the network",
    "report": "writing the report",
}


class View:
    """Shows nothing but the result; the other views add to it."""

    def __init__(self) -> None:
        self.limit: float | None = None
        self.trials: int | None = None
        self.since = time.monotonic()

    def begin(self, run: Path, limit: float | None, trials: int | None = None) -> None:
        """A job begins in the folder ``run``; ``limit`` seconds and ``trials``, where limited."""
        self.limit, self.trials = limit, trials

    def stage(self, name: str) -> None:
        """A stage begins."""

    def message(self, text: str) -> None:
        """Something worth a line happened."""

    def trial_started(self, suggestion: Suggestion) -> None:
        """See ``search.study.Listener``."""

    def epoch_done(self, suggestion: Suggestion, epoch: Epoch) -> None:
        """See ``search.study.Listener``."""

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        """See ``search.study.Listener``."""

    def retrain_epoch(self, epoch: Epoch, epochs: int) -> None:
        """An epoch of the retraining is over, out of ``epochs``."""

    def result(self, run: Path, test: dict[str, Any], rendered: Rendered) -> None:
        """The job is done."""
        print(result_text(run, test, rendered))

    def close(self) -> None:
        """Nothing more will be shown."""

    def time_left(self) -> float | None:
        """Seconds until the deadline, ``None`` without one."""
        if self.limit is None:
            return None
        return max(0.0, self.limit - (time.monotonic() - self.since))


class PlainView(View):
    """A line an event, for logs and pipes."""

    def begin(self, run: Path, limit: float | None, trials: int | None = None) -> None:
        """See ``View.begin``."""
        super().begin(run, limit, trials)
        _line(f"run {run}" + (f", {duration(limit)}" if limit else ""))

    def stage(self, name: str) -> None:
        """See ``View.stage``."""
        _line(f"{clock(time.monotonic() - self.since)} {STAGES.get(name, name)}")

    def message(self, text: str) -> None:
        """See ``View.message``."""
        _line(f"  {text}")

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        """See ``View.trial_done``."""
        left = "" if time_left == float("inf") else f", {duration(max(0.0, time_left))} to search"
        top = f", best {percent(best.value)} (trial {best.number})" if best else ""
        _line(f"  trial {trial.number} {outcome(trial)}: {settings(trial.params)}{top}{left}")

    def retrain_epoch(self, epoch: Epoch, epochs: int) -> None:
        """See ``View.retrain_epoch``."""
        _line(
            f"  epoch {epoch.epoch}/{epochs}: validation accuracy {percent(epoch.val_accuracy)}, "
            f"loss {epoch.val_loss:.4f}, {epoch.seconds:.1f} s"
        )


class JsonView(View):
    """One JSON object a line on standard output: an ``event`` and its data."""

    def _emit(self, event: str, **data: Any) -> None:
        print(json.dumps({"event": event, **data}), flush=True)

    def begin(self, run: Path, limit: float | None, trials: int | None = None) -> None:
        """See ``View.begin``."""
        super().begin(run, limit, trials)
        self._emit("begin", run=str(run), seconds=limit)

    def stage(self, name: str) -> None:
        """See ``View.stage``."""
        self._emit("stage", name=name)

    def message(self, text: str) -> None:
        """See ``View.message``."""
        self._emit("message", text=text)

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        """See ``View.trial_done``."""
        self._emit("trial", **trial.to_json(), best=best.number if best else None)

    def retrain_epoch(self, epoch: Epoch, epochs: int) -> None:
        """See ``View.retrain_epoch``."""
        self._emit("epoch", **{**vars(epoch), "epochs": epochs})

    def result(self, run: Path, test: dict[str, Any], rendered: Rendered) -> None:
        """See ``View.result``."""
        self._emit(
            "result",
            run=str(run),
            accuracy=test["accuracy"],
            interval=test["interval"],
            html=str(rendered.html),
            pdf=str(rendered.pdf) if rendered.pdf else None,
            problem=rendered.problem,
            best_config=str(run / "best_config.toml"),
        )


class LiveView(View):
    """A table of the trials that redraws itself, for a terminal."""

    def __init__(self) -> None:
        super().__init__()
        self._live: Live | None = None
        self._trials: list[Trial] = []
        self._best: Trial | None = None
        self._now = ""
        self._run = Path()

    def begin(self, run: Path, limit: float | None, trials: int | None = None) -> None:
        """See ``View.begin``."""
        from rich.live import Live

        super().begin(run, limit, trials)
        self._run = run
        self._live = Live(get_renderable=self._draw, refresh_per_second=2, transient=False)
        self._live.start()

    def stage(self, name: str) -> None:
        """See ``View.stage``."""
        self._now = STAGES.get(name, name)

    def message(self, text: str) -> None:
        """See ``View.message``."""
        if self._live:
            self._live.console.print(f"  {text}", highlight=False, markup=False)

    def trial_started(self, suggestion: Suggestion) -> None:
        """See ``View.trial_started``."""
        self._now = f"trial {suggestion.number}: {settings(suggestion.params)}"

    def epoch_done(self, suggestion: Suggestion, epoch: Epoch) -> None:
        """See ``View.epoch_done``."""
        self._now = (
            f"trial {suggestion.number}, epoch {epoch.epoch}: validation "
            f"{percent(epoch.val_accuracy)}"
        )

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        """See ``View.trial_done``."""
        self._trials.append(trial)
        self._best = best

    def retrain_epoch(self, epoch: Epoch, epochs: int) -> None:
        """See ``View.retrain_epoch``."""
        self._now = (
            f"retraining, epoch {epoch.epoch} of {epochs}: validation {percent(epoch.val_accuracy)}"
        )

    def result(self, run: Path, test: dict[str, Any], rendered: Rendered) -> None:
        """See ``View.result``."""
        self._now = "done"
        self.close()
        super().result(run, test, rendered)

    def close(self) -> None:
        """See ``View.close``."""
        if self._live:
            self._live.stop()
            self._live = None

    def _draw(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        left = self.time_left()
        head = Text(f"{self._run}", style="bold")
        if left is not None and self.limit:
            head.append(f"   {_bar(1 - left / self.limit)} {clock(left)} left", style="cyan")
        if self.trials is not None:
            head.append(f"   {len(self._trials)} of {self.trials} trials", style="cyan")
        parts: list[Any] = [head, Text(self._now)]
        if self._trials:
            parts.append(self._table())
        return Group(*parts)

    def _table(self) -> Any:
        from rich.table import Table

        names = list(self._trials[0].params)
        table = Table(box=None, header_style="bold", pad_edge=False)
        for title in ("trial", "outcome", *names):
            table.add_column(title, justify="right" if title != "outcome" else "left")
        # The best ones and the newest ones: a night has hundreds.
        for trial in _worth_showing(self._trials):
            style = "green" if trial == self._best else None
            cells = [cell(trial.params[n]) for n in names]
            table.add_row(str(trial.number), outcome(trial), *cells, style=style)
        return table


def make_view(*, quiet: bool, as_json: bool) -> View:
    """The view for the flags and the terminal at hand."""
    if as_json:
        return JsonView()
    if quiet:
        return View()
    return LiveView() if sys.stdout.isatty() else PlainView()


def _worth_showing(trials: list[Trial]) -> list[Trial]:
    top = sorted(trials, key=lambda t: -(t.value or 0.0))[:3]
    shown = {t.number: t for t in [*top, *trials[-8:]]}
    return [shown[n] for n in sorted(shown)]


def _bar(share: float, width: int = 24) -> str:
    filled = round(max(0.0, min(1.0, share)) * width)
    return "━" * filled + "─" * (width - filled)


def _line(text: str) -> None:
    print(text, flush=True)
