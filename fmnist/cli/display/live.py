"""The view for a terminal: what is under way, a line a trial, and the trials worth a look."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from typing_extensions import override

from fmnist.cli.display.plain import QuietDisplay
from fmnist.cli.display.summary import check_text, left_text, outcome, winner_text
from fmnist.pipeline.progress import STAGES
from fmnist.runs.records.metrics import Metrics
from fmnist.runs.records.plan import Check
from fmnist.text import cell, clock, percent, settings
from search.analysis.results import Confirmation
from search.engines.base import Suggestion
from search.records import Epoch, Failure, Trial

if TYPE_CHECKING:
    from fmnist.report.render import Rendered

_SHOWN_BEST, _SHOWN_NEWEST = 3, 8
_GAP = 2


@dataclass
class DisplayedTrial:
    """A trial under way."""

    suggestion: Suggestion
    since: float = field(default_factory=time.monotonic)
    epoch: Epoch | None = None
    again: str = ""


class LiveDisplay(QuietDisplay):
    """Redraws itself; a renderable of rich, so that the width decides what is shown."""

    def __init__(self) -> None:
        super().__init__()
        self._live: Live | None = None
        self._trials: list[Trial] = []
        self._best: Trial | None = None
        self._running: dict[int, DisplayedTrial] = {}
        self._detail = ""
        self._notice = ""
        self._run = Path()

    @override
    def job_started(self, run: Path) -> None:
        self._run = run
        self._live = Live(get_renderable=lambda: self, refresh_per_second=2, redirect_stderr=False)
        self._live.start()

    @override
    def stage_started(self, name: str) -> None:
        super().stage_started(name)
        self._detail = ""
        self._running.clear()

    @override
    def message(self, text: str) -> None:
        if self._live:
            self._live.console.print(Padding(Text(text), (0, 0, 0, 2)))

    @override
    def check(self, check: Check) -> None:
        if check.ok is True:  # not worth a lasting line
            self._detail = check_text(check)
        else:
            self.message(check_text(check))

    @override
    def trial_started(self, suggestion: Suggestion) -> None:
        self._running[suggestion.number] = DisplayedTrial(suggestion)

    @override
    def epoch_done(self, suggestion: Suggestion, epoch: Epoch) -> None:
        self._running.setdefault(suggestion.number, DisplayedTrial(suggestion)).epoch = epoch

    @override
    def trial_retried(self, suggestion: Suggestion, failure: Failure) -> None:
        again = f"again after {failure.kind}"
        self._running.setdefault(suggestion.number, DisplayedTrial(suggestion)).again = again

    @override
    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        self._running.pop(trial.number, None)
        if self.current_stage == "confirm":
            self.message(f"seed {trial.seed} of trial {trial.replicate_of}: {outcome(trial)}")
            return
        self._trials.append(trial)
        self._best = best

    @override
    def confirm_started(self, k: int, seeds: int, leader: str) -> None:
        self._detail = f"the best {k} on {seeds} fresh seeds each: {leader}"

    @override
    def confirmed(self, confirmation: Confirmation) -> None:
        self.message(winner_text(confirmation))

    @override
    def retrain_epoch(self, epoch: Epoch, epochs: int, name: str = "") -> None:
        who = f"{name}, " if name else ""
        validated = self.current_stage == "retrain"
        value = epoch.val_accuracy if validated else epoch.accuracy
        score = f"{'validation' if validated else 'training'} {percent(value)}"
        left = left_text(epoch, epochs) if self.time_left() is None else ""
        self._detail = f"{who}epoch {epoch.epoch} of {epochs}, {score}, {epoch.seconds:.1f} s{left}"

    @override
    def stopping(self, text: str) -> None:
        self._notice = text

    @override
    def result(self, run: Path, metrics: Metrics, rendered: Rendered) -> None:
        self.stage_started("done")
        self.close()
        print()
        super().result(run, metrics, rendered)

    @override
    def close(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """The whole picture. Drawn by rich's thread while the study goes on, so of copies."""
        width = options.max_width
        yield self._head(width)
        stage = STAGES.get(self.current_stage, self.current_stage)
        yield _line(Text(stage + (f": {self._detail}" if self._detail else "")), width)
        if self._notice:
            yield Text(self._notice, style="yellow")
        for running in list(self._running.values()):
            yield _line(self._running_line(running), width)
        trials = list(self._trials)
        if trials:
            yield Text()
            yield self._table(trials, width)

    def _head(self, width: int) -> Text:
        left, parts = self.time_left(), []
        if left is not None and self.limit:
            parts.append(f"{_bar(1 - left / self.limit, min(20, width // 6))} {clock(left)} left")
        else:
            parts.append(clock(self.elapsed()))
        if self.trials is not None:
            parts.append(f"{len(self._trials)} of {self.trials} trials")
        elif self._trials:
            parts.append(f"{len(self._trials)} trials")
        facts = "   " + "   ".join(parts)
        name = str(self._run)
        if len(name) + len(facts) > width:
            name = self._run.name
        head = Text(no_wrap=True, overflow="ellipsis").append(name, style="bold")
        head.truncate(max(8, width - len(facts)), overflow="ellipsis")
        return head.append(facts, style="cyan")

    def _running_line(self, running: DisplayedTrial) -> Text:
        suggestion, epoch = running.suggestion, running.epoch
        of = f"/{suggestion.epochs}" if suggestion.epochs else ""
        text = Text().append(f"trial {suggestion.number:<4} ", style="cyan")
        text.append(f"{clock(time.monotonic() - running.since)}  ", style="dim")
        done = f"epoch {epoch.epoch}{of}" if epoch else "starting"
        text.append(f"{done:<10} {percent(epoch.val_accuracy) if epoch else '':>8}  ")
        if running.again:
            text.append(f"{running.again}  ", style="yellow")
        return text.append(settings(suggestion.params), style="dim")

    def _table(self, trials: list[Trial], width: int) -> Table:
        # The best ones and the newest ones: a night has hundreds.
        rows = _worth_showing(trials)
        names = list(trials[0].params)
        cells = {n: [cell(t.params.get(n, "")) for t in rows] for n in names}
        outcomes = [outcome(t) for t in rows]
        taken = max(5, *(len(str(t.number)) for t in rows)) + max(7, *map(len, outcomes))
        headings = _headings(cells, width - taken - 2 * _GAP - 1)
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0))
        table.add_column("trial", justify="right", no_wrap=True, vertical="bottom")
        table.add_column("outcome", no_wrap=True)
        for heading in headings.values():
            table.add_column(heading, justify="right", no_wrap=True)
        if len(headings) < len(cells):
            table.add_column("…")
        for i, trial in enumerate(rows):
            style = "green" if self._best and trial.number == self._best.number else None
            shown = [cells[n][i] for n in headings]
            table.add_row(str(trial.number), outcomes[i], *shown, style=style)
        return table


def _headings(cells: dict[str, list[str]], room: int) -> dict[str, str]:
    """Columns that fit into ``room`` characters: in one line, else in two, else the first ones."""
    shown: dict[str, str] = {}
    for broken in (False, True):
        shown, used = {}, 0
        for name, values in cells.items():
            heading = name.replace("_", "\n") if broken else name
            lines = [*heading.split("\n"), *values]
            used += _GAP + max(map(len, lines))
            if used > room:
                break
            shown[name] = heading
        if len(shown) == len(cells):
            break
    return shown


def _worth_showing(trials: list[Trial]) -> list[Trial]:
    top = sorted(trials, key=lambda t: -(t.value or 0.0))[:_SHOWN_BEST]
    shown = {t.number: t for t in [*top, *trials[-_SHOWN_NEWEST:]]}
    return [shown[n] for n in sorted(shown)]


def _bar(share: float, width: int) -> str:
    filled = round(max(0.0, min(1.0, share)) * width)
    return "━" * filled + "─" * (width - filled)


def _line(text: Text, width: int) -> Text:
    """One line, cut where it is too long."""
    text.no_wrap, text.overflow = True, "ellipsis"
    text.truncate(width, overflow="ellipsis")
    return text
