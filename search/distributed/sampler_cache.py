"""A copy of a shared study in memory, for its sampler: kept up to date, never built anew.

On the database itself Optuna would make a trial first and fill it in afterwards; a worker killed
in between would leave half of one. And reading thousands of trials into a sampler takes its time.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState


class Mirror:
    """What a sampler has to know of the trials of all workers, and nothing else of them."""

    def __init__(self) -> None:
        self._storage = optuna.storages.InMemoryStorage()
        self._study = optuna.create_study(storage=self._storage, direction="maximize")
        self._ids: dict[int, int] = {}
        self._running: set[int] = set()

    def follow(self, trials: Sequence[FrozenTrial]) -> None:
        """Take in what has begun and ended since the last time; what waits says nothing yet."""
        for trial in trials:
            if trial.state == TrialState.WAITING or not trial.params:
                continue
            if trial.number not in self._ids:
                self._begin(trial)
            elif trial.number in self._running and trial.state.is_finished():
                self._end(trial)

    def suggest(
        self, sampler: BaseSampler, distributions: Mapping[str, BaseDistribution]
    ) -> FrozenTrial:
        """A running trial as ``sampler`` would have it. Here it is not kept."""
        self._study.sampler = sampler
        asked = self._study.ask(dict(distributions))
        found = copy.deepcopy(self._storage.get_trial(asked._trial_id))
        # It comes back from the database, if it gets there.
        self._storage.set_trial_state_values(asked._trial_id, TrialState.FAIL)
        return found

    def _begin(self, trial: FrozenTrial) -> None:
        lean = copy.copy(trial)
        lean.user_attrs = {}  # records and epochs: they would be copied, too
        self._ids[trial.number] = self._storage.create_new_trial(self._study._study_id, lean)
        if not trial.state.is_finished():
            self._running.add(trial.number)

    def _end(self, trial: FrozenTrial) -> None:
        number = self._ids[trial.number]
        for step, value in trial.intermediate_values.items():
            self._storage.set_trial_intermediate_value(number, step, value)
        self._storage.set_trial_state_values(number, trial.state, trial.values)
        self._running.discard(trial.number)
