"""The loop of a study: ask, run, report, prune, tell; within a budget, leaving a record each."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from search.budget import SearchPlan
from search.engines.base import Engine, Suggestion
from search.records import Epoch, Failure, State, Trial, TrialError, TrialLog
from search.space import Value

OnEpoch = Callable[[Epoch], bool]


class Objective(Protocol):
    """Runs one trial. Calls ``on_epoch`` after each epoch and stops once it returns False.

    Raises:
        TrialError: the trial failed in a known way.
    """

    def __call__(self, params: dict[str, Value], seed: int, on_epoch: OnEpoch) -> None:
        """Run a trial of ``params`` from ``seed``."""
        ...


class Listener(Protocol):
    """Hears what happens in a study; the live view is one."""

    def trial_started(self, suggestion: Suggestion) -> None:
        """A trial begins."""

    def epoch_done(self, suggestion: Suggestion, epoch: Epoch) -> None:
        """An epoch of the running trial is over."""

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        """A trial is over and recorded."""


@dataclass
class _Run:
    """One trial under way."""

    suggestion: Suggestion
    started: float
    epochs: list[Epoch] = field(default_factory=list)
    pruned: bool = False


@dataclass
class Study:
    """Runs trials one after the other until the plan, the count or the space ends it.

    Attributes:
        max_trials: total of trials in the study, earlier sessions included; None: no limit.
        max_failures: this many failures in a row end the study with ``StudyError``: the fault
            is not the trial's then.
    """

    engine: Engine
    objective: Objective
    plan: SearchPlan
    log: TrialLog
    listener: Listener
    seed: int = 0
    epochs: int = 1
    max_trials: int | None = None
    max_failures: int = 5
    clock: Callable[[], float] = time.monotonic

    def run(self) -> None:
        """Run to the end; what is finished is recorded at once, so stopping loses nothing."""
        while self.max_trials is None or len(self.log.trials) < self.max_trials:
            if not self.plan.fits_another():
                return
            suggestion = self.engine.ask()
            if suggestion is None:
                return
            self._run_one(suggestion)
            self._check_failures()

    def _run_one(self, suggestion: Suggestion) -> None:
        run = _Run(suggestion, self.clock())
        started = datetime.now(UTC).isoformat(timespec="seconds")
        seed = trial_seed(self.seed, suggestion.number)
        self.listener.trial_started(suggestion)
        failure = self._objective_failure(run, seed)
        state: State = "failed" if failure else "pruned" if run.pruned else "complete"
        seconds = self.clock() - run.started
        trial = Trial(
            number=suggestion.number,
            state=state,
            params=suggestion.params,
            value=_value(state, run.epochs),
            epochs=tuple(run.epochs),
            seed=seed,
            started=started,
            seconds=round(seconds, 3),
            failure=failure,
        )
        # The record first: a trial in the study but not in the log could not be reported on.
        self.log.append(trial)
        self.engine.tell(trial.number, state, trial.value)
        if run.epochs:
            self.plan.finished(len(run.epochs) / self.epochs, seconds)
        self.listener.trial_done(trial, self.log.best(), self.plan.time_left())

    def _objective_failure(self, run: _Run, seed: int) -> Failure | None:
        try:
            self.objective(run.suggestion.params, seed, lambda epoch: self._on_epoch(run, epoch))
        except TrialError as error:
            return Failure(error.kind, str(error))
        except MemoryError as error:
            return Failure("memory", str(error) or "out of memory")
        except Exception as error:
            return Failure("bug", f"{type(error).__name__}: {error}")
        if not run.epochs:
            return Failure("bug", "the trial ended without a single epoch")
        return None

    def _on_epoch(self, run: _Run, epoch: Epoch) -> bool:
        if not (math.isfinite(epoch.val_accuracy) and math.isfinite(epoch.loss)):
            raise TrialError("nan", f"loss {epoch.loss} after epoch {epoch.epoch}")
        run.epochs.append(epoch)
        self.listener.epoch_done(run.suggestion, epoch)
        go_on = self.engine.report(run.suggestion.number, epoch.epoch, epoch.val_accuracy)
        last = epoch.epoch >= self.epochs
        if not last and (not go_on or self.plan.time_left() < epoch.seconds):
            run.pruned = True
        return not run.pruned

    def _check_failures(self) -> None:
        tail = self.log.trials[-self.max_failures :]
        if len(tail) == self.max_failures and all(t.state == "failed" for t in tail):
            last = tail[-1].failure
            raise StudyError(
                f"{self.max_failures} trials failed one after the other; the last: "
                f"{last.kind if last else '?'}: {last.message if last else '?'}"
            )


class StudyError(RuntimeError):
    """A study that cannot go on."""


def trial_seed(seed: int, number: int) -> int:
    """The seed of trial ``number``, an int below 2**31: repeatable and unlike its neighbours'."""
    digest = hashlib.sha256(f"trial:{seed}:{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _value(state: State, epochs: list[Epoch]) -> float | None:
    if state == "failed" or not epochs:
        return None
    if state == "pruned":
        return epochs[-1].val_accuracy
    return max(epoch.val_accuracy for epoch in epochs)
