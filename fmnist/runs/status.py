"""``fmnist status``: what a run is doing, read from its files; also while another process writes.

Nothing is written, no database is opened: a look must never disturb the run it looks at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fmnist.runs.folder import Run
from fmnist.runs.live_reader import (
    age,
    epochs_of,
    members_trained,
    peek_json,
    peek_lines,
    peek_trials,
)
from fmnist.runs.next_steps import State, next_steps
from fmnist.text import clock
from search.records import best_of

_JOURNALS = "epochs confirm_epochs retrain_epochs refit_epochs ensemble_epochs experiments_epochs"
_EPOCHS = tuple(_JOURNALS.split())


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


def read_status(run: Run, now: datetime | None = None) -> Status:
    """What ``run`` is doing ``now``.

    Raises:
        RunError: the folder is no run, or one of its files holds something else.
    """
    now = now or datetime.now(UTC)
    record = Run.existing(run.path).read_toml("run.toml")
    pid = _owner(run)
    state: State = "running" if pid is not None else "stopped"
    if state == "stopped" and run.has("report.html"):
        state = "finished"
    elif state == "stopped" and "imported" in record:
        state = "imported"
    trials = peek_trials(run / "trials.jsonl")
    searching = _in_flight(run, "trial", "epochs.jsonl", "trials.jsonl")
    confirming = _in_flight(run, "confirmation run", "confirm_epochs.jsonl", "confirm.jsonl")
    plan = peek_json(run, "plan.json")
    elapsed = _elapsed(run, now, running=state == "running")
    deadline = plan.get("deadline")
    best = best_of(trials)
    return Status(
        name=run.path.resolve().name,
        state=state,
        pid=pid,
        stage=_stage(run),
        started=str(record.get("created", "")),
        elapsed=elapsed,
        deadline=deadline,
        time_left=None if state == "finished" else _time_left(record, deadline, elapsed, now),
        trials=_counts(t.state for t in trials),
        failures=_counts(t.failure.kind for t in trials if t.failure),
        best=Best(best.number, best.value or 0.0, best.params) if best else None,
        in_flight=(*searching, *confirming),
        last_epoch=_last_epoch(run, now) if state == "running" else None,
        confirmation=_confirmation(run),
        retraining=_retraining(run),
        refit=epochs_of(run, "refit"),
        ensemble=members_trained(run),
        decisions=tuple(_decision(entry) for entry in plan.get("decisions", [])),
        test_accuracy=peek_json(run, "metrics.json").get("test", {}).get("accuracy"),
        next=next_steps(run, state, pid, str(record.get("command", ""))),
    )


def _owner(run: Run) -> int | None:
    """The process that holds the folder; 0 where it did not leave its number."""
    if not run.has(".lock") or not run.busy():  # asking would make the file
        return None
    try:
        return int((run / ".owner").read_text())
    except (OSError, ValueError):
        return 0


def _stage(run: Run) -> str:
    stages = peek_json(run, "stages.json").get("stages", [])
    return str(stages[-1]["name"]) if stages else ""


def _elapsed(run: Run, now: datetime, *, running: bool) -> float:
    """The stages' times; they are noted at every step, so a running one adds what came since."""
    stages = peek_json(run, "stages.json").get("stages", [])
    noted = sum(float(entry["seconds"]) for entry in stages)
    since = age(run / "stages.json", now) if running else None
    return round(noted + (since or 0.0), 1)


def _time_left(
    record: dict[str, Any], deadline: str | None, elapsed: float, now: datetime
) -> float | None:
    if deadline is not None:
        return round(max(0.0, (datetime.fromisoformat(deadline) - now).total_seconds()), 1)
    given = record.get("request", {}).get("time_seconds")
    return None if given is None else round(max(0.0, given - elapsed), 1)


def _in_flight(run: Run, name: str, epochs: str, log: str) -> tuple[InFlight, ...]:
    """Trials of the file ``epochs`` that are not yet in ``log``, by their last epoch."""
    # Epochs first: what is recorded meanwhile is then known to be over.
    latest = {row["trial"]: row for row in peek_lines(run / epochs)}
    over = {t.number for t in peek_trials(run / log)}
    return tuple(
        InFlight(name, number, row["epoch"], row["val_accuracy"])
        for number, row in sorted(latest.items())
        if number not in over
    )


def _retraining(run: Run) -> int | None:
    """Epochs of the retraining; None before its first."""
    if run.has("history.json"):
        return len(peek_json(run, "history.json")["epochs"])
    return epochs_of(run, "retrain")


def _last_epoch(run: Run, now: datetime) -> float | None:
    ages = [age(run / f"{name}.jsonl", now) for name in _EPOCHS]
    return min((a for a in ages if a is not None), default=None)


def _confirmation(run: Run) -> Confirmation | None:
    runs = peek_trials(run / "confirm.jsonl")
    result = peek_json(run, "confirmation.json")
    if not runs and not result:
        return None
    failed = sum(t.state == "failed" for t in runs)
    return Confirmation(len(runs), failed, result.get("winner"), result.get("reason", ""))


def _decision(entry: dict[str, Any]) -> str:
    return f"{clock(entry['after_seconds'])} {entry['stage']}: {entry['text']}"


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())
