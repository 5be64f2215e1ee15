"""Optuna as an engine: samplers, pruners, a study in SQLite that outlives the process."""

from __future__ import annotations

import contextlib
import math
import random
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.engines.base import Suggestion
from search.engines.choices import GRID_POINTS, PRUNERS, check_pruner, check_sampler
from search.engines.optuna_storage import STATES, StudyFile
from search.engines.persistence import (
    DamagedError,
    check_record,
    check_space,
    derived_seed,
    set_aside,
)
from search.engines.pruning import Pruning
from search.records import State, Trial
from search.space import Categorical, Float, Int, Parameter, SearchSpace, SpaceError, Value

_STARTUP_TRIALS = 8
_NAMES = {state: name for name, state in STATES.items()}


class OptunaEngine:
    """A study named ``study`` in the SQLite file ``path``, continued where it exists.

    The sampler works on a copy in memory, the pruner on one of its own; the file gets one
    transaction a change. When the file cannot be written, ``OSError`` goes up, the copies are made
    anew from the file, and the same call may be made again. One process may hold the file at a
    time; the caller sees to that.

    Args:
        pruner: one of ``PRUNERS``; halving and Hyperband divide the ``epochs`` of a whole trial.
        finished: the log. What the file lacks of it is put in; numbers missing in between become
            failed trials. A file that is damaged or says otherwise is set aside and rebuilt.
        handed_out: numbers below it were given to trials, even where neither file nor log
            knows them: they become failed trials and are not given again.

    Raises:
        SpaceError: the stored study searched another space; the message lists the differences.
        OSError: the file cannot be read or written.
    """

    def __init__(
        self,
        path: Path,
        space: SearchSpace,
        *,
        sampler: str = "tpe",
        seed: int = 0,
        pruner: str = PRUNERS[0],
        epochs: int = 1,
        finished: Sequence[Trial] = (),
        handed_out: int = 0,
    ) -> None:
        check_sampler("optuna", sampler)
        check_pruner(pruner)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.space = space
        self._distributions = {p.name: distribution(p) for p in space}
        self._pruner = (pruner, epochs)
        self._points = shuffled_grid(space, seed) if sampler == "grid" else None
        if sampler == "cmaes":
            warn_of_categories(space)
        try:
            self._open(path, finished, handed_out)
        except DamagedError as error:
            set_aside(path, error)
            self._open(path, finished, handed_out)
        self._sampler = sampler_of(sampler, derived_seed(seed, len(self._file.trials())))
        self._stale = False
        self._load()

    def ask(self) -> Suggestion | None:
        """See ``Engine.ask``."""
        with self._kept():
            waiting = self._trials(TrialState.WAITING)
            if self._points is not None and not waiting and not self._walk_on():
                return None
            number = self._study.ask(self._distributions).number
            if waiting or self._points is not None:
                self._file.start(number)
            else:
                self._file.add(self._trial(number))
            return self._suggestion(self._trial(number))

    def report(self, number: int, step: int, value: float) -> bool:
        """See ``Engine.report``; the verdict is today's also for a step of yesterday."""
        with self._kept():
            trial = self._running_trial(number)
            if step not in trial.intermediate_values:
                self._file.report(number, step, float(value))
                self._memory.set_trial_intermediate_value(trial._trial_id, step, float(value))
            return self._pruning.report(number, step, float(value))

    def tell(self, number: int, state: State, value: float | None) -> None:
        """See ``Engine.tell``; a complete trial without a finite value raises ``ValueError``."""
        if state == "complete" and (value is None or not math.isfinite(value)):
            raise ValueError(f"trial {number}: a complete trial needs a finite value, got {value}")
        with self._kept():
            trial = self._running_trial(number)
            self._file.end(number, STATES[state], _values(trial, state, value))
            told = value if state == "complete" else None
            self._study.tell(number, told, state=STATES[state])
            self._pruning.end(number, state)

    def enqueue(self, params: dict[str, Value], *, again: bool = False) -> None:
        """See ``Engine.enqueue``; values outside the space raise ``SpaceError``."""
        if not self.space.contains(params):
            raise SpaceError(f"cannot enqueue {params}: not inside the search space")
        with self._kept():
            if again or not any(t.params == params for t in self._trials()):
                self._queue(params)

    def running(self) -> tuple[Suggestion, ...]:
        """See ``Engine.running``."""
        with self._kept():
            return tuple(self._suggestion(t) for t in self._trials(TrialState.RUNNING))

    def counts(self) -> dict[State, int]:
        """See ``Engine.counts``."""
        with self._kept():
            return {s: len(self._trials(state)) for s, state in STATES.items()}

    def close(self) -> None:
        """Close the database; the engine is of no use afterwards."""
        self._file.close()

    # ---- the copy in memory -----------------------------------------------------------------

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        """A change of file and copy. After an error the file counts, and is read again."""
        if self._stale:
            self._load()
        self._stale = True
        yield
        self._stale = False

    def _load(self) -> None:
        self._memory = optuna.storages.InMemoryStorage()
        self._study = optuna.create_study(
            storage=self._memory,
            study_name="study",
            direction="maximize",
            sampler=self._sampler,
        )
        trials = self._file.trials()
        self._study.add_trials(trials)
        self._pruning = Pruning(*self._pruner)
        for trial in sorted(trials, key=lambda t: not t.state.is_finished()):
            self._pruning.replay(trial.number, trial.intermediate_values, _NAMES.get(trial.state))

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=states or None)

    def _trial(self, number: int) -> FrozenTrial:
        return self._trials()[number]

    def _running_trial(self, number: int) -> FrozenTrial:
        trials = self._trials()
        if number >= len(trials) or trials[number].state != TrialState.RUNNING:
            raise KeyError(f"trial {number} does not run")
        return trials[number]

    def _suggestion(self, trial: FrozenTrial) -> Suggestion:
        return Suggestion(trial.number, {p.name: trial.params[p.name] for p in self.space})

    def _queue(self, params: dict[str, Value]) -> None:
        trial = create_trial(
            state=TrialState.WAITING, params=dict(params), distributions=self._distributions
        )
        self._file.add(trial)
        self._study.add_trial(trial)

    def _walk_on(self) -> bool:
        """Queue the first point of the grid that no trial has had; false at the end.

        Not Optuna's grid sampler: it knows a point only by an attribute of the trial, which a
        log does not have, and hands points out twice when several trials run.
        """
        tried = {tuple(t.params.get(p.name) for p in self.space) for t in self._trials()}
        for point in self._points or ():
            if tuple(point.values()) not in tried:
                self._queue(point)
                return True
        return False

    def _open(self, path: Path, finished: Sequence[Trial], handed_out: int) -> None:
        self._file = StudyFile(path)
        try:
            stored = self._file.space
            if stored is None:
                self._file.space = self.space.to_json()
            else:
                check_space(stored, self.space)
            for record in finished:
                check_record(record, self.space)
            self._file.restore(finished, self._distributions, handed_out)
        except Exception:
            self._file.close()
            raise


def distribution(p: Parameter) -> BaseDistribution:
    """The Optuna distribution over the same values as ``p``."""
    if isinstance(p, Int):
        return IntDistribution(p.low, p.high, log=p.log, step=p.step)
    if isinstance(p, Float):
        return FloatDistribution(p.low, p.high, log=p.log)
    return CategoricalDistribution(p.choices)


def _values(trial: FrozenTrial, state: State, value: float | None) -> list[float] | None:
    """What Optuna stores as a trial's value: the last report of a pruned one."""
    if state == "complete":
        return None if value is None else [float(value)]
    if state == "failed" or trial.last_step is None:
        return None
    last = trial.intermediate_values[trial.last_step]
    return None if math.isnan(last) else [last]


def shuffled_grid(space: SearchSpace, seed: int) -> list[dict[str, Value]]:
    """All points of the grid over ``space`` in an order that ``seed`` decides."""
    points = list(space.grid(GRID_POINTS))
    # One list for the whole study: its order must not change on a resume.
    random.Random(seed).shuffle(points)
    return points


def sampler_of(name: str, seed: int) -> optuna.samplers.BaseSampler:
    """The sampler ``name``; a grid is walked by its engine, and this one never asked."""
    if name == "tpe":
        return optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=_STARTUP_TRIALS, multivariate=True, constant_liar=True
        )
    if name in ("random", "grid"):
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)


def warn_of_categories(space: SearchSpace) -> None:
    """Say which parameters CMA-ES cannot learn about."""
    names = [p.name for p in space if isinstance(p, Categorical)]
    if names:
        warnings.warn(f"CMA-ES samples {', '.join(names)} at random: no order", stacklevel=3)
