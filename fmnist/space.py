"""Which fields of the configuration are searched, over what: data for ``search.SearchSpace``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from fmnist.config import RULES, Config, ConfigError
from fmnist.errors import UserError
from search.space import Categorical, Float, Int, Parameter, SearchSpace, SpaceError, parameter

# The user's four: filter counts, dropout, learning rate, batch size.
CORE = SearchSpace(
    (
        Int("filters_1", 16, 48, step=16, help=RULES["filters_1"].help),
        Int("filters_2", 32, 96, step=32, help=RULES["filters_2"].help),
        Int("filters_3", 64, 192, step=64, help=RULES["filters_3"].help),
        Float("dropout", 0.0, 0.5, help=RULES["dropout"].help),
        Float("learning_rate", 5e-4, 1e-2, log=True, help=RULES["learning_rate"].help),
        Categorical("batch_size", (64, 128, 256), help=RULES["batch_size"].help),
    )
)


def load_space(path: Path) -> SearchSpace:
    """Read a space file: one TOML table a field, as the README shows.

    Raises:
        UserError: missing file, broken TOML, unknown field, limits the field does not allow.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a space file: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path}: not valid TOML: {error}") from None
    try:
        return SearchSpace(tuple(_entry(name, table, path) for name, table in tables.items()))
    except SpaceError as error:
        raise UserError(f"{path}: {error}") from None


def _entry(name: str, table: Any, path: Path) -> Parameter:
    if name not in RULES:
        raise UserError(f"{path}: unknown field [{name}]; the fields are {', '.join(RULES)}")
    if not isinstance(table, dict):
        raise UserError(
            f"{path}: {name} = {table!r}: expected a table such as [{name}] with type = 'int', "
            "low = 16, high = 64"
        )
    entry = parameter({"help": RULES[name].help, **table, "name": name})
    for value in _extremes(entry):
        try:
            # The other fields stay at defaults that allow every value of this one.
            Config().replace(**{"optimizer": "adamw", name: value})
        except ConfigError as error:
            raise UserError(f"{path}: {error}") from None
    return entry


def _extremes(entry: Parameter) -> list[Any]:
    if isinstance(entry, Categorical):
        return list(entry.choices)
    return [entry.low, entry.high]
