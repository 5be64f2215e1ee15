"""Commands and their group: options from files and variables, headings and exit codes in help."""

from __future__ import annotations

import errno
import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click
from typing_extensions import override

from fmnist.cli.settings import (
    FILE,
    key_of,
    load,
    options_of,
    origin,
    unknown_env_variables,
    usual_files,
    variable_of,
)
from fmnist.cli.streams import status_with_streams
from fmnist.errors import EXIT_CODES, AccessError, UserError
from fmnist.runs import library_output

F = TypeVar("F", bound=Callable[..., Any])
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
_ELSEWHERE = {
    **dict.fromkeys(("report", "compare"), "write into another folder with --output DIR"),
    "export": "write into another folder with --to DIR",
    "experiment": "copy the run to a folder of your own first",
    "clean": "it is another user's",
}
"""What a command can do where a folder may not be written."""
_OPTION = re.compile(r"--[a-z][a-z-]*")


class ConfigurableCommand(click.Command):
    """A command whose options may stand in files and variables, and under headings in its help.

    An error that names an option says where the option was given, if nobody typed it.
    """

    def __init__(self, name: str | None, **attributes: Any) -> None:
        super().__init__(name, **attributes)
        # Click's own prefix would take the names of Python's parameters: FMNIST_RUN_TIME_TEXT.
        for option in options_of(self).values():
            known = [option.envvar] if isinstance(option.envvar, str) else option.envvar or []
            option.envvar = [variable_of(str(name), option), *known]

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _origins_in_errors(ctx):
            return super().parse_args(ctx, args)

    @override
    def invoke(self, ctx: click.Context) -> Any:
        with _origins_in_errors(ctx):
            return super().invoke(ctx)

    @override
    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                sections.setdefault(getattr(parameter, "section", "Options"), []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


class ConfigurableGroup(click.Group):
    """Loads the files before a command takes its options; a command returns its exit code."""

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if command and not ctx.resilient_parsing:
            for variable in unknown_env_variables(command):
                library_output.note(f"note: {variable} names no option of 'fmnist {name}'")
            if not set(ctx.help_option_names) & set(rest):  # a broken file must not hide help
                _check_matplotlibrc(Path("matplotlibrc"))
                _use_settings(ctx, str(name))
        return name, command, rest

    @override
    def invoke(self, ctx: click.Context) -> Any:
        try:
            code = super().invoke(ctx)
        except OSError as error:
            if error.errno not in _DENIED:
                raise
            where = _ELSEWHERE.get(str(ctx.invoked_subcommand), "choose another with --results")
            raise AccessError(f"{error.filename}: {error.strerror}; {where}") from None
        ctx.exit(status_with_streams(code, str(ctx.invoked_subcommand)))

    @override
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), text) for code, text in EXIT_CODES.items()])


def command(name: str | None = None) -> Callable[[Callable[..., int]], ConfigurableCommand]:
    """Make a function a command; it returns the exit code."""
    return click.command(name, cls=ConfigurableCommand)


def section(title: str, *options: Callable[[F], F]) -> Callable[[F], F]:
    """Add options, in this order, under a heading of their own in ``--help``."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
            function.__click_params__[-1].section = title  # type: ignore[attr-defined]
        return function

    return decorate


def gather(*kinds: type[Any]) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Hand options to a command as instances of these dataclasses, by the names of their fields."""

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        @functools.wraps(function)
        def call(**values: Any) -> int:
            groups = [
                kind(**{f.name: values.pop(f.name) for f in fields(kind) if f.name in values})
                for kind in kinds
            ]
            return function(*groups, **values)

        return call

    return decorate


def _use_settings(context: click.Context, name: str) -> None:
    """Have the command ``name`` take defaults from the files.

    Raises:
        SettingsError: a file that breaks a rule.
    """
    config_file: Path | None = context.params["config_file"]
    settings = load(context, [config_file] if config_file else usual_files())
    context.obj = settings
    context.default_map = settings.default_map
    # The file of the working folder may be one that nobody thinks of.
    here = [
        source.key
        for (owner, _), source in settings.sources.items()
        if owner == name and source.file == Path(FILE)
    ]
    if here:
        library_output.note(f"note: {FILE} gives {', '.join(here)}; see 'fmnist config {name}'")


def _check_matplotlibrc(file: Path) -> None:
    """Refuse a file of the working folder that Matplotlib would read first and fail over."""
    try:
        file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{file.absolute()}: not UTF-8 text, and Matplotlib reads it: {error.reason} at byte "
            f"{error.start}; mend it, rename it, or work in another folder"
        ) from None
    except OSError:  # there is none, as usual
        return


@contextmanager
def _origins_in_errors(context: click.Context) -> Iterator[None]:
    try:
        yield
    except UserError as error:
        error.args = (str(error) + _origins(context, str(error)), *error.args[1:])
        raise
    except click.UsageError as error:
        text = error.format_message()
        if origins := _origins(context, text):
            raise click.UsageError(text + origins, error.ctx) from error
        raise


def _origins(context: click.Context, text: str) -> str:
    """Where the options that ``text`` names were given, those that nobody typed."""
    named = set(_OPTION.findall(text))
    sources = [
        f"--{key_of(option)} is from {where}"
        for key, option in options_of(context.command).items()
        if f"--{key}" in named and (where := origin(context, option))
    ]
    return f" ({'; '.join(sources)})" if sources else ""
