"""Engines on a store of Optuna trials: one hands out what waits there, one samples more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState, create_trial
from typing_extensions import override

from search.engines.base import Accepts, Engine, Suggestion, accept_all
from search.engines.choices import check_sampler
from search.engines.persistence import derived_seed
from search.engines.prior import Prior
from search.engines.prior_sampler import PriorSampler
from search.engines.samplers import SamplerCache, sampler_of, shuffled_grid, warn_of_categories
from search.engines.trial_store import TrialStore, distributions_of
from search.records import State
from search.space import SpaceError, Value


class QueueEngine(Engine):
    """Hands out the trials that wait in ``store``, in the order of their numbers."""

    def __init__(self, store: TrialStore) -> None:
        self._store = store

    @override
    def ask(self) -> Suggestion | None:
        with self._store.exclusive():
            trials = self._store.trials()
            trial = self._store.claim_waiting(trials) or self._create(trials)
        return None if trial is None else self._store.suggestion(trial)

    @override
    def report(self, number: int, step: int, value: float) -> bool:
        return self._store.report(number, step, float(value))

    @override
    def tell(self, number: int, state: State, value: float | None) -> None:
        if state == "complete" and (value is None or not math.isfinite(value)):
            raise ValueError(f"trial {number}: a complete trial needs a finite value, got {value}")
        self._store.finish(number, state, value)

    @override
    def enqueue(self, params: dict[str, Value], *, again: bool = False) -> None:
        """Nothing: a list is a list. A trial that failed here is not tried again."""

    @override
    def running(self) -> tuple[Suggestion, ...]:
        return tuple(self._store.suggestion(trial) for trial in self._store.running())

    @override
    def close(self) -> None:
        self._store.close()

    def _create(self, trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
        return None


class OptunaEngine(QueueEngine):
    """Suggests by Optuna's samplers.

    One process asks at a time, so that each knows what the others were given; a trial is made in
    one transaction. When the store cannot be written, its error goes up, and the same call may be
    made again.

    Args:
        sampler: one of ``SAMPLERS_OF["optuna"]``.
        seed: of the sampler; the name of the store's worker is mixed in.
        accepts: whether parameters may be tried.
        prior: what earlier studies tell; only TPE asks it.
    """

    def __init__(
        self,
        store: TrialStore,
        *,
        sampler: str = "tpe",
        seed: int = 0,
        accepts: Accepts = accept_all,
        prior: Prior | None = None,
    ) -> None:
        check_sampler("optuna", sampler)
        super().__init__(store)
        if sampler == "cmaes":
            warn_of_categories(store.space)
        self._accepts = accepts
        self._points = shuffled_grid(store.space, seed) if sampler == "grid" else None
        self._distributions = distributions_of(store.space)
        self._prior = None
        if prior is not None and sampler == "tpe":
            self._prior = PriorSampler(prior, self._distributions, seed, store.worker)
        own_seed = derived_seed(seed, len(store.trials()), store.worker)
        self._cache = SamplerCache(sampler_of(sampler, own_seed))

    @override
    def enqueue(self, params: dict[str, Value], *, again: bool = False) -> None:
        if not self._store.space.contains(params):
            raise SpaceError(f"cannot enqueue {params}: not inside the search space")
        if not self._accepts(params):
            return
        with self._store.exclusive():
            if again or not any(t.params == params for t in self._store.trials()):
                self._store.create(self._template(TrialState.WAITING, params))

    @override
    def _create(self, trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
        if not self._store.has_room():
            return None
        if self._points is None:
            suggested = self._prior.suggest(trials, self._accepts) if self._prior else None
            if suggested is None:
                suggested = self._cache.suggest(trials, self._distributions, self._accepts)
            return None if suggested is None else self._store.create(suggested)
        point = self._next_point(trials)
        if point is None:
            return None
        return self._store.create(self._template(TrialState.RUNNING, point))

    def _next_point(self, trials: Sequence[FrozenTrial]) -> dict[str, Value] | None:
        """The first point of the grid that no trial has had; None at the end.

        Not Optuna's grid sampler: it knows a point only by an attribute of the trial, which a
        log does not have, and hands points out twice when several trials run.
        """
        tried = {tuple(t.params.get(p.name) for p in self._store.space) for t in trials}
        new = (p for p in self._points or () if tuple(p.values()) not in tried)
        return next(filter(self._accepts, new), None)

    def _template(self, state: TrialState, params: dict[str, Value]) -> FrozenTrial:
        values: dict[str, Any] = dict(params)
        return create_trial(state=state, params=values, distributions=self._distributions)
