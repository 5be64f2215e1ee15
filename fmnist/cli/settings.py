"""Values of options from files and from the environment: file < environment < flag.

Click does the layers (``default_map``, ``envvar``, ``get_parameter_source``). Here the files are
read and checked, each option gets its variable, and values are shown without their secrets.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from fmnist.errors import UserError
from fmnist.text import hidden

FILE = "fmnist.toml"
PREFIX = "FMNIST"
CONFIG_FILE_VARIABLE = "FMNIST_CONFIG_FILE"
_TYPED = {"help", "version", "config-file", "yes"}
"""Options that only a person types: nothing is removed because a file says yes."""


class SettingsError(UserError):
    """A file of settings that breaks a rule; the message names file, key and what is allowed."""


@dataclass(frozen=True)
class Given:
    """A value that the file ``file`` gives under ``key``, as Click takes it."""

    value: Any
    file: Path
    key: str


@dataclass
class Settings:
    """What the files give.

    Attributes:
        files: those that were read, the stronger one last.
        given: by command and by the name of Click's parameter.
    """

    files: list[Path] = field(default_factory=list)
    given: dict[str, dict[str, Given]] = field(default_factory=dict)

    def default_map(self) -> dict[str, Any]:
        """The same as Click's ``default_map`` of the group."""
        return {
            command: {name: given.value for name, given in values.items()}
            for command, values in self.given.items()
        }


def usual_files() -> list[Path]:
    """Where files are looked for, the stronger one last: the user's, that of the folder."""
    return [Path(click.get_app_dir("fmnist")) / "config.toml", Path(FILE)]


def key_of(option: click.Parameter) -> str:
    """The name of an option in files: the long one, without its dashes."""
    return max(option.opts, key=len).lstrip("-")


def variable_of(command: str, option: click.Parameter) -> str:
    """The environment variable of an option, such as ``FMNIST_RUN_TRIAL_IMAGES``."""
    return "_".join([PREFIX, command, key_of(option)]).replace("-", "_").upper()


def options_of(command: click.Command) -> dict[str, click.Option]:
    """The options of a command that files and variables may give, by key."""
    found = {key_of(p): p for p in command.params if isinstance(p, click.Option)}
    return {key: option for key, option in found.items() if key not in _TYPED}


def name_variables(group: click.Group) -> None:
    """Give every option of every command its variable, beside those that it has.

    Click's own prefix would take the names of Python's parameters: FMNIST_RUN_TIME_TEXT.
    """
    for name, command in group.commands.items():
        for option in options_of(command).values():
            known = option.envvar or ()
            more = [known] if isinstance(known, str) else list(known)
            option.envvar = list(dict.fromkeys([variable_of(name, option), *more]))


def load(context: click.Context, files: Sequence[Path]) -> Settings:
    """Read and check ``files``, the stronger one last; one that does not exist says nothing.

    Args:
        context: that of the group; its commands and their options are what a file may name.

    Raises:
        SettingsError: no TOML, an unknown command or key, or a value against its rule.
    """
    found = Settings()
    for file in files:
        if not file.is_file():
            continue
        found.files.append(file)
        for command, option, given in _entries(context, file, _read(file)):
            found.given.setdefault(command, {})[str(option.name)] = given
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"{file}: cannot be read: {error}") from None


def _entries(
    context: click.Context, file: Path, table: Mapping[str, Any]
) -> Iterator[tuple[str, click.Option, Given]]:
    """Command, option and value of every entry; those for one command come last, so they win."""
    assert isinstance(context.command, click.Group)
    commands = context.command.commands
    for key, value in sorted(table.items(), key=lambda item: isinstance(item[1], Mapping)):
        if isinstance(value, Mapping):
            if key not in commands:
                raise _unknown(file, f"[{key}]", key, "command", commands)
            pairs = [(key, name, entry) for name, entry in value.items()]
        else:
            pairs = [(name, key, value) for name in commands if _has(commands[name], key)]
            if not pairs:
                every = {k for c in commands.values() for k in options_of(c)}
                raise _unknown(file, key, key, "option of any command", every)
        for command, name, entry in pairs:
            known = options_of(commands[command])
            option = known.get(name.replace("_", "-"))
            where = f"[{command}] {name}" if isinstance(value, Mapping) else key
            if option is None:
                raise _unknown(file, where, name, f"option of 'fmnist {command}'", known)
            inner = click.Context(commands[command], info_name=command, parent=context)
            yield command, option, Given(_value(inner, option, file, where, entry), file, where)


def _has(command: click.Command, key: str) -> bool:
    return key.replace("_", "-") in options_of(command)


def _value(context: click.Context, option: click.Option, file: Path, key: str, value: Any) -> Any:
    """The value as Click takes it from a command line, checked by the option's own rule."""
    several = isinstance(value, list)
    if option.is_flag and not isinstance(value, bool):
        raise SettingsError(f"{file}: {key} = {value!r}: expected true or false")
    if several and not option.multiple:
        raise SettingsError(f"{file}: {key} = {value!r}: expected one value, not a list")
    texts = [_text(option, v) for v in (value if several else [value])]
    taken = value if option.is_flag else texts if option.multiple else texts[0]
    try:
        option.process_value(context, taken)
    except click.BadParameter as error:
        raise SettingsError(f"{file}: {key} = {hidden(str(value))!r}: {error.message}") from None
    return taken


def _text(option: click.Option, value: Any) -> str:
    """As it would be typed: no shell puts the home folder into a file."""
    if isinstance(value, time):  # TOML has its own: 07:00:00
        return f"{value:%H:%M}"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return str(Path(text).expanduser()) if isinstance(option.type, click.Path) else text


def _unknown(file: Path, where: str, name: str, what: str, known: Any) -> SettingsError:
    near = get_close_matches(name.replace("_", "-"), known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return SettingsError(f"{file}: {where}: no {what}; {hint}There are {', '.join(sorted(known))}")


def strangers(command: str, options: Mapping[str, click.Option]) -> list[str]:
    """Variables that are named like one of a command's options, but are none: misspelt ones."""
    start = f"{PREFIX}_{command}_".replace("-", "_").upper()
    known = {name for option in options.values() for name in option.envvar or ()}
    known.add(CONFIG_FILE_VARIABLE)
    return sorted(name for name in os.environ if name.startswith(start) and name not in known)


def from_elsewhere(context: click.Context) -> list[str]:
    """The options of the command that were not typed, as they would be; those with secrets not.

    So that the command a run records does the same where file and variables are others.
    """
    words: list[str] = []
    for option in options_of(context.command).values():
        source = context.get_parameter_source(str(option.name))
        if source in (ParameterSource.ENVIRONMENT, ParameterSource.DEFAULT_MAP):
            words += _typed(option, context.params.get(str(option.name)))
    return words


def _typed(option: click.Option, value: Any) -> list[str]:
    name = f"--{key_of(option)}"
    if option.is_flag:
        if value:
            return [name]
        return [max(option.secondary_opts, key=len)] if option.secondary_opts else []
    values = [str(v) for v in (value if option.multiple else [value]) if v is not None]
    return [word for v in values if hidden(v) == v for word in (name, v)]
