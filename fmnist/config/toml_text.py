"""A configuration as TOML text: written, and read from what a person wrote."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import tomli_w

from fmnist.config.config import (
    LARGEST_FILE,
    RULES,
    Config,
    ConfigError,
    _refuse_unknown,
    from_dict,
)
from fmnist.text import in_unicode

_NO_UNICODE = re.compile("[\udc80-\udcff]")


def dump_config(config: Config, provenance: Mapping[str, Any] | None = None) -> str:
    """The configuration as TOML text: ``[model]``, ``[training]``, optional ``[provenance]``."""
    tables: dict[str, dict[str, Any]] = {"model": {}, "training": {}}
    for name, value in config.to_dict().items():
        tables[RULES[name].section][name] = value
    if provenance:
        tables["provenance"] = dict(provenance)
    return dump_tables(tables)


def dump_tables(tables: Mapping[str, Any]) -> str:
    """TOML text; bytes of a file's name that are no UTF-8 stand there as ``\\xfc``."""
    text = tomli_w.dumps(tables)
    return _NO_UNICODE.sub(lambda found: "\\" + in_unicode(found[0]), text)  # escaped for TOML


def parse_config(text: str, where: str = "configuration") -> Config:
    """Read TOML text written by ``dump_config`` or by hand.

    Raises:
        ConfigError: broken TOML, a field in the wrong table, an unknown name, a bad value.
    """
    if len(text) > LARGEST_FILE:
        raise ConfigError(f"{where}: too large for a configuration, over {LARGEST_FILE:,} bytes")
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{where}: {_other_format(text) or f'not valid TOML: {error}'}") from None
    return from_dict(_flatten(tables, where), where)


def _other_format(text: str) -> str:
    """Of a file that is no TOML what it is and what to do; empty where that is not known."""
    first = text.lstrip()[:1000].partition("\n")[0]
    if first.startswith(("{", '["', "[{")):
        kind = "JSON"
    elif "," in first and "=" not in first:
        kind = "a table of comma-separated values"
    else:
        return ""
    return (
        f"is {kind}; a configuration is TOML, such as best_config.toml of a run (copy the values "
        "under [model] and [training], or read a whole study in with 'fmnist import')"
    )


def _flatten(tables: Mapping[str, Any], where: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for section, table in tables.items():
        if section == "provenance":
            continue
        if section not in ("model", "training") or not isinstance(table, dict):
            raise ConfigError(
                f"{where}: unexpected entry {section!r}; a configuration has the tables "
                "[model], [training] and optionally [provenance]"
            )
        _refuse_unknown(table, where)
        for name, value in table.items():
            if RULES[name].section != section:
                raise ConfigError(f"{where}: {name} belongs in [{RULES[name].section}]")
            values[name] = value
    return values
