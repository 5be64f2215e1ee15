"""Records to the text of a file and back, with errors that name the file and the entry."""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import re
import tomllib
from datetime import date, time
from typing import Any, NoReturn, TypeVar

import msgspec

from fmnist.config.toml_text import dump_tables
from fmnist.errors import UserError
from fmnist.runs.artifacts import SCHEMA, Artifact
from fmnist.runs.records.base import OMIT_NONE
from search.space import SearchSpace

T = TypeVar("T")
_TYPES = {
    "int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false",
    "object": "a table of entries", "array": "a list", "null": "nothing",
}  # fmt: skip


class FactsError(UserError):
    """A run folder that lacks a file or holds a broken one; names file, entry and rule."""


def encode(artifact: Artifact[T], record: T) -> str:
    """The text of a JSON or TOML file.

    ``None`` is left out of TOML, which has none, and of JSON where a field says ``OMIT_NONE``.

    Raises:
        ValueError: a number that is not finite.
    """
    if artifact.name.endswith(".toml"):
        return toml_text(document(record))
    return json.dumps(document(record), indent=1, allow_nan=False) + "\n"


def document(record: Any) -> dict[str, Any]:
    """The object that a JSON file holds of a record."""
    return {"schema": SCHEMA, **to_plain(record)}


def decode(artifact: Artifact[T], content: bytes) -> T:
    """The content of a JSON or TOML file as its record.

    Raises:
        FactsError: it breaks a rule of the format, or of its record.
    """
    assert artifact.record is not None
    name, toml = artifact.name, artifact.name.endswith(".toml")
    try:
        text = content.decode("utf-8")
        data = tomllib.loads(text) if toml else json.loads(text, parse_constant=_refuse)
        data = finite(data)
    except (ValueError, RecursionError, MemoryError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise FactsError(f"{name}: not valid {'TOML' if toml else 'JSON'}: {why}") from None
    if not toml and (not isinstance(data, dict) or data.get("schema") != SCHEMA):
        schema = data.get("schema") if isinstance(data, dict) else type(data).__name__
        raise FactsError(f"{name}: expected schema {SCHEMA}, found {schema}")
    return convert(artifact.record, data, name)


def convert(record: type[T], data: Any, where: str) -> T:
    """Plain ``data`` as a record; keys that it does not know are left aside.

    Raises:
        FactsError: an entry that is missing or of another type, named after ``where``.
    """
    try:
        if record is SearchSpace:
            return record.from_json(data)  # type: ignore[attr-defined, no-any-return]
        return msgspec.convert(data, record)
    except msgspec.ValidationError as error:
        raise FactsError(f"{where}{_in_words(error)}") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FactsError(f"{where}: {error}") from None


def to_plain(value: Any) -> Any:
    """Records as dictionaries, in the order of their fields; bytes in Base64."""
    if isinstance(value, SearchSpace):
        return value.to_json()
    if dataclasses.is_dataclass(value):
        entries = ((f, getattr(value, f.name)) for f in dataclasses.fields(value))
        return {f.name: to_plain(v) for f, v in entries if v is not None or f.metadata != OMIT_NONE}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def finite(value: Any) -> Any:
    """Plain data with moments as texts.

    Raises:
        ValueError: a number that is not finite.
    """
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        _refuse(str(value))
    return value.isoformat() if isinstance(value, date | time) else value


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no finite number")


def toml_text(data: dict[str, Any]) -> str:
    """The text of a TOML file; ``None`` values are left out, since TOML has none."""
    return dump_tables(_without_none(data))


def _without_none(table: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in table.items()
        if value is not None
    }


def _in_words(error: msgspec.ValidationError) -> str:
    """``Expected `int`, got `str` - at `$.a.b``` as ``: a: b: expected a whole number, …``."""
    what, _, place = str(error).partition(" - at `$")
    what = re.sub(r"Object missing required field `(.+)`", r"the entry '\1' is missing", what)
    what = re.sub(r"`(\w+)`", lambda match: _TYPES.get(match[1], match[1]), what)
    return f"{place.rstrip('`').replace('.', ': ')}: {what[0].lower()}{what[1:]}"
