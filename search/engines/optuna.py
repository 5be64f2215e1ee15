"""Optuna as an engine: samplers, median pruning, a study in SQLite that outlives the process."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState

from search.engines.base import Suggestion
from search.records import State, Trial
from search.space import Categorical, Float, Int, Parameter, SearchSpace, SpaceError, Value

SamplerName = Literal["tpe", "random", "grid", "cmaes"]
SAMPLERS: tuple[SamplerName, ...] = ("tpe", "random", "grid", "cmaes")
GRID_POINTS = 3
_STARTUP_TRIALS = 8
_STATES: dict[State, TrialState] = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}


class OptunaEngine:
    """A study named ``study`` in the SQLite file ``path``, continued where it exists.

    Trials that a killed process left running are failed and suggested once more, unless they
    are among ``finished``: recorded, but not told before the end. One process may hold the file
    at a time; the caller sees to that.

    Raises:
        SpaceError: the stored study searched another space; the message lists the differences.
    """

    def __init__(
        self,
        path: Path,
        space: SearchSpace,
        *,
        sampler: SamplerName = "tpe",
        seed: int = 0,
        prune: bool = True,
        finished: Sequence[Trial] = (),
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.space = space
        self._distributions = {p.name: distribution(p) for p in space}
        self._grid = sampler == "grid"
        self._storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
        self._study = optuna.create_study(
            storage=self._storage,
            study_name="study",
            direction="maximize",
            load_if_exists=True,
            pruner=_pruner(prune),
        )
        self._check_space()
        self._running: dict[int, optuna.Trial] = {}
        # A grid is one shuffled list for the whole study: its order must not change.
        sampler_seed = seed if sampler == "grid" else self._derived_seed(seed)
        self._study.sampler = _sampler(sampler, space, sampler_seed)
        self._recover({t.number: t for t in finished})

    def ask(self) -> Suggestion | None:
        """See ``Engine.ask``."""
        if self._exhausted():
            return None
        trial = self._study.ask(self._distributions)
        self._running[trial.number] = trial
        return Suggestion(trial.number, dict(trial.params))

    def report(self, number: int, step: int, value: float) -> bool:
        """See ``Engine.report``."""
        trial = self._running[number]
        trial.report(float(value), step)
        return not trial.should_prune()

    def tell(self, number: int, state: State, value: float | None) -> None:
        """See ``Engine.tell``; a complete trial without a finite value raises ``ValueError``."""
        if state == "complete" and (value is None or not math.isfinite(value)):
            raise ValueError(f"trial {number}: a complete trial needs a finite value, got {value}")
        trial = self._running.pop(number)
        told = value if state == "complete" else None
        try:
            self._study.tell(trial, told, state=_STATES[state])
        except RuntimeError:
            # GridSampler ends with Study.stop(), which only exists inside optimize(); the trial
            # itself is already stored, and ask() sees that the grid is exhausted.
            if not self._grid:
                raise

    def enqueue(self, params: dict[str, Value]) -> None:
        """See ``Engine.enqueue``; values outside the space raise ``SpaceError``."""
        if not self.space.contains(params):
            raise SpaceError(f"cannot enqueue {params}: not inside the search space")
        self._study.enqueue_trial(params, skip_if_exists=True)

    def counts(self) -> dict[State, int]:
        """See ``Engine.counts``."""
        trials = self._study.get_trials(deepcopy=False)
        return {s: sum(t.state == state for t in trials) for s, state in _STATES.items()}

    def close(self) -> None:
        """Close the database; the engine is of no use afterwards."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def _exhausted(self) -> bool:
        sampler = self._study.sampler
        if not isinstance(sampler, optuna.samplers.GridSampler):
            return False
        queued = self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return not queued and bool(sampler.is_exhausted(self._study))

    def _derived_seed(self, seed: int) -> int:
        # The sampler's random state is not stored: a fixed seed would suggest the same
        # points again after a resume.
        text = f"{seed}:{len(self._study.trials)}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")

    def _recover(self, finished: dict[int, Trial]) -> None:
        for trial in self._study.get_trials(states=(TrialState.RUNNING,)):
            record = finished.get(trial.number)
            if record is not None:
                self._running[trial.number] = optuna.Trial(self._study, trial._trial_id)
                self.tell(trial.number, record.state, record.value)
                continue
            self._study.tell(trial.number, state=TrialState.FAIL)
            if set(trial.params) == set(self._distributions):
                self._study.enqueue_trial(trial.params)

    def _check_space(self) -> None:
        stored = self._study.user_attrs.get("space")
        if stored is None:
            self._study.set_user_attr("space", self.space.to_json())
            return
        differences = SearchSpace.from_json(stored).differences(self.space)
        if differences:
            self.close()
            raise SpaceError(
                "the stored study searched another space:\n  "
                + "\n  ".join(differences)
                + "\nuse the old space, or give the run another name"
            )


def distribution(p: Parameter) -> BaseDistribution:
    """The Optuna distribution over the same values as ``p``."""
    if isinstance(p, Int):
        return IntDistribution(p.low, p.high, log=p.log, step=p.step)
    if isinstance(p, Float):
        return FloatDistribution(p.low, p.high, log=p.log)
    return CategoricalDistribution(p.choices)


def _pruner(prune: bool) -> optuna.pruners.BasePruner:
    if not prune:
        return optuna.pruners.NopPruner()
    # Steps count from 1: no verdict after the first epoch alone.
    return optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2)


def _sampler(name: SamplerName, space: SearchSpace, seed: int) -> optuna.samplers.BaseSampler:
    if name == "tpe":
        return optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=_STARTUP_TRIALS, multivariate=True
        )
    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    if name == "grid":
        grid: dict[str, Any] = {p.name: p.grid(GRID_POINTS) for p in space}
        return optuna.samplers.GridSampler(grid, seed=seed)
    _warn_of_categories(space)
    return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)


def _warn_of_categories(space: SearchSpace) -> None:
    names = [p.name for p in space if isinstance(p, Categorical)]
    if names:
        warnings.warn(f"CMA-ES samples {', '.join(names)} at random: no order", stacklevel=4)
