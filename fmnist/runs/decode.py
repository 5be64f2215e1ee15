"""JSON and TOML mappings to frozen dataclasses, with errors that name the file and the entry."""

from __future__ import annotations

import dataclasses
import functools
import math
import types
from collections.abc import Mapping
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from fmnist.errors import UserError

T = TypeVar("T")
_NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


class FactsError(UserError):
    """A run folder that lacks a file or holds a broken one; names file, entry and rule."""


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def build(cls: type[T], data: Any, where: str) -> T:
    """Build the dataclass ``cls`` from a mapping; keys it does not know are left aside.

    Fields may be int, float, str, bool, tuples, mappings, other dataclasses and optional ones.

    Raises:
        FactsError: a missing entry or one of another type, named after ``where``.
    """
    if not isinstance(data, Mapping):
        raise FactsError(f"{where}: expected a table of entries, found {_shown(data)}")
    values = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        if field.name in data:
            hint = _hints(cls)[field.name]  # type: ignore[arg-type]
            values[field.name] = convert(hint, data[field.name], f"{where}: {field.name}")
        elif field.default is field.default_factory is dataclasses.MISSING:
            raise FactsError(f"{where}: the entry {field.name!r} is missing")
    return cls(**values)


def convert(hint: Any, value: Any, where: str) -> Any:
    """Check ``value`` against a type hint and return it as that type.

    Raises:
        FactsError: another type, or a number that is not finite.
    """
    origin = get_origin(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        inner = next(arg for arg in get_args(hint) if arg is not type(None))
        return None if value is None else convert(inner, value, where)
    if origin is tuple:
        return _items(get_args(hint), value, where)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise FactsError(f"{where}: expected a table of entries, found {_shown(value)}")
        item = get_args(hint)[1]
        return {str(k): convert(item, v, f"{where}.{k}") for k, v in value.items()}
    if dataclasses.is_dataclass(hint):
        return build(hint, value, where)  # type: ignore[arg-type]
    return _scalar(hint, value, where)


def _items(args: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise FactsError(f"{where}: expected a list, found {_shown(value)}")
    if args[-1] is Ellipsis:
        return tuple(convert(args[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if len(value) != len(args):
        raise FactsError(f"{where}: expected {len(args)} entries, found {len(value)}")
    return tuple(convert(a, v, f"{where}[{i}]") for i, (a, v) in enumerate(zip(args, value)))  # noqa: B905 - checked above


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is float and type(value) is int:
        value = float(value)
    if type(value) is not hint:
        raise FactsError(f"{where}: expected {_NAMES[hint]}, found {_shown(value)}")
    if hint is float and not math.isfinite(value):
        raise FactsError(f"{where}: expected a finite number, found {value}")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
