"""How far a run is, in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from fmnist.cli.display.tables import facts
from fmnist.runs.status import ConfirmationProgress, Status, TrainingUnderWay
from fmnist.text import ago, clock, counted, duration, percent, settings

_SHOWN_DECISIONS = 5


def status_text(status: Status) -> str:
    """Describe the status for people, one fact a line."""
    rows = [("run", _headline(status))]
    if status.state != "imported":  # no time was spent here
        rows.append(("time", _times(status)))
    rows += _trial_rows(status)
    if status.last_epoch is not None:
        rows.append(("last epoch", ago(status.last_epoch)))
    if status.confirmation:
        rows.append(("confirmation", _confirmation_text(status.confirmation)))
    if status.retraining is not None:
        rows.append(("retraining", f"{counted(status.retraining, 'epoch')} done"))
    if status.refit is not None:
        rows.append(("refit", f"{counted(status.refit, 'epoch')} done"))
    if status.ensemble is not None:
        rows.append(("ensemble", f"{counted(status.ensemble, 'further network')} trained"))
    if status.test_accuracy is not None:
        rows.append(("test accuracy", percent(status.test_accuracy)))
    rows += _block("plan", status.decisions[-_SHOWN_DECISIONS:])
    rows += _block("next", status.next)
    return facts(rows)


def _headline(status: Status) -> str:
    holder = f", process {status.pid}" if status.pid else ""
    stage = f", stage {status.stage}" if status.stage and status.state != "finished" else ""
    return f"{status.name}: {status.state}{holder}{stage}"


def _times(status: Status) -> str:
    parts = [duration(status.elapsed)]
    if status.time_left is not None:
        left = f"{clock(status.time_left)} left" if status.time_left else "the time is over"
        parts = [f"{parts[0]} so far", left]
    if status.deadline and status.state != "finished":
        local = datetime.fromisoformat(status.deadline).astimezone()
        parts.append(f"to end by {local:%a %H:%M}")
    return ", ".join(parts)


def _trial_rows(status: Status) -> list[tuple[str, str]]:
    total = sum(status.trials.values())
    counts = ", ".join(f"{count} {state}" for state, count in status.trials.items())
    rows = [("trials", f"{total} ({counts})")] if total else []
    if status.failures:
        kinds = ", ".join(f"{count} × {kind}" for kind, count in status.failures.items())
        rows.append(("failures", kinds))
    if status.best:
        rows.append(("best", f"trial {status.best.trial}, {percent(status.best.value)}"))
        rows.append(("", settings(status.best.params)))
    return rows + _block("in flight", [_running_text(status, r) for r in status.in_flight])


def _running_text(status: Status, trial: TrainingUnderWay) -> str:
    waiting = "" if status.state == "running" else ", to be taken up again"
    return f"{trial.kind} {trial.number}, epoch {trial.epochs}: {percent(trial.value)}{waiting}"


def _confirmation_text(confirmation: ConfirmationProgress) -> str:
    wins = "" if confirmation.winner is None else f", trial {confirmation.winner} wins"
    if confirmation.reason and not confirmation.done:
        return f"none{wins}: {confirmation.reason}"
    failed = f" ({confirmation.failed} failed)" if confirmation.failed else ""
    reason = f": {confirmation.reason}" if confirmation.reason else ""
    return f"{counted(confirmation.done, 'run')} done{failed}{wins}{reason}"


def _block(name: str, lines: Iterable[str]) -> list[tuple[str, str]]:
    return [("" if i else name, line) for i, line in enumerate(lines)]
