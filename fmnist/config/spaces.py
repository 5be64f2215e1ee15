"""Which fields of the configuration are searched, over what: data for ``search.SearchSpace``."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from fmnist.config.config import RULES, Config, ConfigError
from fmnist.errors import UserError
from fmnist.text import read_text
from search.space import Categorical, Float, Int, Parameter, SearchSpace, SpaceError, parameter


def _int(name: str, low: int, high: int, **options: Any) -> Int:
    return Int(name, low, high, help=RULES[name].help, **options)


def _float(name: str, low: float, high: float, **options: Any) -> Float:
    return Float(name, low, high, help=RULES[name].help, **options)


def _one_of(name: str, *choices: Any) -> Categorical:
    return Categorical(name, choices, help=RULES[name].help)


# The user's four: filter counts, dropout, learning rate, batch size.
CORE = SearchSpace(
    (
        _int("filters_1", 16, 48, step=16),
        _int("filters_2", 32, 96, step=32),
        _int("filters_3", 64, 192, step=64),
        _float("dropout", 0.0, 0.5),
        _float("learning_rate", 1e-3, 4e-2, log=True),
        _one_of("batch_size", 64, 128, 256),
    )
)
# The same, and how much is done against overfitting: only long trials can tell.
EXTENDED = SearchSpace(
    (
        *CORE,
        _float("weight_decay", 1e-3, 0.2, log=True),
        _float("label_smoothing", 0.0, 0.2),
        _float("erasing", 0.0, 0.6),
    )
)
# The network and its training from the ground up; adam is adamw without a weight decay.
FULL = SearchSpace(
    (
        _int("stages", 2, 4),
        _int("convolutions", 1, 3),
        _float("width", 0.5, 2.0, log=True),
        _one_of("stem", 0, 16, 32),
        _one_of("residual", False, True),
        _one_of("pool_first", False, True),
        _one_of("head", "flatten", "average", "max"),
        _float("dropout", 0.0, 0.5),
        _one_of("optimizer", "adamw", "sgd"),
        _float("learning_rate", 5e-4, 0.1, log=True),
        _float("weight_decay", 1e-5, 0.2, log=True),
        _one_of("schedule", "cosine", "one-cycle"),
        _float("label_smoothing", 0.0, 0.2),
        _int("shift", 0, 4),
        _one_of("flip", False, True),
        _float("erasing", 0.0, 0.6),
        _one_of("ema", 0.0, 0.99, 0.999),
        _one_of("batch_size", 64, 128, 256, 512),
    )
)
SPACES = {"core": CORE, "extended": EXTENDED, "full": FULL}
"""Spaces by the names that ``fmnist run --space`` knows."""


def named_space(text: str) -> SearchSpace:
    """The space of that name, or of the space file of that path.

    Raises:
        UserError: neither a name nor a file; see ``load_space`` for the latter.
    """
    if text in SPACES:
        return SPACES[text]
    path = Path(text)
    if not path.is_file():
        raise UserError(
            f"--space {text}: neither a space ({', '.join(SPACES)}) nor a file; name one of them"
        )
    return load_space(path)


def without(space: SearchSpace, fixed: Collection[str]) -> SearchSpace:
    """The space without the fields that are ``fixed``.

    Raises:
        UserError: nothing would be left to search.
    """
    left = tuple(p for p in space if p.name not in fixed)
    if not left:
        raise UserError("every field of the space is fixed by --set: nothing is left to search")
    return SearchSpace(left)


def load_space(path: Path) -> SearchSpace:
    """Read a space file: one TOML table a field, as the README shows.

    Raises:
        UserError: missing file, broken TOML, unknown field, limits the field does not allow.
    """
    try:
        tables = tomllib.loads(read_text(path))
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
