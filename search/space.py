"""The search space: what is searched, over which values. Neutral to the engine."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Value = int | float | str | bool


class SpaceError(ValueError):
    """A parameter or a space that breaks a rule; the message names parameter, value and rule."""


@dataclass(frozen=True)
class Int:
    """Whole numbers ``low, low + step, … <= high``; ``log`` samples on a log scale (step 1)."""

    name: str
    low: int
    high: int
    step: int = 1
    log: bool = False
    help: str = ""

    def __post_init__(self) -> None:
        _check_range(self.name, self.low, self.high, self.log)
        for label, value in (("low", self.low), ("high", self.high), ("step", self.step)):
            if type(value) is not int:
                raise SpaceError(f"{self.name}: {label} must be a whole number, but got {value!r}")
        if self.step < 1:
            raise SpaceError(f"{self.name}: step >= 1 must hold, but got step={self.step}")
        if self.log and self.step != 1:
            raise SpaceError(f"{self.name}: log and step={self.step} exclude each other")
        if (self.high - self.low) % self.step:
            raise SpaceError(
                f"{self.name}: step={self.step} must divide high - low = {self.high - self.low}"
            )

    def contains(self, value: Value) -> bool:
        """Whether ``value`` can be suggested."""
        return (
            type(value) is int
            and self.low <= value <= self.high
            and (value - self.low) % self.step == 0
        )

    def grid(self, points: int) -> list[Value]:
        """At most ``points`` values spread over the range, ends included."""
        count = (self.high - self.low) // self.step + 1
        if self.log:
            return list[Value](sorted({round(v) for v in _geometric(self.low, self.high, points)}))
        picks = _evenly(count, points)
        return [self.low + self.step * pick for pick in picks]


@dataclass(frozen=True)
class Float:
    """Real numbers ``low <= x <= high``, sampled on a log scale where ``log``."""

    name: str
    low: float
    high: float
    log: bool = False
    help: str = ""

    def __post_init__(self) -> None:
        _check_range(self.name, self.low, self.high, self.log)

    def contains(self, value: Value) -> bool:
        """Whether ``value`` can be suggested."""
        return isinstance(value, (int, float)) and self.low <= value <= self.high

    def grid(self, points: int) -> list[Value]:
        """``points`` values spread over the range, ends included."""
        if self.low == self.high:
            return [self.low]
        if self.log:
            return [float(v) for v in _geometric(self.low, self.high, points)]
        width = (self.high - self.low) / (points - 1)
        return [*(self.low + width * i for i in range(points - 1)), self.high]


@dataclass(frozen=True)
class Categorical:
    """One of a few values without an order."""

    name: str
    choices: tuple[Value, ...]
    help: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", tuple(self.choices))
        if not self.choices:
            raise SpaceError(f"{self.name}: choices must not be empty")
        if len({(type(c), c) for c in self.choices}) != len(self.choices):
            raise SpaceError(f"{self.name}: choices must differ, but got {list(self.choices)}")

    def contains(self, value: Value) -> bool:
        """Whether ``value`` can be suggested."""
        return any(type(c) is type(value) and c == value for c in self.choices)

    def grid(self, points: int) -> list[Value]:
        """All choices."""
        return list(self.choices)


Parameter = Int | Float | Categorical
_KINDS: dict[str, type[Parameter]] = {"int": Int, "float": Float, "categorical": Categorical}


@dataclass(frozen=True)
class SearchSpace:
    """Parameters under unique names, in a fixed order."""

    parameters: tuple[Parameter, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", tuple(self.parameters))
        names = [p.name for p in self.parameters]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise SpaceError(f"parameter {twice[0]!r} stands twice in the space")
        if not names:
            raise SpaceError("a search space needs at least one parameter")

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def contains(self, params: Mapping[str, Value]) -> bool:
        """Whether ``params`` has every parameter with a value that can be suggested."""
        return set(params) == {p.name for p in self} and all(
            p.contains(params[p.name]) for p in self
        )

    def grid(self, points: int = 3) -> Iterator[dict[str, Value]]:
        """Every combination of at most ``points`` values a parameter."""
        names = [p.name for p in self]
        for values in itertools.product(*(p.grid(points) for p in self)):
            yield dict(zip(names, values, strict=True))

    def to_json(self) -> dict[str, Any]:
        """A JSON object that ``from_json`` reads back to an equal space."""
        return {"schema": 1, "parameters": [_parameter_json(p) for p in self]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SearchSpace:
        """Read ``to_json``'s object.

        Raises:
            SpaceError: an unknown type or key, or a parameter against its rule.
        """
        return cls(tuple(parameter(dict(entry)) for entry in data["parameters"]))

    def differences(self, other: SearchSpace) -> list[str]:
        """One line a parameter that ``other`` lacks, adds or has otherwise."""
        mine, theirs = ({p.name: p for p in space} for space in (self, other))
        lines = []
        for name in dict.fromkeys([*mine, *theirs]):
            before, after = mine.get(name), theirs.get(name)
            if before != after:
                lines.append(f"{name}: {_short(before)} -> {_short(after)}")
        return lines


def parameter(entry: dict[str, Any]) -> Parameter:
    """Build one parameter from its JSON or TOML table (``type``, ``name`` and the limits).

    Raises:
        SpaceError: unknown type, unknown or missing key, limits against their rule.
    """
    entry = dict(entry)
    kind, name = entry.pop("type", None), entry.get("name", "?")
    if kind not in _KINDS:
        raise SpaceError(f"{name}: type must be one of {', '.join(_KINDS)}, but got {kind!r}")
    try:
        return _KINDS[kind](**entry)
    except TypeError as error:
        raise SpaceError(f"{name}: {kind} takes {_keys(_KINDS[kind])}: {error}") from None


def _keys(kind: type[Parameter]) -> str:
    return ", ".join(f for f in kind.__dataclass_fields__ if f != "name")


def _parameter_json(p: Parameter) -> dict[str, Any]:
    kind = next(k for k, cls in _KINDS.items() if type(p) is cls)
    values = {k: getattr(p, k) for k in p.__dataclass_fields__}
    if isinstance(p, Categorical):
        values["choices"] = list(p.choices)
    return {"type": kind, **values}


def _short(p: Parameter | None) -> str:
    if p is None:
        return "(absent)"
    limits = {k: v for k, v in _parameter_json(p).items() if k not in ("name", "help")}
    return ", ".join(f"{k}={v}" for k, v in limits.items())


def _check_range(name: str, low: float, high: float, log: bool) -> None:
    for label, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise SpaceError(f"{name}: {label} must be a number, but got {value!r}")
        if not math.isfinite(value):
            raise SpaceError(f"{name}: {label} must be finite, but got {value!r}")
    if low > high:
        raise SpaceError(f"{name}: low <= high must hold, but got (low={low}, high={high})")
    if log and low <= 0:
        raise SpaceError(f"{name}: low > 0 must hold on a log scale, but got low={low}")


def _evenly(count: int, points: int) -> list[int]:
    if count <= points:
        return list(range(count))
    return sorted({round(i * (count - 1) / (points - 1)) for i in range(points)})


def _geometric(low: float, high: float, points: int) -> list[float]:
    ratio = (high / low) ** (1 / max(points - 1, 1))
    return [low * ratio**i for i in range(points - 1)] + [high]
