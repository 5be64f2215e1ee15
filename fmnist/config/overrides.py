"""``--set FIELD=VALUE``: values of fields from the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

from fmnist.config.config import RULES, ConfigError
from fmnist.errors import UserError


def parse_settings(texts: Sequence[str]) -> dict[str, Any]:
    """``FIELD=VALUE`` texts as field values: numbers, true and false as in TOML, else words.

    Raises:
        UserError: no ``=``, or a field given twice.
        ConfigError: an unknown field.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not value:
            raise UserError(f"--set {text}: expected FIELD=VALUE, such as --set erasing=0.25")
        if name not in RULES:
            raise ConfigError(f"--set {text}: unknown field; the fields are {', '.join(RULES)}")
        if name in found:
            raise UserError(f"--set {text}: {name} is set twice")
        found[name] = _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
