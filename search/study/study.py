"""The loop of a study: ask, run, report, prune, tell; within a budget, leaving a record each.

Order is what keeps a night: an epoch is journalled before the engine hears of it, a trial is
recorded before the engine is told. So after a crash at any moment the files say what the engine
may have missed, and ``Study.run`` makes it up.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from search.engines.base import Engine, Suggestion, TrialLostError
from search.records import Epoch, EpochLog, Failure, Trial, TrialLog
from search.study.running_trial import RETRIES, Attempt, innocent, trial_seed
from search.study.scheduler import SearchPlan
from search.tasks import Ended, EpochDone, Event, Limits, Runner, Task

_WITHDRAWN_IN_A_ROW = 3
_NUMBERS = ("loss", "accuracy", "val_loss", "val_accuracy")

Checkpoint = Callable[[Path], Sequence[Epoch]]
"""The epochs that a checkpoint folder has behind it; none where there is no checkpoint."""


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


@dataclass
class Study:
    """Runs trials until the plan, the count or the space ends it.

    Attributes:
        epoch_log: journal of the epochs of trials under way.
        seed_of: the seed of a trial by its number; ``trial_seed`` of ``seed`` where left out.
        max_trials: total of trials in the study, earlier sessions included; None: no limit.
        max_failures: this many failures in a row end the study with ``StudyError``: the fault
            is not the trial's then.
        limits: hard limits of every trial.
        folder: where trials under way keep their checkpoints; None: they keep none.
        checkpoint: reads such a folder.
        keep: called with a trial's number and folder after every epoch but its last: carries the
            checkpoint to where another machine finds it.
        fetch: called with a trial taken over from a dead worker and its folder: brings that
            worker's checkpoint, where there is one.
        whole: run every task at full size, see ``Task.whole``.
        remaining: epochs still to come, given those so far and the task's; None: as planned.
        stop: asked all the time; once true, ``run`` returns and leaves the trials under way to
            be taken up again.
        patience: seconds after which the loop looks at clock and ``stop`` though nothing happened.
    """

    engine: Engine
    runner: Runner
    plan: SearchPlan
    log: TrialLog
    epoch_log: EpochLog
    listener: Listener
    seed: int = 0
    epochs: int = 1
    seed_of: Callable[[int], int] | None = None
    max_trials: int | None = None
    max_failures: int = 5
    limits: Limits = field(default_factory=Limits)
    folder: Path | None = None
    checkpoint: Checkpoint = lambda _: ()
    keep: Callable[[int, Path], None] | None = None
    fetch: Callable[[Suggestion, Path], object] | None = None
    whole: bool = False
    remaining: Callable[[Sequence[Epoch], int], int] | None = None
    stop: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.monotonic
    patience: float = 0.5
    _runs: dict[int, Attempt] = field(default_factory=dict, init=False)
    _waiting: list[Attempt] = field(default_factory=list, init=False)
    _withdrawn: int = field(default=0, init=False)

    def run(self) -> None:
        """Run to the end; what is finished is recorded at once, so stopping loses nothing.

        Raises:
            StudyError: several trials in a row failed.
            OSError: a file cannot be written (a full disk); the same study goes on later.
        """
        self._recover()
        try:
            while not self.stop():
                self._fill()
                if not self._runs:
                    return
                for event in self.runner.wait(self.patience):
                    self._handle(event)
                if self.plan.time_left() <= 0:
                    self._out_of_time()
        finally:
            # Also after an error: what still runs would report to nobody.
            self._suspend()

    # ---- starting -------------------------------------------------------------------------

    def _fill(self) -> None:
        while len(self._runs) < self.runner.slots and (run := self._next()) is not None:
            self._runs[run.number] = run
            self.listener.trial_started(run.suggestion)
            with self._losing(run):
                self._take_over(run)
                self._start(run)

    def _next(self) -> Attempt | None:
        while self._withdrawn < _WITHDRAWN_IN_A_ROW:
            run = self._waiting.pop(0) if self._waiting else self._asked()
            if run is None:
                return None
            left = run.task.epochs - len(run.epochs)
            if self.plan.may_start(run.task.params, left, self._running()):
                self._withdrawn = 0
                return run
            self._withdraw(run)
        return None

    def _asked(self) -> Attempt | None:
        count = sum(not innocent(t) for t in self.log.trials) + len(self._runs)
        if self.max_trials is not None and count >= self.max_trials:
            return None
        if not self.plan.may_start(None, self.epochs, self._running()):
            return None
        suggestion = self.engine.ask()
        return None if suggestion is None else self._new(suggestion)

    def _new(self, suggestion: Suggestion) -> Attempt:
        number = suggestion.number
        seed = suggestion.seed
        if seed is None:
            seed = self.seed_of(number) if self.seed_of else trial_seed(self.seed, number)
        task = Task(
            number,
            suggestion.params,
            seed,
            suggestion.epochs or self.epochs,
            whole=self.whole,
            folder=self.folder / f"{number:04d}" if self.folder else None,
        )
        started = datetime.now(UTC).isoformat(timespec="seconds")
        return Attempt(suggestion, task, self.clock(), started)

    def _start(self, run: Attempt) -> None:
        silence = self.limits.silence or self.plan.silence(run.task.params)
        limits = replace(self.limits, silence=silence)
        run.since = self.clock()
        self.runner.start(run.task, limits)

    def _running(self) -> list[float]:
        """Seconds that each trial under way has taken so far."""
        now = self.clock()
        return [run.before + now - run.since for run in self._runs.values()]

    def _withdraw(self, run: Attempt) -> None:
        self._withdrawn += 1
        left = max(0.0, self.plan.time_left())
        self._cut(run, Failure("deadline", f"not started: {left:.0f} s of the search were left"))

    def _cut(self, run: Attempt, failure: Failure) -> None:
        """End a trial where it stands: pruned if it has epochs, which count, else failed."""
        if not run.epochs:
            run.failure = failure
        elif not run.over:
            run.pruned = True
        with self._losing(run):
            self._conclude(run)

    # ---- events ---------------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        run = self._runs.get(event.number)
        if run is None:
            return
        with self._losing(run):
            if isinstance(event, EpochDone):
                self._epoch_done(run, event.epoch)
            else:
                self._ended(run, event)

    def _epoch_done(self, run: Attempt, epoch: Epoch) -> None:
        wrong = [f"{name} {x}" for name in _NUMBERS if not math.isfinite(x := getattr(epoch, name))]
        if wrong:
            run.failure = Failure("nan", f"{', '.join(wrong)} after epoch {epoch.epoch}")
            self.runner.answer(run.number, 0)
            return
        go_on = self._take(run, epoch)
        remaining = self._still_to_come(run, go_on)
        run.over = remaining == 0
        if self.keep is not None and run.task.folder is not None and not run.over:
            self.keep(run.number, run.task.folder)  # while the child waits, so that it is whole
        self.runner.answer(run.number, remaining)
        self.listener.epoch_done(run.suggestion, epoch, remaining)

    def _take(self, run: Attempt, epoch: Epoch) -> bool:
        """Journal an epoch, then report it; whether the engine wants the trial to go on."""
        self.epoch_log.append(run.number, epoch)
        run.epochs.append(epoch)
        return self.engine.report(run.number, epoch.epoch, epoch.val_accuracy)

    def _still_to_come(self, run: Attempt, go_on: bool) -> int:
        if self.remaining is not None:
            return self.remaining(run.epochs, run.task.epochs)
        left = run.task.epochs - len(run.epochs)
        if left > 0 and (not go_on or self.plan.time_left() < run.epochs[-1].seconds):
            run.pruned = True
            return 0
        return max(0, left)

    def _ended(self, run: Attempt, event: Ended) -> None:
        run.before += self.clock() - run.since
        if event.peak_memory is not None:
            run.peak_memory = max(event.peak_memory, run.peak_memory or 0)
        failure = run.failure or event.failure
        if failure is None and not run.epochs:
            failure = Failure("bug", "the trial ended without a single epoch")
        if failure is not None and failure.kind == "disk":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if failure is not None and self._retried(run, failure):
            return
        run.failure = failure
        self._conclude(run)
        self._check_failures()

    def _out_of_time(self) -> None:
        """What still runs is cut where it stands; its epochs count."""
        for run in list(self._runs.values()):
            failure = Failure("deadline", "cut off: the time of the search was over")
            self.runner.cancel(run.number, failure)
            run.before += self.clock() - run.since
            self._cut(run, failure)

    def _suspend(self) -> None:
        """End what runs by force and leave it to be taken up again."""
        for number in list(self._runs):
            self.runner.cancel(number, Failure("interrupted", "the run was stopped"))
        self._runs.clear()
        self._waiting.clear()
        self.runner.wait(0)

    # ---- trying again -----------------------------------------------------------------------

    def _retried(self, run: Attempt, failure: Failure) -> bool:
        """Try the trial again where its kind of failure allows and its epochs can be kept."""
        if run.times_failed(failure.kind, self.log.trials) > RETRIES.get(failure.kind, 0):
            return False
        behind = self._behind(run.task)
        if run.epochs and len(behind) < len(run.epochs):
            # Those epochs are in the study; other ones may not take their place.
            self.engine.enqueue(run.task.params, again=True)
            return False
        run.retries.append(failure)
        run.failure = None
        run.task = replace(run.task, attempt=run.task.attempt + 1)
        self.listener.trial_retried(run.suggestion, failure)
        self._take_up(run, behind)
        self._start(run)
        return True

    def _behind(self, task: Task) -> Sequence[Epoch]:
        return self.checkpoint(task.folder) if task.folder is not None else ()

    def _take_up(self, run: Attempt, behind: Sequence[Epoch]) -> bool:
        """Go on after the epochs that the checkpoint has behind it; false: it is given up."""
        wanted = [self._take(run, epoch) for epoch in behind[len(run.epochs) :]]
        if behind:
            run.resumed.append(len(behind))
        return wanted[-1] if wanted else True

    def _take_over(self, run: Attempt) -> None:
        """Go on where a worker that died stopped, if its checkpoint can be had."""
        if self.fetch is None or run.suggestion.retry_of is None or run.task.folder is None:
            return
        if not run.epochs and not self._behind(run.task):
            self.fetch(run.suggestion, run.task.folder)
            self._take_up(run, self._behind(run.task))

    # ---- the end of a trial ------------------------------------------------------------------

    def _conclude(self, run: Attempt) -> None:
        trial = run.record(self.log.trials)
        # The record first: a trial in the study but not in the log could not be reported on.
        self.log.append(trial)
        self.engine.tell(trial.number, trial.state, trial.value)
        self._runs.pop(trial.number, None)
        self._learn(run)
        self._forget(run)
        self.listener.trial_done(trial, self.log.best(), self.plan.time_left())

    @contextlib.contextmanager
    def _losing(self, run: Attempt) -> Iterator[None]:
        """Where another process turns out to have the trial by now, nothing of it is kept."""
        try:
            yield
        except TrialLostError as error:
            run.failure = Failure("interrupted", str(error))
            self.runner.cancel(run.number, run.failure)
            self._runs.pop(run.number, None)
            self._forget(run)
            lost = run.record(self.log.trials)
            self.listener.trial_done(lost, self.log.best(), self.plan.time_left())

    def _learn(self, run: Attempt) -> None:
        """What the trial cost, building the network included; not what a failure cost."""
        if not run.epochs:
            return
        whole = not (run.retries or run.resumed or run.failure)
        seconds = run.before if whole else sum(e.seconds for e in run.epochs)
        self.plan.learn(run.task.params, len(run.epochs), seconds)

    def _forget(self, run: Attempt) -> None:
        self.epoch_log.forget(run.number)
        if run.task.folder is not None and not self.whole:
            shutil.rmtree(run.task.folder, ignore_errors=True)

    def _check_failures(self) -> None:
        telling = [t for t in self.log.own if not innocent(t)]
        tail = telling[-self.max_failures :]
        if len(tail) == self.max_failures and all(t.state == "failed" for t in tail):
            last = tail[-1].failure
            raise StudyError(
                f"{self.max_failures} trials failed one after the other; the last: "
                f"{last.kind if last else '?'}: {last.message if last else '?'}"
            )

    # ---- after a crash ------------------------------------------------------------------------

    def _recover(self) -> None:
        """Make up for what a process that died could not say or finish."""
        recorded: Mapping[int, Trial] = {t.number: t for t in self.log.trials}
        for suggestion in self.engine.running():
            record = recorded.get(suggestion.number)
            if record is not None:
                self.engine.tell(record.number, record.state, record.value)
            else:
                run = self._new(suggestion)
                with self._losing(run):
                    self._recover_run(run)

    def _recover_run(self, run: Attempt) -> None:
        go_on = True
        for epoch in self.epoch_log.of(run.number):
            run.epochs.append(epoch)
            go_on = self.engine.report(run.number, epoch.epoch, epoch.val_accuracy)
        run.before = sum(e.seconds for e in run.epochs)
        if run.epochs and self._still_to_come(run, go_on) == 0:
            self._conclude(run)
            return
        behind = self._behind(run.task)
        if not run.epochs or len(behind) >= len(run.epochs):
            go_on = self._take_up(run, behind) and go_on
            # Killed between its last checkpoint and the journal: nothing is left to train.
            if run.epochs and self._still_to_come(run, go_on) == 0:
                self._conclude(run)
            else:
                self._waiting.append(run)
            return
        run.failure = Failure("interrupted", "the process that watched it ended")
        # Asked for again before it is concluded: rather twice than never.
        if run.times_failed("interrupted", self.log.trials) <= RETRIES["interrupted"]:
            self.engine.enqueue(run.task.params, again=True)
        self._conclude(run)
