"""The trials of a shared study as one worker has them: claimed, beaten for, given back."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final

from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState
from typing_extensions import override

from search.distributed import recovery
from search.distributed.heartbeat import HeartbeatThread
from search.distributed.study import DistributedStudy
from search.distributed.trial_records import RECORD, SEED, TASK, WORKER, retry_history
from search.engines.base import Suggestion, TrialLostError
from search.engines.pruning import pruner_of
from search.engines.trial_store import PRIOR, TrialStore, stored_value
from search.records import State
from search.study.running_trial import trial_seed

_GIVEN_UP: Final = "given_up"


class PostgresStore(TrialStore):
    """The study's trials for ``worker``; every method may raise ``OutageError``.

    A trial whose worker dies is handed out again, under another number. Each suggestion has its
    seed, which is written down: for the record and for the next worker, if this one dies.

    Args:
        worker: a name that one process at a time goes by. Under the same name it takes its own
            running trials up again.
        seed: the study's, the same for all workers; None where every task has its own.
        pruner: one of ``PRUNERS``; halving and Hyperband divide the ``epochs`` of a whole trial.
            It goes by the values of all workers.
        max_trials: of all workers, those aside that failed for no fault of theirs.
    """

    def __init__(
        self,
        study: DistributedStudy,
        worker: str,
        *,
        seed: int | None = None,
        pruner: str = "none",
        epochs: int = 1,
        max_trials: int | None = None,
    ) -> None:
        self._pruner = pruner_of(pruner, epochs)
        self._study, self._seed, self._max_trials = study, seed, max_trials
        self.space, self.worker = study.space, worker
        self._heart = HeartbeatThread(study.storage)
        self._mine: set[int] = set()
        self.running()

    @override
    def exclusive(self) -> AbstractContextManager[object]:
        """Fails the trials of dead workers first."""
        recovery.requeue_stale_trials(self._study)
        return self._study.storage.exclusive_lock(self._study.id)

    @override
    def trials(self) -> list[FrozenTrial]:
        return self._study.all_trials()

    @override
    def has_room(self) -> bool:
        return self._max_trials is None or self._study.slots_used() < self._max_trials

    @override
    def claim_waiting(self, trials: list[FrozenTrial]) -> FrozenTrial | None:
        """Takes up before that what an outage swallowed the answer to."""
        self._mine &= {t.number for t in trials if t.state == TrialState.RUNNING}
        unheard = (t for t in trials if self._runs_here(t) and t.number not in self._mine)
        trial = next(unheard, None) or self._claim_first(trials)
        if trial is not None:
            self._take(trial)
        return trial

    @override
    def create(self, template: FrozenTrial) -> FrozenTrial:
        if template.state != TrialState.RUNNING:
            return self._study.add(template)
        template.set_user_attr(WORKER, self.worker)
        template.datetime_start = datetime.now()
        trial = self._study.add(template)
        self._study.storage.record_heartbeat(trial._trial_id)
        self._take(trial)
        return trial

    @override
    def suggestion(self, trial: FrozenTrial) -> Suggestion:
        task, history = trial.user_attrs.get(TASK, {}), retry_history(trial)
        seed = task.get("seed", trial.user_attrs.get(SEED))
        if seed is None and self._seed is not None:
            # A retry has the seed of its first ancestor: the same training, once more.
            seed = trial_seed(self._seed, history[0] if history else trial.number)
        if seed is not None and SEED not in trial.user_attrs:
            with contextlib.suppress(TrialLostError):  # its next report says so
                self._study.attribute(trial.number, SEED, seed)
        return Suggestion(
            trial.number,
            {p.name: trial.params[p.name] for p in self.space},
            epochs=task.get("epochs"),
            replicate_of=task.get("replicate_of"),
            seed=seed,
            retry_of=history[-1] if history else None,
            prior=PRIOR in trial.user_attrs,
        )

    @override
    def running(self) -> list[FrozenTrial]:
        """Beats for them from now on."""
        own = [t for t in self.trials() if self._runs_here(t)]
        for trial in own:
            self._take(trial)
        return own

    @override
    def report(self, number: int, step: int, value: float) -> bool:
        """Raises ``TrialLostError`` where the trial is another worker's by now."""
        trial = self._own(number)
        if trial.state != TrialState.RUNNING:
            raise self._lost(number)
        storage = self._study.storage
        if step not in trial.intermediate_values:
            try:
                storage.set_trial_intermediate_value(trial._trial_id, step, value)
            except UpdateFinishedTrialError:
                raise self._lost(number) from None
            trial.intermediate_values[step] = value
        if step <= trial.user_attrs.get(_GIVEN_UP, 0):
            return False
        if not self._pruner.prune(self._study.optuna_study, trial):
            return True
        # Asked again about the same step, halving would let the trial go on.
        storage.set_trial_user_attr(trial._trial_id, _GIVEN_UP, step)
        return False

    @override
    def finish(self, number: int, state: State, value: float | None) -> None:
        """Raises ``TrialLostError``; does nothing where ``DistributedTrialLog`` has recorded it."""
        trial = self._own(number)
        if trial.state == TrialState.RUNNING:
            self._study.finish_trial(number, state, stored_value(trial, state, value))
        elif RECORD not in trial.user_attrs:
            raise self._lost(number)
        self._drop(number)

    def release(self) -> list[int]:
        """Give the trials that run here to the others at once; their numbers.

        For a worker that is stopped for good: nobody has to wait for the grace period then.
        """
        numbers = [t.number for t in self.running()]
        recovery.release_trials(self._study, numbers)
        for number in numbers:
            self._drop(number)
        return numbers

    @override
    def close(self) -> None:
        """Stop giving signs of life; the study's storage stays open."""
        self._heart.close()

    # ---- one trial ----------------------------------------------------------------------------

    def _claim_first(self, trials: list[FrozenTrial]) -> FrozenTrial | None:
        """The first trial that waits, now running here."""
        storage = self._study.storage
        for trial in trials:
            if trial.state != TrialState.WAITING:
                continue
            number = trial._trial_id
            # Signed before it runs: a worker killed in between leaves no nameless trial.
            try:
                storage.set_trial_user_attr(number, WORKER, self.worker)
                storage.record_heartbeat(number)
                if storage.set_trial_state_values(number, TrialState.RUNNING):
                    return storage.get_trial(number)
            except UpdateFinishedTrialError:
                continue
        return None

    def _runs_here(self, trial: FrozenTrial) -> bool:
        return trial.state == TrialState.RUNNING and trial.user_attrs.get(WORKER) == self.worker

    def _own(self, number: int) -> FrozenTrial:
        """A trial of this worker as it stands in the database."""
        if number not in self._mine:
            raise KeyError(f"trial {number} does not run")
        return self._study.trial(number)

    def _lost(self, number: int) -> TrialLostError:
        self._drop(number)
        return TrialLostError(number)

    def _take(self, trial: FrozenTrial) -> None:
        self._mine.add(trial.number)
        self._heart.add(trial.number, trial._trial_id)

    def _drop(self, number: int) -> None:
        self._mine.discard(number)
        self._heart.drop(number)
