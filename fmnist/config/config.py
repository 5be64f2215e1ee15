"""The configuration of one network and its training: one hyperparameter is one field.

To add a hyperparameter, add a field here with its range and help, and use it in the one
place it belongs to (``model.py`` or ``training.py``). TOML files, the search space, the command
line and the report pick it up from the field.
"""

from __future__ import annotations

import dataclasses
import itertools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tomli_w

from fmnist.errors import UserError

CONFIG_FILE = "best_config.toml"
LARGEST_FILE = 100_000
"""Bytes of a configuration file; ours have less than a thousand."""


class ConfigError(UserError):
    """A configuration that breaks a rule; the message names field, value and rule."""


@dataclass(frozen=True)
class Rule:
    """What a field may hold.

    Attributes:
        section: TOML table the field stands in, ``model`` or ``training``.
        help: one sentence for people.
        low, high: inclusive bounds of a number.
        choices: allowed strings.
    """

    section: str
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    def describe(self) -> str:
        """The rule in words, as error messages and the README show it."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.low is None:
            return "true or false"
        return f"{self.low:g} to {self.high:g}"


def _field(default: Any, section: str, help: str, **limits: Any) -> Any:
    return dataclasses.field(default=default, metadata={"rule": Rule(section, help, **limits)})


def _model(default: Any, help: str, **limits: Any) -> Any:
    return _field(default, "model", help, **limits)


def _training(default: Any, help: str, **limits: Any) -> Any:
    return _field(default, "training", help, **limits)


@dataclass(frozen=True, kw_only=True)
class Config:
    """A network and how it is trained. Immutable; every value is checked on construction.

    Raises:
        ConfigError: a value of the wrong type, outside its range, or a combination that
            cannot be built.
    """

    stages: int = _model(
        3, "Stages of convolutions, each halving its maps; 0: a dense network.", low=0, high=4
    )
    filters_1: int = _model(32, "Filters of the first stage.", low=1, high=512)
    filters_2: int = _model(
        64, "Filters of the second stage; 0 leaves the stage out.", low=0, high=512
    )
    filters_3: int = _model(
        128, "Filters of the third stage; 0 leaves the stage out.", low=0, high=512
    )
    filters_4: int = _model(
        256, "Filters of the fourth stage; 0 leaves the stage out.", low=0, high=512
    )
    width: float = _model(
        1.0, "All filters are so many times as many, in multiples of 8.", low=0.125, high=8
    )
    stem: int = _model(
        0, "Filters of a convolution before the first stage; 0: none.", low=0, high=512
    )
    convolutions: int = _model(1, "Convolutions of each stage.", low=1, high=4)
    residual: bool = _model(
        False, "Each stage adds what its first convolution gave to what the others make of it."
    )
    kernel_size: int = _model(3, "Height and width of every kernel, in pixels.", low=1, high=7)
    pooling: str = _model(
        "max", "How each block halves its feature maps.", choices=("max", "average")
    )
    pool_first: bool = _model(
        True, "Pooling comes before normalisation and ReLU, else behind them."
    )
    batch_norm: bool = _model(True, "Batch normalisation of each convolution.")
    head: str = _model(
        "flatten",
        "What becomes of the last maps: every value, or each map's average or maximum.",
        choices=("flatten", "average", "max"),
    )
    dense_units: int = _model(
        128, "Units of the hidden dense layer; 0 leaves it out.", low=0, high=4096
    )
    dropout: float = _model(0.3, "Share of units dropped before each dense layer.", low=0, high=0.9)
    l2: float = _model(0.0, "L2 penalty on all kernels, as a factor.", low=0, high=1)
    normalisation: str = _model(
        "unit",
        "How pixels enter: raw 0 to 255, unit [0, 1] or signed [-1, 1].",
        choices=("raw", "unit", "signed"),
    )
    image_size: int = _model(
        28, "Height and width, in pixels, that images are resized to.", low=28, high=64
    )
    learning_rate: float = _training(2e-3, "Learning rate at its highest point.", low=1e-7, high=10)
    batch_size: int = _training(128, "Images in one gradient step.", low=1, high=8192)
    epochs: int = _training(15, "Passes over the training images.", low=1, high=10_000)
    optimizer: str = _training("adam", "Gradient method.", choices=("adam", "adamw", "sgd"))
    weight_decay: float = _training(
        0.0, "Decoupled weight decay a step (adamw and sgd).", low=0, high=1
    )
    schedule: str = _training(
        "cosine",
        "Learning rate over time: constant; a short warm-up and a cosine to zero; or one-cycle.",
        choices=("constant", "cosine", "one-cycle"),
    )
    label_smoothing: float = _training(
        0.0, "Share of the target spread over all classes.", low=0, high=0.5
    )
    ema: float = _training(
        0.0,
        "Weights are averaged over the steps, the earlier ones counting so much less each; 0: not.",
        low=0,
        high=0.9999,
    )
    flip: bool = _training(True, "Mirror half of the training images left to right.")
    shift: int = _training(
        2, "Training images are cropped at random from a frame of so many pixels.", low=0, high=8
    )
    rotation: float = _training(
        0.0, "Largest random rotation of a training image, in degrees.", low=0, high=180
    )
    erasing: float = _training(
        0.0, "Chance that a rectangle of a training image is erased.", low=0, high=1
    )
    test_time_flip: bool = _training(
        True, "Test predictions are the mean over an image and its mirror image."
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = _checked(field, getattr(self, field.name))
            object.__setattr__(self, field.name, value)
        self._check_stages()
        if self.weight_decay and self.optimizer == "adam":
            raise ConfigError(
                f"weight_decay = {self.weight_decay} does nothing with optimizer = 'adam'; "
                "use optimizer = 'adamw' or weight_decay = 0"
            )

    def _check_stages(self) -> None:
        wanted = self._wanted_filters()
        for number, (before, filters) in enumerate(itertools.pairwise(wanted), start=2):
            if filters and not before:
                raise ConfigError(
                    f"filters_{number} = {filters} needs a stage before it, but filters_"
                    f"{number - 1} = 0; set filters_{number - 1} or leave filters_{number} at 0"
                )

    def _wanted_filters(self) -> tuple[int, ...]:
        return (self.filters_1, self.filters_2, self.filters_3, self.filters_4)[: self.stages]

    @property
    def filters(self) -> tuple[int, ...]:
        """Filters of each stage that is built, first to last, as ``width`` makes them."""
        return tuple(self.scaled(f) for f in self._wanted_filters() if f)

    def scaled(self, filters: int) -> int:
        """``filters`` times ``width``: the nearest multiple of 8 where that changes them."""
        return filters if self.width == 1 else max(8, 8 * round(filters * self.width / 8))

    def replace(self, **changes: Any) -> Config:
        """A copy with some fields changed; unknown names raise ``ConfigError``."""
        _refuse_unknown(changes, "configuration")
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Field name to value, in the order of declaration."""
        return dataclasses.asdict(self)


RULES: dict[str, Rule] = {f.name: f.metadata["rule"] for f in dataclasses.fields(Config)}


def fields_help() -> dict[str, str]:
    """Field name to its one-sentence help, in the order of declaration."""
    return {name: rule.help for name, rule in RULES.items()}


def _checked(field: dataclasses.Field[Any], value: Any) -> Any:
    rule: Rule = field.metadata["rule"]
    kind: type[Any] = {"int": int, "float": float, "bool": bool, "str": str}[str(field.type)]
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ConfigError(
            f"{field.name} = {value!r}: expected {field.type} ({rule.describe()}), "
            f"found {type(value).__name__}"
        )
    if rule.choices and value not in rule.choices:
        raise ConfigError(f"{field.name} = {value!r}: must be {rule.describe()}")
    if rule.low is not None and rule.high is not None and not rule.low <= value <= rule.high:
        raise ConfigError(f"{field.name} = {value!r}: must be within {rule.describe()}")
    return value


def _refuse_unknown(names: Mapping[str, Any], where: str) -> None:
    unknown = sorted(set(names) - set(RULES))
    if unknown:
        raise ConfigError(
            f"{where}: unknown field {unknown[0]!r}; the fields are {', '.join(RULES)}"
        )


def from_dict(values: Mapping[str, Any], where: str = "configuration") -> Config:
    """Build a ``Config`` from flat field values; missing fields take their defaults.

    Raises:
        ConfigError: an unknown field or a value against its rule, prefixed with ``where``.
    """
    _refuse_unknown(values, where)
    try:
        return Config(**values)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def dump_config(config: Config, provenance: Mapping[str, Any] | None = None) -> str:
    """The configuration as TOML text: ``[model]``, ``[training]``, optional ``[provenance]``."""
    tables: dict[str, dict[str, Any]] = {"model": {}, "training": {}}
    for name, value in config.to_dict().items():
        tables[RULES[name].section][name] = value
    if provenance:
        tables["provenance"] = dict(provenance)
    return tomli_w.dumps(tables)


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
        raise ConfigError(f"{where}: not valid TOML: {error}") from None
    return from_dict(_flatten(tables, where), where)


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
