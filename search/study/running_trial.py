"""One trial under way: what is known of it so far, and the rules for trying it again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from search.engines.base import Suggestion
from search.records import Epoch, Failure, State, Trial
from search.tasks import Task

# How often a trial is tried again after each kind of failure. Not after a bug or a loss that is
# no number: they would come again. Memory once, since a fresh process may have enough.
RETRIES = {"killed": 2, "hang": 1, "memory": 1, "interrupted": 3}
_INNOCENT = ("deadline", "interrupted")


@dataclass
class Attempt:
    """A trial under way.

    Attributes:
        since: clock reading at which its present process began.
        started: ISO 8601 time in UTC at which it first began.
        before: seconds that its ended processes took.
        failure: how it ended, where it failed for good.
        pruned: whether it was ended before its time, by the engine or by the clock.
        over: whether its last epoch was its last, so that only its process has to end.
    """

    suggestion: Suggestion
    task: Task
    since: float
    started: str
    before: float = 0.0
    epochs: list[Epoch] = field(default_factory=list)
    retries: list[Failure] = field(default_factory=list)
    resumed: list[int] = field(default_factory=list)
    failure: Failure | None = None
    pruned: bool = False
    over: bool = False
    peak_memory: int | None = None

    @property
    def number(self) -> int:
        """The trial's number in the study."""
        return self.suggestion.number

    @property
    def state(self) -> State:
        """How the trial ends, as things stand."""
        return "failed" if self.failure else "pruned" if self.pruned else "complete"

    def times_failed(self, kind: str, earlier: Sequence[Trial]) -> int:
        """How often trials of these parameters have failed this way, this time included."""
        recorded = [t for t in earlier if t.failure and t.failure.kind == kind]
        return (
            1
            + sum(f.kind == kind for f in self.retries)
            + sum(t.params == self.task.params for t in recorded)
        )

    def record(self, earlier: Sequence[Trial]) -> Trial:
        """The record of the trial as it stands, ``earlier`` being those of the study so far."""
        same = [t for t in earlier if t.params == self.task.params]
        done = [
            t.number
            for t in same
            if t.state == "complete" and len(t.epochs) == len(self.epochs)  # not Hyperband's rungs
        ]
        meant, heir_of = self.suggestion.replicate_of, self.suggestion.retry_of
        failed = [t.number for t in same if t.failure and t.failure.kind in RETRIES]
        return Trial(
            number=self.number,
            state=self.state,
            params=self.task.params,
            value=self._value(),
            epochs=tuple(self.epochs),
            seed=self.task.seed,
            started=self.started,
            seconds=round(self.before, 3),
            failure=self.failure,
            retries=tuple(self.retries),
            resumed=tuple(self.resumed),
            replicate_of=meant if meant is not None else next(iter(done), None),
            retry_of=heir_of if heir_of is not None or done else next(reversed(failed), None),
            peak_memory=self.peak_memory,
        )

    def _value(self) -> float | None:
        if self.state == "failed" or not self.epochs:
            return None
        if self.state == "pruned":
            return self.epochs[-1].val_accuracy
        return max(epoch.val_accuracy for epoch in self.epochs)


def innocent(trial: Trial) -> bool:
    """Whether a trial failed for a reason that says nothing against the study."""
    return trial.failure is not None and trial.failure.kind in _INNOCENT


def trial_seed(seed: int, number: int, purpose: str = "trial") -> int:
    """The seed of trial ``number``, an int below 2**31: repeatable and unlike its neighbours'."""
    digest = hashlib.sha256(f"{purpose}:{seed}:{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
