"""One trial under way: what is known of it so far, and the rules for trying it again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from search.engines.base import Suggestion
from search.records import Epoch, Failure, FailureKind, State, StoppedBy, Trial
from search.tasks import Task


@dataclass
class RunningTrial:
    """A trial under way.

    Attributes:
        since: clock reading at which its present process began.
        started: ISO 8601 time in UTC at which it first began.
        earlier_seconds: seconds that its ended processes took.
        resume_epochs: the epochs after which it went on from a checkpoint.
        failure: how it ended, where it failed for good.
        stopped_by: what ended it before its time, the engine's pruner or the clock; empty: nothing.
        all_epochs_done: whether only its process has to end.
    """

    suggestion: Suggestion
    task: Task
    since: float
    started: str
    earlier_seconds: float = 0.0
    epochs: list[Epoch] = field(default_factory=list)
    retries: list[Failure] = field(default_factory=list)
    resume_epochs: list[int] = field(default_factory=list)
    failure: Failure | None = None
    stopped_by: StoppedBy = ""
    all_epochs_done: bool = False
    peak_memory: int | None = None

    @property
    def number(self) -> int:
        """The trial's number in the study."""
        return self.suggestion.number

    @property
    def state(self) -> State:
        """How the trial ends, as things stand."""
        return "failed" if self.failure else "pruned" if self.stopped_by else "complete"

    def may_retry(self, kind: str, earlier: Sequence[Trial]) -> bool:
        """Whether to try it again after a failure of ``kind``.

        Args:
            kind: one of ``FailureKind``.
            earlier: the finished trials; those of the same parameters count as attempts.
        """
        failures = [*self.retries, *(t.failure for t in earlier if t.params == self.task.params)]
        return sum(f is not None and f.kind == kind for f in failures) < FailureKind(kind).retries

    def record(self, earlier: Sequence[Trial]) -> Trial:
        """The record of the trial as it stands, ``earlier`` being those of the study so far."""
        same = [t for t in earlier if t.params == self.task.params]
        done = [
            t.number
            for t in same
            if t.state == "complete" and len(t.epochs) == len(self.epochs)  # not Hyperband's rungs
        ]
        replicate_of, retry_of = self.suggestion.replicate_of, self.suggestion.retry_of
        failed = [t.number for t in same if t.failure and FailureKind(t.failure.kind).retries]
        return Trial(
            number=self.number,
            state=self.state,
            params=self.task.params,
            value=self._value(),
            epochs=tuple(self.epochs),
            seed=self.task.seed,
            started=self.started,
            seconds=round(self.earlier_seconds, 3),
            failure=self.failure,
            retries=tuple(self.retries),
            resumed=tuple(self.resume_epochs),
            replicate_of=replicate_of if replicate_of is not None else next(iter(done), None),
            retry_of=retry_of if retry_of is not None or done else next(reversed(failed), None),
            peak_memory=self.peak_memory,
            stopped_by="" if self.failure else self.stopped_by,
            prior=self.suggestion.prior,
        )

    def _value(self) -> float | None:
        if self.state == "failed" or not self.epochs:
            return None
        if self.state == "pruned":
            return self.epochs[-1].val_accuracy
        return max(epoch.val_accuracy for epoch in self.epochs)


def is_external_failure(trial: Trial) -> bool:
    """Whether a trial failed for a reason that says nothing against the study."""
    return trial.failure is not None and FailureKind(trial.failure.kind).external


def is_infeasible(trial: Trial) -> bool:
    """Whether a trial was not trained, as its network is above a limit."""
    return trial.failure is not None and trial.failure.kind == FailureKind.INFEASIBLE


def trial_seed(seed: int, number: int, purpose: str = "trial") -> int:
    """The seed of trial ``number``, an int below 2**31: repeatable and unlike its neighbours'."""
    digest = hashlib.sha256(f"{purpose}:{seed}:{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
