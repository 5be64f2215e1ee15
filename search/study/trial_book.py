"""What is written of a trial and in which order, so that nothing is lost when a process dies.

An epoch is journalled before the engine hears of it, a trial is recorded before the engine is
told. So after a crash at any moment the files say what the engine may have missed, and the next
session makes it up.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from search.engines.base import Engine, Suggestion, TrialLostError
from search.records import Epoch, EpochLog, Failure, Trial, TrialLog
from search.study.checkpoints import CheckpointFolder
from search.study.running_trial import RunningTrial, trial_seed
from search.study.scheduler import TrialScheduler
from search.tasks import Limits, Runner, Task


class Listener(Protocol):
    """Hears what happens in a study; the live view is one."""

    def trial_started(self, suggestion: Suggestion) -> None:
        """A trial begins."""

    def epoch_done(self, suggestion: Suggestion, epoch: Epoch, remaining: int) -> None:
        """An epoch of a running trial is over; so many are still to come."""

    def trial_retried(self, suggestion: Suggestion, failure: Failure) -> None:
        """A trial failed and is tried again."""

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        """A trial is over and recorded."""


class StudyError(RuntimeError):
    """A study that cannot go on."""


@dataclass(frozen=True)
class StudyOptions:
    """How the trials of a study run.

    Attributes:
        epochs: of a trial, where its engine does not say otherwise.
        max_trials: total of trials in the study, earlier sessions included; where all of them
            failed, others are tried; None: no limit.
        max_failures: this many failures in a row end the study with ``StudyError``: the fault
            is not the trial's then.
        limits: hard limits of every trial.
        full_data: see ``Task.full_data``; such trials leave their checkpoints.
        poll_seconds: after which the loop looks at clock and ``stop`` though nothing happened.
    """

    epochs: int = 1
    max_trials: int | None = None
    max_failures: int = 5
    limits: Limits = field(default_factory=Limits)
    full_data: bool = False
    poll_seconds: float = 0.5


@dataclass
class TrialBook:
    """Keeps engine, log and journal of a study in step.

    Attributes:
        epoch_log: journal of the epochs of trials under way.
        seed_of: the seed of a trial by its number.
        remaining: epochs still to come, given those so far and the task's; None: as planned.
    """

    engine: Engine
    runner: Runner
    scheduler: TrialScheduler
    log: TrialLog
    epoch_log: EpochLog
    listener: Listener
    options: StudyOptions = field(default_factory=StudyOptions)
    checkpoints: CheckpointFolder = field(default_factory=CheckpointFolder)
    seed_of: Callable[[int], int] = lambda number: trial_seed(0, number)
    remaining: Callable[[Sequence[Epoch], int], int] | None = None
    clock: Callable[[], float] = time.monotonic
    _running: dict[int, RunningTrial] = field(default_factory=dict, init=False)
    _waiting: list[RunningTrial] = field(default_factory=list, init=False)

    def _new(self, suggestion: Suggestion) -> RunningTrial:
        number, seed = suggestion.number, suggestion.seed
        task = Task(
            number,
            suggestion.params,
            self.seed_of(number) if seed is None else seed,
            suggestion.epochs or self.options.epochs,
            full_data=self.options.full_data,
            folder=self.checkpoints.of(number),
        )
        started = datetime.now(UTC).isoformat(timespec="seconds")
        return RunningTrial(suggestion, task, self.clock(), started)

    def _record_epoch(self, trial: RunningTrial, epoch: Epoch) -> bool:
        """Journal an epoch, then report it; whether the engine has the trial go on."""
        self.epoch_log.append(trial.number, epoch)
        trial.epochs.append(epoch)
        return self.engine.report(trial.number, epoch.epoch, epoch.val_accuracy)

    def _epochs_left(self, trial: RunningTrial, goes_on: bool) -> int:
        """Epochs still to come; notes what stops the trial where it ends before its time."""
        if self.remaining is not None:
            return self.remaining(trial.epochs, trial.task.epochs)
        left = trial.task.epochs - len(trial.epochs)
        if left > 0 and (not goes_on or self.scheduler.time_left() < trial.epochs[-1].seconds):
            trial.stopped_by = "clock" if goes_on else "pruner"
            return 0
        return max(0, left)

    def _resume(self, trial: RunningTrial, checkpointed: Sequence[Epoch]) -> bool:
        """Go on after the epochs behind the checkpoint; whether the engine has the trial go on."""
        verdicts = [self._record_epoch(trial, e) for e in checkpointed[len(trial.epochs) :]]
        if checkpointed:
            trial.resume_epochs.append(len(checkpointed))
        return verdicts[-1] if verdicts else True

    def _finish(self, trial: RunningTrial) -> None:
        record = trial.record(self.log.trials)
        # The record first: a trial in the study but not in the log could not be reported on.
        self.log.append(record)
        self.engine.tell(record.number, record.state, record.value)
        self._learn_cost(trial)
        self._clean_up(trial, record)

    @contextlib.contextmanager
    def _dropping_lost_trial(self, trial: RunningTrial) -> Iterator[None]:
        """Where another process turns out to have the trial by now, keep nothing of it."""
        try:
            yield
        except TrialLostError as error:
            trial.failure = Failure("interrupted", str(error))
            self.runner.cancel(trial.number, trial.failure)
            self._clean_up(trial, trial.record(self.log.trials))

    def _learn_cost(self, trial: RunningTrial) -> None:
        """What the trial cost, building the network included; not what a failure cost."""
        if not trial.epochs:
            return
        undisturbed = not (trial.retries or trial.resume_epochs or trial.failure)
        seconds = trial.earlier_seconds if undisturbed else sum(e.seconds for e in trial.epochs)
        self.scheduler.costs.learn(trial.task.params, len(trial.epochs), seconds)

    def _clean_up(self, trial: RunningTrial, record: Trial) -> None:
        self._running.pop(trial.number, None)
        self.epoch_log.forget(trial.number)
        if not self.options.full_data:
            self.checkpoints.remove(trial.number)
        self.listener.trial_done(record, self.log.best(), self.scheduler.time_left())

    # ---- after a crash ------------------------------------------------------------------------

    def _recover(self) -> None:
        """Make up for what a process that died could not say or finish."""
        recorded: Mapping[int, Trial] = {t.number: t for t in self.log.trials}
        for suggestion in self.engine.running():
            record = recorded.get(suggestion.number)
            if record is not None:
                self.engine.tell(record.number, record.state, record.value)
            else:
                trial = self._new(suggestion)
                with self._dropping_lost_trial(trial):
                    self._recover_trial(trial)

    def _recover_trial(self, trial: RunningTrial) -> None:
        goes_on = True
        for epoch in self.epoch_log.of(trial.number):
            trial.epochs.append(epoch)
            goes_on = self.engine.report(trial.number, epoch.epoch, epoch.val_accuracy)
        trial.earlier_seconds = sum(e.seconds for e in trial.epochs)
        if trial.epochs and self._epochs_left(trial, goes_on) == 0:
            self._finish(trial)
            return
        checkpointed = self.checkpoints.epochs(trial.number)
        if not trial.epochs or len(checkpointed) >= len(trial.epochs):
            goes_on = self._resume(trial, checkpointed) and goes_on
            # Killed between its last checkpoint and the journal: nothing is left to train.
            if trial.epochs and self._epochs_left(trial, goes_on) == 0:
                self._finish(trial)
            else:
                self._waiting.append(trial)
            return
        trial.failure = Failure("interrupted", "the process that watched it ended")
        # Asked for again before it is finished: rather twice than never.
        if trial.may_retry("interrupted", self.log.trials):
            self.engine.enqueue(trial.task.params, again=True)
        self._finish(trial)
