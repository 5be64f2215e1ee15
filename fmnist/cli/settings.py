"""Values of options from files and from the environment: file < environment < flag.

Click does the layers (``default_map``, ``envvar``, ``get_parameter_source``). Here the files are
read and checked, options get their names in files and variables, and values lose their secrets.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from fmnist.errors import UserError
from fmnist.text import hidden, read_text

FILE = "fmnist.toml"
CONFIG_FILE_VARIABLE = "FMNIST_CONFIG_FILE"
CLI_ONLY = {"help", "version", "config-file", "yes"}
"""Options that only a person types: nothing is removed because a file says yes."""


SECRET = {"notify"}
"""Options whose values are secret as a whole."""


class SettingsError(UserError):
    """A file of settings that breaks a rule; the message names file, key and what is allowed."""


@dataclass(frozen=True)
class ValueSource:
    """Where a value stands: under ``key`` of ``file``."""

    file: Path
    key: str


@dataclass
class Settings:
    """What the files give.

    Attributes:
        files: those that were read, the stronger one last.
        default_map: Click's, of the group: values by command and name of the parameter.
        sources: where these values stand, by command and name of the parameter.
    """

    files: list[Path] = field(default_factory=list)
    default_map: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[tuple[str, str], ValueSource] = field(default_factory=dict)


def usual_files() -> list[Path]:
    """Where files are looked for, the stronger one last: the user's, that of the folder."""
    return [Path(click.get_app_dir("fmnist")) / "config.toml", Path(FILE)]


def key_of(option: click.Parameter) -> str:
    """The name of an option in files: the long one, without its dashes."""
    return max(option.opts, key=len).lstrip("-")


def shown(option: click.Parameter, text: str) -> str:
    """A value of an option without what is secret in it."""
    return "***" if key_of(option) in SECRET else hidden(text)


def variable_of(command: str, option: click.Parameter) -> str:
    """The environment variable of an option, such as ``FMNIST_RUN_TRIAL_IMAGES``."""
    return f"FMNIST_{command}_{key_of(option)}".replace("-", "_").upper()


def options_of(command: click.Command) -> dict[str, click.Option]:
    """The options of a command that files and variables may give, by key."""
    options = {key_of(p): p for p in command.params if isinstance(p, click.Option)}
    return {key: option for key, option in options.items() if key not in CLI_ONLY}


def load(context: click.Context, files: Sequence[Path]) -> Settings:
    """Read and check ``files``, the stronger one last; one that does not exist says nothing.

    Args:
        context: that of the group; its commands and their options are what a file may name.

    Raises:
        SettingsError: no TOML, an unknown command or key, or a value against its rule.
    """
    settings = Settings()
    for file in files:
        if file.is_file():
            settings.files.append(file)
            _read_into(settings, context, file)
    return settings


def _read_into(settings: Settings, context: click.Context, file: Path) -> None:
    """Take every entry of ``file``; those in the table of a command come last, so they win."""
    assert isinstance(context.command, click.Group)
    commands = context.command.commands
    try:
        table = tomllib.loads(read_text(file))
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"{file}: cannot be read: {error}") from None
    for key, value in sorted(table.items(), key=lambda item: isinstance(item[1], Mapping)):
        if isinstance(value, Mapping):
            _check_known(file, f"[{key}]", key, "command", commands)
            for name, entry in value.items():
                where, what = ValueSource(file, f"[{key}] {name}"), f"option of 'fmnist {key}'"
                _check_known(file, where.key, name, what, options_of(commands[key]))
                _take(settings, context, commands[key], name, where, entry)
        else:
            every = {k for command in commands.values() for k in options_of(command)}
            _check_known(file, key, key, "option of any command", every)
            for command in commands.values():
                if _dashed(key) in options_of(command):
                    _take(settings, context, command, key, ValueSource(file, key), value)


def _take(
    settings: Settings,
    context: click.Context,
    command: click.Command,
    key: str,
    source: ValueSource,
    value: Any,
) -> None:
    option, name = options_of(command)[_dashed(key)], str(command.name)
    inner = click.Context(command, info_name=name, parent=context)
    settings.default_map.setdefault(name, {})[str(option.name)] = _value(
        inner, option, source, value
    )
    settings.sources[name, str(option.name)] = source


def _value(context: click.Context, option: click.Option, source: ValueSource, value: Any) -> Any:
    """The value as Click takes it from a command line, checked by the option's own rule."""
    where = f"{source.file}: {source.key} ="
    if option.is_flag and not isinstance(value, bool):
        raise SettingsError(f"{where} {value!r}: expected true or false")
    if isinstance(value, list) and not option.multiple:
        raise SettingsError(f"{where} {value!r}: expected one value, not a list")
    texts = [_text(option, v) for v in (value if isinstance(value, list) else [value])]
    typed = value if option.is_flag else texts if option.multiple else texts[0]
    try:
        option.process_value(context, typed)
    except click.BadParameter as error:
        raise SettingsError(f"{where} {shown(option, str(value))!r}: {error.message}") from None
    return typed


def _text(option: click.Option, value: Any) -> str:
    """As it would be typed: no shell puts the home folder into a file."""
    if isinstance(value, time):  # TOML has its own: 07:00:00
        return f"{value:%H:%M}"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return os.path.expanduser(text) if isinstance(option.type, click.Path) else text  # noqa: PTH111 - as above


def _dashed(key: str) -> str:
    return key.replace("_", "-")


def _check_known(file: Path, where: str, name: str, what: str, known: Collection[str]) -> None:
    if _dashed(name) not in known:
        near = get_close_matches(_dashed(name), known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise SettingsError(
            f"{file}: {where}: no {what}; {hint}There are {', '.join(sorted(known))}"
        )


def unknown_env_variables(command: click.Command) -> list[str]:
    """Variables that are named like an option of the command, but belong to none: misspelt ones."""
    start = f"FMNIST_{command.name}_".replace("-", "_").upper()
    known = {name for option in options_of(command).values() for name in option.envvar or ()}
    known.add(CONFIG_FILE_VARIABLE)
    return sorted(name for name in os.environ if name.startswith(start) and name not in known)


def origin(context: click.Context, option: click.Option) -> str:
    """Where the value of an option came from: a file and its key, a variable, or nowhere else."""
    source = context.get_parameter_source(str(option.name))
    if source == ParameterSource.ENVIRONMENT:
        return next(name for name in option.envvar or () if os.environ.get(name))
    if source == ParameterSource.DEFAULT_MAP:
        settings = context.find_object(Settings)
        assert settings is not None, "the group makes both"
        place = settings.sources[str(context.info_name), str(option.name)]
        return f"{place.file}: {place.key}"
    return ""


def options_from_config(context: click.Context) -> list[str]:
    """The options of the command that were not typed, as they would be; those with secrets not.

    So that the command a run records does the same where file and variables are others.
    """
    return [
        word
        for option in options_of(context.command).values()
        if origin(context, option)
        for word in _typed(option, context.params.get(str(option.name)))
    ]


def _typed(option: click.Option, value: Any) -> list[str]:
    name = f"--{key_of(option)}"
    if option.is_flag:
        if value:
            return [name]
        return [max(option.secondary_opts, key=len)] if option.secondary_opts else []
    values = [str(v) for v in (value if option.multiple else [value]) if v is not None]
    secret = key_of(option) in SECRET
    return [word for v in values if not secret and hidden(v) == v for word in (name, v)]
