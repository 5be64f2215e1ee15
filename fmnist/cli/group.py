"""The group that holds the commands: options from files and variables, and what to say of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from fmnist.cli.settings import (
    CONFIG_FILE_VARIABLE,
    FILE,
    Settings,
    key_of,
    load,
    name_variables,
    options_of,
    strangers,
    usual_files,
)
from fmnist.errors import EXIT_CODES, UserError

_CALLED = "fmnist.called"
_OPTION = re.compile(r"--[a-z][a-z-]*")
CONFIG_FILE = click.option(
    "--config-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    envvar=CONFIG_FILE_VARIABLE,
    help="Defaults for options, instead of fmnist.toml here and the user's config.toml; see "
    "'fmnist config'.",
)


class House(click.Group):
    """Commands whose options may stand in files and variables, too.

    An error that names an option says where the option was given, if nobody typed it.
    """

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """See ``click.Group``; the options get their variables."""
        super().add_command(cmd, name)
        name_variables(self)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See ``click.Group``; what is called is kept, for errors."""
        name, command, rest = super().resolve_command(ctx, args)
        ctx.meta[_CALLED] = (name, command, list(rest))
        if name and command and not ctx.resilient_parsing:
            for variable in strangers(name, options_of(command)):
                click.echo(f"note: {variable} names no option of 'fmnist {name}'", err=True)
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        """See ``click.Group``."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            error.args = (str(error) + _notes(ctx, str(error)), *error.args[1:])
            raise
        except click.UsageError as error:
            notes = _notes(ctx, error.format_message())
            if not notes:
                raise
            raise click.UsageError(error.format_message() + notes, error.ctx) from error

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The exit codes, below the commands."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), text) for code, text in EXIT_CODES.items()])


def use_settings(context: click.Context, config_file: Path | None) -> None:
    """Have the commands take defaults from the files; called before any of them.

    Not where help is asked for: a broken file must not hide it.

    Raises:
        SettingsError: a file that breaks a rule.
    """
    name, _, words = context.meta[_CALLED]
    if set(context.help_option_names) & set(words):
        return
    files = [config_file] if config_file else usual_files()
    settings = load(context, files)
    context.obj = settings
    context.default_map = settings.default_map()
    _tell(settings, name)


def _tell(settings: Settings, command: str) -> None:
    """Say what the file of the working folder gives: it may be one that nobody thinks of."""
    here = [g.key for g in settings.given.get(command, {}).values() if g.file == Path(FILE)]
    if here:
        click.echo(f"note: {FILE} gives {', '.join(here)}; see 'fmnist config {command}'", err=True)


def origin(context: click.Context, option: click.Option) -> str:
    """Where the value of an option came from: a file and its key, a variable, or nowhere else."""
    source = context.get_parameter_source(str(option.name))
    if source == ParameterSource.ENVIRONMENT:
        return next(name for name in option.envvar or () if os.environ.get(name))
    if source == ParameterSource.DEFAULT_MAP:
        settings = context.find_object(Settings)
        assert settings is not None, "use_settings makes both"
        given = settings.given[str(context.info_name)][str(option.name)]
        return f"{given.file}: {given.key}"
    return ""


def _notes(context: click.Context, text: str) -> str:
    found = dict.fromkeys(_origins(context, set(_OPTION.findall(text))))
    return f" ({'; '.join(found)})" if found else ""


def _origins(context: click.Context, named: set[str]) -> Iterator[str]:
    name, command, args = context.meta.get(_CALLED, (None, None, []))
    if command is None:
        return
    # Parsed once more, as completion does it: the context of the command is gone by now.
    called = command.make_context(name, args, parent=context, resilient_parsing=True)
    for key, option in options_of(command).items():
        where = origin(called, option)
        if where and f"--{key}" in named:
            yield f"--{key_of(option)} is from {where}"
