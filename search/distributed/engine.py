"""Engines over a shared study: one that samples, one that hands out a fixed list."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.distributed.heartbeat import Heart
from search.distributed.retries import SEED, TASK, ancestors
from search.distributed.sampler_cache import Mirror
from search.distributed.study import SharedStudy
from search.distributed.trial_records import RECORD, WORKER
from search.engines.base import Suggestion, TrialLostError
from search.engines.choices import PRUNERS, check_pruner, check_sampler
from search.engines.optuna import sampler_of, shuffled_grid, warn_of_categories
from search.engines.optuna_storage import STATES
from search.engines.pruning import pruner_of
from search.records import State
from search.space import SpaceError, Value
from search.study.running_trial import trial_seed

_GIVEN_UP: Final = "given_up"


class SharedList:
    """Hands the tasks of ``study.facts["tasks"]`` out, each to one worker; an ``Engine``.

    A task whose worker dies is handed out again, under another number.

    Args:
        worker: a name that one process at a time goes by. Under the same name it takes its own
            running trials up again.
    """

    def __init__(self, study: SharedStudy, *, worker: str) -> None:
        self._study, self._worker = study, worker
        self._heart = Heart(study.storage)
        self._mine = {s.number for s in self.running()}

    def ask(self) -> Suggestion | None:
        """See ``Engine.ask``; fails the trials of dead workers first."""
        self._study.reap()
        with self._study.storage.turn(self._study.id):
            trials = self._study.frozen()
            self._mine &= {t.number for t in trials if t.state == TrialState.RUNNING}
            trial = self._unheard(trials) or self._queued(trials) or self._new(trials)
        if trial is None:
            return None
        self._mine.add(trial.number)
        self._heart.add(trial.number, trial._trial_id)
        return self._remembered(trial)

    def report(self, number: int, step: int, value: float) -> bool:
        """See ``Engine.report``; raises ``TrialLostError``. Nothing is pruned."""
        self._report(number, step, value)
        return True

    def tell(self, number: int, state: State, value: float | None) -> None:
        """See ``Engine.tell``; raises ``TrialLostError``.

        Nothing is left to do where ``SharedLog`` has recorded the trial.
        """
        if state == "complete" and (value is None or not math.isfinite(value)):
            raise ValueError(f"trial {number}: a complete trial needs a finite value, got {value}")
        trial = self._own(number)
        if trial.state == TrialState.RUNNING:
            self._study.conclude(number, state, _value(trial, state, value))
        elif RECORD not in trial.user_attrs:
            self._lost(number)
        self._let_go(number)

    def enqueue(self, params: dict[str, Value], *, again: bool = False) -> None:
        """Nothing: a list is a list. A trial that failed here is not tried again."""

    def running(self) -> tuple[Suggestion, ...]:
        """See ``Engine.running``: those of this worker, whose heart beats for them from now on."""
        own = [t for t in self._study.frozen() if self._runs_here(t)]
        for trial in own:
            self._heart.add(trial.number, trial._trial_id)
        return tuple(self._remembered(t) for t in own)

    def counts(self) -> dict[State, int]:
        """See ``Engine.counts``; over all workers."""
        states = [t.state for t in self._study.frozen()]
        return {name: states.count(state) for name, state in STATES.items()}

    def release(self) -> list[int]:
        """Give the trials that run here to the others at once; their numbers.

        For a worker that is stopped for good: nobody has to wait for the grace period then.
        """
        numbers = [s.number for s in self.running()]
        self._study.give_back(numbers)
        for number in numbers:
            self._let_go(number)
        return numbers

    def close(self) -> None:
        """Stop giving signs of life; the study's storage stays open."""
        self._heart.close()

    # ---- one trial ----------------------------------------------------------------------------

    def _remembered(self, trial: FrozenTrial) -> Suggestion:
        """The suggestion, its seed written down: for the record and the heir, if we die."""
        suggestion = self._suggestion(trial)
        if suggestion.seed is not None and SEED not in trial.user_attrs:
            with contextlib.suppress(TrialLostError):  # its next report says so
                self._study.attribute(trial.number, SEED, suggestion.seed)
        return suggestion

    def _suggestion(self, trial: FrozenTrial) -> Suggestion:
        task = trial.user_attrs.get(TASK, {})
        history = ancestors(trial)
        return Suggestion(
            trial.number,
            {p.name: trial.params[p.name] for p in self._study.space},
            epochs=task.get("epochs"),
            replicate_of=task.get("replicate_of"),
            seed=task.get("seed", trial.user_attrs.get(SEED)),
            retry_of=history[-1] if history else None,
        )

    def _report(self, number: int, step: int, value: float) -> FrozenTrial:
        """The trial with the value of the step, its first one where it was reported before."""
        trial = self._own(number)
        if trial.state != TrialState.RUNNING:
            self._lost(number)
        if step not in trial.intermediate_values:
            try:
                self._study.storage.set_trial_intermediate_value(
                    trial._trial_id, step, float(value)
                )
            except UpdateFinishedTrialError:
                self._lost(number)
            trial.intermediate_values[step] = float(value)
        return trial

    def _own(self, number: int) -> FrozenTrial:
        """A trial of this worker as it stands in the database."""
        if number not in self._mine:
            raise KeyError(f"trial {number} does not run")
        return self._study.trial(number)

    def _lost(self, number: int) -> None:
        self._let_go(number)
        raise TrialLostError(number)

    def _let_go(self, number: int) -> None:
        self._mine.discard(number)
        self._heart.drop(number)

    def _runs_here(self, trial: FrozenTrial) -> bool:
        return trial.state == TrialState.RUNNING and trial.user_attrs.get(WORKER) == self._worker

    # ---- the next one -------------------------------------------------------------------------

    def _unheard(self, trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
        """A trial made for this worker in a call whose answer an outage swallowed."""
        return next((t for t in trials if self._runs_here(t) and t.number not in self._mine), None)

    def _queued(self, trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
        """The first trial that waits, now running here."""
        storage = self._study.storage
        for trial in trials:
            if trial.state != TrialState.WAITING:
                continue
            number = trial._trial_id
            # Signed before it runs: a worker killed in between leaves no nameless trial.
            try:
                storage.set_trial_user_attr(number, WORKER, self._worker)
                storage.record_heartbeat(number)
                if storage.set_trial_state_values(number, TrialState.RUNNING):
                    return storage.get_trial(number)
            except UpdateFinishedTrialError:
                continue
        return None

    def _new(self, trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
        return None


class SharedEngine(SharedList):
    """Suggests by Optuna's samplers, prunes by the values of all workers; an ``Engine``.

    One worker asks at a time, so that each knows what the others were given. A trial is made in
    one transaction: with its parameters, its worker and its seed.

    Args:
        worker: see ``SharedList``; mixed into the sampler's seed.
        seed: the study's; the same for all workers, as with ``Study``.
        pruner: one of ``PRUNERS``; halving and Hyperband divide the ``epochs`` of a whole trial.
        max_trials: of all workers, those aside that failed for no fault of theirs.
    """

    def __init__(
        self,
        study: SharedStudy,
        *,
        worker: str,
        sampler: str = "tpe",
        seed: int = 0,
        pruner: str = PRUNERS[0],
        epochs: int = 1,
        max_trials: int | None = None,
    ) -> None:
        check_sampler("optuna", sampler)
        check_pruner(pruner)
        self._sampler, self._seed, self._max_trials = sampler, seed, max_trials
        self._pruner = pruner_of(pruner, epochs)
        if sampler == "cmaes":
            warn_of_categories(study.space)
        self._points = shuffled_grid(study.space, seed) if sampler == "grid" else None
        self._mirror = Mirror()
        super().__init__(study, worker=worker)

    def report(self, number: int, step: int, value: float) -> bool:
        """See ``Engine.report``; raises ``TrialLostError``."""
        trial = self._report(number, step, value)
        if step <= trial.user_attrs.get(_GIVEN_UP, 0):
            return False
        if not self._study.prunes(self._pruner, trial):
            return True
        # Asked again about the same step, halving would let the trial go on.
        self._study.storage.set_trial_user_attr(trial._trial_id, _GIVEN_UP, step)
        return False

    def enqueue(self, params: dict[str, Value], *, again: bool = False) -> None:
        """See ``Engine.enqueue``; values outside the space raise ``SpaceError``."""
        if not self._study.space.contains(params):
            raise SpaceError(f"cannot enqueue {params}: not inside the search space")
        with self._study.storage.turn(self._study.id):
            if again or not any(t.params == params for t in self._study.frozen()):
                self._study.add(self._template(TrialState.WAITING, params))

    def _suggestion(self, trial: FrozenTrial) -> Suggestion:
        found = super()._suggestion(trial)
        # A retry has the seed of its first ancestor: the same training, once more.
        origin = ancestors(trial)[0] if ancestors(trial) else trial.number
        seed = trial_seed(self._seed, origin) if found.seed is None else found.seed
        return Suggestion(**{**vars(found), "seed": seed})

    def _new(self, trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
        if self._max_trials is not None and self._study.taken() >= self._max_trials:
            return None
        template = self._next_point(trials) if self._points is not None else self._sampled(trials)
        if template is None:
            return None
        template.user_attrs = {WORKER: self._worker}
        template.datetime_start = datetime.now()
        trial = self._study.add(template)
        self._study.storage.record_heartbeat(trial._trial_id)
        return trial

    def _sampled(self, trials: Sequence[FrozenTrial]) -> FrozenTrial:
        """What the sampler suggests next, by a seed that nobody has had before."""
        text = f"{self._seed}:{len(trials)}:{self._worker}"
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") or 1
        self._mirror.follow(trials)
        return self._mirror.suggest(sampler_of(self._sampler, seed), self._study.distributions)

    def _next_point(self, trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
        """The first point of the grid that no trial has had; none at the end."""
        tried = {tuple(t.params.get(p.name) for p in self._study.space) for t in trials}
        points = (p for p in self._points or () if tuple(p.values()) not in tried)
        point = next(points, None)
        return None if point is None else self._template(TrialState.RUNNING, point)

    def _template(self, state: TrialState, params: dict[str, Value]) -> FrozenTrial:
        values: dict[str, Any] = dict(params)
        return create_trial(state=state, params=values, distributions=self._study.distributions)


def _value(trial: FrozenTrial, state: State, value: float | None) -> float | None:
    """What Optuna stores as a trial's value: the last report of a pruned one."""
    if state == "pruned":
        last = trial.last_step
        return None if last is None else trial.intermediate_values[last]
    return value if state == "complete" else None
