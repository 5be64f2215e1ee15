"""The ends of a search space: its smallest and its largest network, found without building one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from fmnist.config.config import Config, ConfigError
from fmnist.errors import UserError
from fmnist.models.caps import Excess
from fmnist.models.size import size_of
from fmnist.pipeline.planner.costs import relative_cost
from search.space import Categorical, Float, Int, Parameter, SearchSpace, Value

Params = dict[str, Value]
_OPTIMIZER_SLOTS = {"adam": 2, "adamw": 2, "sgd": 1}
# At so many parameters a forbidden end may be changed to become an allowed one.
_MOST_CHANGES = 2
# How many times the plan's learning rate is searched, and what part of it.
_RATES = 1.5


def smallest_config(space: SearchSpace, base: Config, excess: Excess = lambda _: "") -> Params:
    """The parameters with every number at its low end.

    Where the configuration's rules refuse that, what differs from it in the fewest parameters.

    Args:
        excess: what of a network is above a cap, see ``Caps.excess``.

    Raises:
        UserError: nothing near that end of the space is allowed, or that network is above a cap.
    """
    smallest = _end(space, base, min)
    if above := excess(base.replace(**smallest)):
        raise UserError(
            f"no network of this space fits; the smallest: {above}; widen the space towards "
            "smaller networks, or give a higher limit"
        )
    return smallest


def largest_config(space: SearchSpace, base: Config, excess: Excess = lambda _: "") -> Params:
    """The parameters with every number at its high end; see ``smallest_config``.

    Where a cap forbids that, parameters grown from the smallest until none may be larger.
    """
    largest = _end(space, base, max)
    if not excess(base.replace(**largest)):
        return largest
    grown: Params | None = smallest_config(space, base, excess)
    while grown is not None:
        largest, grown = grown, _larger(space, base, grown, excess)
    return largest


def _larger(space: SearchSpace, base: Config, params: Params, excess: Excess) -> Params | None:
    """The largest network below the caps with one parameter at another value; None: none is."""
    now = _size_score(base, params) or (0, 0)
    scored = [(s, p) for p in _changed(space, params, 1) if (s := _size_score(base, p))]
    allowed = [(s, p) for s, p in scored if s > now and not excess(base.replace(**p))]
    return max(allowed, key=lambda pair: pair[0])[1] if allowed else None


def narrow(space: SearchSpace, base: Config, most: float) -> SearchSpace:
    """``space`` for a limited time: see ``narrow_to_cost`` and ``narrow_to_steps``."""
    return narrow_to_steps(narrow_to_cost(space, base, most), base)


def narrow_to_cost(space: SearchSpace, base: Config, most: float) -> SearchSpace:
    """``space`` without its most expensive ends, so that no network costs more than ``most``.

    Whole numbers lose their highest values and batch sizes the smallest, the greatest saving
    first; the values of ``base`` stay.

    Args:
        most: see ``relative_cost``.
    """
    parameters = list(space)
    while _highest_cost(parameters, base) > most:
        smaller = [
            [*parameters[:i], less, *parameters[i + 1 :]]
            for i, p in enumerate(parameters)
            if (less := _without_dearest(p, base)) is not None
        ]
        if not smaller:
            break
        parameters = min(smaller, key=lambda found: _highest_cost(found, base))
    return SearchSpace(tuple(parameters))


def narrow_to_steps(space: SearchSpace, base: Config) -> SearchSpace:
    """``space`` with learning rates near that of ``base``, and no smaller batches than its own.

    The base is made for the final training. Trials are far shorter and prefer larger and more
    steps: three searches of an hour chose half the batch with 1.5 to four times the rate, and
    reached 94.7 to 95.2 % of the validation images, the plan's own 95.3 and 95.5 %. A space that
    searches the optimiser stays as it is.
    """
    if any(p.name == "optimizer" for p in space):
        return space
    return SearchSpace(tuple(_with_steps_of(p, base) for p in space))


def _with_steps_of(p: Parameter, base: Config) -> Parameter:
    rate = base.learning_rate
    if p.name == "batch_size" and isinstance(p, Categorical) and base.batch_size in p.choices:
        as_large = (c for c in p.choices if isinstance(c, int) and c >= base.batch_size)
        return replace(p, choices=tuple(as_large))
    if p.name == "learning_rate" and isinstance(p, Float) and p.low <= rate <= p.high:
        return replace(p, low=max(p.low, rate / _RATES), high=min(p.high, rate * _RATES))
    return p


def _without_dearest(p: Parameter, base: Config) -> Parameter | None:
    value = getattr(base, p.name)
    if isinstance(p, Int) and not p.log and p.high - p.step >= max(p.low, value):
        return replace(p, high=p.high - p.step)
    if isinstance(p, Categorical) and p.name == "batch_size" and min(p.choices) < value:
        return replace(p, choices=tuple(c for c in p.choices if c != min(p.choices)))
    return None


def _highest_cost(parameters: list[Parameter], base: Config) -> float:
    """Of any network of these parameters, those that are no numbers as in ``base``."""
    dearest: Params = {
        p.name: p.high if isinstance(p, Int) else min(p.choices)
        for p in parameters
        if isinstance(p, Int) or (isinstance(p, Categorical) and p.name == "batch_size")
    }
    try:
        return relative_cost(base.replace(**dearest))
    except ConfigError:  # no network has all of it
        return 0.0


def _end(space: SearchSpace, base: Config, pick: Callable[..., Any]) -> Params:
    wanted = {p.name: _end_value(p, base, pick) for p in space}
    for count in range(_MOST_CHANGES + 1):
        near = [c for c in _changed(space, wanted, count) if _size_score(base, c) is not None]
        if near:
            best: Params = pick(near, key=lambda c: _size_score(base, c))
            return best
    end = "smallest" if pick is min else "largest"
    raise UserError(f"nothing near the {end} of this space is allowed: {_why(base, wanted)}")


def _end_value(p: Parameter, base: Config, pick: Callable[..., Any]) -> Value:
    if not isinstance(p, Categorical):
        return p.low if pick is min else p.high
    value: Value
    if all(type(c) in (int, float) for c in p.choices):
        value = pick(p.choices)
    else:
        # Of choices that weigh the same, the one that the base has.
        choices = sorted(p.choices, key=lambda c: c != getattr(base, p.name))
        value = pick(choices, key=lambda c: _size_score(base, {p.name: c}) or (0, 0))
    return value


def _changed(space: SearchSpace, params: Params, count: int) -> Iterator[Params]:
    """``params`` with ``count`` of them at other values."""
    for chosen in itertools.combinations(space, count):
        for values in itertools.product(*(p.grid(5) for p in chosen)):
            yield {**params, **{p.name: v for p, v in zip(chosen, values, strict=True)}}


def _size_score(base: Config, params: Params) -> tuple[int, int] | None:
    """What the size of a configuration is judged by; None where it is not allowed."""
    try:
        config = base.replace(**params)
    except ConfigError:
        return None
    found = size_of(config)
    return found.parameters * (1 + _OPTIMIZER_SLOTS[config.optimizer]), found.operations


def _why(base: Config, params: Params) -> str:
    try:
        base.replace(**params)
    except ConfigError as error:
        return str(error)
    return ""
