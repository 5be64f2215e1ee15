"""Our field for a stranger's value, and our search space for a stranger's ranges."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from fmnist.config.config import RULES, Config, ConfigError
from fmnist.importers.external import Axis, number
from search.space import Categorical, Float, Int, Parameter, Value

_USUAL = Config().to_dict()
_LARGEST = 1e15
"""Whole numbers beyond it are not told apart as floats."""


def cast_to_field(field: str, value: Any) -> Value:
    """The value as our field takes it: 64.0 as 64, 1 as yes, ``Adam`` as ``adam``.

    Raises:
        ConfigError: none that the field may have; its rule is in the message.
    """
    kind = type(_USUAL[field])
    given = number(value)
    if kind is bool and value in (0, 1):
        value = bool(value)
    elif kind is int and given is not None and abs(given) < _LARGEST and given.is_integer():
        value = int(given)
    elif kind is float and given is not None:
        value = given
    elif kind is str and isinstance(value, str):
        value = value.lower()
    # The other fields stay at defaults that allow every value of this one.
    found: Value = getattr(Config(**{"optimizer": "adamw", field: value}), field)
    return found


def parameter(field: str, axes: Sequence[Axis], values: Iterable[Value]) -> Parameter:
    """The parameter over everything the axes allow and every value that was tried.

    Values and ends of ranges that our field may not have are left out.
    """
    seen = list(dict.fromkeys(values))
    choices = [c for axis in axes for c in axis.choices]
    if choices or isinstance(_USUAL[field], (bool, str)):
        return _categorical(field, choices, seen)
    numbers = [float(v) for v in seen]
    lows = [*numbers, *(axis.low for axis in axes if axis.low is not None)]
    highs = [*numbers, *(axis.high for axis in axes if axis.high is not None)]
    rule = RULES[field]
    low = max(min(lows), rule.low if rule.low is not None else -math.inf)
    high = min(max(highs), rule.high if rule.high is not None else math.inf)
    log = bool(axes) and all(axis.log for axis in axes) and low > 0
    if isinstance(_USUAL[field], float):
        return Float(field, low, high, log, rule.help)
    return _whole(field, math.ceil(low), math.floor(high), log, axes, seen)


def _categorical(field: str, choices: Sequence[Any], seen: Sequence[Value]) -> Categorical:
    allowed: list[Value] = []
    for choice in (*choices, *seen, *((False, True) if type(_USUAL[field]) is bool else ())):
        try:
            value = cast_to_field(field, choice)
        except ConfigError:
            continue
        if value not in allowed:
            allowed.append(value)
    return Categorical(field, tuple(allowed), RULES[field].help)


def _whole(
    field: str, low: int, high: int, log: bool, axes: Sequence[Axis], seen: Sequence[Value]
) -> Int:
    steps = {axis.step for axis in axes}
    step = steps.pop() if len(steps) == 1 else None
    size = int(step) if step and 1 <= step < _LARGEST and float(step).is_integer() else 1
    if log or any((int(v) - low) % size for v in seen):
        size = 1
    high = low + (high - low) // size * size
    return Int(field, low, high, size, log, RULES[field].help)
