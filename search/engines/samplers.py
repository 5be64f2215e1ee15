"""Optuna's samplers, and the copy of a study in memory that they sample from."""

from __future__ import annotations

import copy
import random
import warnings
from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from search.engines.base import MOST_REFUSED, Accepts, accept_all
from search.engines.choices import GRID_POINTS
from search.space import Categorical, SearchSpace, Value

# Drawn at random before TPE takes over: a short search has some ten trials. Of a toy objective, 400
# seeds, its ten found as good a one with 5 as with 3, 4, 6 and 8, and all a better one than chance.
STARTUP_TRIALS = 5


def sampler_of(name: str, seed: int) -> BaseSampler:
    """The sampler ``name``; a grid is walked by its engine, and this one never asked."""
    if name == "tpe":
        return optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=STARTUP_TRIALS, multivariate=True, constant_liar=True
        )
    if name in ("random", "grid"):
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)


def shuffled_grid(space: SearchSpace, seed: int) -> list[dict[str, Value]]:
    """All points of the grid over ``space`` in an order that ``seed`` decides."""
    points = list(space.grid(GRID_POINTS))
    # One list for the whole study: its order must not change on a resume.
    random.Random(seed).shuffle(points)
    return points


def warn_of_categories(space: SearchSpace) -> None:
    """Say which parameters CMA-ES cannot learn about."""
    names = [p.name for p in space if isinstance(p, Categorical)]
    if names:
        warnings.warn(f"CMA-ES samples {', '.join(names)} at random: no order", stacklevel=3)


class SamplerCache:
    """What ``sampler`` has to know of the trials in a store, and nothing else of them.

    On the store itself Optuna would make a trial first and fill it in afterwards; a process
    killed in between would leave half of one. And reading thousands of trials takes its time.
    """

    def __init__(self, sampler: BaseSampler) -> None:
        self._storage = optuna.storages.InMemoryStorage()
        self._study = optuna.create_study(
            storage=self._storage, direction="maximize", sampler=sampler
        )
        self._ids: dict[int, int] = {}
        self._running: set[int] = set()
        self._refused = 0

    def suggest(
        self,
        trials: Sequence[FrozenTrial],
        distributions: Mapping[str, BaseDistribution],
        accepts: Accepts = accept_all,
    ) -> FrozenTrial | None:
        """A running trial as the sampler would have it next; to be stored by the caller.

        What is refused the sampler hears of as a trial worse than all others, while there are
        fewer of these than real ones: more would pass for its good ones.

        Args:
            trials: all that are stored.
            distributions: of the parameters.
            accepts: whether parameters may be tried.

        Returns:
            None where nothing of ``MOST_REFUSED`` suggestions is accepted.
        """
        self._update(trials)
        for _ in range(MOST_REFUSED):
            trial = self._study.ask(dict(distributions))
            suggested = copy.deepcopy(self._storage.get_trial(trial._trial_id))
            accepted, ended = accepts(suggested.params), len(self._ids) - len(self._running)
            learns = not accepted and self._refused < ended and ended >= STARTUP_TRIALS
            self._refused += learns
            # An accepted one comes back with the trials of the store, if it gets there.
            state = TrialState.PRUNED if learns else TrialState.FAIL
            self._storage.set_trial_state_values(trial._trial_id, state)
            if accepted:
                return suggested
        return None

    def _update(self, trials: Sequence[FrozenTrial]) -> None:
        """Take in what has begun and ended since the last time; what waits says nothing yet."""
        for trial in trials:
            if trial.state == TrialState.WAITING or not trial.params:
                continue
            if trial.number not in self._ids:
                self._begin(trial)
            elif trial.number in self._running and trial.state.is_finished():
                self._end(trial)

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
