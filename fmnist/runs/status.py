"""``fmnist status``: what a run is doing, read from its files; also while another process writes.

Nothing is written, no database is opened: a look must never disturb the run it looks at.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fmnist.runs import artifacts
from fmnist.runs.artifacts import Artifact
from fmnist.runs.folder import Run
from fmnist.runs.next_steps import State, next_steps
from fmnist.runs.records.plan import Decision
from fmnist.text import ago, clock, counted, duration, percent, settings
from search.records import Epoch, Trial, best_of

SHOWN_DECISIONS = 5


@dataclass(frozen=True)
class InFlight:
    """A ``trial`` or ``confirmation run`` that is in no log yet: under way, or to be taken up."""

    kind: str
    number: int
    epochs: int
    value: float


@dataclass(frozen=True)
class Best:
    """The best complete trial of the search so far."""

    trial: int
    value: float
    params: dict[str, Any]


@dataclass(frozen=True)
class Confirmation:
    """Runs of the best trials on fresh seeds; ``winner``, and why it is, once it is known."""

    done: int
    failed: int
    winner: int | None
    reason: str


@dataclass(frozen=True)
class Status:
    """A run at one moment. Times in seconds, moments as ISO 8601 in UTC.

    Attributes:
        state: ``stopped`` is a run that no process holds and that has no report yet;
            ``imported`` one of trials that were read in, which does not go on by itself.
        stage: the last stage that began; empty before the first.
        elapsed: time spent working, earlier sessions included.
        trials: finished trials of the search by state.
        last_epoch: seconds since a training last ended an epoch; None unless running.
        retraining, refit: epochs done in each; None before it.
        ensemble: members trained to their end; None before the first epoch of one.
        test_accuracy: None until the evaluation is over.
        next: what a person may do now, one line each.
    """

    name: str
    state: State
    pid: int | None
    stage: str
    started: str
    elapsed: float
    deadline: str | None
    time_left: float | None
    trials: dict[str, int]
    failures: dict[str, int]
    best: Best | None
    in_flight: tuple[InFlight, ...]
    last_epoch: float | None
    confirmation: Confirmation | None
    retraining: int | None
    refit: int | None
    ensemble: int | None
    decisions: tuple[str, ...]
    test_accuracy: float | None
    next: tuple[str, ...]


def run_status(folder: Path, as_json: bool) -> int:
    """``fmnist status RUN``: print it; returns the exit code."""
    status = read_status(Run.existing(folder))
    print(status_json(status) if as_json else status_text(status))
    return 0


def read_status(run: Run, now: datetime | None = None) -> Status:
    """What ``run`` is doing ``now``.

    Raises:
        RunError: the folder is no run, or one of its files holds something else.
    """
    now = now or datetime.now(UTC)
    record = Run.existing(run.path).read(artifacts.RUN)
    pid = _owner(run)
    state: State = "running" if pid is not None else "stopped"
    if state == "stopped" and run.has(artifacts.REPORT):
        state = "finished"
    elif state == "stopped" and record.imported is not None:
        state = "imported"
    trials = run.trials()
    searching = _in_flight(run, "trial", artifacts.EPOCHS, artifacts.TRIALS)
    confirming = _in_flight(
        run, "confirmation run", artifacts.CONFIRM_EPOCHS, artifacts.CONFIRM_TRIALS
    )
    plan, metrics = run.get(artifacts.PLAN), run.get(artifacts.METRICS)
    stages = run.get(artifacts.STAGES)
    spent = stages.stages if stages else ()
    # Stages are noted at every step, so a running one adds what came since.
    since = _age(run / artifacts.STAGES, now) if state == "running" else None
    elapsed = round(sum(s.seconds for s in spent) + (since or 0.0), 1)
    deadline = plan.deadline if plan else None
    best = best_of(trials)
    return Status(
        name=run.path.resolve().name,
        state=state,
        pid=pid,
        stage=spent[-1].name if spent else "",
        started=record.created,
        elapsed=elapsed,
        deadline=deadline,
        time_left=None
        if state == "finished"
        else _time_left(record.request.time_seconds, deadline, elapsed, now),
        trials=_counts(t.state for t in trials),
        failures=_counts(t.failure.kind for t in trials if t.failure),
        best=Best(best.number, best.value or 0.0, best.params) if best else None,
        in_flight=(*searching, *confirming),
        last_epoch=_last_epoch(run, now) if state == "running" else None,
        confirmation=_confirmation(run),
        retraining=_retraining(run),
        refit=_epochs_made(run, artifacts.REFIT_EPOCHS),
        ensemble=_members_trained(run),
        decisions=tuple(_decision(entry) for entry in plan.decisions) if plan else (),
        test_accuracy=metrics.test.accuracy if metrics else None,
        next=next_steps(run, state, pid, record.command),
    )


def status_json(status: Status) -> str:
    """The status as one JSON object."""
    return json.dumps({"schema": 1, **asdict(status)}, allow_nan=False)


def status_text(status: Status) -> str:
    """The status for people, one fact a line."""
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
    rows += _block("plan", status.decisions[-SHOWN_DECISIONS:])
    rows += _block("next", status.next)
    return "\n".join(f"{name:14}{text}".rstrip() for name, text in rows)


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
    return rows + _block("in flight", [_flight_text(status, f) for f in status.in_flight])


def _flight_text(status: Status, flight: InFlight) -> str:
    waiting = "" if status.state == "running" else ", to be taken up again"
    return f"{flight.kind} {flight.number}, epoch {flight.epochs}: {percent(flight.value)}{waiting}"


def _confirmation_text(found: Confirmation) -> str:
    wins = "" if found.winner is None else f", trial {found.winner} wins"
    if found.reason and not found.done:
        return f"none{wins}: {found.reason}"
    failed = f" ({found.failed} failed)" if found.failed else ""
    reason = f": {found.reason}" if found.reason else ""
    return f"{counted(found.done, 'run')} done{failed}{wins}{reason}"


def _block(name: str, lines: Iterable[str]) -> list[tuple[str, str]]:
    return [("" if i else name, line) for i, line in enumerate(lines)]


def _owner(run: Run) -> int | None:
    """The process that holds the folder; 0 where it did not leave its number."""
    if not run.has(".lock") or not run.busy():  # asking would make the file
        return None
    try:
        return int((run / ".owner").read_text())
    except (OSError, ValueError):
        return 0


def _time_left(
    given: float | None, deadline: str | None, elapsed: float, now: datetime
) -> float | None:
    if deadline is not None:
        return round(max(0.0, (datetime.fromisoformat(deadline) - now).total_seconds()), 1)
    return None if given is None else round(max(0.0, given - elapsed), 1)


def _in_flight(
    run: Run, name: str, journal: Artifact[Epoch], log: Artifact[Trial]
) -> tuple[InFlight, ...]:
    """Trials of the ``journal`` that are not yet in ``log``, by their last epoch."""
    # Epochs first: what is recorded meanwhile is then known to be over.
    epochs = run.epochs(journal)
    over = {t.number for t in run.trials(log)}
    return tuple(
        InFlight(name, number, made[-1].epoch, made[-1].val_accuracy)
        for number, made in sorted(epochs.items())
        if number not in over
    )


def _epochs_made(run: Run, journal: Artifact[Epoch]) -> int | None:
    """Epochs of a stage that trains one network, or of its longest; None before the first."""
    made = run.epochs(journal).values()
    return max((epochs[-1].epoch for epochs in made), default=None)


def _members_trained(run: Run) -> int | None:
    """Members of the ensemble, besides the final model, that came to their end.

    None before the first epoch of one.
    """
    if not run.epochs(artifacts.ENSEMBLE_EPOCHS):
        return None
    return sum(t.state == "complete" for t in run.trials(artifacts.ENSEMBLE_TRIALS))


def _retraining(run: Run) -> int | None:
    """Epochs of the retraining; None before its first."""
    history = run.get(artifacts.HISTORY)
    return len(history.epochs) if history else _epochs_made(run, artifacts.RETRAIN_EPOCHS)


def _last_epoch(run: Run, now: datetime) -> float | None:
    ages = [_age(run / journal, now) for journal in artifacts.EPOCH_JOURNALS]
    return min((a for a in ages if a is not None), default=None)


def _age(path: Path, now: datetime) -> float | None:
    """Seconds since the file changed, never negative: clocks are set back. None without it."""
    try:
        return round(max(0.0, now.timestamp() - path.stat().st_mtime), 1)
    except FileNotFoundError:
        return None


def _confirmation(run: Run) -> Confirmation | None:
    runs, result = run.trials(artifacts.CONFIRM_TRIALS), run.get(artifacts.CONFIRMATION)
    if not runs and not result:
        return None
    failed = sum(t.state == "failed" for t in runs)
    winner, reason = (result.winner, result.reason) if result else (None, "")
    return Confirmation(len(runs), failed, winner, reason)


def _decision(entry: Decision) -> str:
    return f"{clock(entry.after_seconds)} {entry.stage}: {entry.text}"


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())
