"""``fmnist status``: what a run is doing, read from its files; also while another process writes.

Nothing is written, no database is opened: a look must never disturb the run it looks at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fmnist.runs import artifacts
from fmnist.runs.artifacts import Artifact
from fmnist.runs.folder import Run
from fmnist.runs.next_steps import State, next_steps
from fmnist.runs.records.plan import Decision
from fmnist.text import clock
from search.records import Epoch, Trial, best_of


@dataclass(frozen=True)
class TrainingUnderWay:
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
class ConfirmationProgress:
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
    in_flight: tuple[TrainingUnderWay, ...]
    last_epoch: float | None
    confirmation: ConfirmationProgress | None
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
) -> tuple[TrainingUnderWay, ...]:
    """Trials of the ``journal`` that are not yet in ``log``, by their last epoch."""
    # Epochs first: what is recorded meanwhile is then known to be over.
    epochs = run.epochs(journal)
    over = {t.number for t in run.trials(log)}
    return tuple(
        TrainingUnderWay(name, number, made[-1].epoch, made[-1].val_accuracy)
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


def _confirmation(run: Run) -> ConfirmationProgress | None:
    runs, result = run.trials(artifacts.CONFIRM_TRIALS), run.get(artifacts.CONFIRMATION)
    if not runs and not result:
        return None
    failed = sum(t.state == "failed" for t in runs)
    winner, reason = (result.winner, result.reason) if result else (None, "")
    return ConfirmationProgress(len(runs), failed, winner, reason)


def _decision(entry: Decision) -> str:
    return f"{clock(entry.after_seconds)} {entry.stage}: {entry.text}"


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())
