"""The loop of a study: ask, run, report, prune, tell; within a budget, leaving a record each."""

from __future__ import annotations

import errno
import itertools
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from search.records import Epoch, Failure
from search.study.running_trial import RunningTrial, is_external_failure
from search.study.trial_book import Listener, StudyError, StudyOptions, TrialBook
from search.tasks import Ended, EpochDone, Event

__all__ = ["Listener", "Study", "StudyError", "StudyOptions"]

_MAX_REJECTED_IN_A_ROW = 3
_NUMBERS = ("loss", "accuracy", "val_loss", "val_accuracy")


@dataclass
class Study(TrialBook):
    """Runs trials until the schedule, the count or the space ends it.

    Attributes:
        stop: asked all the time; once true, ``run`` returns and leaves the trials under way to
            be taken up again.
    """

    stop: Callable[[], bool] = lambda: False
    _rejected_in_a_row: int = field(default=0, init=False)

    def run(self) -> None:
        """Run to the end; what is finished is recorded at once, so stopping loses nothing.

        Raises:
            StudyError: several trials in a row failed.
            OSError: a file cannot be written (a full disk); the same study goes on later.
        """
        self._recover()
        try:
            while not self.stop():
                self._fill_slots()
                if not self._running:
                    return
                for event in self.runner.wait(self.options.poll_seconds):
                    self._handle(event)
                if self.scheduler.time_left() <= 0:
                    self._end_all_early()
        finally:
            # Also after an error: what still runs would report to nobody.
            self._suspend()

    # ---- starting -------------------------------------------------------------------------

    def _fill_slots(self) -> None:
        while len(self._running) < self.runner.slots and (trial := self._next()) is not None:
            self._running[trial.number] = trial
            self.listener.trial_started(trial.suggestion)
            with self._dropping_lost_trial(trial):
                if self._take_over(trial):
                    self._start(trial)
                else:
                    self._finish(trial)

    def _next(self) -> RunningTrial | None:
        # What an earlier session left is started or recorded, however many that are.
        while self._waiting or self._rejected_in_a_row < _MAX_REJECTED_IN_A_ROW:
            trial = self._waiting.pop(0) if self._waiting else self._ask_engine()
            if trial is None:
                return None
            left = trial.task.epochs - len(trial.epochs)
            if self.scheduler.may_start(trial.task.params, left, self._seconds_so_far()):
                self._rejected_in_a_row = 0
                return trial
            self._reject_for_time(trial)
        return None

    def _ask_engine(self) -> RunningTrial | None:
        if self._has_enough_trials():
            return None
        if not self.scheduler.may_start(None, self.options.epochs, self._seconds_so_far()):
            return None
        suggestion = self.engine.ask()
        return None if suggestion is None else self._new(suggestion)

    def _has_enough_trials(self) -> bool:
        """Whether there are ``max_trials``; where all of them failed, another one is tried."""
        most = self.options.max_trials
        if most is None:
            return False
        ended = [t for t in self.log.trials if not is_external_failure(t)]
        failed = not self._running and all(t.state == "failed" for t in ended)
        return len(ended) + len(self._running) >= most and not failed

    def _start(self, trial: RunningTrial) -> None:
        limits = self.options.limits
        timeout = limits.progress_timeout or self.scheduler.progress_timeout(trial.task.params)
        trial.since = self.clock()
        self.runner.start(trial.task, replace(limits, progress_timeout=timeout))

    def _seconds_so_far(self) -> list[float]:
        """Seconds that each trial under way has taken so far."""
        now = self.clock()
        return [trial.earlier_seconds + now - trial.since for trial in self._running.values()]

    def _reject_for_time(self, trial: RunningTrial) -> None:
        self._rejected_in_a_row += 1
        left = max(0.0, self.scheduler.time_left())
        message = f"not started: {left:.0f} s of the search were left"
        self._end_early(trial, Failure("deadline", message))

    def _end_early(self, trial: RunningTrial, failure: Failure) -> None:
        """End a trial where it stands: pruned if it has epochs, which count, else failed."""
        if not trial.epochs:
            trial.failure = failure
        elif not trial.all_epochs_done:
            trial.stopped_by = "clock"
        with self._dropping_lost_trial(trial):
            self._finish(trial)

    # ---- events ---------------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        trial = self._running.get(event.number)
        if trial is None:
            return
        with self._dropping_lost_trial(trial):
            if isinstance(event, EpochDone):
                self._epoch_done(trial, event.epoch)
            else:
                self._ended(trial, event)

    def _epoch_done(self, trial: RunningTrial, epoch: Epoch) -> None:
        wrong = [f"{name} {x}" for name in _NUMBERS if not math.isfinite(x := getattr(epoch, name))]
        if wrong:
            trial.failure = Failure("nan", f"{', '.join(wrong)} after epoch {epoch.epoch}")
            self.runner.answer(trial.number, 0)
            return
        goes_on = self._record_epoch(trial, epoch)
        remaining = self._epochs_left(trial, goes_on)
        trial.all_epochs_done = remaining == 0
        if remaining:
            self.checkpoints.keep(trial.number)  # while the child waits, so that it is whole
        self.runner.answer(trial.number, remaining)
        self.listener.epoch_done(trial.suggestion, epoch, remaining)

    def _ended(self, trial: RunningTrial, event: Ended) -> None:
        trial.earlier_seconds += self.clock() - trial.since
        if event.peak_memory is not None:
            trial.peak_memory = max(event.peak_memory, trial.peak_memory or 0)
        failure = trial.failure or event.failure
        if failure is None and not trial.epochs:
            failure = Failure("bug", "the trial ended without a single epoch")
        if failure is not None and failure.kind == "disk":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if failure is not None and self._retry(trial, failure):
            return
        trial.failure = failure
        self._finish(trial)
        self._check_failures()

    def _check_failures(self) -> None:
        limit = self.options.max_failures
        latest = (t for t in reversed(self.log.own) if not is_external_failure(t))
        last = list(itertools.islice(latest, limit))
        if len(last) == limit and all(t.state == "failed" for t in last):
            failure = last[0].failure or Failure("?", "?")
            raise StudyError(
                f"{limit} trials failed one after the other; the last: "
                f"{failure.kind}: {failure.message}"
            )

    def _end_all_early(self) -> None:
        """What still runs when the time is over ends where it stands; its epochs count."""
        self.scheduler.over = True
        for trial in list(self._running.values()):
            failure = Failure("deadline", "cut off: the time of the search was over")
            self.runner.cancel(trial.number, failure)
            trial.earlier_seconds += self.clock() - trial.since
            self._end_early(trial, failure)

    def _suspend(self) -> None:
        """End what runs by force and leave it to be taken up again."""
        for number in list(self._running):
            self.runner.cancel(number, Failure("interrupted", "the run was stopped"))
        self._running.clear()
        self._waiting.clear()
        self.runner.wait(0)

    # ---- trying again -----------------------------------------------------------------------

    def _retry(self, trial: RunningTrial, failure: Failure) -> bool:
        """Try the trial again where its kind of failure allows and its epochs can be kept."""
        if not trial.may_retry(failure.kind, self.log.trials):
            return False
        checkpointed = self.checkpoints.epochs(trial.number)
        if trial.epochs and len(checkpointed) < len(trial.epochs):
            # Those epochs are in the study; other ones may not take their place.
            self.engine.enqueue(trial.task.params, again=True)
            return False
        trial.retries.append(failure)
        trial.failure = None
        trial.task = replace(trial.task, attempt=trial.task.attempt + 1)
        self.listener.trial_retried(trial.suggestion, failure)
        self._resume(trial, checkpointed)
        self._start(trial)
        return True

    def _take_over(self, trial: RunningTrial) -> bool:
        """Go on from a checkpoint of which the journal has no epoch; whether any are to come.

        A process died before it wrote the first one, here or on another machine.
        """
        if trial.epochs:
            return True
        if trial.suggestion.retry_of is not None:
            self.checkpoints.fetch(trial.number)
        self._resume(trial, self.checkpoints.epochs(trial.number))
        return not trial.epochs or self._epochs_left(trial, goes_on=True) > 0
