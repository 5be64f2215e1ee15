"""keras-tuner's oracles without its tuners: no model, no files, no printing, no limits."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import keras_tuner
import threadpoolctl
from keras_tuner.engine.hyperparameters import Choice
from keras_tuner.engine.hyperparameters import Float as HpFloat
from keras_tuner.engine.hyperparameters import Int as HpInt
from keras_tuner.engine.trial import Trial as OracleTrial

from search.engines.choices import GRID_POINTS
from search.space import Float, Int, Parameter, SearchSpace, Value

_OBJECTIVE = keras_tuner.Objective("value", direction="max")
# Hyperband starts over as long as it is asked. Infinity is no JSON.
_ITERATIONS = 10**6
_WORST = -1e300
_EPOCHS = "tuner/epochs"


class Oracle:
    """One of keras-tuner's oracles over ``space``; it calls trials by names of its own.

    A pruned trial counts as complete with its last value, as keras-tuner knows no pruned ones.
    To Hyperband a failed trial is one that scored worst: without any score its round would wait
    for ever.

    Args:
        sampler: bayesian, random, hyperband or grid.
        epochs: of a whole trial, for Hyperband.
        max_trials: where known and small, Bayesian search starts before the 3 random trials a
            parameter that keras-tuner has by default: after half of them at the latest.
    """

    def __init__(
        self, sampler: str, space: SearchSpace, seed: int, epochs: int, max_trials: int | None
    ) -> None:
        self._sampler = sampler
        self._codes = {p.name: _code(p, sampler == "grid") for p in space}
        options: dict[str, Any] = {
            "objective": _OBJECTIVE,
            "seed": seed,
            "hyperparameters": self._values({}),
            "max_consecutive_failed_trials": None,  # the study has a rule of its own
        }
        if sampler == "hyperband":
            options |= {"max_epochs": epochs, "hyperband_iterations": _ITERATIONS}
        else:
            options["max_trials"] = None
        if sampler == "bayesian" and max_trials is not None:
            options["num_initial_points"] = max(3, min(3 * len(space), max_trials // 2))
        with _quiet():
            self._oracle = _CLASSES[sampler](**options)
        self._oracle.verbose = 0
        # The engine keeps everything in one file; these two would write a folder of many.
        self._oracle.save = lambda: None
        self._oracle._save_trial = lambda trial: None

    def ask(self) -> tuple[str, dict[str, Value], int | None] | None:
        """Name, parameters and epochs of a new trial; None when there is nothing to start now."""
        if self._sampler == "grid" and (first := self._first_of_grid()) is not None:
            return first
        with _quiet(), self._threads():
            trial = self._oracle.create_trial(f"of trial {len(self._oracle.trials)}")
        if trial.status != "RUNNING":
            return None
        values = trial.hyperparameters.values
        params = {name: code.decode(values[name]) for name, code in self._codes.items()}
        # What is run counts, not what rounding made of it.
        values.update({name: code.encode(params[name]) for name, code in self._codes.items()})
        if self._sampler == "grid":
            # The oracle itself goes on from a trial that ended: one trial at a time.
            self._oracle._populate_next.append(trial.trial_id)
        return trial.trial_id, params, values.get(_EPOCHS)

    def adopt(self, params: Mapping[str, Value]) -> str | None:
        """Take up a trial that someone else thought of; None where a grid does not have it."""
        values = {name: code.encode(params[name]) for name, code in self._codes.items()}
        if None in values.values():
            return None
        name = f"{len(self._oracle.trials):04d}"
        trial = OracleTrial(self._values(values), trial_id=name, status="RUNNING")
        self._oracle._record_values(trial)
        self._oracle.trials[name] = self._oracle.ongoing_trials[f"of trial {name}"] = trial
        self._oracle.start_order.append(name)
        if self._sampler == "grid":
            self._thread()
        return name

    def tell(self, name: str, value: float | None) -> None:
        """End a trial; ``None``: it failed."""
        trial = self._oracle.get_trial(name)
        if value is None and self._sampler == "hyperband":
            value = _WORST
        trial.status = "FAILED" if value is None else "COMPLETED"
        with _quiet():
            if value is not None:
                self._oracle.update_trial(name, {_OBJECTIVE.name: value})
            self._oracle.end_trial(trial)

    def state(self) -> dict[str, Any]:
        """A JSON object for ``restore``."""
        trials = {
            name: {"values": t.hyperparameters.values, "status": t.status, "score": t.score}
            for name, t in self._oracle.trials.items()
        }
        return {"state": self._oracle.get_state(), "trials": trials}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken; any exception where it is none."""
        for name, entry in state["trials"].items():
            trial = OracleTrial(self._values(entry["values"]), name, entry["status"])
            trial.score = entry["score"]
            self._oracle.trials[name] = trial
        self._oracle.set_state(state["state"])
        if self._sampler == "grid":
            self._thread()

    def _threads(self) -> contextlib.AbstractContextManager[Any]:
        """The matrices of the Gaussian process are tiny: two threads take four times as long."""
        if self._sampler != "bayesian":
            return contextlib.nullcontext()
        limits: contextlib.AbstractContextManager[Any] = threadpoolctl.threadpool_limits(1)
        return limits

    def _values(self, values: Mapping[str, Any]) -> Any:
        hps = keras_tuner.HyperParameters()
        for code in self._codes.values():
            hps.merge([code.hp])
        hps.values = dict(values)
        return hps

    # ---- grid -------------------------------------------------------------------------------

    def _first_of_grid(self) -> tuple[str, dict[str, Value], None] | None:
        """The corner from which the oracle walks; it cannot come back to it later."""
        if self._oracle._duplicate(dict.fromkeys(self._codes, 0)):
            return None
        first = {name: code.decode(0) for name, code in self._codes.items()}
        name = self.adopt(first)
        assert name is not None
        return name, first, None

    def _thread(self) -> None:
        """Thread all trials in the order of the walk, to go on after any that has a gap behind.

        keras-tuner does not store this.
        """
        values = {name: t.hyperparameters.values for name, t in self._oracle.trials.items()}
        walk = sorted(values, key=lambda name: [values[name][code] for code in self._codes])
        chain = type(self._oracle._ordered_ids)()
        for previous, name in zip([None, *walk], walk, strict=False):
            chain.insert(name, previous)
        self._oracle._ordered_ids = chain
        self._oracle._populate_next = walk


class _Choices:
    """A parameter as the number of one of its values.

    For every category, since keras-tuner takes bool for int and refuses mixed types.
    """

    def __init__(self, p: Parameter) -> None:
        self._numeric = isinstance(p, (Int, Float))
        self._choices = p.grid(GRID_POINTS)
        self.hp = Choice(p.name, list(range(len(self._choices))), ordered=False)

    def encode(self, value: Value) -> int | None:
        # True is no 1 among categories; a number is the same as int and as float.
        same = (
            i
            for i, c in enumerate(self._choices)
            if c == value and (self._numeric or type(c) is type(value))
        )
        return next(same, None)

    def decode(self, code: int) -> Value:
        return self._choices[code]


class _Number:
    """A number as itself; keras-tuner may leave a log range by rounding, also by a whole 1."""

    def __init__(self, p: Int | Float) -> None:
        self._p = p
        sampling = "log" if p.log else "linear"
        if isinstance(p, Int):
            step = None if p.log else p.step
            self.hp = HpInt(p.name, p.low, p.high, step=step, sampling=sampling)
        else:
            self.hp = HpFloat(p.name, p.low, p.high, sampling=sampling)

    def encode(self, value: Value) -> Value:
        return value

    def decode(self, code: float) -> Value:
        kind = int if isinstance(self._p, Int) else float
        return kind(min(max(code, self._p.low), self._p.high))


def _code(p: Parameter, grid: bool) -> _Choices | _Number:
    return _Number(p) if isinstance(p, (Int, Float)) and not grid else _Choices(p)


_CLASSES: dict[str, Any] = {
    "bayesian": keras_tuner.oracles.BayesianOptimizationOracle,
    "random": keras_tuner.oracles.RandomSearchOracle,
    "hyperband": keras_tuner.oracles.HyperbandOracle,
    "grid": keras_tuner.oracles.GridSearchOracle,
}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """keras-tuner calls what Python has deprecated; its Gaussian process may not converge."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
