"""The published systems as recipes: one TOML file each, with its source and published figure.

A recipe is plain: what its file does not name is off, or is Keras's usual choice, whatever the
defaults of a tuned configuration are (``PLAIN``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from fmnist.config.config import RULES, Config, ConfigError
from fmnist.errors import UserError
from fmnist.text import read_text
from search.engines import SAMPLERS_OF
from search.space import Categorical, SearchSpace, SpaceError

ENGINE = "optuna"
PLAIN = Config(
    stages=2,
    batch_norm=False,
    dropout=0.0,
    learning_rate=1e-3,
    batch_size=32,
    epochs=10,
    schedule="constant",
    flip=False,
    shift=0,
    test_time_flip=False,
)
"""What holds in a recipe where its file names nothing else."""
_TABLES = ("recipe", "data", "model", "training", "rival", "search")
_TEXTS = ("name", "title", "source", "does")
_FORMATS = ("csv",)


class RecipeError(UserError):
    """A recipe that does not exist or breaks a rule; names the file, the entry and the rule."""


@dataclass(frozen=True)
class Published:
    """What its author reports of the test set.

    Attributes:
        accuracy, accuracy_high: a fraction, or the ends of a range.
        loss: mean cross-entropy in nats.
        f1: class name to F1.
        finding: what is reported in words.
    """

    accuracy: float | None = None
    accuracy_high: float | None = None
    loss: float | None = None
    f1: dict[str, float] = field(default_factory=dict)
    finding: str = ""

    def to_dict(self) -> dict[str, Any]:
        """What is known, as TOML holds it."""
        return {k: v for k, v in vars(self).items() if v}

    def __str__(self) -> str:
        parts = [self._accuracy()] if self.accuracy is not None else []
        parts += [f"loss {self.loss:g}"] if self.loss is not None else []
        parts += [f"F1 of {name} {value:g}" for name, value in self.f1.items()]
        return ", ".join([*parts, *filter(None, [self.finding])]) or "none"

    def _accuracy(self) -> str:
        ends = [self.accuracy, self.accuracy_high]
        return "–".join(f"{100 * end:g}" for end in ends if end is not None) + " % test"


@dataclass(frozen=True)
class Rival:
    """A second network that the recipe trains, to set beside the first.

    Attributes:
        name: what is added to the name of the run, after a hyphen.
        title: for people.
        config: its configuration.
    """

    name: str
    title: str
    config: Config


@dataclass(frozen=True)
class Search:
    """The hyperparameter search of a recipe.

    Attributes:
        space: the listed values of each field.
        sampler: how the values are chosen.
        trials: number of trials; a grid has as many as there are combinations.
        trial_images, trial_epochs: size of a trial.
    """

    space: SearchSpace
    sampler: str
    trials: int
    trial_images: int
    trial_epochs: int


@dataclass(frozen=True)
class Recipe:
    """A published system as a run.

    Attributes:
        name, title, source: for people.
        does: what the published system does.
        notes: what is done otherwise here, and what was left open.
        published: its author's figures.
        config: network and training; with a search, where that sets nothing.
        format: what the data must be read from, such as ``csv``; empty: anything.
    """

    name: str
    title: str
    source: str
    does: str
    notes: str
    published: Published
    config: Config
    format: str = ""
    rival: Rival | None = None
    search: Search | None = None

    def record(self, part: str = "") -> dict[str, Any]:
        """The table ``[recipe]`` of ``run.toml``; ``part`` names a network of several."""
        texts = {n: getattr(self, n) for n in ("name", "title", "source", "does", "notes")}
        known = {**texts, "part": part, "published": self.published.to_dict()}
        return {k: v for k, v in known.items() if v}


def names() -> list[str]:
    """The recipes that come with the program, in the order of their rows."""
    return list(_ORDER)


_ORDER = ("task-brief", "simple-cnn", "cnn-vs-dense", "three-conv", "augmented-grid")


def find(name: str) -> Recipe:
    """The recipe of that name, or of the TOML file at that path.

    Raises:
        RecipeError: there is neither, or the file breaks a rule.
    """
    if name in _ORDER:
        file = resources.files("fmnist.config").joinpath("recipes", f"{name}.toml")
        return parse(file.read_text(encoding="utf-8"), f"recipe {name}")
    path = Path(name)
    if path.suffix != ".toml":
        raise RecipeError(
            f"--recipe {name}: no such recipe; there are {', '.join(_ORDER)}, or give a .toml file"
        )
    try:
        return parse(read_text(path), name)
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{name}: cannot be read as a recipe: {error}") from None


def parse(text: str, where: str) -> Recipe:
    """Read the TOML text of a recipe.

    Raises:
        RecipeError: broken TOML, an unknown table or entry, or a value against its rule.
    """
    try:
        tables = tomllib.loads(text)
        return _recipe(tables)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{where}: not valid TOML: {error}") from None
    except (ConfigError, SpaceError, RecipeError) as error:
        raise RecipeError(f"{where}: {error}") from None


def _recipe(tables: Mapping[str, Any]) -> Recipe:
    _only(tables, _TABLES, "the file")
    about = _table(tables, "recipe")
    _only(about, (*_TEXTS, "notes", "published"), "[recipe]")
    for name in _TEXTS:
        if not isinstance(about.get(name), str) or not about[name]:
            raise RecipeError(f"[recipe]: {name} is missing; it must be a text")
    config = _configured(PLAIN, tables)
    return Recipe(
        **{name: about[name] for name in _TEXTS},
        notes=str(about.get("notes", "")),
        published=_published(_table(about, "published")),
        config=config,
        format=_format(_table(tables, "data")),
        rival=_rival(tables["rival"], config) if "rival" in tables else None,
        search=_search(tables["search"], config) if "search" in tables else None,
    )


def _configured(base: Config, tables: Mapping[str, Any]) -> Config:
    """``base`` with the fields of the tables ``[model]`` and ``[training]``."""
    values: dict[str, Any] = {}
    for section in ("model", "training"):
        for name, value in _table(tables, section).items():
            if name in RULES and RULES[name].section != section:
                raise RecipeError(f"[{section}]: {name} belongs in [{RULES[name].section}]")
            values[name] = value
    return base.replace(**values)


def _published(table: Mapping[str, Any]) -> Published:
    _only(table, tuple(Published.__dataclass_fields__), "[recipe.published]")
    shares = {**{k: table[k] for k in ("accuracy", "accuracy_high") if k in table}}
    shares |= _table(table, "f1")
    for name, value in shares.items():
        if type(value) is not float or not 0 <= value <= 1:
            raise RecipeError(f"[recipe.published]: {name} = {value!r}: must be within 0.0 to 1.0")
    if type(table.get("loss", 0.0)) is not float:
        raise RecipeError(f"[recipe.published]: loss = {table['loss']!r}: must be a number")
    return Published(**table)


def _format(table: Mapping[str, Any]) -> str:
    _only(table, ("format",), "[data]")
    found = table.get("format", "")
    if found not in ("", *_FORMATS):
        raise RecipeError(f"[data]: format = {found!r}: must be one of {', '.join(_FORMATS)}")
    return str(found)


def _rival(table: Mapping[str, Any], config: Config) -> Rival:
    _only(table, ("name", "title", "model", "training"), "[rival]")
    for name in ("name", "title"):
        if not isinstance(table.get(name), str) or not table[name]:
            raise RecipeError(f"[rival]: {name} is missing; it must be a text")
    return Rival(table["name"], table["title"], _configured(config, table))


def _search(table: Mapping[str, Any], config: Config) -> Search:
    _only(table, ("sampler", "values", "trials", "trial_images", "trial_epochs"), "[search]")
    sampler = table.get("sampler", "grid")
    if sampler not in SAMPLERS_OF[ENGINE]:
        known = ", ".join(SAMPLERS_OF[ENGINE])
        raise RecipeError(f"[search]: sampler = {sampler!r}: must be one of {known}")
    space = SearchSpace(
        tuple(_values(name, found, config) for name, found in _table(table, "values").items())
    )
    points = len(list(space.grid()))
    sizes: dict[str, Any] = {n: table.get(n) for n in ("trial_images", "trial_epochs")}
    sizes["trials"] = points if sampler == "grid" else table.get("trials")
    for name, size in sizes.items():
        if type(size) is not int or size < 1:
            raise RecipeError(f"[search]: {name} = {size!r}: must be a whole number from 1 on")
    return Search(space, sampler, **sizes)


def _values(name: str, found: Any, config: Config) -> Categorical:
    """One searched field; every value is tried on the configuration around it."""
    if not isinstance(found, list):
        raise RecipeError(f"[search.values]: {name} = {found!r}: must be a list of values")
    return Categorical(
        name,
        tuple(getattr(config.replace(**{name: value}), name) for value in found),
        help=RULES[name].help,
    )


def _table(tables: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = tables.get(name, {})
    if not isinstance(found, dict):
        raise RecipeError(f"{name} = {found!r}: expected a table [{name}]")
    return found


def _only(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise RecipeError(f"{where}: unknown entry {unknown[0]!r}; it may have {', '.join(known)}")
