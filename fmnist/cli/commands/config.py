"""``fmnist config``: every option, its value and where it comes from."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from fmnist.cli.group import command
from fmnist.cli.json_records import ConfigRecord, OptionRecord, print_record
from fmnist.cli.options import JSON
from fmnist.cli.settings import (
    Settings,
    key_of,
    options_of,
    origin,
    shown,
    usual_files,
    variable_of,
)
from fmnist.errors import UserError

_NONE = "–"


@command()
@click.argument("name", metavar="[COMMAND]", required=False)
@click.option("--given", is_flag=True, help="Only options that a file or a variable gives.")
@JSON
@click.pass_context
def config(context: click.Context, name: str | None, given: bool, as_json: bool) -> int:
    """Show options: their values, and where these come from.

    What a flag does not say is taken from a variable, FMNIST_COMMAND_OPTION; else from the file
    fmnist.toml in the working folder; else from config.toml in a folder of the user's own, which
    this command names. A table a command, such as [run], holds its options without dashes; what
    stands above the tables holds for every command that has the option.

    Example: fmnist config run
    """
    group = context.parent
    assert group is not None, "config is one of the group's commands"
    rows = [row for row in rows_of(group, name) if not given or row.source != "default"]
    settings = context.find_object(Settings) or Settings()
    if as_json:
        print_record(ConfigRecord(tuple(map(str, settings.files)), tuple(rows)))
    else:
        click.echo("\n".join([*_head(settings), *_blocks(rows)]))
    return 0


def rows_of(group: click.Context, name: str | None) -> Iterable[OptionRecord]:
    """The options of the command ``name``, or of all commands.

    Raises:
        UserError: no such command.
    """
    assert isinstance(group.command, click.Group)
    commands = group.command.commands
    if name is not None and name not in commands:
        raise UserError(f"{name}: no command; there are {', '.join(commands)}")
    for each in [name] if name else commands:
        inner = commands[each].make_context(each, [], parent=group, resilient_parsing=True)
        for option in options_of(inner.command).values():
            yield _row(inner, option)


def _row(context: click.Context, option: click.Option) -> OptionRecord:
    name, where = str(context.info_name), origin(context, option)
    value = context.params.get(str(option.name))
    if where in os.environ:
        value = os.environ[where]  # as it stands there, be it right or wrong
    known = {"value": _shown(option, value), "variable": variable_of(name, option)}
    return OptionRecord(name, f"--{key_of(option)}", source=where or "default", **known)


def _shown(option: click.Option, value: Any) -> str:
    if value is None or value in ("", ()):
        return _NONE
    if isinstance(value, bool):
        return str(value).lower()
    return shown(option, ", ".join(map(str, value)) if isinstance(value, tuple) else str(value))


def _head(settings: Settings) -> list[str]:
    usual = usual_files()
    others = set(settings.files) - set(usual)  # of --config-file, which goes instead of them
    looked = [file for file in usual if file not in settings.files and not others]
    lines = [f"read          {_short(file)}" for file in settings.files]
    lines += [f"not there     {_short(file)}" for file in looked]
    return [*lines, "stronger are  variables such as FMNIST_RUN_TIME, and flags"]


def _short(file: Path) -> str:
    try:
        home = str(Path.home())
    except RuntimeError:  # a user whom the system does not know
        return str(file)
    return str(file).replace(home, "~", 1) if str(file).startswith(home + os.sep) else str(file)


def _blocks(rows: list[OptionRecord]) -> list[str]:
    lines = []
    for name in dict.fromkeys(row.command for row in rows):
        lines += ["", name]
        own = [row for row in rows if row.command == name]
        width = max(len(row.option) for row in own)
        wide = min(32, max(len(row.value) for row in own))
        lines += [f"  {r.option:<{width}}  {r.value:<{wide}}  {r.source}" for r in own]
    return lines or ["", "no option is given but by its default"]
