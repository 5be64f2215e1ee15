"""What shells and programs are told of our commands: ``fmnist completion``, ``fmnist schema``."""

from __future__ import annotations

import json

import click

from fmnist.cli.completion import SHELLS, script
from fmnist.cli.group import command
from fmnist.errors import UserError


@command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print a completion script for the shell.

    It completes commands, options, runs and recipes.

    \b
    bash:  fmnist completion bash > ~/.local/share/bash-completion/completions/fmnist
    zsh:   fmnist completion zsh > ~/.zfunc/_fmnist        (a folder of your fpath)
    fish:  fmnist completion fish > ~/.config/fish/completions/fmnist.fish

    Example: fmnist completion bash
    """
    group = context.find_root().command
    assert isinstance(group, click.Group)
    click.echo(script(group, shell))
    return 0


@command()
@click.argument("name", metavar="COMMAND")
def schema(name: str) -> int:
    """Print the JSON Schema of a line that a command prints with --json.

    What works for long prints a line an event; their entry 'event' tells them apart.

    Example: fmnist schema status
    """
    from fmnist.cli.json_schema import EVENTS, RECORDS, schema_of

    if name not in EVENTS and name not in RECORDS:
        raise UserError(f"{name}: prints no JSON; these do: {', '.join([*EVENTS, *RECORDS])}")
    text = json.dumps(schema_of(name), indent=1)
    click.echo(text.replace("\\n    ", "\\n"))  # docstrings as they are indented
    return 0
